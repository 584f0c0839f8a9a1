//! Two clients of the SDK in a room of the real backend: by QUIC and by WebSocket, over cuts, swaps and a restart.

use aethex_sdk_core::wire::multiplayer::frame::LeftReason;
use aethex_sdk_core::wire::multiplayer::presence::Availability;
use aethex_sdk_core::wire::multiplayer::{CreateRoomRequest, RoomsQuery, UpdateRoomRequest};
use aethex_sdk_core::{
    Cloud, ErrorCode, JoinOptions, MessageOptions, MessageTarget, MultiplayerEvent, PlayerId, RoomHandle,
    StateOptions, Transport, Transports, Value,
};
use aethex_tests::app::password_of;
use aethex_tests::proxy::Weather;
use aethex_tests::{App, Proxy, on_both_engines, until};
use parking_lot::Mutex;

/// A player with the SDK.
struct Gamer {
    cloud: Cloud,
    id: PlayerId,
    seen: Mutex<Vec<MultiplayerEvent>>,
}

impl Gamer {
    async fn new(app: &App, name: &str) -> Gamer {
        Gamer::at(app, name, app.url()).await
    }

    async fn at(app: &App, name: &str, url: &str) -> Gamer {
        let cloud = app.sdk_with(&app.folder(name), |config| config.server_url = url.to_owned());
        let email = format!("{name}@example.com");
        let user =
            cloud.auth().register(&email, &password_of(name), None).await.expect("a new player registers");
        Gamer { cloud, id: user.id, seen: Mutex::default() }
    }

    async fn make(&self, request: CreateRoomRequest) -> RoomHandle {
        self.cloud.multiplayer().create_room(request).await.expect("a room is made")
    }

    async fn join(&self, room: &RoomHandle, transports: Transports) -> RoomHandle {
        let options = JoinOptions { transports, ..JoinOptions::default() };
        self.cloud.multiplayer().join_room(room.id().clone(), options).await.expect("the room is joined")
    }

    /// Waits for something in all that was seen so far.
    async fn sees<T>(&self, what: &str, pick: impl Fn(&[MultiplayerEvent]) -> Option<T>) -> T {
        until(what, async || {
            let mut seen = self.seen.lock();
            seen.extend(self.cloud.multiplayer().take_events());
            pick(&seen)
        })
        .await
    }

    async fn sees_one<T>(&self, what: &str, pick: impl Fn(&MultiplayerEvent) -> Option<T>) -> T {
        self.sees(what, |seen| seen.iter().find_map(&pick)).await
    }

    /// Waits for so many numbers.
    async fn hears(&self, count: usize) -> Vec<i64> {
        self.sees("messages", |seen| {
            let numbers: Vec<i64> = seen.iter().filter_map(number).collect();
            (numbers.len() >= count).then_some(numbers)
        })
        .await
    }

    async fn end(self) {
        let _ = self.cloud.multiplayer().leave_room().await;
        drop(self.cloud);
    }
}

fn number(event: &MultiplayerEvent) -> Option<i64> {
    let MultiplayerEvent::MessageReceived(message) = event else { return None };
    match message.value() {
        Ok(Value::Int(number)) => Some(number),
        _ => None,
    }
}

async fn say(room: &RoomHandle, number: i64, unordered: bool) {
    let options = MessageOptions { unordered, ..MessageOptions::default() };
    until("room for a message", async || room.send_message(&Value::Int(number), &options).ok()).await;
}

/// A state of a length that differences are made of.
fn place(x: f64) -> Value {
    let name = Value::String("a vehicle with a name that does not change".to_owned());
    Value::dictionary([("name", name), ("x", Value::Float(x))])
}

async fn shows(from: &RoomHandle, to: &Gamer, channel: u8) {
    for x in 0..200 {
        from.send_state(&place(f64::from(x)), StateOptions { channel, urgent: x % 50 == 0 }).unwrap();
        tokio::task::yield_now().await;
    }
    to.sees("the newest state", |seen| {
        seen.iter().rev().find_map(|event| match event {
            MultiplayerEvent::PlayerStateReceived(state) if state.channel == channel => {
                (state.value().ok()? == place(199.0)).then_some(())
            }
            _ => None,
        })
    })
    .await;
}

