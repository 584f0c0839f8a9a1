//! The network between devices and server, and what goes wrong on it.

use super::Fault;
use super::ledger::{Deletion, Ledger, Put};
use super::server::{Around, pass};
use aethex_backend::simulation::Backend;
use aethex_sdk_core::simulation::{Chance, Unanswered};
use aethex_wire::IDEMPOTENCY_KEY_HEADER;
use aethex_wire::saves::sync::{encode_batch, split_batch};
use aethex_wire::saves::{encode_frame, split_frame};
use bytes::Bytes;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Where guests log in.
const GUEST_PATH: &str = "/api/v1/auth/guest";

/// What a history's devices and server share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) host: Arc<Around>,
    pub(super) backend: Mutex<Backend>,
    /// Counts the server's deaths.
    pub(super) deaths: watch::Sender<u64>,
    pub(super) down: AtomicBool,
    /// Chance of network and disks; the story has its own.
    pub(super) chance: Mutex<Chance>,
    pub(super) ledger: Mutex<Ledger>,
    /// One in so many requests is lost, and as many answers, or doubled; 0 for none.
    pub(super) storm: u64,
    /// The weather is fine.
    pub(super) calm: AtomicBool,
    /// Requests that left and are not done with, whoever still waits for them.
    pub(super) on_the_way: AtomicUsize,
    pub(super) fault: Fault,
    /// What happens is written down, for somebody to read.
    pub(super) told: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    Doubled,
    /// It never comes to the server; the device is told so, or waits.
    Lost {
        silent: bool,
    },
    /// The server's answer never comes back.
    Unanswered {
        silent: bool,
    },
}

/// Longest way of a request that carries a token: shorter than a process takes to start twice.
const TOKEN_WAY_MAX: Duration = Duration::from_millis(60);

