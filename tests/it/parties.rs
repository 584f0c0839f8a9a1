//! Parties: one at a time, led by one, told to all.

use crate::matchmaking::queue;
use crate::rooms::{join, make, of_game, post, second_game};
use aethex_tests::{Live, Player, Reply, on_both_engines};
use aethex_wire::multiplayer::matchmaking::QueueTicket;
use aethex_wire::multiplayer::parties::Party;
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use http::Method;
use serde_json::json;

const PARTY: &str = "/api/v1/multiplayer/party";

async fn make_party(player: &Player) -> Party {
    player.call(Method::POST, PARTY).send().await.expect(201).json()
}

async fn enter(player: &Player, code: &str) -> Reply {
    player.call(Method::POST, &format!("{PARTY}/codes/{code}")).send().await
}

async fn mine(player: &Player) -> Party {
    player.get(PARTY).send().await.expect(200).json()
}

async fn act(player: &Player, what: &str, whom: &Player) -> Reply {
    post(player, &format!("{PARTY}/{what}"), json!({ "player_id": whom.id() })).await
}

fn ids(party: &Party) -> Vec<&str> {
    party.players.iter().map(|player| player.player_id.as_str()).collect()
}

on_both_engines! {
    async fn a_party_is_joined_led_and_left(app) {
        let [ann, bob, cat] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("cat").await];
        ann.get(PARTY).send().await.refused(ErrorCode::NotInParty);
        let party = make_party(&ann).await;
        assert_eq!((party.leader_id.as_str(), ids(&party)), (ann.id(), vec![ann.id()]));
        assert_eq!(party.players[0].username, ann.user.username);
        enter(&bob, "ZZZZZZ").await.refused(ErrorCode::PartyNotFound);
        let joined: Party = enter(&bob, &party.code.to_lowercase()).await.expect(200).json();
        assert_eq!(ids(&joined), [ann.id(), bob.id()]);
        enter(&bob, &party.code).await.expect(200);
        enter(&cat, &party.code).await.expect(200);
        let ready: Party = bob.call(Method::PUT, &format!("{PARTY}/ready")).json(&json!({ "ready": true })).send().await.expect(200).json();
        assert_eq!(ready.players.iter().map(|player| player.ready).collect::<Vec<_>>(), [false, true, false]);
        act(&bob, "kick", &cat).await.refused(ErrorCode::NotHost);
        act(&bob, "leader", &bob).await.refused(ErrorCode::NotHost);
        act(&ann, "kick", &cat).await.expect(200);
        cat.get(PARTY).send().await.refused(ErrorCode::NotInParty);
        act(&ann, "kick", &cat).await.refused(ErrorCode::NotInParty);
        act(&ann, "leader", &bob).await.expect(200);
        assert_eq!(mine(&ann).await.leader_id.as_str(), bob.id());
        // The leader goes: the lead passes on.
        bob.call(Method::DELETE, PARTY).send().await.expect(204);
        assert_eq!(mine(&ann).await.leader_id.as_str(), ann.id());
        bob.call(Method::DELETE, PARTY).send().await.refused(ErrorCode::NotInParty);
        // Another party: out of the one before.
        let own = make_party(&bob).await;
        enter(&ann, &own.code).await.expect(200);
        enter(&cat, &party.code).await.refused(ErrorCode::PartyNotFound);
        assert_eq!(ids(&mine(&bob).await), [bob.id(), ann.id()]);
    }

    async fn a_party_takes_so_many_at_once(app, |config| config.multiplayer.party_players_max = 4) {
        let ann = app.as_player("ann").await;
        let party = make_party(&ann).await;
        let mut players = Vec::new();
        for n in 0..12 {
            players.push(app.as_player(&format!("player{n}")).await);
        }
        let replies = futures_util::future::join_all(players.iter().map(|player| enter(player, &party.code))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
        replies.iter().filter(|reply| reply.status != 200).for_each(|reply| drop(reply.refused(ErrorCode::PartyFull)));
        assert_eq!(mine(&ann).await.players.len(), 4);
    }

    async fn players_who_change_over_at_once_are_in_one_party_each(app) {
        let [ann, bob, cat, dan] =
            [app.as_player("ann").await, app.as_player("bob").await, app.as_player("cat").await, app.as_player("dan").await];
        let (one, two) = (make_party(&ann).await, make_party(&bob).await);
        for _ in 0..5 {
            let moves = futures_util::future::join_all([
                enter(&cat, &one.code), enter(&dan, &two.code), enter(&cat, &two.code), enter(&dan, &one.code),
            ]);
            for reply in moves.await {
                assert!(matches!(reply.status, 200 | 503), "{reply}");
            }
        }
        let (one, two) = (mine(&ann).await, mine(&bob).await);
        let mut all = [ids(&one), ids(&two)].concat();
        all.sort_unstable();
        let mut each = [ann.id(), bob.id(), cat.id(), dan.id()];
        each.sort_unstable();
        assert_eq!(all, each);
    }

    async fn a_party_that_changes_does_not_wait_as_it_was(app) {
        let [ann, bob, cat] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("cat").await];
        let party = make_party(&ann).await;
        enter(&bob, &party.code).await.expect(200);
        let mut hears = Live::of(app.url(), &ann).await;
        let body = json!({ "mode": "pairs", "players": 8, "teams": 2, "party": true });
        let mut ended = async |ticket: QueueTicket| {
            let told = hears.until("queue_left").await;
            assert_eq!((told["reason"].as_str(), told["ticket_id"].as_str()), (Some("party_changed"), Some(ticket.id.as_str())));
            ann.get("/api/v1/multiplayer/matchmaking/ticket").send().await.refused(ErrorCode::TicketNotFound);
        };
        let ticket = queue(&ann, body.clone()).await;
        bob.call(Method::PUT, &format!("{PARTY}/ready")).json(&json!({ "ready": true })).send().await.expect(200);
        assert_eq!(queue(&ann, body.clone()).await.id, ticket.id, "a word changes nothing");
        // Somebody comes, leaves, is sent away.
        enter(&cat, &party.code).await.expect(200);
        ended(ticket).await;
        let ticket = queue(&ann, body.clone()).await;
        assert_eq!(ticket.players.len(), 3);
        cat.call(Method::DELETE, PARTY).send().await.expect(204);
        ended(ticket).await;
        let ticket = queue(&ann, body.clone()).await;
        act(&ann, "kick", &bob).await.expect(200);
        ended(ticket).await;
        // Who queues alone waits on, whatever becomes of the party.
        let own = queue(&cat, json!({ "mode": "pairs", "players": 8 })).await;
        enter(&cat, &party.code).await.expect(200);
        cat.call(Method::DELETE, PARTY).send().await.expect(204);
        assert_eq!(queue(&cat, json!({ "mode": "pairs", "players": 8 })).await.id, own.id);
    }

    async fn the_hosts_party_comes_into_a_private_room(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let room = make(&ann, json!({ "visibility": "private", "password": "sesame" })).await.room;
        join(&bob, &room).await.refused(ErrorCode::RoomNotFound);
        let party = make_party(&ann).await;
        enter(&bob, &party.code).await.expect(200);
        join(&bob, &room).await.expect(200);
        join(&eve, &room).await.refused(ErrorCode::RoomNotFound);
        // Who was in may come back, though the party is over.
        bob.call(Method::DELETE, PARTY).send().await.expect(204);
        post(&bob, &format!("/api/v1/multiplayer/rooms/{}/leave", room.id), json!({})).await.expect(204);
        join(&bob, &room).await.expect(200);
    }

    async fn another_games_party_is_not_there(app) {
        let key = second_game(app).await;
        let ann = app.as_player("ann").await;
        let eve = of_game(app, &key, "eve").await;
        let party = make_party(&ann).await;
        let call = eve.call(Method::POST, &format!("{PARTY}/codes/{}", party.code)).header(CLIENT_KEY_HEADER, &key);
        call.send().await.refused(ErrorCode::PartyNotFound);
        eve.get(PARTY).header(CLIENT_KEY_HEADER, &key).send().await.refused(ErrorCode::NotInParty);
        app.get(PARTY).send().await.refused(ErrorCode::Unauthenticated);
    }
}
