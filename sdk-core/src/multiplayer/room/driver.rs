//! Keeps a room's link: opens it, opens it again when it drops, moves it to a better transport, and says when the
//! stay is over.
//!
//! A dropped link is made again with the session's secret for as long as the seat is held, at growing random
//! intervals; then, or when the relay knows the session no more, the room is joined anew over the API. On WebSocket
//! QUIC is tried again now and then, and taken while the old link still carries.

use super::core::{Core, Status};
use super::{Command, JoinOptions};
use crate::cloud::Shared;
use crate::multiplayer::api;
use crate::multiplayer::events::{MultiplayerEvent, Transport};
use crate::multiplayer::link::{self, Link, LinkError, Places, Rebinder, Transports};
use crate::multiplayer::session::{SessionError, Welcomed};
use crate::wire::multiplayer::frame::{LeftReason, PROTOCOL, ServerFrame};
use crate::wire::multiplayer::{JoinRoom, JoinRoomRequest, JoinedRoom, LeaveRoom};
use crate::{Error, ErrorCode, clock};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// How long joining may take in all.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a lost room is looked for after its seat was given away: a backend's restart, a train's tunnel.
const REJOIN_TIMEOUT: Duration = Duration::from_secs(300);
/// First and longest waiting time between tries, before jitter.
const BACKOFF_BASE: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Silence after which a QUIC link moves to a new socket: two pings without an answer.
const SILENCE_REBIND: Duration = Duration::from_millis(2_200);
/// Silence after which a link is given up.
const SILENCE_MAX: Duration = Duration::from_millis(4_500);
/// How often silence is looked at.
const SILENCE_CHECK: Duration = Duration::from_millis(500);
/// When QUIC is tried first on WebSocket, and how the pauses grow.
const UPGRADE_FIRST: Duration = Duration::from_secs(1);
const UPGRADE_MAX: Duration = Duration::from_secs(120);
/// How long the relay has to answer to a farewell.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How a stay ends.
pub(super) struct End(LeftReason, Option<Error>);

impl End {
    fn left() -> End {
        End(LeftReason::Left, None)
    }

    fn refused(error: Error) -> End {
        let reason = match error.code {
            ErrorCode::RoomClosed | ErrorCode::RoomNotFound => LeftReason::Closed,
            ErrorCode::RoomKicked | ErrorCode::RoomBanned => LeftReason::Kicked,
            ErrorCode::NotInRoom => LeftReason::Left,
            ErrorCode::Offline | ErrorCode::Timeout | ErrorCode::Overloaded => LeftReason::TimedOut,
            _ => LeftReason::Refused,
        };
        End(reason, Some(error))
    }
}

/// Why a link did not come to be.
enum Ungreeted {
    /// It could not be opened.
    Unopened(LinkError),
    /// It broke after hello: a ticket is used up, an older link is no longer read.
    Broken(LinkError),
    /// The relay's refusal.
    Refused(Error),
}

/// How a link ended.
enum Ended {
    Dropped,
    Swapped(Box<Link>),
    Left,
    Over(End),
}

type Swap = BoxFuture<'static, Result<Link, Ungreeted>>;

/// See the module.
pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) core: Arc<Core>,
    pub(super) options: JoinOptions,
    pub(super) places: Places,
    pub(super) ticket: Option<String>,
    /// Whether the relay knows the session no more.
    pub(super) forgotten: bool,
}

