//! Personal connections: over them players learn of matches, chat, invitations and presence.
//!
//! [`Hub::tell`] publishes an event on the bus; the hub of every node passes it to its own connections of that
//! player. A connection has a short queue: one that does not keep up is closed, and its client asks over REST for
//! what it missed. Nothing is kept for players who are not here.

use super::config::{PERSONAL_BACKLOG_MAX, PERSONAL_MAX};
use crate::ports::bus::{Bus, Taken};
use aethex_wire::ids::{GameId, ID_LEN, PlayerId};
use aethex_wire::multiplayer::events::ServerEvent;
use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, mpsc};

/// The subject of personal events.
const SUBJECT: &str = "players";
/// Comings and goings that wait for who watches them.
const CHANGES_MAX: usize = 4_096;

/// A player whose first personal connection on this node came, or whose last one went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) game: GameId,
    pub(crate) player: PlayerId,
    pub(crate) here: bool,
}

/// The personal connections of this node. Clones are the same hub.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    bus: Bus,
    rooms: Arc<Inner>,
}

/// The number of a connection, and where it reads.
type Line = (u64, mpsc::Sender<Bytes>);

#[derive(Debug)]
struct Inner {
    players: Mutex<HashMap<(GameId, PlayerId), Vec<Line>>>,
    changes: broadcast::Sender<Change>,
    last: AtomicU64,
}

/// A personal connection: what it is told, as JSON. It is taken from the hub when it is dropped.
#[derive(Debug)]
pub(crate) struct Personal {
    pub(crate) game: GameId,
    pub(crate) player: PlayerId,
    number: u64,
    told: mpsc::Receiver<Bytes>,
    hub: Arc<Inner>,
}

impl Hub {
    /// A hub on a bus. It listens for as long as one of its clones, or a connection, is there.
    pub(crate) fn new(bus: Bus) -> Hub {
        let changes = broadcast::channel(CHANGES_MAX).0;
        let rooms = Arc::new(Inner { players: Mutex::default(), changes, last: AtomicU64::new(0) });
        let mut told = bus.subscribe(SUBJECT);
        let inner = Arc::downgrade(&rooms);
        tokio::spawn(async move {
            while let Some(taken) = told.take().await {
                let Some(inner) = inner.upgrade() else { return };
                match taken {
                    Taken::Message(message) => inner.pass(&message),
                    Taken::Lost(lost) => metrics::counter!("live_events_lost_total").increment(lost),
                }
            }
        });
        Hub { bus, rooms }
    }

    /// Tells a player, wherever its connections are.
    pub(crate) fn tell(&self, game: &GameId, player: &PlayerId, event: &ServerEvent) {
        let mut message = BytesMut::with_capacity(2 * ID_LEN + 128);
        message.put_slice(game.as_str().as_bytes());
        message.put_slice(player.as_str().as_bytes());
        let mut writer = message.writer();
        if serde_json::to_writer(&mut writer, event).is_ok() {
            self.bus.publish(SUBJECT, writer.into_inner().freeze());
        }
    }

    /// Whether a player has a personal connection on this node.
    pub(crate) fn is_here(&self, game: &GameId, player: &PlayerId) -> bool {
        self.rooms.players.lock().contains_key(&(game.clone(), player.clone()))
    }

    /// Who comes and goes on this node from now on.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.rooms.changes.subscribe()
    }

    /// A player's connection; `None` when the player has as many as are allowed.
    pub(crate) fn connect(&self, game: GameId, player: PlayerId) -> Option<Personal> {
        let (sender, told) = mpsc::channel(PERSONAL_BACKLOG_MAX);
        let number = self.rooms.last.fetch_add(1, Ordering::Relaxed);
        let mut players = self.rooms.players.lock();
        let connections = players.entry((game.clone(), player.clone())).or_default();
        if connections.len() >= PERSONAL_MAX {
            return None;
        }
        connections.push((number, sender));
        if connections.len() == 1 {
            let _ =
                self.rooms.changes.send(Change { game: game.clone(), player: player.clone(), here: true });
        }
        drop(players);
        metrics::gauge!("live_players").increment(1.0);
        Some(Personal { game, player, number, told, hub: self.rooms.clone() })
    }
}

