//! The companion backend: one library, one binary.
//!
//! A request goes `http` (limits, request id, metrics) -> `extract` (game, caller, body) ->
//! `<feature>/routes` -> `<feature>/rules` (pure decisions) and `<feature>/db` (all SQL) -> `ports`
//! (the engines). [`Server`] ties them together; `main.rs` is only a command line around it.

pub mod app;
pub mod auth;
pub mod config;
mod context;
pub mod doctor;
mod error;
mod extract;
mod http;
pub mod jobs;
mod keyfile;
pub mod mail;
mod metrics;
pub mod multiplayer;
pub mod openapi;
mod page;
pub mod ports;
pub mod privacy;
pub mod saves;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod studio;

pub use app::{App, Server, StartError};
