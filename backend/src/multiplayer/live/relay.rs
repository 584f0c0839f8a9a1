//! The relay as the rest of the backend has it: shards, and how to reach them.

use super::config::LINKS_MAX_DEFAULT;
use super::door::Door;
use super::link::Plain;
use super::quic::Identity;
use super::rest::Rest;
use super::shard::{Fresh, FreshWire, Shard, ToShard};
use super::strangers::Strangers;
use super::tickets::Tickets;
use super::{Command, Report, RoomKey};
use crate::app::StartError;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::{QuicAddress, RelayAddress};
use bytes::BytesMut;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Shards that a session's secret can name.
const SHARDS_MAX: usize = 256;
/// How long a shard may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What is done with what a player sends.
#[cfg_attr(not(test), expect(dead_code, reason = "a game's own rules, which it brings, refuse"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Allow,
    /// It is forgotten.
    Drop,
    /// Its sender is sent out of the room.
    Kick,
}

/// A game's own rules on what players send, on the server. Called on the relay's threads: it does not wait.
pub(crate) trait Validate: Send + Sync + std::fmt::Debug {
    /// A reliable message.
    fn on_message(&self, _room: &RoomKey, _from: &PlayerId, _channel: u8, _data: &[u8]) -> Verdict {
        Verdict::Allow
    }

    /// A state, whole.
    fn on_state(&self, _room: &RoomKey, _from: &PlayerId, _channel: u8, _data: &[u8]) -> Verdict {
        Verdict::Allow
    }
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AllowAll;

impl Validate for AllowAll {}

/// How the relay runs.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// Where QUIC listens; the first shard has this port, each other one the next (any, when the port is 0).
    pub(crate) quic_listen: Option<SocketAddr>,
    /// The host that clients reach QUIC at; empty for the one that they reach the API at.
    pub(crate) quic_host: String,
    /// Where clients reach the WebSocket; empty for where they reach the API.
    pub(crate) websocket: String,
    /// Event loops; 0 for one a core.
    pub(crate) shards: usize,
    /// Links at once.
    pub(crate) links_max: usize,
    /// What players send is shown to this first.
    pub(crate) validate: Arc<dyn Validate>,
}

impl Default for RelaySettings {
    fn default() -> Self {
        RelaySettings {
            quic_listen: None,
            quic_host: String::new(),
            websocket: String::new(),
            shards: 0,
            links_max: LINKS_MAX_DEFAULT,
            validate: Arc::new(AllowAll),
        }
    }
}

/// The relay of this node. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(super) shared: Arc<Shared>,
    settings: RelaySettings,
    /// Ports of the shards' QUIC, and the certificate's digest.
    quic: Option<(Arc<[u16]>, Arc<str>)>,
    next: Arc<AtomicUsize>,
    _guard: Arc<Guard>,
}

/// Ends the shards when nobody has the relay any more.
#[derive(Debug)]
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        for shard in &self.0.shards {
            let _ = shard.send(ToShard::Stop(oneshot::channel().0));
        }
    }
}

/// What all shards have.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node: String,
    pub(super) tickets: Tickets,
    pub(super) validate: Arc<dyn Validate>,
    pub(super) shards: Vec<UnboundedSender<ToShard>>,
    pub(super) reports: UnboundedSender<(RoomKey, Report)>,
    /// Where what shards ask of others is waited for.
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) links: Arc<Semaphore>,
    pub(super) strangers: Strangers,
}

impl Shared {
    /// The shard that has a room, or would have it.
    pub(super) fn shard_of(&self, room: &RoomKey) -> usize {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        (hasher.finish() % self.shards.len() as u64) as usize
    }
}

impl Relay {
    /// Starts the shards, on threads of their own. Reports come in the order in which things happened in a room.
    pub(crate) fn start(
        settings: RelaySettings,
        node: String,
        tickets: Tickets,
        reports: mpsc::Sender<(RoomKey, Report)>,
    ) -> Result<Relay, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if settings.shards == 0 { cores } else { settings.shards }.min(SHARDS_MAX);
        let (shards, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::unbounded_channel()).unzip();
        let (reported, mut to_report) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Handle::current();
        let shared = Arc::new(Shared {
            node,
            tickets,
            validate: settings.validate.clone(),
            shards,
            reports: reported,
            runtime: runtime.clone(),
            links: Arc::new(Semaphore::new(settings.links_max)),
            strangers: Strangers::default(),
        });
        // Reports wait here for the API, not in a shard: there are no more of them than seats that come and go.
        runtime.spawn(async move {
            while let Some(report) = to_report.recv().await {
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        });
        let (sockets, identity) = match settings.quic_listen {
            None => (Vec::new(), None),
            Some(address) => (bind(address, count)?, Some(Identity::new().map_err(StartError)?)),
        };
        let ports = sockets.iter().map(|socket| socket.local_addr().map(|address| address.port()));
        let ports: Vec<u16> =
            ports.collect::<Result<_, _>>().map_err(|error| StartError(error.to_string()))?;
        let quic = identity.as_ref().map(|identity| (ports.into(), identity.sha256.as_str().into()));
        let start = tokio::time::Instant::now();
        let mut sockets = sockets.into_iter();
        for (index, inbox) in inboxes.into_iter().enumerate() {
            let socket = identity.clone().zip(sockets.next());
            run_shard(index, shared.clone(), inbox, socket, start)?;
        }
        let _guard = Arc::new(Guard(shared.clone()));
        Ok(Relay { shared, settings, quic, next: Arc::default(), _guard })
    }

