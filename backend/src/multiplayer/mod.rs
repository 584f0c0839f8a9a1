//! Players meet: rooms and their relay, matchmaking, parties, chat, presence.
//!
//! `rooms`, `matchmaking`, `parties`, `chat` and `presence` are asked over REST and keep what must outlive a
//! process in the database. `live` holds the connections: the relay of the rooms that this node has, which
//! never touches SQL, and the players' personal connections, over which the others tell what happened. They meet
//! in [`live::Command`], which the relay is told, and [`live::Report`], which it tells; nodes meet on the bus.

pub(crate) mod chat;
mod codes;
pub(crate) mod config;
pub(crate) mod holding;
mod invites;
pub(crate) mod live;
mod matchmaking;
mod nodes;
pub(crate) mod parties;
pub(crate) mod presence;
pub(crate) mod rooms;

pub(crate) use holding::{merge, tell_left};
pub(crate) use matchmaking::{sweep as sweep_queues, terminal};

use crate::app::{App, StartError, until_stopped};
use crate::auth::{Limiter, Rate};
use crate::config::Config;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::bus::Bus;
use crate::ports::cache::Cache;
use aethex_wire::ids::{GameId, PlayerId};
use axum::Router;
use config::{MultiplayerConfig, OLD_SWEEP_PERIOD_MS, SWEEP_PERIOD_MS};
use live::tickets::Tickets;
use live::{Hub, Relay, RelaySettings, Report, RoomKey};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Reports of the relay that wait to be written: a minute's of a busy server.
const REPORTS_MAX: usize = 65_536;

/// The channel of two players' direct conversation.
pub(crate) fn direct_channel(one: &PlayerId, other: &PlayerId) -> String {
    let (lesser, greater) = if one <= other { (one, other) } else { (other, one) };
    format!("direct:{lesser}:{greater}")
}

/// What the servers of a fleet share besides the database and the blob store.
#[derive(Debug, Clone)]
pub struct Engines {
    pub(crate) bus: Bus,
    pub(crate) cache: Cache,
}

impl Engines {
    /// Engines within this process.
    pub fn local() -> Engines {
        Engines { bus: Bus::local(), cache: Cache::local() }
    }
}

/// State of the multiplayer features.
#[derive(Debug)]
pub(crate) struct Multiplayer {
    /// This server's name among those of the fleet, another each time it starts.
    pub(crate) node: String,
    pub(crate) bus: Bus,
    pub(crate) cache: Cache,
    pub(crate) hub: Hub,
    pub(crate) tickets: Tickets,
    relay: OnceLock<Relay>,
    reports: Mutex<Option<mpsc::Receiver<(RoomKey, Report)>>>,
    limiter: Limiter,
    watchers: presence::Watchers,
    rooms: rooms::Rooms,
    matchmaking: matchmaking::Matchmaking,
    chat: chat::Chat,
}

impl Multiplayer {
    /// Everything but the relay, which a server starts and a command does not.
    pub(crate) fn open(
        engines: Engines,
        config: &MultiplayerConfig,
        secret: &[u8; 32],
    ) -> Result<Multiplayer, StartError> {
        let Engines { bus, cache } = engines;
        Ok(Multiplayer {
            node: new_id(),
            hub: Hub::new(bus.clone()),
            bus,
            cache,
            tickets: Tickets::new(&blake3::derive_key("aethex cloud multiplayer tickets 1", secret)),
            relay: OnceLock::new(),
            reports: Mutex::default(),
            limiter: Limiter::default(),
            watchers: presence::Watchers::default(),
            rooms: rooms::Rooms::new(blake3::derive_key("aethex cloud room passwords 1", secret)),
            matchmaking: matchmaking::Matchmaking::default(),
            chat: chat::Chat::open(&config.chat)?,
        })
    }

