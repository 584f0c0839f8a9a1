//! A bad network between a client and a server: passes bytes on, or does what networks do.

use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Weather {
    /// Passes everything on.
    Fair,
    /// Requests arrive, answers are lost with their connection.
    AnswersLost,
    /// Connections end at once.
    Down,
}

/// A relay on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    weather: AtomicU8,
    answers_lost: AtomicUsize,
    /// First lines of requests, as far as each began with what was read at once.
    requests: Mutex<Vec<String>>,
    bytes_down: AtomicUsize,
}

impl Proxy {
    /// A relay to `http://address`, in fair weather.
    pub async fn start(server: &str) -> Proxy {
        let server: SocketAddr =
            server.trim_start_matches("http://").parse().expect("the base is an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State {
            weather: AtomicU8::new(Weather::Fair as u8),
            answers_lost: AtomicUsize::new(0),
            requests: Mutex::default(),
            bytes_down: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, server, state.clone()));
        Proxy { address, state, accepting }
    }

    /// The relay's address, as a server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the weather, for open connections too.
    pub fn set(&self, weather: Weather) {
        self.state.weather.store(weather as u8, Ordering::SeqCst);
    }

    /// Answers that were lost so far.
    pub fn answers_lost(&self) -> usize {
        self.state.answers_lost.load(Ordering::SeqCst)
    }

    /// The requests so far, each as `METHOD path`.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().clone()
    }

    /// Bytes of answers that were passed on so far.
    pub fn bytes_down(&self) -> usize {
        self.state.bytes_down.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn is(&self, weather: Weather) -> bool {
        self.weather.load(Ordering::SeqCst) == weather as u8
    }

    fn note(&self, bytes: &[u8]) {
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix(" HTTP/1.1"));
        self.requests.lock().extend(line.map(str::to_owned));
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, state: Arc<State>) {
    let mut open = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if state.is(Weather::Down) {
            continue;
        }
        let state = state.clone();
        open.spawn(async move {
            // A broken connection is what this is for.
            let _ = relay(client, server, &state).await;
        });
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, state: &State) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut upward, mut downward) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut upward) => match read? {
                0 => return Ok(()),
                _ if state.is(Weather::Down) => return Ok(()),
                len => {
                    state.note(&upward[..len]);
                    server.write_all(&upward[..len]).await?;
                }
            },
            read = server.read(&mut downward) => match read? {
                0 => return Ok(()),
                _ if !state.is(Weather::Fair) => {
                    state.answers_lost.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                len => {
                    state.bytes_down.fetch_add(len, Ordering::SeqCst);
                    client.write_all(&downward[..len]).await?;
                }
            },
        }
    }
}
