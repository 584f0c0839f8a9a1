//! Rooms over REST: who makes, finds, joins and closes them, and that seats are counted right whoever comes.

use crate::privacy::{database, erased, in_tables, unpack};
use aethex_backend::app::{now_ms, open_sql};
use aethex_backend::args;
use aethex_tests::app::password_of;
use aethex_tests::{App, Client, Live, Player, Reply, on_both_engines, until};
use aethex_wire::auth::LoggedIn;
use aethex_wire::multiplayer::{JoinedRoom, Room, Visibility};
use aethex_wire::page::Page;
use aethex_wire::privacy::{Export, ExportStatus, Receipt};
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use http::Method;
use serde_json::{Value, json};

const ROOMS: &str = "/api/v1/multiplayer/rooms";
/// How long a seat is held, and an empty room stays, and a little.
const MINUTE_MS: i64 = 61_000;

fn path(room: &Room, rest: &str) -> String {
    format!("{ROOMS}/{}{rest}", room.id)
}

pub(crate) async fn post(player: &Player, path: &str, body: Value) -> Reply {
    player.call(Method::POST, path).json(&body).send().await
}

/// A room of this player's making.
pub(crate) async fn make(player: &Player, body: Value) -> JoinedRoom {
    post(player, ROOMS, body).await.expect(201).json()
}

pub(crate) async fn join(player: &Player, room: &Room) -> Reply {
    post(player, &path(room, "/join"), json!({})).await
}

async fn leave(player: &Player, room: &Room) -> Reply {
    post(player, &path(room, "/leave"), json!({})).await
}

async fn by_code(player: &Player, code: &str) -> Reply {
    post(player, &format!("/api/v1/multiplayer/codes/{code}/join"), json!({})).await
}

async fn change(player: &Player, room: &Room, body: Value) -> Reply {
    player.call(Method::PUT, &path(room, "")).json(&body).send().await
}

async fn kick(player: &Player, room: &Room, whom: &Player, ban: bool) -> Reply {
    post(player, &path(room, "/kick"), json!({ "player_id": whom.id(), "ban": ban })).await
}

async fn look(player: &Player, room: &Room) -> Room {
    player.get(&path(room, "")).send().await.expect(200).json()
}

async fn list(player: &Player, query: &str) -> Vec<Room> {
    let page: Page<Room> = player.get(&format!("{ROOMS}{query}")).send().await.expect(200).json();
    page.items
}

/// Another game of the server; its client key. The server starts again.
pub(crate) async fn second_game(app: &App) -> String {
    app.stop().await;
    let sql = open_sql(&app.config).await.unwrap();
    let (game, key) = ("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f", format!("pk_{}", "b".repeat(32)));
    let all = sql.all_games();
    let insert =
        "INSERT INTO auth_game (game_id, name, is_default, created_at_ms) VALUES ($1, 'other', 0, 1)";
    all.execute(insert, args![game]).await.unwrap();
    let insert = "INSERT INTO auth_client_key (client_key, game_id, created_at_ms) VALUES ($1, $2, $3)";
    all.execute(insert, args![key.as_str(), game, now_ms()]).await.unwrap();
    sql.close().await;
    app.start_again().await;
    key
}

/// A player of that game.
pub(crate) async fn of_game(app: &App, key: &str, name: &str) -> Player {
    let registered = app.register(&format!("{name}@example.com"), &password_of(name));
    let logged_in: LoggedIn = registered.header(CLIENT_KEY_HEADER, key).send().await.expect(201).json();
    Player::new(app.client().clone(), name, logged_in)
}