impl Inner {
    /// Passes a message on to the connections here; those that do not keep up are cut off.
    fn pass(&self, message: &Bytes) {
        let id = |from: usize| message.get(from..from + ID_LEN).and_then(|id| std::str::from_utf8(id).ok());
        let game = id(0).and_then(GameId::parse);
        let player = id(ID_LEN).and_then(PlayerId::parse);
        let (Some(game), Some(player)) = (game, player) else { return };
        let json = message.slice(2 * ID_LEN..);
        if let Some(connections) = self.players.lock().get_mut(&(game, player)) {
            // A full queue loses its sender, which its connection sees. It leaves the list by itself.
            for (_, sender) in connections.iter_mut() {
                if let Err(mpsc::error::TrySendError::Full(_)) = sender.try_send(json.clone()) {
                    *sender = mpsc::channel(1).0;
                    metrics::counter!("live_personal_overflows_total").increment(1);
                }
            }
        }
    }
}

impl Personal {
    /// The next event as JSON; `None` when the connection did not keep up.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Bytes>> {
        self.told.poll_recv(context)
    }
}

impl Drop for Personal {
    fn drop(&mut self) {
        let key = (self.game.clone(), self.player.clone());
        let mut players = self.hub.players.lock();
        if let Some(connections) = players.get_mut(&key) {
            connections.retain(|(number, _)| *number != self.number);
            if connections.is_empty() {
                players.remove(&key);
                let (game, player) = key;
                let _ = self.hub.changes.send(Change { game, player, here: false });
            }
        }
        drop(players);
        metrics::gauge!("live_players").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

    fn who() -> (GameId, PlayerId) {
        (GameId::parse(ID).unwrap(), PlayerId::parse(ID).unwrap())
    }

    async fn next(personal: &mut Personal) -> Option<Bytes> {
        std::future::poll_fn(|context| personal.poll_next(context)).await
    }

    fn pong(client_us: u64) -> ServerEvent {
        ServerEvent::Pong { client_us, server_us: 0 }
    }

    #[tokio::test]
    async fn every_node_tells_its_own_connections_of_a_player() {
        let bus = Bus::local();
        let (one, two) = (Hub::new(bus.clone()), Hub::new(bus));
        let (game, player) = who();
        let mut changes = two.changes();
        let mut first = one.connect(game.clone(), player.clone()).unwrap();
        let mut second = two.connect(game.clone(), player.clone()).unwrap();
        let third = two.connect(game.clone(), player.clone()).unwrap();
        assert!(one.is_here(&game, &player) && two.is_here(&game, &player));
        one.tell(&game, &player, &pong(7));
        let expected = serde_json::to_vec(&pong(7)).unwrap();
        assert_eq!(next(&mut first).await.unwrap(), expected);
        assert_eq!(next(&mut second).await.unwrap(), expected);
        drop((second, third));
        assert!(!two.is_here(&game, &player));
        assert!(changes.recv().await.unwrap().here);
        assert!(!changes.recv().await.unwrap().here, "told once, of the last");
    }

    #[tokio::test]
    async fn a_connection_that_does_not_keep_up_ends_and_the_number_is_bounded() {
        let hub = Hub::new(Bus::local());
        let (game, player) = who();
        let mut slow = hub.connect(game.clone(), player.clone()).unwrap();
        let others: Vec<_> = (1..PERSONAL_MAX).map(|_| hub.connect(game.clone(), player.clone())).collect();
        assert!(others.iter().all(Option::is_some));
        assert!(hub.connect(game.clone(), player.clone()).is_none());
        drop(others);
        for n in 0..PERSONAL_BACKLOG_MAX as u64 + 1 {
            hub.tell(&game, &player, &pong(n));
        }
        for _ in 0..PERSONAL_BACKLOG_MAX {
            assert!(next(&mut slow).await.is_some());
        }
        assert_eq!(next(&mut slow).await, None);
    }
}
