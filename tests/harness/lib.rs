//! The test harness: the real backend, in this process or as its binary, on both databases.
//!
//! [`on_both_engines!`] runs a test against a private server on SQLite and again on PostgreSQL. [`App`] is
//! that server; [`App::as_player`] makes a [`Player`], whose methods are the API's endpoints. Every request
//! goes over a real socket. An answer of 500 fails the test that got it, and so does a server that does not
//! stop cleanly or leaves a task behind. [`Process`] runs the binary instead, for tests that kill it.
//!
//! [`on_every_engine!`] adds a third run, with large contents in a bucket.
//!
//! What a server talks to is real where it can be had: [`postgres`], an S3 server ([`s3`]), an OpenID provider
//! ([`oidc`]), a mail server ([`smtp`]), a keyring ([`secret_service`]), a key server ([`vault`]). Each test starts
//! its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop and say where")]

pub mod app;
pub mod client;
pub mod forge;
pub mod live;
pub mod oidc;
pub mod player;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod s3;
pub mod secret_service;
pub mod service;
pub mod shaper;
pub mod smtp;
pub mod vault;
pub mod wait;

pub use app::{App, Engine};
pub use client::{Client, Reply};
pub use live::Live;
pub use player::Player;
pub use process::Process;
pub use proxy::Proxy;
pub use shaper::{Shaper, Way};
pub use wait::{DEADLINE, until};

/// Declares tests that run on SQLite and on PostgreSQL: `async fn name(app) { … }`, or
/// `async fn name(app, |config| config.http.body_timeout_ms = 300) { … }` for a server of its own kind.
#[macro_export]
macro_rules! on_both_engines {
    ($(
        $(#[$about:meta])*
        async fn $name:ident($app:ident $(, |$config:ident| $change:expr)?) $body:block
    )+) => {$(
        $(#[$about])*
        mod $name {
            use super::*;

            async fn test($app: &$crate::App) $body

            fn configure(_config: &mut $crate::app::Config) {
                $(
                    let $config = _config;
                    $change;
                )?
            }

            #[test]
            fn on_sqlite() {
                $crate::app::run($crate::Engine::Sqlite, configure, async |app| test(app).await);
            }

            #[test]
            fn on_postgres() {
                $crate::app::run($crate::Engine::Postgres, configure, async |app| test(app).await);
            }
        }
    )+};
}

/// The same, and once more on PostgreSQL with a bucket: for what stores contents that are too large for a row.
#[macro_export]
macro_rules! on_every_engine {
    ($(
        $(#[$about:meta])*
        async fn $name:ident($app:ident $(, |$config:ident| $change:expr)?) $body:block
    )+) => {$(
        $(#[$about])*
        mod $name {
            use super::*;

            async fn test($app: &$crate::App) $body

            fn configure(_config: &mut $crate::app::Config) {
                $(
                    let $config = _config;
                    $change;
                )?
            }

            #[test]
            fn on_sqlite() {
                $crate::app::run($crate::Engine::Sqlite, configure, async |app| test(app).await);
            }

            #[test]
            fn on_postgres() {
                $crate::app::run($crate::Engine::Postgres, configure, async |app| test(app).await);
            }

            #[test]
            fn on_postgres_and_s3() {
                $crate::app::run($crate::Engine::PostgresAndS3, configure, async |app| test(app).await);
            }
        }
    )+};
}