impl Driver {
    /// Runs until the stay is over.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let End(reason, error) = self.stay(&mut commands).await;
        if reason == LeftReason::Left && error.is_none() {
            // The API's word counts, also when no link was left to say so; that there is no seat is what we want.
            let room = [self.core.room_id.as_str()];
            let leaving = api::ask::<LeaveRoom>(&self.shared, &room);
            let _ = tokio::time::timeout(LEAVE_TIMEOUT * 5, leaving).await;
        }
        let code = error.as_ref().map(|error| error.code.as_str());
        tracing::debug!(reason = reason.as_str(), code, "the stay in the room is over");
        self.core.end(reason, error);
    }

    async fn stay(&mut self, commands: &mut mpsc::Receiver<Command>) -> End {
        loop {
            let mut link = match self.open(commands).await {
                Ok(link) => link,
                Err(end) => return end,
            };
            loop {
                self.core.status.send_replace(Status::Open(link.transport()));
                let (room_id, transport) = (self.core.room_id.clone(), Some(link.transport()));
                self.core.push(MultiplayerEvent::ConnectionChanged { room_id, transport });
                let ended = self.carry(&mut link, commands).await;
                let old = match ended {
                    Ended::Swapped(new) => std::mem::replace(&mut link, *new),
                    Ended::Dropped => break,
                    Ended::Left => {
                        link.close().await;
                        return End::left();
                    }
                    Ended::Over(end) => {
                        self.shared.pump.background(link.close());
                        return end;
                    }
                };
                self.shared.pump.background(old.close());
            }
            self.core.status.send_replace(Status::Dropped);
            let room_id = self.core.room_id.clone();
            self.core.push(MultiplayerEvent::ConnectionChanged { room_id, transport: None });
        }
    }

    /// Opens a link and has it welcomed, trying again while there is hope.
    async fn open(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<Link, End> {
        let since = Instant::now();
        let mut changes = self.shared.session.changes();
        let mut tries = 0;
        loop {
            let tried = {
                let mut trying = Box::pin(self.try_open(since));
                loop {
                    tokio::select! {
                        tried = &mut trying => break tried,
                        left = wants_to_leave(commands, &mut changes) => if left { return Err(End::left()) },
                    }
                }
            };
            let error = match tried {
                Ok(link) => return Ok(link),
                Err(error) if !may_pass(error.code) => return Err(End::refused(error)),
                Err(error) => error,
            };
            if self.is_logged_out() {
                return Err(End::left());
            }
            tries += 1;
            let wait = backoff(tries, error.retry_after, clock::random_fraction());
            if since.elapsed() + wait > self.patience() {
                return Err(End::refused(error));
            }
            let waiting = tokio::time::sleep(wait);
            tokio::pin!(waiting);
            loop {
                tokio::select! {
                    () = &mut waiting => break,
                    left = wants_to_leave(commands, &mut changes) => {
                        if left || self.is_logged_out() { return Err(End::left()) }
                    }
                }
            }
        }
    }

    /// How long to try.
    fn patience(&self) -> Duration {
        let session = self.core.session.lock();
        match session.has_begun() {
            true => Duration::from_millis(u64::from(session.grace_ms())) + REJOIN_TIMEOUT,
            false => JOIN_TIMEOUT,
        }
    }

    /// One try: with the session as long as there may be one, else with a ticket.
    async fn try_open(&mut self, since: Instant) -> Result<Link, Error> {
        let grace = {
            let session = self.core.session.lock();
            session.has_begun().then(|| Duration::from_millis(u64::from(session.grace_ms())))
        };
        let resumes = !self.forgotten && grace.is_some_and(|grace| since.elapsed() < grace);
        if !resumes && self.ticket.is_none() {
            let body = JoinRoomRequest { password: self.options.password.clone() };
            let joined =
                api::post_again::<JoinRoom>(&self.shared, &[self.core.room_id.as_str()], &body).await?;
            self.take_seat(joined)?;
        }
        let ticket = if resumes { None } else { self.ticket.clone() };
        let uses_ticket = ticket.is_some();
        match greet(&self.core, &self.places, self.options.transports, ticket).await {
            Ok(link) => {
                self.ticket = None;
                self.forgotten = false;
                Ok(link)
            }
            Err(Ungreeted::Unopened(LinkError(why))) => {
                tracing::debug!(why, "no link to the relay");
                Err(Error::new(ErrorCode::Offline, "the relay cannot be reached"))
            }
            Err(Ungreeted::Broken(LinkError(why))) => {
                tracing::debug!(why, "the link broke as it began");
                if uses_ticket {
                    self.ticket = None;
                }
                Err(Error::new(ErrorCode::Offline, "the link to the relay broke"))
            }
            Err(Ungreeted::Refused(error)) => {
                self.ticket = None;
                self.forgotten = true;
                Err(error)
            }
        }
    }

    fn take_seat(&mut self, joined: JoinedRoom) -> Result<(), Error> {
        let places = link::places(&self.shared.config.server_url, &joined.relay);
        self.places = places.map_err(|LinkError(why)| Error::protocol(why))?;
        self.ticket = Some(joined.ticket);
        *self.core.room.lock() = joined.room;
        Ok(())
    }

    /// Carries a link until it ends or another takes its place.
    async fn carry(&mut self, link: &mut Link, commands: &mut mpsc::Receiver<Command>) -> Ended {
        let core = Arc::clone(&self.core);
        let rebinder = link.rebinder();
        let may_upgrade = link.transport() == Transport::WebSocket
            && self.options.transports == Transports::Any
            && self.places.has_quic();
        let mut changes = self.shared.session.changes();
        let mut upgrade = Upgrade::new(may_upgrade);
        let mut swap: Option<(Swap, Option<oneshot::Sender<bool>>)> = None;
        let mut leave_by: Option<Instant> = None;
        let mut silence = Silence::default();
        let mut check = tokio::time::interval(SILENCE_CHECK);
        core.hear();
        let mut carrying = Box::pin(link.carry(&core));
        loop {
            tokio::select! {
                biased;
                LinkError(why) = &mut carrying => {
                    tracing::debug!(why, "the link to the relay ended");
                    if leave_by.is_some() {
                        return Ended::Left;
                    }
                    // The relay closes a link when it has read the hello of the next.
                    if let Some((swapping, told)) = swap.take() && let Ok(new) = swapping.await {
                        core.take_closed();
                        core.status.send_replace(Status::Open(new.transport()));
                        tell(told, true);
                        return Ended::Swapped(Box::new(new));
                    }
                    return self.after_drop();
                }
                swapped = async { swap.as_mut().expect("polled only when there is one").0.as_mut().await }, if swap.is_some() => {
                    let told = swap.take().and_then(|(_, told)| told);
                    if let Ok(new) = &swapped {
                        // Who asked for the swap finds it done.
                        core.status.send_replace(Status::Open(new.transport()));
                    }
                    tell(told, swapped.is_ok());
                    match swapped {
                        Ok(new) => return Ended::Swapped(Box::new(new)),
                        // The relay may read the old link no more.
                        Err(Ungreeted::Broken(_)) => return Ended::Dropped,
                        Err(_) => upgrade.failed(),
                    }
                }
                () = tokio::time::sleep_until(upgrade.at), if upgrade.wanted && swap.is_none() => {
                    swap = Some((self.swap(Transports::Quic), None));
                }
                command = commands.recv() => match command {
                    Some(Command::Switch(transports, told)) => swap = Some((self.swap(transports), Some(told))),
                    Some(Command::Leave) | None => begin_leaving(&core, &mut leave_by),
                },
                _ = changes.changed() => if self.is_logged_out() { begin_leaving(&core, &mut leave_by) },
                _ = check.tick() => {
                    if leave_by.is_some_and(|by| Instant::now() >= by) {
                        return Ended::Left;
                    }
                    if silence.look(core.silence(), rebinder.as_ref()) {
                        tracing::debug!("the relay is silent");
                        return self.after_drop();
                    }
                }
            }
        }
    }

    /// What the end of a link means.
    fn after_drop(&mut self) -> Ended {
        let Some((number, reason)) = self.core.take_closed() else { return Ended::Dropped };
        let error = Error::new(ErrorCode::from_number(number), reason);
        match error.code {
            ErrorCode::RoomSessionEnded | ErrorCode::InvalidTicket => self.forgotten = true,
            // Over it, the relay has ended the session for good.
            ErrorCode::RateLimited => return Ended::Over(End::refused(error)),
            code if may_pass(code) => {}
            _ => return Ended::Over(End::refused(error)),
        }
        Ended::Dropped
    }

    /// Opens a second link that takes the first one's place when it is welcomed.
    fn swap(&self, transports: Transports) -> Swap {
        let (core, places) = (Arc::clone(&self.core), self.places.clone());
        Box::pin(async move { greet(&core, &places, transports, None).await })
    }

    fn is_logged_out(&self) -> bool {
        self.shared.session.player_now().as_ref() != Some(&self.core.player)
    }
}

