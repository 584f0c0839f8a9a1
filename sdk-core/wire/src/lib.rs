//! The contract between game clients and the backend.
//!
//! Everything both sides must agree on lives here and nowhere else: endpoints with their request and
//! response types ([`endpoint`]), error codes ([`error`]), ids ([`ids`]), pages ([`page`]), the engine
//! value codec ([`value`]), the merge of saves ([`merge`]) and one module per feature. No I/O, no clock, no async runtime: the crate is
//! pure data and pure functions, so the SDK, the backend and the tests can all depend on it.

pub mod aead;
pub mod auth;
pub mod delta;
pub mod diff;
pub mod endpoint;
pub mod error;
pub mod ids;
pub mod merge;
pub mod multiplayer;
pub mod page;
pub mod privacy;
pub mod proof;
pub mod saves;
pub mod studio;
pub mod value;

pub use endpoint::{Access, Endpoint, Method};
pub use error::{ErrorCode, Problem};
pub use value::Value;

/// Header that names the game: a publishable client key (`pk_…`). Requests without it belong to the
/// backend's default game.
pub const CLIENT_KEY_HEADER: &str = "x-aethex-key";
/// Header that makes a repeated write harmless (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Header that carries the request id, in both directions; it also stands in every log line.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