async fn meet(app: &App, transports: Transports, expected: Transport) {
    let (ann, ben) = (Gamer::new(app, "ann").await, Gamer::new(app, "ben").await);
    let hers = ann.make(CreateRoomRequest { name: "Duel".into(), ..CreateRoomRequest::default() }).await;
    if transports != Transports::Any {
        hers.switch_transport(transports).await.expect("another transport");
    }
    let his = ben.join(&hers, transports).await;
    assert_eq!(his.transport(), Some(expected));
    until("ann's transport", async || (hers.transport() == Some(expected)).then_some(())).await;
    ann.sees_one("ben comes", |event| match event {
        MultiplayerEvent::PlayerJoined { player, .. } => (player.player_id == ben.id).then_some(()),
        _ => None,
    })
    .await;
    assert!(hers.is_host() && !his.is_host());
    assert_eq!(his.host_id(), Some(ann.id.clone()));
    assert_eq!(his.players().len(), 2);

    for at in 1..=100 {
        say(&hers, at, false).await;
        say(&his, -at, at % 2 == 0).await;
    }
    assert_eq!(ben.hears(100).await, (1..=100).collect::<Vec<i64>>());
    let mut heard = ann.hears(100).await;
    heard.sort_unstable();
    assert_eq!(heard, (-100..=-1).collect::<Vec<i64>>());

    shows(&hers, &ben, 0).await;
    shows(&his, &ann, 7).await;
    let apart_us = hers.server_time_us().abs_diff(his.server_time_us());
    assert!(apart_us < 1_000_000, "{apart_us}");

    let to = MessageOptions { to: MessageTarget::Player(ben.id.clone()), ..MessageOptions::default() };
    hers.send_message(&Value::Int(1000), &to).unwrap();
    assert_eq!(ben.hears(101).await.last(), Some(&1000));

    ann.cloud.multiplayer().leave_room().await.unwrap();
    ben.sees_one("ann leaves", |event| match event {
        MultiplayerEvent::PlayerLeft { player_id, reason: LeftReason::Left, .. } => {
            (*player_id == ann.id).then_some(())
        }
        _ => None,
    })
    .await;
    ben.sees_one("ben is host", |event| match event {
        MultiplayerEvent::HostChanged { player_id, .. } => (*player_id == ben.id).then_some(()),
        _ => None,
    })
    .await;
    assert!(his.is_host());
    ann.end().await;
    ben.end().await;
}