    /// Starts the relay.
    pub(crate) fn start(&self, config: &Config, address: SocketAddr) -> Result<(), StartError> {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let relay =
            Relay::start(settings(config, address)?, self.node.clone(), self.tickets.clone(), sender)?;
        *self.reports.lock() = Some(reports);
        self.relay.set(relay).map_err(|_| StartError("the relay was started before".into()))
    }

    /// The relay, where it runs.
    pub(crate) fn relay(&self) -> Option<&Relay> {
        self.relay.get()
    }

    /// Takes one of a player's allowance.
    fn limit(&self, what: &'static str, game: &GameId, player: &PlayerId, rate: Rate) -> Outcome<()> {
        self.limiter.take((what, game, player), rate, now_ms()).map_err(Failure::rate_limited)
    }
}

fn settings(config: &Config, address: SocketAddr) -> Result<RelaySettings, StartError> {
    let MultiplayerConfig { quic_listen, quic_host, websocket_url, relay_loops, relay_links_max, .. } =
        &config.multiplayer;
    let quic_listen = match quic_listen.as_str() {
        "off" => None,
        "" => Some(address),
        listen => Some(listen.parse().map_err(|_| {
            StartError(format!("`multiplayer.quic_listen` is an address and port, not `{listen}`"))
        })?),
    };
    Ok(RelaySettings {
        quic_listen,
        quic_host: quic_host.clone(),
        websocket: websocket_url.clone(),
        shards: *relay_loops as usize,
        links_max: *relay_links_max as usize,
        ..RelaySettings::default()
    })
}

pub(crate) fn routes(app: &App) -> Router<Arc<App>> {
    let routes = Router::new()
        .merge(rooms::routes())
        .merge(parties::routes())
        .merge(presence::routes())
        .merge(invites::routes())
        .merge(matchmaking::routes())
        .merge(chat::routes());
    match app.multiplayer.relay() {
        Some(relay) => routes.merge(live::routes(relay.clone(), app.multiplayer.hub.clone())),
        None => routes,
    }
}

/// Says that this server's relay is there, before anyone can ask for a room.
pub(crate) async fn begin(app: &App, beside_others: bool) -> Result<(), StartError> {
    let begun = nodes::begin(app, beside_others).await;
    begun.map_err(|error| StartError(format!("cannot announce the relay: {error}")))
}

/// Everything that goes on by itself.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let reports = app.multiplayer.reports.lock().take();
    let tending = async {
        tokio::join!(
            nodes::tend(&app),
            nodes::listen(&app),
            rooms::write_reports(&app, reports),
            presence::tend(&app),
            matchmaking::tend(&app),
            sweep(&app),
        )
    };
    tokio::select! {
        _ = tending => {}
        () = until_stopped(&mut stopped) => {}
    }
    matchmaking::end(&app).await;
    if let Some(relay) = app.multiplayer.relay() {
        relay.stop().await;
    }
    nodes::end(&app).await;
}

async fn sweep(app: &App) {
    let mut soon = tokio::time::interval(Duration::from_millis(SWEEP_PERIOD_MS));
    let mut old = tokio::time::interval(Duration::from_millis(OLD_SWEEP_PERIOD_MS));
    let mut said = tokio::time::interval(Duration::from_millis(chat::config::SWEEP_PERIOD_MS));
    loop {
        let swept = tokio::select! {
            _ = soon.tick() => rooms::sweep(app, now_ms()).await,
            _ = old.tick() => sweep_old(app, now_ms()).await,
            _ = said.tick() => chat::sweep(app, now_ms()).await,
        };
        if let Err(failure) = swept {
            tracing::warn!(%failure, "cannot sweep rooms, or what is old");
        }
    }
}

async fn sweep_old(app: &App, now_ms: i64) -> Outcome<()> {
    holding::sweep(&app.sql, now_ms).await?;
    parties::sweep(&app.sql, now_ms).await?;
    presence::sweep(&app.sql, now_ms).await?;
    Ok(invites::sweep(&app.sql, now_ms).await?)
}
