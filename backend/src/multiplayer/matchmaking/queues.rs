//! Queues' rule sets: read, set and taken back by the game's own servers.

use super::service::{Told, db};
use super::{Matchmaking, rules};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use aethex_matchmaker::RuleSet;
use aethex_wire::ErrorCode;
use aethex_wire::ids::GameId;
use aethex_wire::multiplayer::matchmaking::{QueueRules, RULES_LEN_MAX};
use std::sync::Arc;

/// How long another server's change of a rule set may go unseen where tickets are looked at before they wait.
const RULES_TTL_MS: i64 = 5_000;
/// Rule sets of a game: as many modes as anyone has, and a bound.
const QUEUES_MAX: i64 = 1_000;

/// The rule set that a queue has of its own.
pub(super) async fn own_rules(app: &App, game: &GameId, mode: &str) -> Outcome<Option<Arc<RuleSet>>> {
    let now = now_ms();
    let Matchmaking { rules: known, .. } = &app.multiplayer.matchmaking;
    let key = (game.clone(), mode.to_owned());
    if let Some((rules, until_ms)) = known.get(&key)
        && until_ms > now
    {
        return Ok(rules);
    }
    let rules = read(app, game, mode).await?.map(Arc::new);
    known.insert(key, (rules.clone(), now + RULES_TTL_MS));
    Ok(rules)
}

/// The same from the database.
pub(super) async fn read(app: &App, game: &GameId, mode: &str) -> Outcome<Option<RuleSet>> {
    let Some(text) = db::rules(&app.sql, game, mode).await? else { return Ok(None) };
    let rules = RuleSet::parse(&text);
    rules.map(Some).map_err(|error| Failure::internal(format!("a stored rule set: {error}")))
}

fn not_found() -> Failure {
    Failure::new(ErrorCode::NotFound, "The queue has no rule set of its own.")
}

pub(super) async fn get(app: &App, game: &GameId, mode: &str) -> Outcome<QueueRules> {
    rules::check_queue(mode)?;
    let rules = read(app, game, mode).await?.ok_or_else(not_found)?;
    Ok(QueueRules { rules: rules.document().clone() })
}

pub(super) async fn put(app: &App, game: &GameId, mode: &str, given: QueueRules) -> Outcome<QueueRules> {
    rules::check_queue(mode)?;
    let text = given.rules.to_string();
    if text.len() > RULES_LEN_MAX {
        let words = format!("The rule set: at most {RULES_LEN_MAX} bytes.");
        return Err(Failure::new(ErrorCode::InvalidRules, words));
    }
    rules::parse_rules(given.rules.clone())?;
    let is_new = db::rules(&app.sql, game, mode).await?.is_none();
    if is_new && db::count_rules(&app.sql, game).await? >= QUEUES_MAX {
        return Err(Failure::invalid(format!("A game has at most {QUEUES_MAX} queues with rule sets.")));
    }
    db::put_rules(&app.sql, game, mode, text, now_ms()).await?;
    changed(app, game, mode).await;
    Ok(given)
}

pub(super) async fn delete(app: &App, game: &GameId, mode: &str) -> Outcome<()> {
    rules::check_queue(mode)?;
    if !db::delete_rules(&app.sql, game, mode).await? {
        return Err(not_found());
    }
    changed(app, game, mode).await;
    Ok(())
}

async fn changed(app: &App, game: &GameId, mode: &str) {
    let mode = mode.to_owned();
    app.multiplayer.matchmaking.forget_rules(game, &mode);
    app.multiplayer.matchmaking.tell(Told::Rules { game: game.clone(), mode }).await;
}
