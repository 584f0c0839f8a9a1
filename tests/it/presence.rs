//! Presence and invitations.

use crate::privacy::database;
use crate::rooms::{join, make, of_game, post, second_game};
use aethex_backend::args;
use aethex_tests::{App, Live, Player, on_both_engines, until};
use aethex_wire::multiplayer::parties::Party;
use aethex_wire::multiplayer::presence::{Availability, Invite, Presence, Presences};
use aethex_wire::page::Page;
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use http::Method;
use serde_json::{Value, json};

const PRESENCE: &str = "/api/v1/multiplayer/presence";
const INVITES: &str = "/api/v1/multiplayer/invites";

async fn show(player: &Player, shown: Value) -> aethex_tests::Reply {
    player.call(Method::PUT, PRESENCE).json(&shown).send().await
}

async fn look(player: &Player, whom: &[&str]) -> Vec<Presence> {
    let found: Presences = post(player, PRESENCE, json!({ "player_ids": whom })).await.expect(200).json();
    found.presences
}

async fn invites(player: &Player) -> Vec<Invite> {
    let page: Page<Invite> = player.get(INVITES).send().await.expect(200).json();
    page.items
}

/// One player blocks another.
async fn block(app: &App, by: &Player, whom: &Player) {
    let sql = database(app).await;
    let insert = "INSERT INTO multiplayer_block (game_id, player_id, blocked_id, since_ms)
         SELECT game_id, player_id, $2, 1 FROM auth_account WHERE player_id = $1";
    sql.all_games().execute(insert, args![by.id(), whom.id()]).await.unwrap();
    sql.close().await;
}