impl World {
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if self.told {
            let line = format!("{:>10} {}", self.host.elapsed_ms(), line());
            self.ledger.lock().lines.push(line);
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// A time on the way.
    fn way(&self) -> Duration {
        let mut chance = self.chance.lock();
        let longest = match chance.below(40) {
            _ if self.is_calm() => 30,
            0 => 15_000,
            1..6 => 2_000,
            _ => 60,
        };
        Duration::from_millis(1 + chance.below(longest))
    }

    fn fate(&self, request: &Request<Bytes>) -> Fate {
        if self.is_calm() || self.storm == 0 {
            return Fate::Arrives;
        }
        let mut chance = self.chance.lock();
        let silent = chance.once_in(3);
        match chance.below(self.storm) {
            0 => Fate::Lost { silent },
            1 => Fate::Unanswered { silent },
            // Only a middlebox repeats requests by itself, and never those that are not safe to repeat: tokens.
            2 if request.uri().path().contains("/saves") => Fate::Doubled,
            _ => Fate::Arrives,
        }
    }

    /// The server dies, and comes back at once with what was committed.
    pub(super) async fn crash(&self) {
        self.deaths.send_modify(|deaths| *deaths += 1);
        let before = self.backend.lock().clone();
        self.host.forget_ids();
        let after = before.crash().await.unwrap();
        *self.backend.lock() = after;
        self.note(|| "the server dies and starts again".to_owned());
    }

    /// Carries a request to the server, and the answer back.
    pub(super) async fn carry(
        self: Arc<World>,
        device: String,
        online: Arc<AtomicBool>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Unanswered> {
        let request = self.as_sent(request);
        let about = format!("{device} {} {}", request.method(), request.uri());
        let reachable = || online.load(Ordering::Relaxed) && !self.down.load(Ordering::Relaxed);
        if !reachable() {
            pass(self.way().min(Duration::from_secs(1))).await;
            self.note(|| format!("  {about}: no connection"));
            return Err(Unanswered::Unsent);
        }
        let fate = self.fate(&request);
        let (tell, told) = oneshot::channel();
        let way = match about.contains("/auth/") {
            // A token that comes after its successor was used counts as stolen: the session ends, as it must.
            true => self.way().min(TOKEN_WAY_MAX),
            false => self.way(),
        };
        if let Fate::Lost { silent } = fate {
            self.note(|| format!("  {about}: lost"));
            return self.nothing(silent).await;
        }
        self.post(device.clone(), request.clone(), way, tell);
        if fate == Fate::Doubled {
            let later = way + self.way();
            self.post(device, request, later, oneshot::channel().0);
        }
        let answer = told.await.map_err(|_| Unanswered::Broken);
        pass(self.way()).await;
        if let Fate::Unanswered { silent } = fate {
            self.note(|| format!("  {about}: the answer is lost"));
            return self.nothing(silent).await;
        }
        if !online.load(Ordering::Relaxed) {
            return Err(Unanswered::Broken);
        }
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.note(|| match &answer {
            Ok(answer) if answer.status().is_client_error() => {
                format!("  {about}: {status} {}", String::from_utf8_lossy(answer.body()))
            }
            _ => format!("  {about}: {status}"),
        });
        answer
    }

    async fn nothing(&self, silent: bool) -> Result<Response<Bytes>, Unanswered> {
        if silent {
            std::future::pending::<()>().await;
        }
        pass(self.way()).await;
        Err(Unanswered::Broken)
    }

    /// Sends a request on its way.
    fn post(
        self: &Arc<World>,
        device: String,
        request: Request<Bytes>,
        way: Duration,
        tell: oneshot::Sender<Response<Bytes>>,
    ) {
        self.on_the_way.fetch_add(1, Ordering::Relaxed);
        let world = self.clone();
        tokio::spawn(async move {
            world.clone().deliver(device, request, way, tell).await;
            world.on_the_way.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Brings a request to the server after a while. The server works on it even when nobody waits.
    async fn deliver(
        self: Arc<World>,
        device: String,
        request: Request<Bytes>,
        way: Duration,
        tell: oneshot::Sender<Response<Bytes>>,
    ) {
        pass(way).await;
        if self.down.load(Ordering::Relaxed) {
            return;
        }
        let mut deaths = self.deaths.subscribe();
        deaths.borrow_and_update();
        let entry = Entry::open(&self, &device, &request);
        let backend = self.backend.lock().clone();
        let request = self.for_server(request);
        // Each history comes from an address of its own: attempts are counted by address.
        let from = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | (self.seed as u32 & 0x00ff_ffff)));
        let answer = tokio::select! {
            biased;
            _ = deaths.changed() => return,
            answer = backend.call(request, from) => answer,
        };
        if answer.status().is_server_error() && answer.status() != 503 {
            let words = String::from_utf8_lossy(answer.body()).into_owned();
            self.ledger.lock().is_wrong(format!("the server failed: {words}"));
        }
        let answer = self.as_told(answer);
        entry.close(&self, &answer);
        let _ = tell.send(answer);
    }

    /// The request as a device with a planted fault sends it.
    fn as_sent(&self, request: Request<Bytes>) -> Request<Bytes> {
        if self.fault != Fault::MergeWithOneParent {
            return request;
        }
        let one_parent = |frame: &[u8]| {
            with_header(frame, |header| {
                if let Some(parents) = header["parents"].as_array_mut() {
                    parents.truncate(1);
                }
            })
        };
        let (parts, mut body) = request.into_parts();
        if is_put(&parts.method, parts.uri.path()) {
            body = one_parent(&body).into();
        } else if is_batch(&parts.method, parts.uri.path()) {
            let saves = split_batch(&body).unwrap();
            let saves: Vec<_> = saves.into_iter().map(|(key, frame)| (key, one_parent(frame))).collect();
            body = encode_batch(saves.iter().map(|(key, frame)| (&**key, frame.as_slice()))).into();
        }
        Request::from_parts(parts, body)
    }

    /// The answer as a server with a planted fault gives it.
    fn as_told(&self, answer: Response<Bytes>) -> Response<Bytes> {
        if self.fault != Fault::AncestorTooOld || !matches!(answer.status().as_u16(), 201 | 409) {
            return answer;
        }
        let Ok(mut told) = serde_json::from_slice::<serde_json::Value>(answer.body()) else { return answer };
        let mut ledger = self.ledger.lock();
        if let Some(slot) = told["slot"].as_str().map(str::to_owned) {
            ledger.firsts.entry(slot).or_insert(told);
            return answer;
        }
        let slot = told["conflict"]["head"]["slot"].as_str().unwrap_or_default();
        match ledger.firsts.get(slot) {
            Some(first) => {
                told["conflict"]["ancestor"] = first.clone();
                answer.map(|_| serde_json::to_vec(&told).unwrap().into())
            }
            None => answer,
        }
    }

    /// The request as the server gets it: all devices of a history are one guest, and faults are planted here.
    fn for_server(&self, request: Request<Bytes>) -> Request<Bytes> {
        let (mut parts, mut body) = request.into_parts();
        parts.headers.insert(http::header::HOST, http::HeaderValue::from_static("cloud.test"));
        if parts.uri.path() == GUEST_PATH {
            let mut login: serde_json::Value = serde_json::from_slice(&body).unwrap();
            login["device_key"] = format!("{:042}A", self.seed).into();
            body = serde_json::to_vec(&login).unwrap().into();
        }
        if is_put(&parts.method, parts.uri.path()) {
            if self.fault == Fault::NewKeyAtRetry {
                parts.headers.insert(IDEMPOTENCY_KEY_HEADER, self.new_key().parse().unwrap());
            }
            body = self.with_faults(&body).into();
        } else if is_batch(&parts.method, parts.uri.path()) {
            let saves = split_batch(&body).unwrap();
            let saves: Vec<(String, Vec<u8>)> = saves
                .into_iter()
                .map(|(key, frame)| {
                    let renamed = self.fault == Fault::NewKeyAtRetry;
                    let key = if renamed { self.new_key() } else { key.to_owned() };
                    (key, self.with_faults(frame))
                })
                .collect();
            body = encode_batch(saves.iter().map(|(key, frame)| (key.as_str(), frame.as_slice()))).into();
        }
        Request::from_parts(parts, body)
    }

    fn new_key(&self) -> String {
        format!("{:016x}", self.chance.lock().draw())
    }

    /// A frame as it would be, had the SDK the fault that is planted.
    fn with_faults(&self, frame: &[u8]) -> Vec<u8> {
        if self.fault != Fault::HeadWithoutCompare {
            return frame.to_vec();
        }
        with_header(frame, |header| {
            for made_from in ["parents", "after"] {
                header.as_object_mut().unwrap().remove(made_from);
            }
        })
    }
}

/// A frame with its header changed.
fn with_header(frame: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let (header, payload) = split_frame(frame).unwrap();
    let mut header = serde_json::from_slice(&header).unwrap();
    change(&mut header);
    encode_frame(&header, payload)
}

fn is_put(method: &Method, path: &str) -> bool {
    *method == Method::POST && path.strip_prefix("/api/v1/saves/").is_some_and(|rest| !rest.contains('/'))
}

fn is_batch(method: &Method, path: &str) -> bool {
    *method == Method::POST && path.starts_with("/api/v1/saves-batch/")
}

/// A request's lines in the ledger.
enum Entry {
    Put(usize),
    Batch(Range<usize>),
    Delete(usize),
    Other,
}

impl Entry {
    fn open(world: &World, device: &str, request: &Request<Bytes>) -> Entry {
        let mut ledger = world.ledger.lock();
        let came = ledger.tick();
        let path = request.uri().path();
        if is_put(request.method(), path) {
            let key = request.headers().get(IDEMPOTENCY_KEY_HEADER);
            let key = key.map(|key| key.to_str().unwrap()).unwrap_or_default();
            ledger.puts.push(put_of(device, key, request.body(), came));
            return Entry::Put(ledger.puts.len() - 1);
        }
        if is_batch(request.method(), path) {
            let first = ledger.puts.len();
            let saves = split_batch(request.body()).unwrap();
            ledger.puts.extend(saves.into_iter().map(|(key, frame)| put_of(device, key, frame, came)));
            return Entry::Batch(first..ledger.puts.len());
        }
        if request.method() == Method::DELETE && path.contains("/saves/") {
            let slot = path.rsplit('/').next().unwrap_or_default().to_owned();
            ledger.deletions.push(Deletion { slot, came, done: None });
            return Entry::Delete(ledger.deletions.len() - 1);
        }
        Entry::Other
    }

    fn close(&self, world: &World, answer: &Response<Bytes>) {
        let mut ledger = world.ledger.lock();
        let (now, status) = (ledger.tick(), answer.status().as_u16());
        match self {
            Entry::Put(at) => {
                let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                ledger.puts[*at].answered = Some(answered(now, status, &body));
            }
            Entry::Batch(puts) => {
                let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                for (nth, at) in puts.clone().enumerate() {
                    let (version, problem) =
                        (&body["results"][nth]["version"], &body["results"][nth]["problem"]);
                    let refused = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                    ledger.puts[at].answered = match (version.is_object(), refused) {
                        (true, _) => Some(answered(now, 201, version)),
                        (false, Some(refused)) => Some(answered(now, refused, problem)),
                        // The server stopped before it.
                        (false, None) => None,
                    };
                }
            }
            Entry::Delete(at) => ledger.deletions[*at].done = Some((now, status)),
            Entry::Other => {}
        }
    }
}

fn put_of(device: &str, key: &str, frame: &[u8], came: u64) -> Put {
    let (header, _) = split_frame(frame).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    let text = |name: &str| header[name].as_str().unwrap_or_default().to_owned();
    let parents = header["parents"].as_array();
    Put {
        device: device.to_owned(),
        slot: text("slot"),
        hash: text("hash"),
        key: key.to_owned(),
        parents: parents.map(|ids| ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()),
        after: header["after"].as_str().map(str::to_owned),
        came,
        answered: None,
    }
}

/// When the server was done with a save, the status, and the version it became.
fn answered(now: u64, status: u16, body: &serde_json::Value) -> (u64, u16, Option<String>) {
    let version = if status == 409 { &body["conflict"]["kept"] } else { body };
    (now, status, version["version"].as_str().map(str::to_owned))
}