    /// Tells the relay about a room that it has. Of one that it does not have it only notes that tickets signed up to
    /// now do not count, when it is closed or a player is sent away.
    pub(crate) fn command(&self, room: &RoomKey, command: Command) {
        let _ = self.shared.shards[self.shared.shard_of(room)].send(ToShard::Command(room.clone(), command));
    }

    /// Where the relay is, for any room.
    pub(crate) fn address(&self) -> RelayAddress {
        self.address_at(0)
    }

    /// Where the relay is for one room: the shard that has it is reached without a detour.
    pub(crate) fn address_of(&self, room: &RoomKey) -> RelayAddress {
        self.address_at(self.shared.shard_of(room))
    }

    fn address_at(&self, shard: usize) -> RelayAddress {
        let quic = self.quic.as_ref().and_then(|(ports, sha256)| {
            let address = format!("{}:{}", self.settings.quic_host, ports.get(shard)?);
            Some(QuicAddress { address, certificate_sha256: sha256.to_string() })
        });
        RelayAddress { websocket: self.settings.websocket.clone(), quic }
    }

    /// Takes a WebSocket in, whose upgrade was answered.
    pub(super) fn take(&self, wire: FreshWire, from: IpAddr, door: Arc<dyn Door>) {
        let stranger = self.shared.strangers.take(from);
        let permit = self.shared.links.clone().try_acquire_owned().ok();
        // Dropped, the socket is closed: there is no room for it.
        if stranger.is_none() || permit.is_none() {
            return metrics::counter!("live_links_shed_total").increment(1);
        }
        let plain = Some(Box::new(Plain::new(door)));
        let fresh = Fresh { wire, carrier: None, plain, out: BytesMut::new(), entry: None, stranger, permit };
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.shared.shards.len();
        let _ = self.shared.shards[at].send(ToShard::Fresh(Box::new(fresh)));
    }

    /// Whether there is room for another link from an address.
    pub(super) fn has_room(&self, from: IpAddr) -> bool {
        self.shared.strangers.has_room(from) && self.shared.links.available_permits() > 0
    }

    /// Tells every client that the relay stops, and stops it.
    pub(crate) async fn stop(&self) {
        let stopping: Vec<_> = self
            .shared
            .shards
            .iter()
            .map(|shard| {
                let (done, stopped) = oneshot::channel();
                let _ = shard.send(ToShard::Stop(done));
                stopped
            })
            .collect();
        for stopped in stopping {
            let _ = tokio::time::timeout(STOP_TIMEOUT, stopped).await;
        }
    }
}

/// A socket for each shard: at the port, and those behind it. Where one of these is another's, any will do: clients
/// are told which.
fn bind(address: SocketAddr, count: usize) -> Result<Vec<UdpSocket>, StartError> {
    let failed = |error: std::io::Error| StartError(format!("cannot listen on {address} (UDP): {error}"));
    (0..count)
        .map(|shard| {
            let behind = match address.port() {
                0 => 0,
                port => port.checked_add(shard as u16).unwrap_or(0),
            };
            match UdpSocket::bind(SocketAddr::new(address.ip(), behind)) {
                Err(error) if shard > 0 => {
                    tracing::warn!(port = behind, %error, "the port for QUIC is taken, another one is used");
                    UdpSocket::bind(SocketAddr::new(address.ip(), 0)).map_err(failed)
                }
                bound => bound.map_err(failed),
            }
        })
        .collect()
}

fn run_shard(
    index: usize,
    shared: Arc<Shared>,
    inbox: UnboundedReceiver<ToShard>,
    quic: Option<(Identity, UdpSocket)>,
    start: tokio::time::Instant,
) -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError(format!("cannot start the relay: {error}"));
    let rest = Arc::new(Rest::new(start.into_std()));
    let resting = rest.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || resting.before_sleep())
        .build()
        .map_err(failed)?;
    let run = move || {
        let local = tokio::task::LocalSet::new();
        let stopped = local.block_on(&runtime, async move {
            Shard::new(index, shared, quic, start).run(inbox, &rest).await
        });
        // Sockets are closed before anyone hears of the end: another relay may take their place.
        drop(local);
        drop(runtime);
        if let Some(stopped) = stopped {
            let _ = stopped.send(());
        }
    };
    std::thread::Builder::new().name(format!("relay-{index}")).spawn(run).map_err(failed)?;
    Ok(())
}