on_both_engines! {
    async fn a_room_is_made_found_joined_and_left(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let made = make(&ann, json!({
            "name": "Ann's 100% Room", "mode": "duel", "region": "eu", "max_players": 2, "tick_ms": 20, "metadata": { "map": 7 },
        })).await;
        let room = made.room;
        assert_eq!((room.player_count, room.max_players, room.tick_ms, room.has_password), (1, 2, 20, false));
        assert_eq!(room.host_id.as_ref().unwrap().as_str(), ann.id());
        assert_eq!(room.players.len(), 1);
        assert_eq!(room.players[0].username, ann.user.username);
        assert!(made.ticket.len() > 60, "{}", made.ticket);
        for query in ["", "?mode=duel", "?region=eu", "?name=ANN%27S", "?name=ann%27s+100%25", "?open=true", "?mode=duel&region=eu&open=true"] {
            assert_eq!(list(&bob, query).await.len(), 1, "{query}");
        }
        for query in ["?mode=other", "?region=us", "?name=nn", "?name=ann_", "?name=%25"] {
            assert!(list(&bob, query).await.is_empty(), "{query}");
        }
        let joined: JoinedRoom = join(&bob, &room).await.expect(200).json();
        assert_eq!((joined.room.player_count, joined.room.players.len()), (2, 2));
        assert_eq!(joined.room.metadata["map"], 7);
        // Another ticket for the same seat.
        let again: JoinedRoom = join(&bob, &room).await.expect(200).json();
        assert_eq!(again.room.player_count, 2);
        assert_ne!(again.ticket, joined.ticket);
        assert_eq!(again.room.players, joined.room.players);
        assert!(list(&bob, "?open=true").await.is_empty());
        let cat = app.as_player("cat").await;
        join(&cat, &room).await.refused(ErrorCode::RoomFull);
        post(&cat, &path(&room, "/leave"), json!({})).await.refused(ErrorCode::NotInRoom);
        post(&bob, &path(&room, "/leave"), json!({})).await.expect(204);
        assert_eq!(look(&cat, &room).await.player_count, 1);
        by_code(&cat, &room.code.to_lowercase()).await.expect(200);
        // Whoever is left of the seats is host.
        post(&ann, &path(&room, "/leave"), json!({})).await.expect(204);
        assert_eq!(look(&bob, &room).await.host_id.unwrap().as_str(), cat.id());
        cat.call(Method::DELETE, &path(&room, "")).send().await.expect(204);
        cat.get(&path(&room, "")).send().await.refused(ErrorCode::RoomNotFound);
        join(&ann, &room).await.refused(ErrorCode::RoomNotFound);
    }

    async fn of_fifty_who_come_at_once_eight_have_a_seat(app) {
        let ann = app.as_player("ann").await;
        let mut players = Vec::new();
        for n in 0..50 {
            players.push(app.as_player(&format!("player{n}")).await);
        }
        let room = make(&ann, json!({ "max_players": 8 })).await.room;
        let asked = players.iter().map(|player| join(player, &room));
        let replies = futures_util::future::join_all(asked).await;
        let (seated, refused): (Vec<&Reply>, Vec<&Reply>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!(seated.len(), 7);
        refused.iter().for_each(|reply| drop(reply.refused(ErrorCode::RoomFull)));
        let seen = look(&ann, &room).await;
        assert_eq!((seen.player_count, seen.players.len()), (8, 8));
        // One seat is free; the rest ask again, and those who have one too.
        let first = players.iter().zip(&replies).find(|(_, reply)| reply.status == 200).unwrap().0;
        leave(first, &room).await.expect(204);
        let replies = futures_util::future::join_all(players.iter().map(|player| join(player, &room))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 7);
        let seen = look(&ann, &room).await;
        assert_eq!((seen.player_count, seen.players.len()), (8, 8));
        let left = futures_util::future::join_all(
            players.iter().map(|player| leave(player, &room)),
        );
        assert_eq!(left.await.iter().filter(|reply| reply.status == 204).count(), 7);
        assert_eq!(look(&ann, &room).await.player_count, 1);
    }

    async fn doors_open_to_who_may_come_in(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        // A password.
        let room = make(&ann, json!({ "password": "sesame" })).await.room;
        assert!(room.has_password);
        join(&bob, &room).await.refused(ErrorCode::RoomPassword);
        post(&bob, &path(&room, "/join"), json!({ "password": "wrong" })).await.refused(ErrorCode::RoomPassword);
        post(&bob, &path(&room, "/join"), json!({ "password": "sesame" })).await.expect(200);
        join(&bob, &room).await.expect(200);
        let sql = database(app).await;
        assert_eq!(in_tables(&sql, &["sesame"]).await, [""; 0]);
        sql.close().await;
        // A lock holds for who is not in.
        change(&ann, &room, json!({ "locked": true })).await.expect(200);
        post(&eve, &path(&room, "/join"), json!({ "password": "sesame" })).await.refused(ErrorCode::RoomLocked);
        join(&bob, &room).await.expect(200);
        change(&ann, &room, json!({ "locked": false })).await.expect(200);
        // Sent out once, one may come back; for good, not.
        kick(&bob, &room, &ann, false).await.refused(ErrorCode::NotHost);
        kick(&ann, &room, &eve, false).await.refused(ErrorCode::NotInRoom);
        kick(&ann, &room, &ann, false).await.refused(ErrorCode::InvalidRequest);
        kick(&ann, &room, &bob, false).await.expect(204);
        post(&bob, &path(&room, "/join"), json!({ "password": "sesame" })).await.expect(200);
        kick(&ann, &room, &bob, true).await.expect(204);
        post(&bob, &path(&room, "/join"), json!({ "password": "sesame" })).await.refused(ErrorCode::RoomBanned);
        by_code(&bob, &room.code).await.refused(ErrorCode::RoomBanned);
        kick(&ann, &room, &eve, true).await.expect(204);
        post(&eve, &path(&room, "/join"), json!({ "password": "sesame" })).await.refused(ErrorCode::RoomBanned);
        // What is not listed is open to who knows of it.
        let hidden = make(&ann, json!({ "visibility": "unlisted" })).await.room;
        assert!(list(&bob, "").await.iter().all(|found| found.id != hidden.id));
        by_code(&bob, &hidden.code).await.expect(200);
        // What is private is not there.
        let private = make(&ann, json!({ "visibility": "private" })).await.room;
        assert_eq!(private.visibility, Visibility::Private);
        let nothing = bob.get(&format!("{ROOMS}/{}", eve.id())).send().await.without_request_id();
        assert_eq!(bob.get(&path(&private, "")).send().await.without_request_id(), nothing);
        for reply in [
            join(&bob, &private).await, by_code(&bob, &private.code).await, change(&bob, &private, json!({ "locked": true })).await,
            kick(&bob, &private, &ann, true).await, post(&bob, &path(&private, "/leave"), json!({})).await,
            bob.call(Method::DELETE, &path(&private, "")).send().await,
        ] {
            reply.refused(ErrorCode::RoomNotFound);
        }
        assert!(list(&bob, "").await.iter().all(|found| found.id != private.id));
    }

    async fn only_the_host_changes_a_room(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let room = make(&ann, json!({ "max_players": 4 })).await.room;
        join(&bob, &room).await.expect(200);
        for player in [&bob, &eve] {
            change(player, &room, json!({ "name": "mine" })).await.refused(ErrorCode::NotHost);
            player.call(Method::DELETE, &path(&room, "")).send().await.refused(ErrorCode::NotHost);
        }
        let body = json!({ "name": "New", "max_players": 2, "metadata": { "round": 2 }, "visibility": "unlisted" });
        let changed: Room = change(&ann, &room, body).await.expect(200).json();
        assert_eq!((changed.name.as_str(), changed.max_players, changed.visibility), ("New", 2, Visibility::Unlisted));
        assert_eq!(look(&bob, &room).await, changed);
        change(&ann, &room, json!({ "max_players": 1 })).await.refused(ErrorCode::InvalidRequest);
        change(&ann, &room, json!({ "max_players": 129 })).await.refused(ErrorCode::InvalidRequest);
        change(&ann, &room, json!({ "name": "a\u{0}" })).await.refused(ErrorCode::InvalidRequest);
        change(&ann, &room, json!({ "metadata": { "x": "y".repeat(5_000) } })).await.refused(ErrorCode::InvalidRequest);
        change(&ann, &room, json!({ "unknown": 1 })).await.refused(ErrorCode::InvalidRequest);
        assert_eq!(look(&bob, &room).await, changed, "a bad change changes nothing");
        change(&ann, &room, json!({ "host_id": eve.id() })).await.refused(ErrorCode::NotInRoom);
        change(&ann, &room, json!({ "host_id": bob.id() })).await.expect(200);
        change(&ann, &room, json!({ "name": "mine" })).await.refused(ErrorCode::NotHost);
        change(&bob, &room, json!({ "name": "Bob's" })).await.expect(200);
        for wrong in ["", "x", "../rooms", "%00", "0190A6F2-7B1C-7C3D-8E4F-5A6B7C8D9E0F", "0190a6f27b1c7c3d8e4f5a6b7c8d9e0f"] {
            bob.get(&format!("{ROOMS}/{wrong}?x")).send().await.refused_somehow();
        }
    }

    async fn another_games_player_learns_nothing(app) {
        let key = second_game(app).await;
        let ann = app.as_player("ann").await;
        let eve = of_game(app, &key, "eve").await;
        let room = make(&ann, json!({ "name": "here" })).await.room;
        let as_eve = |method: Method, path: &str| eve.call(method, path).header(CLIENT_KEY_HEADER, &key);
        let page: Page<Room> = as_eve(Method::GET, ROOMS).send().await.expect(200).json();
        assert!(page.items.is_empty());
        let code = format!("/api/v1/multiplayer/codes/{}/join", room.code);
        for (method, path, body) in [
            (Method::GET, path(&room, ""), None),
            (Method::PUT, path(&room, ""), Some(json!({ "locked": true }))),
            (Method::DELETE, path(&room, ""), None),
            (Method::POST, path(&room, "/join"), Some(json!({}))),
            (Method::POST, path(&room, "/leave"), Some(json!({}))),
            (Method::POST, path(&room, "/kick"), Some(json!({ "player_id": ann.id(), "ban": true }))),
            (Method::POST, code, Some(json!({}))),
        ] {
            let call = as_eve(method, &path);
            let call = match &body { Some(body) => call.json(body), None => call };
            call.send().await.refused(ErrorCode::RoomNotFound);
        }
        assert_eq!(look(&ann, &room).await.player_count, 1);
        // Nor does who has no token.
        app.get(ROOMS).send().await.refused(ErrorCode::Unauthenticated);
        app.post(ROOMS).json(&json!({})).send().await.refused(ErrorCode::Unauthenticated);
    }

    async fn a_player_is_in_so_many_rooms(app, |config| config.multiplayer.rooms_per_player_max = 2) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let first = make(&ann, json!({})).await.room;
        make(&ann, json!({})).await;
        post(&ann, ROOMS, json!({})).await.refused(ErrorCode::TooManyRooms);
        let other = make(&bob, json!({})).await.room;
        join(&ann, &other).await.refused(ErrorCode::TooManyRooms);
        post(&ann, &path(&first, "/leave"), json!({})).await.expect(204);
        join(&ann, &other).await.expect(200);
    }

    async fn guesses_are_counted(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let room = make(&ann, json!({ "password": "sesame" })).await.room;
        let enter = |player: &Player, word: &str| {
            let (player, path, body) = (player.clone(), path(&room, "/join"), json!({ "password": word }));
            async move { post(&player, &path, body).await }
        };
        for n in 0..5 {
            enter(&eve, &n.to_string()).await.refused(ErrorCode::RoomPassword);
        }
        enter(&eve, "sesame").await.refused(ErrorCode::RateLimited);
        // Who knows it is not kept waiting by who does not.
        enter(&bob, "sesame").await.expect(200);
        let mut refused = 0;
        for n in 0..30_u32 {
            let code: String = (0..6).map(|at| char::from(b'2' + ((n >> at) % 8) as u8)).collect();
            let reply = by_code(&eve, &code).await;
            refused += u32::from(reply.problem().code == ErrorCode::RateLimited);
        }
        assert!(refused >= 9, "{refused}");
    }

    async fn guesses_over_the_live_connection_are_counted_too(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let room = make(&ann, json!({ "password": "sesame" })).await.room;
        for name in ["cat", "dan", "eve", "fay"] {
            let mut live = Live::of(app.url(), &app.as_player(name).await).await;
            for guess in 0..5 {
                live.send("join_room", json!({ "room_id": room.id, "password": guess.to_string() })).await;
                assert_eq!(live.until("error").await["code"], "room_password");
            }
            live.send("join_room", json!({ "room_id": room.id, "password": "sesame" })).await;
            assert_eq!(live.until("error").await["code"], "rate_limited");
        }
        // They all come from one address.
        post(&bob, &path(&room, "/join"), json!({ "password": "sesame" })).await.refused(ErrorCode::RateLimited);
    }

    async fn seats_and_rooms_that_nobody_came_for_end(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let room = make(&ann, json!({})).await.room;
        join(&bob, &room).await.expect(200);
        app.sweep_rooms(now_ms()).await;
        assert_eq!(look(&ann, &room).await.player_count, 2);
        app.sweep_rooms(now_ms() + MINUTE_MS).await;
        let seen = look(&ann, &room).await;
        assert_eq!((seen.player_count, seen.players.len(), seen.host_id), (0, 0, None), "nobody said hello to the relay");
        // Who comes before it closes is its host.
        join(&bob, &room).await.expect(200);
        assert_eq!(look(&ann, &room).await.host_id.unwrap().as_str(), bob.id());
        post(&bob, &path(&room, "/leave"), json!({})).await.expect(204);
        app.sweep_rooms(now_ms()).await;
        look(&ann, &room).await;
        app.sweep_rooms(now_ms() + MINUTE_MS).await;
        ann.get(&path(&room, "")).send().await.refused(ErrorCode::RoomNotFound);
    }

    async fn rooms_outlive_the_server(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let made = make(&ann, json!({ "name": "kept", "metadata": { "map": 7 }, "password": "sesame" })).await;
        let room = made.room;
        app.stop().await;
        app.start_again().await;
        let seen = look(&ann, &room).await;
        assert_eq!((seen.name.as_str(), seen.player_count, &seen.code), ("kept", 1, &room.code));
        assert_eq!(seen.metadata["map"], 7);
        let again: JoinedRoom = join(&ann, &room).await.expect(200).json();
        assert_eq!(again.room.host_id, room.host_id);
        post(&bob, &path(&room, "/join"), json!({ "password": "sesame" })).await.expect(200);
    }

    async fn a_room_of_one_server_is_joined_at_another(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let other = app.start_beside().await;
        let bob_there = Player { client: Client::new(&other.url()), ..bob.clone() };
        let room = make(&ann, json!({ "name": "one" })).await.room;
        let joined: JoinedRoom = join(&bob_there, &room).await.expect(200).json();
        let here = app.url().trim_start_matches("http://");
        assert_eq!(joined.relay.websocket, format!("ws://{here}/api/v1/multiplayer/live"), "where its relay is");
        let there: JoinedRoom = make(&bob_there, json!({ "name": "two" })).await;
        assert_eq!(there.relay.websocket, "", "where the API was reached");
        let joined: JoinedRoom = join(&ann, &there.room).await.expect(200).json();
        assert!(joined.relay.websocket.contains(&other.addr().to_string()), "{:?}", joined.relay);
        assert_eq!(list(&ann, "").await.len(), 2);
        // The other server is gone: its room is here.
        other.stop().await;
        let joined: JoinedRoom = join(&ann, &there.room).await.expect(200).json();
        assert_eq!((joined.relay.websocket.as_str(), joined.room.player_count), ("", 2));
    }

    async fn the_relay_and_the_rows_agree(app) {
        let [ann, bob, cat] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("cat").await];
        let room = make(&ann, json!({ "max_players": 2 })).await;
        let mut ann_live = Live::connect(app.url()).await;
        ann_live.send("join_room", json!({ "ticket": room.ticket })).await;
        assert_eq!(ann_live.until("room_joined").await["host_id"], ann.id());
        // By the room's id, with the token of the connection.
        let room = room.room;
        let mut bob_live = Live::of(app.url(), &bob).await;
        bob_live.send("join_room", json!({ "room_id": room.id })).await;
        assert_eq!(bob_live.until("room_joined").await["players"].as_array().unwrap().len(), 2);
        assert_eq!(ann_live.until("player_joined").await["player"]["username"], bob.user.username.as_str());
        // Whom the relay has seen keeps the seat; until then it is held.
        let held = "SELECT COUNT(*) FROM multiplayer_seat WHERE held_until_ms IS NOT NULL";
        let sql = database(app).await;
        until("the relay's word", async || {
            (sql.all_games().read_one(held, vec![], |row| row.int(0)).await.unwrap() == Some(0)).then_some(())
        }).await;
        sql.close().await;
        app.sweep_rooms(now_ms() + MINUTE_MS).await;
        assert_eq!(look(&ann, &room).await.player_count, 2);
        join(&cat, &room).await.refused(ErrorCode::RoomFull);
        // What the host changes is told in the room.
        change(&ann, &room, json!({ "name": "New", "host_id": bob.id() })).await.expect(200);
        assert_eq!(ann_live.until("host_changed").await["player_id"], bob.id());
        assert_eq!(bob_live.until("room_updated").await["room"]["name"], "New");
        // Who is sent out is out of the relay too.
        kick(&bob, &room, &ann, false).await.expect(204);
        assert_eq!(ann_live.until("room_left").await["reason"], "kicked");
        assert_eq!(bob_live.until("player_left").await["player_id"], ann.id());
        join(&cat, &room).await.expect(200);
        // Who leaves by the relay has no seat; the next is host.
        bob_live.send("leave_room", json!({})).await;
        bob_live.until("room_left").await;
        until("the seat to be free", async || {
            let seen = look(&cat, &room).await;
            (seen.player_count == 1 && seen.host_id.unwrap().as_str() == cat.id()).then_some(())
        }).await;
        // A closed room sends everyone home.
        let mut cat_live = Live::of(app.url(), &cat).await;
        cat_live.send("join_room", json!({ "room_id": room.id })).await;
        cat_live.until("room_joined").await;
        cat.call(Method::DELETE, &path(&room, "")).send().await.expect(204);
        assert_eq!(cat_live.until("room_left").await["reason"], "closed");
        // A ticket of a room that is no more leads nowhere.
        let room = make(&ann, json!({})).await;
        ann.call(Method::DELETE, &path(&room.room, "")).send().await.expect(204);
        let mut late = Live::connect(app.url()).await;
        late.send("join_room", json!({ "ticket": room.ticket })).await;
        let told = until("the door to be shut", async || match late.next().await {
            Some((name, data)) if name == "error" || name == "room_left" => Some(Some(data)),
            Some(_) => None,
            None => Some(None),
        });
        told.await;
    }

    async fn who_asked_again_keeps_the_seat_when_the_first_stay_ends(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let made = make(&ann, json!({})).await;
        let (room, mut ann_live) = (made.room, Live::connect(app.url()).await);
        ann_live.send("join_room", json!({ "ticket": made.ticket })).await;
        ann_live.until("room_joined").await;
        let mut bob_live = Live::of(app.url(), &bob).await;
        bob_live.send("join_room", json!({ "room_id": room.id })).await;
        bob_live.until("room_joined").await;
        let sql = database(app).await;
        let held = "SELECT COUNT(*) FROM multiplayer_seat WHERE held_until_ms IS NOT NULL";
        let until_held = async |seats: i64| {
            until("the relay's word", async || {
                let count = sql.all_games().read_one(held, vec![], |row| row.int(0)).await.unwrap();
                (count == Some(seats)).then_some(())
            }).await
        };
        until_held(0).await;
        // Nobody new comes in; but bob is on the way back when the relay tells of the end of the first stay.
        change(&ann, &room, json!({ "locked": true })).await.expect(200);
        let again: JoinedRoom = join(&bob, &room).await.expect(200).json();
        bob_live.send("leave_room", json!({})).await;
        bob_live.until("room_left").await;
        until_held(1).await;
        assert_eq!(look(&ann, &room).await.player_count, 2);
        let mut link = Live::connect(app.url()).await;
        link.send("join_room", json!({ "ticket": again.ticket })).await;
        assert_eq!(link.until("room_joined").await["player_id"], bob.id());
        until_held(0).await;
        sql.close().await;
        assert_eq!(look(&ann, &room).await.player_count, 2);
    }

    async fn a_kick_reaches_the_relay_of_another_server(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let other = app.start_beside().await;
        let room = make(&ann, json!({})).await.room;
        let mut bob_live = Live::of(app.url(), &bob).await;
        bob_live.send("join_room", json!({ "room_id": room.id })).await;
        bob_live.until("room_joined").await;
        // At the other server a room is not joined by its id, for its relay is here.
        let mut astray = Live::of(&other.url(), &ann).await;
        astray.send("join_room", json!({ "room_id": room.id })).await;
        let told = until("the refusal", async || astray.next().await).await;
        assert_eq!((told.0.as_str(), &told.1["code"]), ("error", &json!("invalid_ticket")));
        let ann_there = Player { client: Client::new(&other.url()), ..ann.clone() };
        kick(&ann_there, &room, &bob, true).await.expect(204);
        assert_eq!(bob_live.until("room_left").await["reason"], "kicked");
        drop((bob_live, astray));
        other.stop().await;
    }

    async fn what_a_guest_has_is_the_accounts_after_a_merge(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let guest = crate::accounts::guest(app, 1).await;
        let room = make(&bob, json!({})).await.room;
        let mut live = Live::of(app.url(), &guest).await;
        live.send("join_room", json!({ "room_id": room.id })).await;
        live.until("room_joined").await;
        let banned = make(&bob, json!({})).await.room;
        kick(&bob, &banned, &guest, true).await.expect(204);
        let sql = database(app).await;
        let game = sql.all_games().read_one("SELECT game_id FROM auth_account LIMIT 1", vec![], |row| row.text(0)).await.unwrap().unwrap();
        let all = sql.all_games();
        let direct = |one: &Player, other: &Player| {
            let mut both = [one.id(), other.id()];
            both.sort_unstable();
            format!("direct:{}:{}", both[0], both[1])
        };
        let channel = direct(&guest, &bob);
        let say = "INSERT INTO multiplayer_message (game_id, channel, message_id, player_id, text, sent_at_ms, deleted)
            VALUES ($1, $2, $3, $4, 'hello', 1, 0)";
        all.execute(say, args![game.as_str(), channel.as_str(), "1", guest.id()]).await.unwrap();
        all.execute(say, args![game.as_str(), channel.as_str(), "2", bob.id()]).await.unwrap();
        for player in [&guest, &bob] {
            let insert = "INSERT INTO multiplayer_channel_player (game_id, player_id, channel, read_id, last_id) VALUES ($1, $2, $3, '', '2')";
            all.execute(insert, args![game.as_str(), player.id(), channel.as_str()]).await.unwrap();
        }
        let block = "INSERT INTO multiplayer_block (game_id, player_id, blocked_id, since_ms) VALUES ($1, $2, $3, 1)";
        all.execute(block, args![game.as_str(), guest.id(), bob.id()]).await.unwrap();
        let rate = "INSERT INTO multiplayer_rating (game_id, player_id, mode, rating, deviation, volatility, matches, updated_at_ms)
            VALUES ($1, $2, 'duel', $3, 1, 1, 1, 1)";
        all.execute(rate, args![game.as_str(), guest.id(), 1_600_000_i64]).await.unwrap();
        let body = json!({ "other_refresh_token": guest.tokens.refresh_token });
        post(&ann, "/api/v1/auth/merge", body).await.expect(200);
        live.until("room_left").await;
        assert_eq!(look(&bob, &room).await.player_count, 1);
        join(&ann, &banned).await.refused(ErrorCode::RoomBanned);
        assert_eq!(in_tables(&sql, &[guest.id()]).await.iter().filter(|found| found.starts_with("multiplayer")).count(), 0);
        let count = |statement: &'static str, arg: String| {
            let all = sql.all_games();
            async move { all.read_one(statement, args![arg], |row| row.int(0)).await.unwrap().unwrap() }
        };
        assert_eq!(count("SELECT COUNT(*) FROM multiplayer_message WHERE channel = $1", direct(&ann, &bob)).await, 2);
        assert_eq!(count("SELECT COUNT(*) FROM multiplayer_channel_player WHERE channel = $1", direct(&ann, &bob)).await, 2);
        assert_eq!(count("SELECT COUNT(*) FROM multiplayer_block WHERE player_id = $1", ann.id().to_owned()).await, 1);
        assert_eq!(count("SELECT rating FROM multiplayer_rating WHERE player_id = $1", ann.id().to_owned()).await, 1_600_000);
        sql.close().await;
    }

    async fn a_rooms_player_is_exported_and_erased(app, |config| {
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 500;
    }) {
        let [ann, bob] = [app.as_player("annabelle").await, app.as_player("bob").await];
        let own = make(&ann, json!({ "name": "annabelle's" })).await.room;
        let mut bob_hears = Live::of(app.url(), &bob).await;
        bob_hears.send("join_room", json!({ "room_id": own.id })).await;
        bob_hears.until("room_joined").await;
        let bobs = make(&bob, json!({ "visibility": "private" })).await.room;
        post(&bob, "/api/v1/multiplayer/invites", json!({ "player_id": ann.id(), "room_id": bobs.id })).await.expect(201);
        join(&ann, &bobs).await.expect(200);
        post(&ann, "/api/v1/multiplayer/party", json!({})).await.expect(201);
        ann.call(Method::PUT, "/api/v1/multiplayer/presence").json(&json!({ "status": "annabelle is here" })).send().await.expect(200);
        let asked: Export = ann.call(Method::POST, "/api/v1/privacy/exports").send().await.expect(202).json();
        let at = format!("/api/v1/privacy/exports/{}", asked.id);
        until("the export", async || {
            let found: Export = ann.get(&at).send().await.expect(200).json();
            (found.status == ExportStatus::Ready).then_some(())
        }).await;
        let archive = unpack(&ann.get(&format!("{at}/archive")).send().await.expect(200).body);
        let json = |name: &str| -> Value { serde_json::from_slice(&archive[&format!("multiplayer/{name}.json")]).unwrap() };
        assert_eq!(json("rooms").as_array().unwrap().len(), 2);
        assert_eq!(json("rooms")[0]["name"], "annabelle's");
        assert_eq!(json("let_into_rooms")[0]["room_id"], bobs.id.as_str());
        assert_eq!(json("party").as_array().unwrap().len(), 1);
        assert_eq!(json("presence")[0]["status"], "annabelle is here");
        let password = json!({ "password": password_of("annabelle") });
        let asked: Receipt = post(&ann, "/api/v1/privacy/erasure", password).await.expect(202).json();
        let done = erased(app, &asked).await;
        assert!(done.erased["multiplayer"] >= 4, "{done:?}");
        let sql = database(app).await;
        assert_eq!(in_tables(&sql, &[ann.id(), "annabelle"]).await, [""; 0]);
        sql.close().await;
        assert_eq!(look(&bob, &bobs).await.player_count, 1);
        bob.get(&path(&own, "")).send().await.refused(ErrorCode::RoomNotFound);
        assert_eq!(bob_hears.until("room_left").await["reason"], "closed", "nobody sits in a room that is not");
    }
}
