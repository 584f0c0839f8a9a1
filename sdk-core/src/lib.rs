//! The engine-agnostic client of AeThex Cloud: accounts and cloud saves that work offline.
//!
//! [`Cloud`] is a cheap handle. It owns one thread with its own async runtime; the game's thread only
//! ever calls [`Cloud::submit`] to start work and [`Cloud::tick`], once a frame, to run completions.
//! [`Auth`] holds the player's session, [`Saves`] the save slots, [`Multiplayer`] the rooms where players meet, [`Privacy`]
//! what the player agreed to. A save is durable on this device
//! before anything is sent, and is sent exactly once, after any crash, when the network allows.
//!
//! ```no_run
//! use aethex_sdk_core::{Cloud, Config, Content, SaveOptions, Value};
//!
//! # fn main() -> Result<(), aethex_sdk_core::Error> {
//! let cloud = Cloud::new(Config::new("user_data"))?;
//! let (auth, saves) = (cloud.auth(), cloud.saves());
//! let save = async move {
//!     auth.login("ann@example.com", "correct horse battery").await?;
//!     saves.save("slot1", Content::Value(Value::Int(5)), SaveOptions::default()).await
//! };
//! cloud.submit(save, |result| match result {
//!     Ok(saved) => assert!(saved.queued || saved.version.is_some()),
//!     Err(error) => assert!(!error.message.is_empty()),
//! });
//! cloud.tick(); // Once a frame: callbacks run here.
//! # Ok(())
//! # }
//! ```
//!
//! Engine bindings (Godot, C) are thin layers over this crate. The contract with the backend is the
//! crate [`wire`].

mod auth;
mod clock;
mod cloud;
mod config;
mod disk;
mod error;
mod event;
mod files;
mod game_files;
mod http;
mod multiplayer;
mod privacy;
mod pump;
mod retry;
mod saves;
mod session;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;

pub use aethex_wire as wire;
pub use auth::{Auth, LoginOptions, OauthOptions, OpenBrowser, RegisterOptions};
pub use bytes::Bytes;
pub use cloud::Cloud;
pub use config::{Browser, Config, CredentialStore, Metered};
pub use error::Error;
pub use event::Event;
pub use multiplayer::{
    Chat, ChatChannel, Invites, JoinOptions, LinkStats, Matchmaking, MessageOptions, MessageTarget,
    Multiplayer, MultiplayerEvent, Parties, PlayerState, Presences, RoomHandle, RoomMember, RoomMessage,
    StateOptions, Transport, Transports,
};
pub use privacy::Privacy;
pub use pump::OpId;
pub use saves::{
    Ask, ConflictInfo, Content, Custom, Definition, Imported, Loaded, Migrate, Question, Resolution,
    SAVE_KEY_LEN, SaveKey, SaveOptions, Saved, Saves, SlotInfo, SlotStatus, Wrapped,
};
pub use serde_json::Value as Json;
pub use wire::ErrorCode;
pub use wire::Value;
pub use wire::auth::identities::{Identity, MergeChoice, MergeConflict};
pub use wire::auth::profile::{Preferences, PublicProfile};
pub use wire::auth::sessions::Session as SessionInfo;
pub use wire::auth::{ProfileChange, User, Visibility};
pub use wire::ids::{ExportId, PlayerId, ReceiptId, SessionId, VersionId};
pub use wire::merge::{Choice, Decider, Policies, Suspicion};
pub use wire::page::Page;
pub use wire::privacy::{Export, ExportStatus, Policy, PrivacyState, Purpose, Receipt};
pub use wire::proof::Challenge;
pub use wire::saves::history::{Change, ChangeKind, Device, Diff, Quota};
pub use wire::saves::{Conflict, Part, SaveVersion};
