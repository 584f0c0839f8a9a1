//! The player's own connection: matches, chat, parties, invitations and presence come over it.
//!
//! It is opened when one of these is used first, and kept open while somebody is logged in. What is said while it is
//! down is not repeated by the backend; after it is back the ticket in a queue and the watched players are asked for,
//! and the rest is in the histories. It is text over WebSocket; the token is in the first message, never in an
//! address.

use super::events::MultiplayerEvent;
use super::link::{self, LinkError, Socket};
use super::{matchmaking, presence};
use crate::cloud::Shared;
use crate::wire::ids::{MatchId, PlayerId};
use crate::wire::multiplayer::events::{ClientEvent, Hello, ServerEvent};
use crate::wire::multiplayer::matchmaking::{MatchInfo, QueueTicket, TicketStatus};
use crate::wire::multiplayer::presence::{
    PRESENCE_PLAYERS_MAX, PRESENCE_WATCHED_MAX, SetPresence, SetPresenceRequest,
};
use crate::{Error, ErrorCode, clock};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// How long opening may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is asked whether it lives: below what proxies cut off (60 s).
const PING_EVERY: Duration = Duration::from_secs(20);
/// Silence after which it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// First and longest pause between tries, before jitter.
const PAUSE_BASE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Matches that were told and are not told again.
const TOLD_MAX: usize = 32;
/// How long a call waits for the connection before it goes on without.
const OPENED_WAIT: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(crate) struct Live {
    wanted: AtomicBool,
    open: watch::Sender<bool>,
    watched: Mutex<Vec<PlayerId>>,
    shown: Mutex<Option<SetPresenceRequest>>,
    /// Matches that were told, with whether as found.
    told: Mutex<VecDeque<(MatchId, bool)>>,
}

impl Default for Live {
    fn default() -> Live {
        Live {
            wanted: AtomicBool::new(false),
            open: watch::Sender::new(false),
            watched: Mutex::default(),
            shown: Mutex::default(),
            told: Mutex::default(),
        }
    }
}

/// How a connection ended.
enum Ended {
    /// It broke, or could not be opened.
    Broken(LinkError),
    /// The token was refused.
    Token(String),
    /// Somebody else is logged in, or nobody.
    Player,
}

impl Live {
    /// Whether this is the first time that it is wanted.
    pub(super) fn want(&self) -> bool {
        !self.wanted.swap(true, Ordering::AcqRel)
    }

    /// Whom to watch too after each opening. The backend refuses more than it keeps.
    pub(super) fn watch(&self, players: &[PlayerId]) {
        let mut watched = self.watched.lock();
        for player in players {
            if watched.len() < PRESENCE_WATCHED_MAX && !watched.contains(player) {
                watched.push(player.clone());
            }
        }
    }

    /// What to show after each opening.
    pub(super) fn show(&self, presence: SetPresenceRequest) {
        *self.shown.lock() = Some(presence);
    }

    /// Waits until it is open, for a while.
    pub(super) async fn opened(&self) {
        let mut open = self.open.subscribe();
        let _ = tokio::time::timeout(OPENED_WAIT, open.wait_for(|open| *open)).await;
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Whether a match is told for the first time.
    fn is_news(&self, id: &MatchId, found: bool) -> bool {
        let mut told = self.told.lock();
        if told.iter().any(|(known, as_found)| known == id && (*as_found || !found)) {
            return false;
        }
        if told.len() == TOLD_MAX {
            told.pop_front();
        }
        told.push_back((id.clone(), found));
        true
    }
}

/// Keeps the connection until the SDK ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.session.changes();
    let mut failures = 0;
    let mut refused: Option<String> = None;
    loop {
        let Ok(player) = shared.session.player().await else {
            *shared.multiplayer.live.shown.lock() = None;
            shared.multiplayer.live.watched.lock().clear();
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        };
        let began = Instant::now();
        let ended = connection(&shared, &player, refused.take().as_deref(), &mut changes).await;
        if shared.multiplayer.live.open.send_replace(false) {
            shared.multiplayer.inbox.push_personal(MultiplayerEvent::LiveChanged { connected: false });
            failures = if began.elapsed() > PAUSE_MAX { 0 } else { failures };
        }
        match ended {
            Ended::Player => continue,
            Ended::Token(token) => refused = Some(token),
            Ended::Broken(LinkError(why)) => tracing::debug!(why, "the player's connection is down"),
        }
        failures += 1;
        let grown = PAUSE_BASE.saturating_mul(1 << u32::min(failures - 1, 16)).min(PAUSE_MAX);
        let pause = grown.mul_f64(clock::random_fraction());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = changes.changed() => {}
        }
    }
}