on_both_engines! {
    async fn two_meet_by_quic(app) {
        meet(app, Transports::Any, Transport::Quic).await;
    }

    async fn two_meet_by_websocket(app) {
        meet(app, Transports::WebSocket, Transport::WebSocket).await;
    }

    async fn swaps_and_cuts_lose_nothing(app) {
        let proxy = Proxy::start(app.url()).await;
        let ann = Gamer::at(app, "ann", &proxy.url()).await;
        let ben = Gamer::new(app, "ben").await;
        let hers = ann.make(CreateRoomRequest::default()).await;
        let his = ben.join(&hers, Transports::Any).await;
        let mut at = 0;
        for round in 0..12 {
            for _ in 0..10 {
                at += 1;
                say(&hers, at, false).await;
                say(&his, -at, false).await;
            }
            let to = if round % 2 == 0 { Transports::WebSocket } else { Transports::Quic };
            until("a swap", async || hers.switch_transport(to).await.ok()).await;
            if round % 4 == 2 {
                proxy.set(Weather::Down);
                say(&his, -at - 1, false).await;
                at += 1;
                say(&hers, at, false).await;
                until("the cut", async || (hers.transport() != Some(Transport::WebSocket)).then_some(())).await;
                proxy.set(Weather::Fair);
                until("the link", async || hers.transport()).await;
            }
        }
        let count = usize::try_from(at).unwrap();
        assert_eq!(ben.hears(count).await, (1..=at).collect::<Vec<i64>>());
        assert_eq!(ann.hears(count).await, (1..=at).map(|at| -at).collect::<Vec<i64>>());
        shows(&hers, &ben, 3).await;
        ann.end().await;
        ben.end().await;
    }

    async fn a_restart_of_the_backend_is_survived(app) {
        let (ann, ben) = (Gamer::new(app, "ann").await, Gamer::new(app, "ben").await);
        let hers = ann.make(CreateRoomRequest::default()).await;
        let his = ben.join(&hers, Transports::Any).await;
        app.stop().await;
        app.start_again().await;
        let back = |event: &MultiplayerEvent| matches!(event, MultiplayerEvent::RoomRejoined { .. }).then_some(());
        ann.sees_one("ann is back", back).await;
        ben.sees_one("ben is back", back).await;
        say(&hers, 7, false).await;
        assert_eq!(ben.hears(1).await, [7]);
        shows(&his, &ann, 0).await;
        ann.end().await;
        ben.end().await;
    }

    async fn rooms_are_found_changed_and_closed(app) {
        let (ann, ben) = (Gamer::new(app, "ann").await, Gamer::new(app, "ben").await);
        let secret = Some("sesame".to_owned());
        let request = CreateRoomRequest { mode: "duel".into(), password: secret.clone(), ..CreateRoomRequest::default() };
        let hers = ann.make(request).await;
        let query = RoomsQuery { mode: Some("duel".into()), region: None, name: None, open: None, limit: None, cursor: None };
        let multiplayer = ben.cloud.multiplayer();
        let found = multiplayer.list_rooms(query).await.unwrap().items;
        assert_eq!(found.len(), 1);
        let refused = multiplayer.join_room(found[0].id.clone(), JoinOptions::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::RoomPassword);
        let options = JoinOptions { password: secret, ..JoinOptions::default() };
        let his = multiplayer.join_by_code(&found[0].code, options).await.unwrap();
        let refused = multiplayer.update_room(his.id().clone(), UpdateRoomRequest::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotHost);
        let change = UpdateRoomRequest { name: Some("Finals".into()), locked: Some(true), ..UpdateRoomRequest::default() };
        ann.cloud.multiplayer().update_room(hers.id().clone(), change).await.unwrap();
        ben.sees_one("the new name", |event| match event {
            MultiplayerEvent::RoomUpdated { room } => (room.name == "Finals" && room.locked).then_some(()),
            _ => None,
        })
        .await;
        assert_eq!(his.room().name, "Finals");
        ann.cloud.multiplayer().kick(hers.id().clone(), ben.id.clone(), true).await.unwrap();
        ben.sees_one("ben is out", |event| match event {
            MultiplayerEvent::RoomLeft { reason: LeftReason::Kicked, .. } => Some(()),
            _ => None,
        })
        .await;
        ann.cloud.multiplayer().close_room(hers.id().clone()).await.unwrap();
        ann.sees_one("the end", |event| match event {
            MultiplayerEvent::RoomLeft { reason: LeftReason::Closed, .. } => Some(()),
            _ => None,
        })
        .await;
        ann.end().await;
        ben.end().await;
    }

    async fn parties_presence_and_invitations_come_over_the_own_connection(app) {
        let (ann, ben) = (Gamer::new(app, "ann").await, Gamer::new(app, "ben").await);
        ann.cloud.multiplayer().go_live();
        ben.cloud.multiplayer().go_live();
        let open = |event: &MultiplayerEvent| match event {
            MultiplayerEvent::LiveChanged { connected: true } => Some(()),
            _ => None,
        };
        ann.sees_one("ann's connection", open).await;
        ben.sees_one("ben's connection", open).await;
        let watched = ann.cloud.multiplayer().presence().watch(vec![ben.id.clone()]).await.unwrap();
        assert_eq!(watched[0].availability, Availability::Online);
        let shown = aethex_sdk_core::wire::multiplayer::presence::SetPresenceRequest {
            availability: Availability::Busy,
            ..Default::default()
        };
        ben.cloud.multiplayer().presence().set(shown).await.unwrap();
        ann.sees_one("ben is busy", |event| match event {
            MultiplayerEvent::PresenceChanged(presence) => {
                (presence.availability == Availability::Busy).then_some(())
            }
            _ => None,
        })
        .await;
        let party = ann.cloud.multiplayer().parties().create().await.unwrap();
        ann.cloud.multiplayer().invites().invite_to_party(ben.id.clone(), party.id.clone()).await.unwrap();
        let code = ben.sees_one("the invitation", |event| match event {
            MultiplayerEvent::InviteReceived(invite) => Some(invite.code.clone()),
            _ => None,
        })
        .await;
        ben.cloud.multiplayer().parties().join(&code).await.unwrap();
        ann.sees_one("ben in the party", |event| match event {
            MultiplayerEvent::PartyUpdated(party) => (party.players.len() == 2).then_some(()),
            _ => None,
        })
        .await;
        ann.end().await;
        ben.end().await;
    }
}
