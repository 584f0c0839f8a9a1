//! A long way between a client and a server: what is sent takes its time, comes out of order, gets lost, and comes
//! from another address than before. Of UDP, where a relay is reached by QUIC, and of TCP, where the API and the
//! WebSocket are.
//!
//! A shaper has a loopback address of its own and, for UDP, the relay's port: a client that was told the shaper's
//! URL finds both there, as the relay's host is the one that the API was reached at. Towards the server each client
//! has a socket of its own, as behind a NAT; [`Shaper::rebind`] gives it another port, and what is sent to the old one
//! goes nowhere. On TCP nothing can be lost: what would be waits to be sent again, and so does all behind it.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Longest packet.
const PACKET_LEN_MAX: usize = 65_536;
/// Bytes that a TCP connection reads at once, as lost ones are counted by segments.
const SEGMENT_LEN: usize = 1_460;
/// Segments of a connection on their way in one direction.
const SEGMENTS_MAX: usize = 1_024;
/// What TCP waits at least before it sends again (Linux).
const RETRANSMIT_MIN: Duration = Duration::from_millis(200);
/// What begins a QUIC packet that asks for proof of an address, and which bits of it say so (RFC 9000 section 17.2.5).
const RETRY: (u8, u8) = (0xf0, 0xf0);

/// A way in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Way {
    /// How long it takes.
    pub delay: Duration,
    /// By how much longer at most: packets overtake each other.
    pub jitter: Duration,
    /// How many of a thousand packets are lost.
    pub lost_per_mille: u64,
}

impl Way {
    /// Nothing is lost or late.
    pub const FAIR: Way = Way { delay: Duration::ZERO, jitter: Duration::ZERO, lost_per_mille: 0 };
    /// One packet in twenty is lost, and each takes 100 ms and up to 10 more.
    pub const BAD: Way =
        Way { delay: Duration::from_millis(100), jitter: Duration::from_millis(10), lost_per_mille: 50 };
    /// Nothing arrives.
    pub const CLOSED: Way = Way { delay: Duration::ZERO, jitter: Duration::ZERO, lost_per_mille: 1_000 };
}

/// UDP in one direction so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets that came to be passed on.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets of them that were lost.
    pub lost: u64,
    /// Bytes of these.
    pub lost_bytes: u64,
    /// Packets of them by which a server asks for proof of an address.
    pub retries: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Shaper {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// To the server, and from it.
    lanes: [Mutex<Lane>; 2],
    /// Numbers by chance.
    chance: AtomicU64,
    /// Clients, by their own address and the port that they talk to.
    flows: Mutex<HashMap<(SocketAddr, u16), Flow>>,
    cuts: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lane {
    way: Way,
    count: Count,
}

/// The directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Server = 0,
    Client = 1,
}

/// A client's socket towards the server, which hears no more when this is dropped.
#[derive(Debug)]
struct Flow {
    socket: Arc<UdpSocket>,
    reading: JoinHandle<()>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Shaper {
    /// Stands at `127.0.0.last` before a server whose API is at `url`, and whose relay by QUIC is at the ports `udp` of
    /// the same host.
    pub async fn start(last: u8, url: &str, udp: &[u16]) -> Shaper {
        let server: SocketAddr = url.trim_start_matches("http://").parse().expect("the base is an address");
        let host = Ipv4Addr::new(127, 0, 0, last);
        let listener = TcpListener::bind((host, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            lanes: Default::default(),
            chance: AtomicU64::new(u64::from(last)),
            flows: Mutex::default(),
            cuts: watch::Sender::new(0),
        });
        let mut tasks = vec![tokio::spawn(accept(listener, server, shared.clone()))];
        for port in udp {
            // While the relay has this port nobody is given it by chance, on any address.
            let socket = UdpSocket::bind((host, *port)).await.expect("the relay's port is free here");
            let to = SocketAddr::new(server.ip(), *port);
            tasks.push(tokio::spawn(pass_packets(Arc::new(socket), to, shared.clone())));
        }
        Shaper { address, shared, tasks }
    }

    /// Where the API is, for a client behind this way.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Both directions are like this from now on.
    pub fn set(&self, way: Way) {
        self.set_each(way, way);
    }

    /// The direction to the server is like this from now on, and that to clients.
    pub fn set_each(&self, to_server: Way, to_clients: Way) {
        self.shared.lanes[To::Server as usize].lock().way = to_server;
        self.shared.lanes[To::Client as usize].lock().way = to_clients;
    }

    /// The server sees clients at other ports from their next packets on; what it sends to those before is lost.
    pub fn rebind(&self) {
        self.shared.flows.lock().clear();
    }

    /// Ends all TCP connections.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// UDP to the server so far.
    pub fn to_server(&self) -> Count {
        self.shared.lanes[To::Server as usize].lock().count
    }

    /// UDP to clients so far.
    pub fn to_clients(&self) -> Count {
        self.shared.lanes[To::Client as usize].lock().count
    }
}

impl Drop for Shaper {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.rebind();
        self.cut();
    }
}