fn tell(told: Option<oneshot::Sender<bool>>, worked: bool) {
    if let Some(told) = told {
        let _ = told.send(worked);
    }
}

fn begin_leaving(core: &Core, leave_by: &mut Option<Instant>) {
    core.session.lock().leave();
    core.wake_reliable();
    leave_by.get_or_insert(Instant::now() + LEAVE_TIMEOUT);
}

/// Opens a link and says hello; with the welcome the session is on it.
async fn greet(
    core: &Core,
    places: &Places,
    transports: Transports,
    ticket: Option<String>,
) -> Result<Link, Ungreeted> {
    let mut link = link::connect(places, transports).await.map_err(Ungreeted::Unopened)?;
    let hello = core.session.lock().hello(ticket.as_deref());
    let asked_us = core.now_us();
    let answer = link.hello(hello).await.map_err(Ungreeted::Broken)?;
    let now_us = core.now_us();
    let broken = |what: &str| Ungreeted::Broken(LinkError(what.to_owned()));
    match ServerFrame::decode(&answer) {
        Ok(ServerFrame::Welcome(welcome)) => {
            if welcome.protocol != PROTOCOL || welcome.room_id != core.room_id.as_str() {
                return Err(Ungreeted::Refused(Error::protocol("the relay is of another protocol or room")));
            }
            let may_lose = link.transport() == Transport::Quic;
            let welcomed = core.session.lock().welcome(&welcome, may_lose, now_us - asked_us, now_us);
            match welcomed {
                Ok(welcomed) => core.welcomed(welcomed),
                Err(SessionError(what)) => return Err(broken(what)),
            }
            Ok(link)
        }
        Ok(ServerFrame::Closed { code, reason }) => {
            Err(Ungreeted::Refused(Error::new(ErrorCode::from_number(code), reason)))
        }
        _ => Err(broken("the relay's first frame is no welcome")),
    }
}

