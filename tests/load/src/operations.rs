//! What is measured: the operations, and the players who perform them.

use crate::api::{call, json_of, method, run_id};
use crate::client::{Call, Connection};
use aethex_wire::Endpoint;
use aethex_wire::auth::{
    GetProfile, LoggedIn, Login, LoginRequest, Refresh, RefreshRequest, Register, RegisterRequest, Tokens,
};
use aethex_wire::endpoint::fill_path;
use aethex_wire::saves::{
    Compression, Encoding, FRAME_MEDIA_TYPE, GetSave, PutSave, PutSaveRequest, encode_frame,
};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Size of the content of a save.
const SAVE_LEN: usize = 4096;
/// Slots that each player writes to in turn.
const SLOTS: usize = 4;

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    WriteFrame,
    WriteJson,
    ReadFrame,
    ReadJson,
    Login,
    Refresh,
}

impl Kind {
    /// In the order of the table: reads come after the writes that they read, and logins last, for an
    /// account has a limited number of sessions and the oldest, which the others use, ends.
    pub(crate) const ALL: &'static [Kind] = &[
        Kind::Account,
        Kind::WriteFrame,
        Kind::WriteJson,
        Kind::ReadFrame,
        Kind::ReadJson,
        Kind::Refresh,
        Kind::Login,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Account => "account read",
            Kind::WriteFrame => "4 KiB save write (frame)",
            Kind::WriteJson => "4 KiB save write (JSON)",
            Kind::ReadFrame => "4 KiB save read (frame)",
            Kind::ReadJson => "4 KiB save read (JSON)",
            Kind::Login => "login",
            Kind::Refresh => "refresh",
        }
    }
}

/// A player on a connection.
#[derive(Debug, Clone)]
pub(crate) struct Player {
    connection: Arc<Mutex<Connection>>,
    email: String,
    password: String,
    id: String,
    access_token: String,
    refresh_token: Arc<Mutex<String>>,
}

impl Player {
    /// The same player on another connection.
    pub(crate) fn on(&self, connection: Connection) -> Player {
        Player { connection: Arc::new(Mutex::new(connection)), ..self.clone() }
    }
}

/// Performs an operation once.
pub(crate) async fn once(kind: Kind, player: &Player) -> Result<(), String> {
    let mut connection = player.connection.lock().await;
    for call in calls(kind, player)?.iter().take(1) {
        connection.send(call).await?;
    }
    Ok(())
}

/// Makes the players, each on a connection of its own.
pub(crate) async fn register(address: &str, count: usize) -> Result<Vec<Player>, String> {
    let run = run_id();
    let mut players = Vec::with_capacity(count);
    for number in 0..count {
        let mut connection = Connection::open(address).await?;
        let email = format!("load-{run}-{number}@example.com");
        let password = format!("load test {run} {number}");
        let request = RegisterRequest {
            email: email.clone(),
            password: password.clone(),
            device_name: Some("aethex-load".into()),
            ..RegisterRequest::default()
        };
        let logged_in: LoggedIn = call::<Register>(&mut connection, None, &[], &request).await?;
        players.push(Player {
            connection: Arc::new(Mutex::new(connection)),
            email,
            password,
            id: logged_in.user.id.as_str().to_owned(),
            access_token: logged_in.tokens.access_token,
            refresh_token: Arc::new(Mutex::new(logged_in.tokens.refresh_token)),
        });
    }
    Ok(players)
}

/// Repeats an operation until the time is over; how long each took.
pub(crate) async fn repeat(kind: Kind, player: Player, until: Instant) -> Result<Vec<Duration>, String> {
    let mut connection = player.connection.lock().await;
    let mut took = Vec::new();
    let calls = calls(kind, &player)?;
    let mut number = 0;
    loop {
        let started = Instant::now();
        if started >= until && number > 0 {
            return Ok(took);
        }
        if kind == Kind::Refresh {
            refresh(&mut connection, &player).await?;
        } else {
            connection.send(&calls[number % calls.len()]).await?;
        }
        took.push(started.elapsed());
        number += 1;
    }
}

