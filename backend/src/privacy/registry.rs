//! What the backend knows of a player: every feature gives one [`Holding`], and this file lists them.
//!
//! An export asks each holding for its part, an erasure takes each one's rows and blobs away. A table
//! belongs to exactly one holding or to [`NOT_PERSONAL`], with the reason why it says nothing of a player;
//! a test compares both with the tables of the database, so a new table cannot be forgotten.

use super::export::Archive;
use crate::app::App;
use crate::error::Outcome;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};
use futures_util::future::BoxFuture;

/// Whom an export or an erasure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) game: GameId,
    pub(crate) player: PlayerId,
}

/// Rows that one call of a holding's `erase` removes at most: others write in between.
pub(crate) const ERASE_BATCH: i64 = 500;

/// Writes a feature's part of an archive.
pub(crate) type Export = for<'a> fn(&'a App, &'a Subject, &'a mut Archive) -> BoxFuture<'a, Outcome<()>>;
/// Names a feature's blobs of a player.
pub(crate) type Blobs = for<'a> fn(&'a App, &'a Subject) -> BoxFuture<'a, Outcome<Vec<String>>>;
/// Removes a feature's rows of a player.
pub(crate) type Erase = for<'t> fn(&'t mut Transaction, &'t PlayerId) -> BoxFuture<'t, Result<u64, SqlError>>;

/// What a feature knows of a player.
#[derive(Debug)]
pub(crate) struct Holding {
    /// The feature's name; its folder in the archive, its line in the receipt.
    pub(crate) feature: &'static str,
    /// Its tables with personal data.
    pub(crate) tables: &'static [&'static str],
    /// Writes everything the feature knows of the player.
    pub(crate) export: Export,
    /// Keys of the player's blobs, or of folders that hold nothing else. They go before the rows that name
    /// them.
    pub(crate) blobs: Blobs,
    /// Removes the keys that the player's contents are sealed with, where there are any. It goes before everything
    /// else, so that nothing can be read any more however long the rest takes.
    pub(crate) shred: Option<Erase>,
    /// Removes at most about [`ERASE_BATCH`] of the player's rows and returns how many; it is called again
    /// until it returns 0. Rows are removed, or rid of everything that names the player.
    pub(crate) erase: Erase,
}

/// For features without blobs.
pub(crate) fn no_blobs<'a>(_: &'a App, _: &'a Subject) -> BoxFuture<'a, Outcome<Vec<String>>> {
    Box::pin(async { Ok(Vec::new()) })
}

/// Every holding.
pub(crate) const HOLDINGS: &[&Holding] = &[
    &crate::auth::holding::HOLDING,
    &crate::saves::holding::HOLDING,
    &crate::multiplayer::holding::HOLDING,
    &crate::jobs::holding::HOLDING,
    &super::holding::HOLDING,
    &crate::studio::holding::HOLDING,
];

/// Tables that say nothing of a player, and why.
pub(crate) const NOT_PERSONAL: &[(&str, &str)] = &[
    ("auth_game", "games"),
    ("auth_client_key", "publishable keys of games"),
    ("auth_once", "digests of challenges and flows that were answered, which name nobody, for minutes"),
    ("privacy_policy", "versions of the game's policies"),
    ("privacy_receipt", "times and counts of an erasure, under a random id that names nobody"),
    ("studio_person", "people of studios, who are no players: a player's account is apart from a person's"),
    ("studio_recovery_code", "digests of people's recovery codes"),
    ("studio_session", "people's sessions"),
    ("studio_familiar", "keyed digests of addresses that people logged in from"),
    ("studio_org", "organisations"),
    ("studio_member", "which people are in which organisation"),
    ("studio_role", "roles that organisations name"),
    ("studio_invitation", "people invited into organisations"),
    ("studio_team", "teams of organisations"),
    ("studio_team_member", "which people are in which team"),
    ("studio_team_project", "which projects a team has"),
    ("studio_project", "projects"),
    ("studio_environment", "which game is which environment of a project"),
    ("studio_server_key", "keys of games' own servers, as digests"),
    ("multiplayer_node", "servers with a relay, and where players reach them"),
    ("multiplayer_queue", "rule sets of games' queues"),
    ("multiplayer_match", "matches without their players"),
    ("schema_migration", "migrations of the schema"),
];

/// Tables with personal data, with the feature that exports and erases them: for tests and operators.
pub fn personal_tables() -> Vec<(&'static str, &'static str)> {
    let of = |holding: &&'static Holding| holding.tables.iter().map(|table| (*table, holding.feature));
    HOLDINGS.iter().flat_map(of).collect()
}

/// Tables without personal data, with the reason.
pub fn other_tables() -> &'static [(&'static str, &'static str)] {
    NOT_PERSONAL
}
