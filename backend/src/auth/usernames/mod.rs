//! What players are called, for features that show many players at once.
//!
//! Names are remembered for a short while: a room's answer names everyone in it, and a player who is renamed can
//! wait that long to be seen so.

mod db;

use crate::app::App;
use crate::context::now_ms;
use crate::error::Outcome;
use aethex_wire::ids::{GameId, PlayerId};
use quick_cache::sync::Cache;
use std::collections::HashMap;

/// Names remembered: about 150 bytes each.
const NAMES_MAX: usize = 50_000;
/// How long a name is remembered.
const NAME_TTL_MS: i64 = 30_000;

/// Names that were read of late, with the time until when they count.
#[derive(Debug)]
pub(super) struct Usernames(Cache<(GameId, PlayerId), (String, i64)>);

impl Default for Usernames {
    fn default() -> Usernames {
        Usernames(Cache::new(NAMES_MAX))
    }
}

/// The names of players of `game`. Who does not exist is left out.
pub(crate) async fn usernames(
    app: &App,
    game: &GameId,
    players: &[PlayerId],
) -> Outcome<HashMap<PlayerId, String>> {
    let now = now_ms();
    let Usernames(known) = &app.auth.usernames;
    let mut found = HashMap::with_capacity(players.len());
    let mut unknown = Vec::new();
    for player in players {
        match known.get(&(game.clone(), player.clone())) {
            Some((name, until_ms)) if until_ms > now => {
                found.insert(player.clone(), name);
            }
            _ => unknown.push(player.clone()),
        }
    }
    if !unknown.is_empty() {
        for (player, name) in db::usernames(&app.sql, game, &unknown).await? {
            known.insert((game.clone(), player.clone()), (name.clone(), now + NAME_TTL_MS));
            found.insert(player, name);
        }
    }
    Ok(found)
}
