//! The relay through the server's own door: a WebSocket library that knows nothing of us, REST beside it.

use crate::rooms::{join, make, post};
use aethex_tests::app::run;

use aethex_tests::wait::in_time;
use aethex_tests::{App, Engine, Player};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::frame::{ClientFrame, Order, PROTOCOL, ServerFrame, State, Target};
use aethex_wire::multiplayer::{JoinedRoom, LIVE_PATH};
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A WebSocket client.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(app: &App) -> Socket {
        let url = format!("{}{LIVE_PATH}", app.url().replacen("http", "ws", 1));
        Socket(in_time("the upgrade", connect_async(url)).await.unwrap().0)
    }

    /// Says hello with a player's token.
    async fn of(app: &App, player: &Player) -> Socket {
        let mut socket = Socket::open(app).await;
        socket.say("hello", json!({ "token": player.tokens.access_token })).await;
        assert_eq!(socket.hear("welcome").await["player_id"], player.id());
        socket
    }

    /// Takes a seat with frames.
    pub(crate) async fn seated(app: &App, joined: &JoinedRoom) -> Socket {
        let mut socket = Socket::open(app).await;
        let hello = ClientFrame::Hello { protocol: PROTOCOL, ticket: joined.ticket.as_bytes(), resume: None };
        socket.send(&hello).await;
        let welcome = socket.frame().await;
        assert!(matches!(ServerFrame::decode(&welcome), Ok(ServerFrame::Welcome(_))));
        socket
    }

    async fn say(&mut self, event: &str, data: Value) {
        let text = json!({ "event": event, "data": data }).to_string();
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, frame: &ClientFrame<'_>) {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        self.0.send(Message::binary(bytes.freeze())).await.unwrap();
    }

    async fn next(&mut self) -> Option<Result<Message, Error>> {
        in_time("a message", self.0.next()).await
    }

    /// The next event of a name.
    async fn hear(&mut self, name: &str) -> Value {
        loop {
            let message = self.next().await.expect("the connection goes on").unwrap();
            let event: Value = match message {
                Message::Text(text) => serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => continue,
                other => panic!("no `{name}`: {other:?}"),
            };
            if event["event"] == name {
                return event["data"].clone();
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Vec<u8> {
        match self.next().await.expect("the connection goes on").unwrap() {
            Message::Binary(frame) => frame.to_vec(),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The code that the connection is closed with.
    pub(crate) async fn closed(&mut self) -> Option<CloseCode> {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(close))) => return close.map(|close| close.code),
                Some(Ok(_)) => {}
                _ => return None,
            }
        }
    }
}

#[test]
fn a_plain_client_plays_with_one_of_frames() {
    run(
        Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
            let made = make(&ann, json!({ "name": "r", "tick_ms": 8 })).await;
            let mut web = Socket::of(app, &ann).await;
            web.say("join_room", json!({ "ticket": made.ticket })).await;
            let joined = web.hear("room_joined").await;
            assert_eq!((&joined["player_id"], &joined["host_id"]), (&json!(ann.id()), &json!(ann.id())));

            let other: JoinedRoom = join(&bob, &made.room).await.expect(200).json();
            let mut frames = Socket::seated(app, &other).await;
            assert_eq!(web.hear("player_joined").await["player"]["player_id"], bob.id());
            web.say("player_state_update", json!({ "state": { "x": 1 } })).await;
            loop {
                if let Ok(ServerFrame::States { states, .. }) = ServerFrame::decode(&frames.frame().await) {
                    assert_eq!(states[0].0, 0);
                    break;
                }
            }
            let data =
                aethex_wire::value::encode(&serde_json::from_value(json!({ "y": [1, 2] })).unwrap()).unwrap();
            let state = State { channel: 2, seq: 1, base: None, data: &data };
            frames.send(&ClientFrame::State { urgent: false, state }).await;
            let update = web.hear("state_update").await;
            assert_eq!(
                (&update["player_id"], &update["state"], &update["channel"]),
                (&json!(bob.id()), &json!({ "y": [1, 2] }), &json!(2))
            );
            let (target, order) = (Target::Others, Order::Ordered);
            frames.send(&ClientFrame::Message { seq: 1, target, order, channel: 0, data: &data }).await;
            assert_eq!(web.hear("message").await["player_id"], bob.id());

            // A change over REST reaches the room; one sent away hears why.
            let path = format!("/api/v1/multiplayer/rooms/{}", made.room.id);
            ann.call(Method::PUT, &path).json(&json!({ "name": "new" })).send().await.expect(200);
            assert_eq!(web.hear("room_updated").await["room"]["name"], "new");
            post(&ann, &format!("{path}/kick"), json!({ "player_id": bob.id() })).await.expect(204);
            assert_eq!(web.hear("player_left").await["reason"], "kicked");
            assert_eq!(frames.closed().await, Some(CloseCode::Normal));
            ann.call(Method::DELETE, &path).send().await.expect(204);
            assert_eq!(web.hear("room_left").await["reason"], "closed");
            web.say("ping", json!({ "client_us": 3 })).await;
            assert_eq!(web.hear("pong").await["client_us"], 3, "the connection is the player's still");
        },
    );
}

#[test]
fn only_who_is_let_in_gets_in() {
    run(
        Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let refused = app.get(LIVE_PATH).send().await;
            assert_eq!(refused.headers["sec-websocket-version"], "13");
            refused.refused(ErrorCode::InvalidRequest);
            let ann = app.as_player("ann").await;
            let mut socket = Socket::open(app).await;
            socket.say("hello", json!({ "token": "x" })).await;
            assert_eq!(socket.hear("error").await["code"], "unauthenticated");
            socket.say("hello", json!({ "token": ann.tokens.access_token, "key": "pk_no" })).await;
            assert_eq!(socket.hear("error").await["code"], "unknown_client_key");
            socket.say("join_room", json!({ "ticket": "e30.x" })).await;
            assert_eq!(socket.hear("error").await["code"], "invalid_ticket");
            socket.say("hello", json!({ "token": ann.tokens.access_token, "key": app.client_key() })).await;
            socket.hear("welcome").await;

            // A ticket counts once.
            let made = make(&ann, json!({})).await;
            let _seated = Socket::seated(app, &made).await;
            socket.say("join_room", json!({ "ticket": made.ticket })).await;
            assert_eq!(socket.hear("error").await["code"], "invalid_ticket");

            // A session that ends takes its connections along.
            ann.call(Method::POST, "/api/v1/auth/logout").send().await.expect(204);
            assert_eq!(socket.hear("error").await["code"], "session_ended");
            assert_eq!(socket.closed().await, Some(CloseCode::Policy));
        },
    );
}

#[test]
fn a_stop_waits_for_no_connection_and_tells_every_one() {
    run(
        Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let ann = app.as_player("ann").await;
            let made = make(&ann, json!({})).await;
            let mut seated = Socket::seated(app, &made).await;
            let mut personal = Socket::of(app, &ann).await;
            app.stop().await;
            assert_eq!(seated.closed().await, Some(CloseCode::Away));
            assert_eq!(personal.closed().await, Some(CloseCode::Away));
            app.start_again().await;
        },
    );
}