/// Performs an operation at its due times, `every` apart from `first` on, until the time is over; how long after
/// its due time each was done, so that a stall counts in full.
pub(crate) async fn paced(
    kind: Kind,
    player: Player,
    first: Instant,
    every: Duration,
    until: Instant,
) -> Result<Vec<Duration>, String> {
    let mut connection = player.connection.lock().await;
    let calls = calls(kind, &player)?;
    let mut took = Vec::new();
    let mut due = first;
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        connection.send(&calls[took.len() % calls.len()]).await?;
        took.push(due.elapsed());
        due += every;
    }
    Ok(took)
}

/// What the connection sends, over and over; empty for a refresh, whose body is the last answer's.
fn calls(kind: Kind, player: &Player) -> Result<Vec<Call>, String> {
    let authorised = |call: Call| call.bearer(&player.access_token);
    let slots = 0..SLOTS;
    let saves = fill_path(PutSave::PATH, &[&player.id]);
    Ok(match kind {
        Kind::Refresh => vec![],
        Kind::Account => vec![authorised(Call::new(method::<GetProfile>(), GetProfile::PATH.to_owned()))?],
        Kind::Login => {
            let request = LoginRequest {
                email: player.email.clone(),
                password: player.password.clone(),
                device_name: None,
            };
            vec![
                Call::new(method::<Login>(), Login::PATH.to_owned())
                    .body("application/json", json_of(&request)?),
            ]
        }
        Kind::WriteFrame => slots
            .map(|slot| {
                let frame = encode_frame(&metadata(&format!("frame {slot}")), &content(slot));
                authorised(Call::new(method::<PutSave>(), saves.clone()).body(FRAME_MEDIA_TYPE, frame))
            })
            .collect::<Result<_, _>>()?,
        Kind::WriteJson => slots
            .map(|slot| {
                let body = json_of(&json!({ "slot": format!("json {slot}"), "data": document() }))?;
                authorised(Call::new(method::<PutSave>(), saves.clone()).body("application/json", body))
            })
            .collect::<Result<_, String>>()?,
        Kind::ReadFrame => slots
            .map(|slot| {
                let path = fill_path(GetSave::PATH, &[&player.id, &format!("frame {slot}")]);
                authorised(Call::new(method::<GetSave>(), path).header("accept", FRAME_MEDIA_TYPE))
            })
            .collect::<Result<_, _>>()?,
        Kind::ReadJson => slots
            .map(|slot| {
                let path = fill_path(GetSave::PATH, &[&player.id, &format!("json {slot}")]);
                authorised(Call::new(method::<GetSave>(), path))
            })
            .collect::<Result<_, _>>()?,
    })
}

async fn refresh(connection: &mut Connection, player: &Player) -> Result<(), String> {
    let mut refresh_token = player.refresh_token.lock().await;
    let request = RefreshRequest { refresh_token: refresh_token.clone() };
    let tokens: Tokens = call::<Refresh>(connection, None, &[], &request).await?;
    *refresh_token = tokens.refresh_token;
    Ok(())
}

fn metadata(slot: &str) -> PutSaveRequest {
    PutSaveRequest {
        slot: slot.to_owned(),
        device_name: "aethex-load".to_owned(),
        encoding: Some(Encoding::Bytes),
        compression: Some(Compression::None),
        ..PutSaveRequest::default()
    }
}

/// Bytes that do not compress (xorshift).
fn content(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 * 2 + 1;
    let mut out = Vec::with_capacity(SAVE_LEN + 8);
    while out.len() < SAVE_LEN {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(SAVE_LEN);
    out
}

/// A game's state of about 4 KiB as JSON: what a save usually is.
fn document() -> serde_json::Value {
    let items: Vec<_> = (0..52)
        .map(|number| json!({ "id": number, "name": format!("item number {number}"), "count": number % 9, "hp": f64::from(number) / 4.0, "tags": ["a", "b"] }))
        .collect();
    json!({ "level": 12, "player": "ann", "items": items })
}
