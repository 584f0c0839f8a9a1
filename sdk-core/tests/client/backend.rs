//! A backend small enough to break on purpose: accounts and saves in memory behind real HTTP/1.1 on
//! loopback, with switches for what goes wrong. What a whole backend does is tested elsewhere; here the
//! client's side of failures is.

use crate::accounts::Accounts;
use crate::relay::Relay;
use aethex_sdk_core::wire::auth::{
    LoginRequest, LogoutRequest, RefreshRequest, RegisterRequest, Tokens, User, Visibility,
};
use aethex_sdk_core::wire::ids::{PlayerId, SessionId, VersionId};
use aethex_sdk_core::wire::page::Page;
use aethex_sdk_core::wire::saves::{
    Compression, Conflict, FRAME_MEDIA_TYPE, PutSaveRequest, SaveFrame, SaveVersion, encode_frame,
    split_frame,
};
use aethex_sdk_core::wire::{ErrorCode, Problem};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Connections are closed at once.
    pub(crate) down: bool,
    /// So many answers to these paths are lost after the work was done.
    pub(crate) lost_answers: HashMap<&'static str, u32>,
    /// So many answers to these paths end in the middle.
    pub(crate) cut_answers: HashMap<&'static str, u32>,
    /// So many access tokens expire while the request is on its way.
    pub(crate) late_tokens: u32,
    /// So many requests are refused with 429 and Retry-After: 0.
    pub(crate) rate_limited: u32,
    /// Every answer is a page in HTML with status 200.
    pub(crate) captive_portal: bool,
    /// Saves are refused for good.
    pub(crate) no_quota: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) faults: Faults,
    /// Path of every request that was worked on.
    pub(crate) log: Vec<String>,
    /// The newest version is last.
    pub(crate) slots: HashMap<(String, String), Vec<Stored>>,
    pub(crate) beside: Vec<Stored>,
    pub(crate) ended_sessions: HashSet<String>,
    pub(crate) accounts: Accounts,
    pub(crate) users: HashMap<PlayerId, User>,
    /// Access tokens that are accepted: all others are 401.
    access: HashMap<String, PlayerId>,
    refresh: HashMap<String, Chain>,
    answers: HashMap<String, (blake3::Hash, Answer)>,
    /// Where rooms are.
    pub(crate) relay: Option<Relay>,
    made: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) version: SaveVersion,
    compression: Compression,
    payload: Vec<u8>,
}

impl Stored {
    fn plain(&self) -> Vec<u8> {
        match self.compression {
            Compression::Zstd => zstd::bulk::decompress(&self.payload, 32 << 20).unwrap(),
            _ => self.payload.clone(),
        }
    }
}

#[derive(Debug, Clone)]
struct Chain {
    player: PlayerId,
    session: SessionId,
    /// The answer to the first use, given again until the child is used.
    child: Option<Tokens>,
    superseded: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    query: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Backend {
    state: Arc<Mutex<State>>,
    pub(crate) url: String,
}

impl Backend {
    pub(crate) fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let backend = Backend { state: Arc::default(), url };
        let serving = backend.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        backend
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.state().faults.down = down;
    }

    /// Ends every access token, as time does.
    pub(crate) fn expire_access(&self) {
        self.state().access.clear();
    }

    /// How often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.state().log.iter().filter(|logged| logged.contains(path)).count()
    }

    /// Hashes of a slot's contents, oldest first.
    pub(crate) fn hashes(&self, user: &str, slot: &str) -> Vec<String> {
        let state = self.state();
        let versions = state.slots.get(&(user.to_owned(), slot.to_owned()));
        versions.into_iter().flatten().map(|stored| stored.version.hash.clone()).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read_request(&mut reader) {
            if request.headers.contains_key("upgrade") {
                return self.hand_over(&request, reader, stream);
            }
            let cut;
            let answer = {
                let mut state = self.state();
                if state.faults.down {
                    return;
                }
                let answer = state.answer(&request);
                if struck(&mut state.faults.lost_answers, &request.path) {
                    return;
                }
                cut = struck(&mut state.faults.cut_answers, &request.path);
                answer
            };
            let retry = if answer.status == 429 { "retry-after: 0\r\n" } else { "" };
            let head = format!(
                "HTTP/1.1 {} x\r\ncontent-type: {}\r\n{retry}x-request-id: req-1\r\ncontent-length: {}\r\n\r\n",
                answer.status,
                answer.content_type,
                answer.body.len()
            );
            let len = if cut { answer.body.len() / 2 } else { answer.body.len() };
            let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body[..len]));
            if cut || sent.is_err() {
                return;
            }
        }
    }
}