/// One connection, from opening to end.
async fn connection(
    shared: &Arc<Shared>,
    player: &PlayerId,
    refused: Option<&str>,
    changes: &mut watch::Receiver<u64>,
) -> Ended {
    let token = match shared.session.access_token(player, refused).await {
        Ok(token) => token,
        Err(error) if error.code == ErrorCode::NotLoggedIn => return Ended::Player,
        Err(error) => return Ended::Broken(LinkError(error.to_string())),
    };
    let opening = tokio::time::timeout(OPEN_TIMEOUT, Box::pin(greet(shared, &token))).await;
    let mut socket = match opening {
        Ok(Ok(socket)) => socket,
        Ok(Err(Refusal::Token)) => return Ended::Token(token),
        Ok(Err(Refusal::Broken(error))) => return Ended::Broken(error),
        Err(_) => return Ended::Broken(LinkError("it does not answer".to_owned())),
    };
    shared.multiplayer.live.open.send_replace(true);
    shared.multiplayer.inbox.push_personal(MultiplayerEvent::LiveChanged { connected: true });
    let missed = Box::pin(catch_up(shared));
    let ended = carry(shared, player, &mut socket, changes, missed).await;
    let _ = tokio::time::timeout(PAUSE_BASE, socket.close(None)).await;
    ended
}

enum Refusal {
    Token,
    Broken(LinkError),
}

/// Opens a connection and says who is here.
async fn greet(shared: &Shared, token: &str) -> Result<Socket, Refusal> {
    let url = link::live_address(&shared.config.server_url).map_err(Refusal::Broken)?;
    let mut socket = link::open(&url).await.map_err(Refusal::Broken)?;
    let key = shared.config.client_key.clone();
    let hello = ClientEvent::Hello(Hello { token: token.to_owned(), key });
    say(&mut socket, &hello).await.map_err(Refusal::Broken)?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(ServerEvent::Welcome { .. }) => return Ok(socket),
                Ok(ServerEvent::Error { code, message, .. }) => {
                    let code = ErrorCode::from_name(&code);
                    return Err(match code {
                        ErrorCode::Unauthenticated | ErrorCode::SessionEnded => Refusal::Token,
                        _ => Refusal::Broken(LinkError(message)),
                    });
                }
                _ => return Err(Refusal::Broken(LinkError("the first answer is no welcome".to_owned()))),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(Refusal::Broken(link::ended(other))),
        }
    }
}

async fn say(socket: &mut Socket, event: &ClientEvent) -> Result<(), LinkError> {
    let text = serde_json::to_string(event).expect("events are plain data and always serialise");
    socket.send(Message::text(text)).await.map_err(|error| LinkError(error.to_string()))
}

/// Takes events until the connection ends.
async fn carry(
    shared: &Arc<Shared>,
    player: &PlayerId,
    socket: &mut Socket,
    changes: &mut watch::Receiver<u64>,
    mut missed: std::pin::Pin<Box<impl Future<Output = ()>>>,
) -> Ended {
    let mut caught_up = false;
    let mut heard = Instant::now();
    let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        tokio::select! {
            () = &mut missed, if !caught_up => caught_up = true,
            message = socket.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(event) => if let Some(ended) = take(shared, event) { return ended },
                        // An event of a later backend.
                        Err(_) => tracing::debug!("an event that this SDK does not know"),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return Ended::Broken(link::ended(other)),
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_MAX {
                    return Ended::Broken(LinkError("it is silent".to_owned()));
                }
                if let Err(error) = say(socket, &ClientEvent::Ping { client_us: 0 }).await {
                    return Ended::Broken(error);
                }
            }
            _ = changes.changed() => if shared.session.player_now().as_ref() != Some(player) {
                return Ended::Player;
            },
        }
    }
}