impl Core {
    /// Tells of a session that began.
    fn welcomed(&self, welcomed: Welcomed) {
        match welcomed {
            Welcomed::Begun => {
                let players = self.session.lock().members().cloned().collect();
                let room = Box::new(self.room.lock().clone());
                self.push(MultiplayerEvent::RoomJoined { room, players });
            }
            Welcomed::Resumed => {}
            Welcomed::Anew { lost } => {
                let room_id = self.room_id.clone();
                self.push(MultiplayerEvent::RoomRejoined { room_id, messages_lost: lost });
            }
        }
        self.deliver_all();
    }
}

/// Whether trying again may help.
fn may_pass(code: ErrorCode) -> bool {
    let relay = matches!(code, ErrorCode::RoomSessionEnded | ErrorCode::InvalidTicket);
    relay || (code.retryable() && !matches!(code, ErrorCode::RelayOverflow | ErrorCode::RoomFull))
}

/// Evenly from zero up to a growing bound (full jitter): who dropped together does not come back together. The first
/// try comes at once.
fn backoff(tries: u32, wish: Option<Duration>, fraction: f64) -> Duration {
    let grown = BACKOFF_BASE.saturating_mul(1 << (tries - 1).min(16)).min(BACKOFF_MAX);
    wish.unwrap_or_default() + grown.mul_f64(fraction)
}

/// Whether the game wants to leave; false when something else woke.
async fn wants_to_leave(commands: &mut mpsc::Receiver<Command>, changes: &mut watch::Receiver<u64>) -> bool {
    tokio::select! {
        command = commands.recv() => match command {
            Some(Command::Switch(_, told)) => { let _ = told.send(false); false }
            Some(Command::Leave) | None => true,
        },
        _ = changes.changed() => false,
    }
}

/// When QUIC is tried again on WebSocket.
struct Upgrade {
    wanted: bool,
    at: Instant,
    pause: Duration,
}

impl Upgrade {
    fn new(wanted: bool) -> Upgrade {
        Upgrade { wanted, at: Instant::now() + UPGRADE_FIRST, pause: UPGRADE_FIRST }
    }

    fn failed(&mut self) {
        self.pause = (self.pause * 3).min(UPGRADE_MAX);
        self.at = Instant::now() + self.pause.mul_f64(0.5 + clock::random_fraction());
    }
}

/// What silence leads to.
#[derive(Default)]
struct Silence {
    rebound: bool,
}

impl Silence {
    /// Whether the link is to be given up.
    fn look(&mut self, silence: Duration, rebinder: Option<&Rebinder>) -> bool {
        if silence < SILENCE_REBIND {
            self.rebound = false;
        } else if let Some(rebinder) = rebinder.filter(|_| !std::mem::replace(&mut self.rebound, true)) {
            let moved = rebinder.rebind();
            tracing::debug!(moved = moved.is_ok(), "the relay is silent: the link moves to a new socket");
        }
        silence >= SILENCE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_spread_and_keep_the_servers_wish() {
        assert_eq!(backoff(1, None, 0.0), Duration::ZERO);
        assert_eq!(backoff(3, None, 0.5), BACKOFF_BASE * 2);
        assert_eq!(backoff(99, None, 1.0), BACKOFF_MAX);
        assert_eq!(backoff(1, Some(Duration::from_secs(7)), 0.0), Duration::from_secs(7));
    }

    #[test]
    fn what_is_final_is_not_tried_again() {
        for code in [
            ErrorCode::RoomKicked,
            ErrorCode::RoomClosed,
            ErrorCode::SeatTakenOver,
            ErrorCode::RoomFull,
            ErrorCode::RelayOverflow,
            ErrorCode::RoomPassword,
            ErrorCode::SessionEnded,
            ErrorCode::NotLoggedIn,
        ] {
            assert!(!may_pass(code), "{code}");
        }
        for code in [
            ErrorCode::Offline,
            ErrorCode::Timeout,
            ErrorCode::Overloaded,
            ErrorCode::RoomSessionEnded,
            ErrorCode::RateLimited,
            ErrorCode::InvalidTicket,
        ] {
            assert!(may_pass(code), "{code}");
        }
    }
}