impl Shared {
    /// A number by chance, below `end` (SplitMix64).
    fn below(&self, end: u64) -> u64 {
        let mut z = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// What becomes of something that is sent now: whether it is lost, and else when it arrives; `None` for at once.
    fn fate(&self, way: &Way) -> (bool, Option<Instant>) {
        let is_lost = self.below(1_000) < way.lost_per_mille;
        let takes = way.delay + Duration::from_micros(self.below(way.jitter.as_micros() as u64 + 1));
        (is_lost, (!takes.is_zero()).then(|| Instant::now() + takes))
    }

    /// The same for a packet, which is counted.
    fn fate_of_packet(&self, to: To, packet: &[u8]) -> Option<Option<Instant>> {
        let mut lane = self.lanes[to as usize].lock();
        let (is_lost, at) = self.fate(&lane.way);
        lane.count.packets += 1;
        lane.count.bytes += packet.len() as u64;
        lane.count.lost += u64::from(is_lost);
        lane.count.lost_bytes += if is_lost { packet.len() as u64 } else { 0 };
        lane.count.retries += u64::from(packet.first().is_some_and(|first| first & RETRY.1 == RETRY.0));
        (!is_lost).then_some(at)
    }

    /// When a segment of a TCP connection arrives.
    fn fate_of_segment(&self, to: To) -> Option<Instant> {
        let way = self.lanes[to as usize].lock().way;
        let (is_lost, at) = self.fate(&way);
        let again = if is_lost { RETRANSMIT_MIN.max(2 * way.delay) } else { Duration::ZERO };
        at.or(is_lost.then(Instant::now)).map(|at| at + again)
    }

    /// The client's socket towards the server.
    async fn socket_of(
        self: &Arc<Shared>,
        client: SocketAddr,
        to: SocketAddr,
        ours: &Arc<UdpSocket>,
    ) -> Option<Arc<UdpSocket>> {
        let key = (client, to.port());
        if let Some(flow) = self.flows.lock().get(&key) {
            return Some(flow.socket.clone());
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?);
        socket.connect(to).await.ok()?;
        let reading = tokio::spawn(pass_back(socket.clone(), client, ours.clone(), self.clone()));
        self.flows.lock().insert(key, Flow { socket: socket.clone(), reading });
        Some(socket)
    }
}

/// Sends a packet when it is its time.
fn send(at: Option<Instant>, socket: Arc<UdpSocket>, packet: &[u8], to: Option<SocketAddr>) {
    let packet = packet.to_vec();
    tokio::spawn(async move {
        if let Some(at) = at {
            sleep_until(at).await;
        }
        // Nobody listens, perhaps: lost, as on any network.
        let _ = match to {
            Some(to) => socket.send_to(&packet, to).await,
            None => socket.send(&packet).await,
        };
    });
}

async fn pass_packets(ours: Arc<UdpSocket>, to: SocketAddr, shared: Arc<Shared>) {
    let mut buffer = vec![0; PACKET_LEN_MAX];
    loop {
        let Ok((len, client)) = ours.recv_from(&mut buffer).await else { continue };
        let packet = &buffer[..len];
        let Some(at) = shared.fate_of_packet(To::Server, packet) else { continue };
        let Some(socket) = shared.socket_of(client, to, &ours).await else { continue };
        match at {
            None => drop(socket.send(packet).await),
            at => send(at, socket, packet, None),
        }
    }
}

async fn pass_back(socket: Arc<UdpSocket>, client: SocketAddr, ours: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut buffer = vec![0; PACKET_LEN_MAX];
    loop {
        let Ok(len) = socket.recv(&mut buffer).await else {
            // The server's port is closed: told of once for each packet that was sent.
            tokio::task::yield_now().await;
            continue;
        };
        let packet = &buffer[..len];
        let Some(at) = shared.fate_of_packet(To::Client, packet) else { continue };
        match at {
            None => drop(ours.send_to(packet, client).await),
            at => send(at, ours.clone(), packet, Some(client)),
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, shared: Arc<Shared>) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (shared, mut cuts) = (shared.clone(), shared.cuts.subscribe());
        open.spawn(async move {
            tokio::select! {
                _ = cuts.changed() => {}
                () = pass_connection(client, server, shared) => {}
            }
        });
        while open.try_join_next().is_some() {}
    }
}

async fn pass_connection(client: TcpStream, server: SocketAddr, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(
        pass_bytes(from_client, to_server, To::Server, &shared),
        pass_bytes(from_server, to_client, To::Client, &shared),
    );
}

/// Passes one direction on until it ends.
async fn pass_bytes(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lane: To, shared: &Shared) {
    let (sender, mut under_way) = mpsc::channel::<(Option<Instant>, Vec<u8>)>(SEGMENTS_MAX);
    let reading = async move {
        let mut buffer = vec![0; SEGMENT_LEN];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            let segment = (shared.fate_of_segment(lane), buffer[..len].to_vec());
            if sender.send(segment).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        // One after the other: who is late holds up those behind.
        while let Some((at, segment)) = under_way.recv().await {
            if let Some(at) = at {
                sleep_until(at).await;
            }
            if to.write_all(&segment).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