impl Backend {
    /// A WebSocket is the relay's.
    fn hand_over(&self, request: &Request, mut reader: BufReader<TcpStream>, mut stream: TcpStream) {
        let Some(relay) = self.state().relay.clone() else { return };
        let Ok(mut to_relay) = TcpStream::connect(relay.websocket) else { return };
        let mut head = format!("GET {} HTTP/1.1\r\n", request.path);
        for (name, value) in &request.headers {
            head += &format!("{name}: {value}\r\n");
        }
        to_relay.write_all((head + "\r\n").as_bytes()).unwrap();
        let mut from_relay = to_relay.try_clone().unwrap();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_relay, &mut stream);
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let _ = std::io::copy(&mut reader, &mut to_relay);
        let _ = to_relay.shutdown(std::net::Shutdown::Both);
    }
}

/// Whether a fault of this path strikes now.
fn struck(faults: &mut HashMap<&'static str, u32>, path: &str) -> bool {
    let fault = faults.iter_mut().find(|(part, left)| path.contains(**part) && **left > 0);
    fault.map(|(_, left)| *left -= 1).is_some()
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

pub(crate) fn json(status: u16, body: &impl Serialize) -> Answer {
    Answer { status, content_type: "application/json", body: serde_json::to_vec(body).unwrap() }
}

pub(crate) fn problem(code: ErrorCode) -> Answer {
    Answer {
        content_type: "application/problem+json",
        ..json(code.status(), &Problem::new(code, "on purpose"))
    }
}

pub(crate) fn empty() -> Answer {
    Answer { status: 204, content_type: "application/json", body: Vec::new() }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        assert!(request.headers.contains_key("x-request-id"));
        if self.faults.captive_portal {
            return Answer { status: 200, content_type: "text/html", body: b"<html>Hotel</html>".to_vec() };
        }
        if self.faults.rate_limited > 0 {
            self.faults.rate_limited -= 1;
            return problem(ErrorCode::RateLimited);
        }
        self.log.push(format!("{} {}", request.method, request.path));
        match request.path.as_str() {
            "/api/v1/auth/login" => {
                let login: LoginRequest = serde_json::from_slice(&request.body).unwrap();
                match login.password.as_str() {
                    "wrong password" => problem(ErrorCode::InvalidCredentials),
                    _ => self.log_in(&player_of(&login.email), &login.email),
                }
            }
            "/api/v1/auth/register" => {
                let body: RegisterRequest = serde_json::from_slice(&request.body).unwrap();
                let refusal = self.refused_without(body.proof.as_ref());
                refusal.unwrap_or_else(|| self.log_in(&player_of(&body.email), &body.email))
            }
            "/api/v1/auth/refresh" => self.refresh(&serde_json::from_slice(&request.body).unwrap()),
            "/api/v1/auth/logout" => self.logout(request),
            "/api/v1/auth/profile" => match self.caller(request) {
                Some(player) => json(200, &self.user_of(&player)),
                None => problem(ErrorCode::Unauthenticated),
            },
            path => {
                if let Some(answer) = self.public_accounts(request) {
                    return answer;
                }
                let Some(player) = self.caller(request) else { return problem(ErrorCode::Unauthenticated) };
                if let Some(answer) = self.accounts_of(&player, request) {
                    return answer;
                }
                if let Some(answer) = self.rooms(&player, request) {
                    return answer;
                }
                match path.strip_prefix("/api/v1/saves/") {
                    Some(rest) if rest.starts_with(player.as_str()) => {
                        let slot = rest.split_once('/').map(|(_, slot)| slot.to_owned());
                        self.saves(player.as_str(), slot, request)
                    }
                    _ => problem(ErrorCode::NotFound),
                }
            }
        }
    }

    pub(crate) fn user_of(&self, player: &PlayerId) -> User {
        self.users.get(player).cloned().unwrap_or_else(|| user(player, "ann@example.com"))
    }

    pub(crate) fn change_user(&mut self, user: User) -> Answer {
        self.users.insert(user.id.clone(), user.clone());
        json(200, &user)
    }

    /// Sessions of a player, whose access tokens end at once.
    pub(crate) fn sessions_of(&mut self, player: &PlayerId) -> HashSet<String> {
        self.access.retain(|_, owner| owner != player);
        let chains = self.refresh.values().filter(|chain| chain.player == *player);
        chains.map(|chain| chain.session.as_str().to_owned()).collect()
    }

    /// Whose session a newest refresh token is of.
    pub(crate) fn owner_of(&self, refresh_token: &str) -> Option<PlayerId> {
        let chain = self.refresh.get(refresh_token)?;
        let over = chain.child.is_some() || self.ended_sessions.contains(chain.session.as_str());
        (!over).then(|| chain.player.clone())
    }

    pub(crate) fn next_id(&mut self) -> String {
        self.made += 1;
        format!("00000000-0000-0000-0000-{:012x}", self.made)
    }

    fn caller(&mut self, request: &Request) -> Option<PlayerId> {
        if self.faults.late_tokens > 0 {
            self.faults.late_tokens -= 1;
            self.access.clear();
        }
        self.access.get(request.headers.get("authorization")?.strip_prefix("Bearer ")?).cloned()
    }

    pub(crate) fn tokens(&mut self, player: &PlayerId, session: &SessionId) -> Tokens {
        let (access_token, refresh_token) =
            (format!("access-{}", self.next_id()), format!("refresh-{}", self.next_id()));
        self.access.insert(access_token.clone(), player.clone());
        let chain =
            Chain { player: player.clone(), session: session.clone(), child: None, superseded: false };
        self.refresh.insert(refresh_token.clone(), chain);
        Tokens {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: 900,
            refresh_token,
            refresh_expires_in: 2_592_000,
            session_id: session.clone(),
        }
    }

    /// Rotation with reuse detection: a token may be repeated until its child is used.
    fn refresh(&mut self, request: &RefreshRequest) -> Answer {
        let Some(chain) = self.refresh.get(&request.refresh_token).cloned() else {
            return problem(ErrorCode::SessionEnded);
        };
        if chain.superseded || self.ended_sessions.contains(chain.session.as_str()) {
            self.ended_sessions.insert(chain.session.as_str().to_owned());
            return problem(ErrorCode::SessionEnded);
        }
        // Using a token ends the grace of its parent.
        for other in self.refresh.values_mut() {
            if other.child.as_ref().is_some_and(|child| child.refresh_token == request.refresh_token) {
                other.superseded = true;
            }
        }
        let child = match chain.child {
            Some(child) => {
                self.access.insert(child.access_token.clone(), chain.player);
                child
            }
            None => self.tokens(&chain.player, &chain.session),
        };
        self.refresh.get_mut(&request.refresh_token).unwrap().child = Some(child.clone());
        json(200, &child)
    }

    fn logout(&mut self, request: &Request) -> Answer {
        let body: LogoutRequest = serde_json::from_slice(&request.body).unwrap();
        let session =
            body.refresh_token.and_then(|token| self.refresh.get(&token)).map(|chain| chain.session.clone());
        self.ended_sessions.extend(session.map(|session| session.as_str().to_owned()));
        empty()
    }

    fn saves(&mut self, user: &str, slot: Option<String>, request: &Request) -> Answer {
        match (request.method.as_str(), slot) {
            ("GET", None) => {
                let heads = self.slots.iter().filter(|((owner, _), _)| owner == user);
                let items =
                    heads.filter_map(|(_, versions)| versions.last().map(|stored| stored.version.clone()));
                json(200, &Page { items: items.collect(), next_cursor: None })
            }
            ("GET", Some(slot)) if slot == "history" => {
                let all = self
                    .slots
                    .iter()
                    .filter(|((owner, _), _)| owner == user)
                    .flat_map(|(_, versions)| versions);
                let mut items: Vec<_> =
                    all.chain(&self.beside).map(|stored| stored.version.clone()).collect();
                items.retain(|version| request.query.contains(&format!("slot={}", version.slot)));
                items.sort_by(|a, b| b.version.cmp(&a.version));
                json(200, &Page { items, next_cursor: None })
            }
            ("GET", Some(slot)) => self.get(user, &slot, request),
            ("POST", None) => self.put_once(user, request),
            ("DELETE", Some(slot)) => match self.slots.remove(&(user.to_owned(), slot)) {
                Some(_) => empty(),
                None => problem(ErrorCode::SaveNotFound),
            },
            _ => problem(ErrorCode::MethodNotAllowed),
        }
    }

    fn get(&self, user: &str, slot: &str, request: &Request) -> Answer {
        assert_eq!(request.headers["accept"], FRAME_MEDIA_TYPE);
        let wanted = request.query.split('&').find_map(|pair| pair.strip_prefix("version="));
        let slot = slot.replace("%20", " ").replace("%28", "(").replace("%29", ")");
        let versions = self.slots.get(&(user.to_owned(), slot)).into_iter().flatten();
        let found =
            versions.rev().find(|stored| wanted.is_none_or(|id| stored.version.version.as_str() == id));
        let Some(Stored { version, compression, payload }) = found else {
            return problem(if wanted.is_some() {
                ErrorCode::VersionNotFound
            } else {
                ErrorCode::SaveNotFound
            });
        };
        let frame = SaveFrame { version: version.clone(), compression: *compression, base: None };
        Answer { status: 200, content_type: FRAME_MEDIA_TYPE, body: encode_frame(&frame, payload) }
    }

    fn put_once(&mut self, user: &str, request: &Request) -> Answer {
        let key = request.headers["idempotency-key"].clone();
        let hash = blake3::hash(&request.body);
        if let Some((first, answer)) = self.answers.get(&key) {
            return if *first == hash { answer.clone() } else { problem(ErrorCode::IdempotencyMismatch) };
        }
        let answer = self.put(user, request);
        self.answers.insert(key, (hash, answer.clone()));
        answer
    }

    fn put(&mut self, user: &str, request: &Request) -> Answer {
        if self.faults.no_quota {
            return problem(ErrorCode::QuotaExceeded);
        }
        assert_eq!(request.headers["content-type"], FRAME_MEDIA_TYPE);
        let (header, payload) = split_frame(&request.body).unwrap();
        let put: PutSaveRequest = serde_json::from_slice(&header).unwrap();
        let is_patch = put.compression == Some(Compression::Delta);
        let plain = match put.compression.unwrap() {
            Compression::None => payload.to_vec(),
            Compression::Zstd => zstd::bulk::decompress(payload, 32 << 20).unwrap(),
            Compression::Delta => {
                let mut all = self.slots.values().flatten().chain(&self.beside);
                let base = put.base.as_ref().map_or_else(Vec::new, |base| {
                    let base = all.find(|stored| stored.version.version == *base);
                    base.expect("a patch is against a version that this client saw").plain()
                });
                aethex_sdk_core::wire::delta::decode(&base, payload, 32 << 20).unwrap()
            }
        };
        assert_eq!(put.hash.as_deref(), Some(blake3::hash(&plain).to_hex().as_str()));
        let parents = put.parents.expect("this client always says what a save is based on");
        let id = VersionId::parse(&self.next_id()).unwrap();
        let line = self.slots.entry((user.to_owned(), put.slot.clone())).or_default();
        let head = line.last().map(|stored| stored.version.clone());
        let is_next = parents.first() == head.as_ref().map(|head| &head.version);
        let version = SaveVersion {
            parents,
            sequence: is_next.then_some(line.len() as i64 + 1),
            encoding: put.encoding.unwrap(),
            hash: put.hash.unwrap(),
            size_bytes: plain.len() as i64,
            label: put.label,
            device_name: put.device_name,
            playtime_ms: put.playtime_ms,
            saved_at_ms: put.saved_at_ms.unwrap(),
            stored_at_ms: 1,
            ..SaveVersion::new(put.slot, id)
        };
        let stored = Stored {
            version: version.clone(),
            compression: if is_patch { Compression::None } else { put.compression.unwrap() },
            payload: if is_patch { plain } else { payload.to_vec() },
        };
        if is_next {
            line.push(stored);
            return json(201, &version);
        }
        let Some(head) = head else { return problem(ErrorCode::UnknownParent) };
        self.beside.push(stored);
        let conflict = Conflict { head, ancestor: None, kept: version };
        let problem = Problem {
            conflict: Some(Box::new(conflict)),
            ..Problem::new(ErrorCode::SavesConflict, "moved on")
        };
        json(409, &problem)
    }
}

/// The player of an email address: always the same.
pub(crate) fn player_of(email: &str) -> PlayerId {
    let hex = blake3::hash(email.as_bytes()).to_hex();
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]);
    PlayerId::parse(&format!("{a}-{b}-{c}-{d}-{e}")).unwrap()
}

pub(crate) fn user(player: &PlayerId, email: &str) -> User {
    User {
        id: player.clone(),
        username: email.split('@').next().unwrap().to_owned(),
        email: email.to_owned(),
        email_verified: false,
        is_guest: false,
        display_name: "Ann".to_owned(),
        avatar_url: String::new(),
        visibility: Visibility::Public,
        locale: String::new(),
        version: 1,
        created_at_ms: 1,
    }
}