/// Hands an event on.
fn take(shared: &Shared, event: ServerEvent) -> Option<Ended> {
    let event = match event {
        ServerEvent::MatchProposed(info) => return tell_match(shared, *info, false),
        ServerEvent::MatchFound(info) => return tell_match(shared, *info, true),
        ServerEvent::MatchCancelled { match_id, requeued } => {
            MultiplayerEvent::MatchCancelled { match_id, requeued }
        }
        ServerEvent::QueueLeft { ticket_id, reason } => MultiplayerEvent::QueueLeft { ticket_id, reason },
        ServerEvent::ChatMessage(message) => MultiplayerEvent::ChatMessage(message),
        ServerEvent::ChatEdited(message) => MultiplayerEvent::ChatEdited(message),
        ServerEvent::PartyUpdated(party) => MultiplayerEvent::PartyUpdated(party),
        ServerEvent::PartyLeft {} => MultiplayerEvent::PartyLeft,
        ServerEvent::InviteReceived(invite) => MultiplayerEvent::InviteReceived(invite),
        ServerEvent::InviteEnded { invite_id } => MultiplayerEvent::InviteEnded { invite_id },
        ServerEvent::PresenceChanged(presence) => MultiplayerEvent::PresenceChanged(presence),
        ServerEvent::Error { code, closed, .. } => {
            tracing::debug!(code, closed, "the backend refused something on the player's connection");
            return closed.then(|| Ended::Broken(LinkError("the backend closed it".to_owned())));
        }
        // Answers to pings, and events of rooms, which have links of their own.
        _ => return None,
    };
    shared.multiplayer.inbox.push_personal(event);
    None
}

fn tell_match(shared: &Shared, info: MatchInfo, found: bool) -> Option<Ended> {
    let multiplayer = &shared.multiplayer;
    if multiplayer.live.is_news(&info.match_id, found) {
        if let Some(seat) = &info.seat {
            multiplayer.keep_seat(seat.clone());
        }
        let info = Box::new(info);
        multiplayer.inbox.push_personal(match found {
            true => MultiplayerEvent::MatchFound(info),
            false => MultiplayerEvent::MatchProposed(info),
        });
    }
    None
}

/// What may have been missed: shows the player's presence again, asks for the ticket and for whom is watched.
async fn catch_up(shared: &Arc<Shared>) {
    let shown = shared.multiplayer.live.shown.lock().clone();
    if let Some(shown) = shown {
        note("the presence", super::api::post_again::<SetPresence>(shared, &[], &shown).await);
    }
    match matchmaking::current(shared).await {
        Ok(Some(QueueTicket { status, match_info: Some(info), .. })) => match status {
            TicketStatus::Proposed => _ = tell_match(shared, info, false),
            TicketStatus::Matched => _ = tell_match(shared, info, true),
            _ => {}
        },
        Ok(_) => {}
        Err(error) => note("the ticket", Err::<(), Error>(error)),
    }
    let watched = shared.multiplayer.live.watched.lock().clone();
    for some in watched.chunks(PRESENCE_PLAYERS_MAX) {
        match presence::presences(shared, some.to_vec(), true).await {
            Ok(presences) => {
                for presence in presences {
                    shared.multiplayer.inbox.push_personal(MultiplayerEvent::PresenceChanged(presence));
                }
            }
            Err(error) => note("whom is watched", Err::<(), Error>(error)),
        }
    }
}

fn note<T>(what: &str, result: Result<T, Error>) {
    if let Err(error) = result {
        tracing::debug!(what, code = error.code.as_str(), "could not be asked for after a reconnect");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_told_once_as_proposed_and_once_as_found() {
        let live = Live::default();
        let id = MatchId::parse("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").unwrap();
        assert!(live.is_news(&id, false));
        assert!(!live.is_news(&id, false));
        assert!(live.is_news(&id, true));
        assert!(!live.is_news(&id, true));
        assert!(!live.is_news(&id, false));
    }
}
