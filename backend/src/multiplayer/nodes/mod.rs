//! Servers with a relay: which there are, where players reach them, and how one tells another's relay something.
//!
//! A server says every few seconds that it is there. When it stops saying so its rooms go to another server, and
//! whoever was in them has a minute to come there: the room stays, with its settings and seats; what lived in the
//! relay's memory is gone.

mod db;

use super::config::{NODE_TTL_MS, SWEEP_BATCH, SWEEP_PERIOD_MS};
use super::live::{Command, RoomKey};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::bus::Taken;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;
use aethex_wire::multiplayer::{GRACE_MS, LIVE_PATH, RelayAddress};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one server tells another's relay, on the bus.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    game: GameId,
    room: RoomId,
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Remove { player: PlayerId, reason: String },
    Host { player: PlayerId },
    Changed { json: String },
    Close,
}

impl From<Command> for What {
    fn from(command: Command) -> What {
        match command {
            Command::Remove { player, reason } => What::Remove { player, reason: reason.as_str().to_owned() },
            Command::Host { player } => What::Host { player },
            Command::Changed { json } => What::Changed { json },
            Command::Close => What::Close,
        }
    }
}

impl From<What> for Command {
    fn from(what: What) -> Command {
        match what {
            What::Remove { player, reason } => Command::Remove { player, reason: reason_of(&reason) },
            What::Host { player } => Command::Host { player },
            What::Changed { json } => Command::Changed { json },
            What::Close => Command::Close,
        }
    }
}

fn reason_of(name: &str) -> LeftReason {
    let all = [LeftReason::Left, LeftReason::TimedOut, LeftReason::Kicked, LeftReason::Closed];
    all.into_iter().find(|reason| reason.as_str() == name).unwrap_or(LeftReason::Refused)
}

fn subject(node: &str) -> String {
    format!("relay.{node}")
}

/// Tells the relay that has a room, wherever it is.
pub(super) fn tell(app: &App, node: &str, key: &RoomKey, command: Command) {
    if node == app.multiplayer.node {
        if let Some(relay) = app.multiplayer.relay() {
            relay.command(key, command);
        }
        return;
    }
    let order = Order { game: key.game.clone(), room: key.room.clone(), what: command.into() };
    if let Ok(json) = serde_json::to_vec(&order) {
        app.multiplayer.bus.publish(&subject(node), json.into());
    }
}

/// Passes on what other servers tell this one's relay.
pub(super) async fn listen(app: &App) {
    let mut orders = app.multiplayer.bus.subscribe(&subject(&app.multiplayer.node));
    while let Some(taken) = orders.take().await {
        match taken {
            Taken::Message(message) => match serde_json::from_slice::<Order>(&message) {
                Ok(Order { game, room, what }) => {
                    tell(app, &app.multiplayer.node, &RoomKey { game, room }, what.into());
                }
                Err(error) => tracing::warn!(%error, "another server told the relay something unknown"),
            },
            Taken::Lost(lost) => tracing::warn!(lost, "what other servers told the relay came too fast"),
        }
    }
}

/// Where this server's relay is, for players who reached the API at another server.
fn told_address(app: &App) -> RelayAddress {
    let none = RelayAddress { websocket: String::new(), quic: None };
    let mut address = app.multiplayer.relay().map_or(none, |relay| relay.address());
    if address.websocket.is_empty() {
        let scheme = if app.tls { "wss" } else { "ws" };
        address.websocket = format!("{scheme}://{}{LIVE_PATH}", app.address);
    }
    if let Some(quic) = &mut address.quic
        && quic.address.starts_with(':')
    {
        let host = app.address.ip();
        quic.address = match host.is_ipv6() {
            true => format!("[{host}]{}", quic.address),
            false => format!("{host}{}", quic.address),
        };
    }
    address
}

/// Which machine and address this server has.
fn place(app: &App) -> String {
    format!("{}|{}", rustix::system::uname().nodename().to_string_lossy(), app.address)
}

/// Says that this server is there.
pub(super) async fn announce(app: &App) -> Result<(), SqlError> {
    let relay = serde_json::to_string(&told_address(app)).unwrap_or_default();
    db::put(&app.sql, &app.multiplayer.node, &place(app), relay, now_ms() + NODE_TTL_MS).await
}

/// Says so for the first time. Whoever was at this address before is gone; where the database is one process',
/// so is everyone else but those in this process.
pub(super) async fn begin(app: &App, beside_others: bool) -> Result<(), SqlError> {
    let alone = matches!(app.sql, Sql::Sqlite(_)) && !beside_others;
    db::remove_before(&app.sql, &app.multiplayer.node, &place(app), alone).await?;
    announce(app).await?;
    adopt_orphans(app).await
}

/// Takes over the rooms of servers that are gone.
async fn adopt_orphans(app: &App) -> Result<(), SqlError> {
    loop {
        let now = now_ms();
        let orphans = db::orphans(&app.sql, now, SWEEP_BATCH).await?;
        let found = orphans.len();
        if found == 0 {
            return Ok(());
        }
        let held_until_ms = now + i64::from(GRACE_MS);
        let adopted = db::adopt(&app.sql, orphans, app.multiplayer.node.clone(), held_until_ms).await?;
        tracing::info!(rooms = adopted, "took over the rooms of a server that is gone");
        if (found as i64) < SWEEP_BATCH || adopted == 0 {
            return Ok(());
        }
    }
}

/// Where another server's relay is, if it is there.
async fn look(app: &App, node: &str) -> Result<Option<RelayAddress>, SqlError> {
    let found = db::find(&app.sql, node, now_ms()).await?;
    Ok(found.and_then(|relay| serde_json::from_str(&relay).ok()))
}

/// Where a room's relay is; a room whose server is gone comes to this one first.
pub(super) async fn reach(app: &App, key: &RoomKey, node: &str) -> Outcome<(String, RelayAddress)> {
    let own = &app.multiplayer.node;
    if node != own {
        if let Some(address) = look(app, node).await? {
            return Ok((node.to_owned(), address));
        }
        let room = vec![(key.game.clone(), key.room.clone(), node.to_owned())];
        let held_until_ms = now_ms() + i64::from(GRACE_MS);
        if db::adopt(&app.sql, room, own.clone(), held_until_ms).await? == 0 {
            // Another server was faster, or the room is over: whoever asks again is told where it is.
            return Err(Failure::overloaded());
        }
    }
    let none = RelayAddress { websocket: String::new(), quic: None };
    Ok((own.clone(), app.multiplayer.relay().map_or(none, |relay| relay.address_of(key))))
}

/// Says every few seconds that this server is there, and takes over the rooms of those that do not.
pub(super) async fn tend(app: &App) {
    let mut beat = tokio::time::interval(Duration::from_millis(SWEEP_PERIOD_MS));
    loop {
        beat.tick().await;
        let done = async {
            announce(app).await?;
            db::sweep(&app.sql, now_ms()).await?;
            adopt_orphans(app).await
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "cannot say that this server's relay is there");
        }
    }
}

/// This server stops: others may take its rooms over at once.
pub(super) async fn end(app: &App) {
    if let Err(error) = db::remove(&app.sql, &app.multiplayer.node).await {
        tracing::warn!(%error, "cannot say that this server's relay is gone");
    }
}