on_both_engines! {
    async fn who_is_not_here_is_offline(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let stranger = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
        let shown: Presence = show(&ann, json!({ "availability": "busy", "status": "fishing", "data": { "map": 3 } })).await.expect(200).json();
        assert_eq!((shown.availability, shown.status.as_str()), (Availability::Busy, "fishing"));
        let found = look(&bob, &[stranger, ann.id(), bob.id()]).await;
        assert_eq!(found.iter().map(|one| one.player_id.as_str()).collect::<Vec<_>>(), [stranger, ann.id(), bob.id()]);
        assert!(found.iter().all(|one| one.availability == Availability::Offline && one.status.is_empty() && one.data.is_empty()));
        assert_eq!((found[0].last_seen_ms, found[1].last_seen_ms.is_some()), (None, true));
        for wrong in [
            json!({ "availability": "offline" }), json!({ "status": "x".repeat(129) }), json!({ "status": "a\u{7}" }),
            json!({ "data": { "x": "y".repeat(1_100) } }), json!({ "availability": "asleep" }), json!({ "unknown": 1 }),
        ] {
            show(&ann, wrong).await.refused(ErrorCode::InvalidRequest);
        }
        let many: Vec<&str> = std::iter::repeat_n(stranger, 101).collect();
        post(&bob, PRESENCE, json!({ "player_ids": many })).await.refused(ErrorCode::InvalidRequest);
        assert_eq!(look(&bob, &many[..100]).await.len(), 100);
        // Of who blocked one, not even that.
        block(app, &ann, &bob).await;
        assert_eq!(look(&bob, &[ann.id()]).await[0].last_seen_ms, None);
        assert_eq!(look(&ann, &[bob.id()]).await[0].last_seen_ms, None);
    }

    async fn who_watches_is_told_who_comes_and_goes(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let other = app.start_beside().await;
        let mut watching = Live::of(app.url(), &bob).await;
        let watch = json!({ "player_ids": [ann.id()], "watch": true });
        post(&bob, PRESENCE, watch.clone()).await.expect(200);
        // Ann is at another server.
        let ann_live = Live::of(&other.url(), &ann).await;
        let told = watching.until("presence_changed").await;
        assert_eq!((told["player_id"].as_str().unwrap(), &told["availability"]), (ann.id(), &json!("online")));
        until("ann to be seen", async || {
            (look(&bob, &[ann.id()]).await[0].availability == Availability::Online).then_some(())
        }).await;
        show(&ann, json!({ "availability": "busy", "status": "fishing", "data": { "map": 3 } })).await.expect(200);
        let told = watching.until("presence_changed").await;
        assert_eq!((&told["availability"], &told["status"], &told["data"]["map"]), (&json!("busy"), &json!("fishing"), &json!(3)));
        // Hidden, she is as one who left; what she does then is not told.
        show(&ann, json!({ "availability": "invisible" })).await.expect(200);
        let told = watching.until("presence_changed").await;
        assert_eq!((&told["availability"], &told["status"]), (&json!("offline"), &json!("")));
        let hidden = look(&bob, &[ann.id()]).await[0].clone();
        assert_eq!(hidden.availability, Availability::Offline);
        show(&ann, json!({ "availability": "invisible", "status": "secret" })).await.expect(200);
        assert_eq!(look(&bob, &[ann.id()]).await[0], hidden);
        show(&ann, json!({ "availability": "online" })).await.expect(200);
        assert_eq!(watching.until("presence_changed").await["availability"], "online");
        drop(ann_live);
        let told = watching.until("presence_changed").await;
        assert_eq!(told["availability"], "offline");
        until("when ann was here", async || {
            let seen = look(&bob, &[ann.id()]).await[0].clone();
            (seen.availability == Availability::Offline && seen.last_seen_ms > hidden.last_seen_ms).then_some(())
        }).await;
        // Of an invitation one is told as well, and of the party.
        let room = make(&ann, json!({})).await.room;
        post(&ann, INVITES, json!({ "player_id": bob.id(), "room_id": room.id })).await.expect(201);
        let invite = watching.until("invite_received").await;
        assert_eq!(invite["from_username"], ann.user.username.as_str());
        ann.call(Method::DELETE, &format!("{INVITES}/{}", invite["id"].as_str().unwrap())).send().await.expect(204);
        assert_eq!(watching.until("invite_ended").await["invite_id"], invite["id"]);
        let party: Party = ann.call(Method::POST, "/api/v1/multiplayer/party").send().await.expect(201).json();
        bob.call(Method::POST, &format!("/api/v1/multiplayer/party/codes/{}", party.code)).send().await.expect(200);
        assert_eq!(watching.until("party_updated").await["players"].as_array().unwrap().len(), 2);
        post(&ann, "/api/v1/multiplayer/party/kick", json!({ "player_id": bob.id() })).await.expect(200);
        watching.until("party_left").await;
        drop(watching);
        other.stop().await;
    }

    async fn an_invitation_opens_a_private_room(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let room = make(&ann, json!({ "visibility": "private" })).await.room;
        let to = |player: &Player| json!({ "player_id": player.id(), "room_id": room.id });
        post(&eve, INVITES, to(&bob)).await.refused(ErrorCode::RoomNotFound);
        post(&ann, INVITES, to(&ann)).await.refused(ErrorCode::InvalidRequest);
        post(&ann, INVITES, json!({ "player_id": bob.id() })).await.refused(ErrorCode::InvalidRequest);
        post(&ann, INVITES, json!({ "player_id": room.id, "room_id": room.id })).await.refused(ErrorCode::NotFound);
        let sent: Invite = post(&ann, INVITES, to(&bob)).await.expect(201).json();
        assert_eq!((sent.from_username.as_str(), &sent.code), (ann.user.username.as_str(), &room.code));
        // Again: in the place of the first.
        let sent: Invite = post(&ann, INVITES, to(&bob)).await.expect(201).json();
        assert_eq!(invites(&bob).await, std::slice::from_ref(&sent));
        assert!(invites(&eve).await.is_empty() && invites(&ann).await.is_empty());
        let at = format!("{INVITES}/{}", sent.id);
        eve.call(Method::DELETE, &at).send().await.refused(ErrorCode::InviteNotFound);
        // Taken back, the door is shut.
        ann.call(Method::DELETE, &at).send().await.expect(204);
        bob.call(Method::DELETE, &at).send().await.refused(ErrorCode::InviteNotFound);
        join(&bob, &room).await.refused(ErrorCode::RoomNotFound);
        post(&ann, INVITES, to(&bob)).await.expect(201);
        join(&eve, &room).await.refused(ErrorCode::RoomNotFound);
        join(&bob, &room).await.expect(200);
        assert!(invites(&bob).await.is_empty(), "it served");
        // Sent out of a private room, one needs another.
        let kick = format!("/api/v1/multiplayer/rooms/{}/kick", room.id);
        post(&ann, &kick, json!({ "player_id": bob.id() })).await.expect(204);
        join(&bob, &room).await.refused(ErrorCode::RoomNotFound);
        post(&ann, INVITES, to(&bob)).await.expect(201);
        join(&bob, &room).await.expect(200);
        post(&ann, &kick, json!({ "player_id": bob.id(), "ban": true })).await.expect(204);
        post(&ann, INVITES, to(&bob)).await.refused(ErrorCode::RoomBanned);
        // What is over invites nobody.
        post(&ann, INVITES, to(&eve)).await.expect(201);
        ann.call(Method::DELETE, &format!("/api/v1/multiplayer/rooms/{}", room.id)).send().await.expect(204);
        assert!(invites(&eve).await.is_empty());
    }

    async fn an_invitation_to_a_party_has_its_code(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let party: Party = ann.call(Method::POST, "/api/v1/multiplayer/party").send().await.expect(201).json();
        let to = |player: &Player| json!({ "player_id": player.id(), "party_id": party.id });
        post(&eve, INVITES, to(&bob)).await.refused(ErrorCode::NotInParty);
        let sent: Invite = post(&ann, INVITES, to(&bob)).await.expect(201).json();
        assert_eq!(invites(&bob).await, std::slice::from_ref(&sent));
        bob.call(Method::POST, &format!("/api/v1/multiplayer/party/codes/{}", sent.code)).send().await.expect(200);
        assert!(invites(&bob).await.is_empty(), "it served");
        block(app, &eve, &ann).await;
        post(&ann, INVITES, to(&eve)).await.refused(ErrorCode::Blocked);
    }

    async fn another_games_player_is_invited_to_nothing(app) {
        let key = second_game(app).await;
        let ann = app.as_player("ann").await;
        let eve = of_game(app, &key, "eve").await;
        let room = make(&ann, json!({})).await.room;
        post(&ann, INVITES, json!({ "player_id": eve.id(), "room_id": room.id })).await.refused(ErrorCode::NotFound);
        let as_eve = |method: Method, path: &str| eve.call(method, path).header(CLIENT_KEY_HEADER, &key);
        let body = json!({ "player_id": ann.id(), "room_id": room.id });
        as_eve(Method::POST, INVITES).json(&body).send().await.refused(ErrorCode::RoomNotFound);
        show(&ann, json!({ "status": "here" })).await.expect(200);
        let found: Presences = as_eve(Method::POST, PRESENCE).json(&json!({ "player_ids": [ann.id()] })).send().await.expect(200).json();
        assert_eq!(found.presences[0].last_seen_ms, None);
        app.get(INVITES).send().await.refused(ErrorCode::Unauthenticated);
    }
}
