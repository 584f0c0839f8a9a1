//! Presence: who is here, and what players show of themselves.
//!
//! A player is here who has a personal connection to any server of the fleet. Each server says so in the cache of
//! its own, again and again, and tells the others on the bus who came, went or shows something else; each then
//! tells those who asked it to watch. Who hides is for others as who is not here, and nothing that one does who
//! hides is told. Between two of whom one blocked the other there is nothing to be seen.

mod db;
mod routes;
mod rules;
#[cfg(test)]
mod tests;
mod watchers;

pub(super) use routes::routes;
pub(super) use watchers::Watchers;

use super::config::{PRESENCE_KEPT_MS, SWEEP_BATCH};
use super::live::Change;
use crate::app::App;
use crate::context::now_ms;
use crate::error::Outcome;
use crate::ports::bus::Taken;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::presence::{Availability, Presence, SetPresenceRequest};
use rules::{Eyes, Kept, seen, shows};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// The subject of comings and goings on the bus.
const SUBJECT: &str = "presence";
/// How long a server's word that a player is here counts.
const HERE_MS: i64 = 60_000;
/// How often it is said again, and watchers who are not here are looked for.
const AGAIN: Duration = Duration::from_secs(20);
/// How long one may watch before the connection that is told is there.
const WATCH_FIRST_MS: i64 = 60_000;
/// How long it is gathered who was here, to be written in one statement.
const GATHER: Duration = Duration::from_millis(250);
/// Players written in one statement.
const TOUCH_BATCH: usize = 500;

/// What a server tells the others.
#[derive(Debug, Serialize, Deserialize)]
struct News {
    game: GameId,
    player: PlayerId,
    what: What,
    /// The one alone whom it is about, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<PlayerId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The first connection to a server came.
    Came,
    /// The last one of a server went.
    Went,
    /// The player shows something else.
    Shows,
    /// The player and one other see each other no longer, or again.
    Between,
}

fn publish(app: &App, game: &GameId, player: &PlayerId, what: What) {
    tell_servers(app, &News { game: game.clone(), player: player.clone(), what, other: None });
}

fn tell_servers(app: &App, news: &News) {
    if let Ok(json) = serde_json::to_vec(news) {
        app.multiplayer.bus.publish(SUBJECT, json.into());
    }
}

fn key(game: &GameId, player: &PlayerId) -> String {
    format!("here.{game}.{player}")
}

async fn say_here(app: &App, game: &GameId, player: &PlayerId) {
    let node = app.multiplayer.node.clone().into_bytes();
    app.multiplayer.cache.set(&key(game, player), node.into(), HERE_MS).await;
}

/// Whether a player has a personal connection to any server.
pub(crate) async fn is_here(app: &App, game: &GameId, player: &PlayerId) -> bool {
    app.multiplayer.hub.is_here(game, player) || app.multiplayer.cache.get(&key(game, player)).await.is_some()
}

/// Those of `others` who blocked a player, or whom the player blocked.
pub(crate) async fn blocked_among(
    app: &App,
    game: &GameId,
    player: &PlayerId,
    others: &[PlayerId],
) -> Outcome<HashSet<PlayerId>> {
    if others.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(db::blocked(&app.sql, game, player, others).await?.into_iter().collect())
}

/// What a player shows from now on.
async fn set(app: &App, game: &GameId, player: &PlayerId, shown: SetPresenceRequest) -> Outcome<Presence> {
    rules::check(&shown)?;
    let now = now_ms();
    let before = one(app, game, player).await?;
    db::put(&app.sql, game, player, &shown, now).await?;
    let here = is_here(app, game, player).await;
    let availability = shown.availability;
    if here && shows(before.map(|kept| kept.availability), Some(availability)) {
        publish(app, game, player, What::Shows);
    }
    let SetPresenceRequest { status, data, .. } = shown;
    let kept = Kept { availability, status, data, seen_at_ms: now };
    // The player's own eyes see what was set, whether a connection is there or not.
    Ok(seen(player, Some(&kept), true, Eyes::Own, now))
}

async fn one(app: &App, game: &GameId, player: &PlayerId) -> Outcome<Option<Kept>> {
    let found = db::of_players(&app.sql, game, std::slice::from_ref(player)).await?;
    Ok(found.into_iter().next().map(|(_, kept)| kept))
}

/// The presence of players, in the order asked, as a player sees them.
async fn look(app: &App, game: &GameId, player: &PlayerId, whom: &[PlayerId]) -> Outcome<Vec<Presence>> {
    let now = now_ms();
    let kept: HashMap<PlayerId, Kept> = db::of_players(&app.sql, game, whom).await?.into_iter().collect();
    let blocked = blocked_among(app, game, player, whom).await?;
    let mut told = Vec::with_capacity(whom.len());
    for other in whom {
        let eyes = match other {
            other if other == player => Eyes::Own,
            other if blocked.contains(other) => Eyes::Blocked,
            _ => Eyes::Others,
        };
        told.push(seen(other, kept.get(other), is_here(app, game, other).await, eyes, now));
    }
    Ok(told)
}

/// Everything of presence that goes on by itself.
pub(super) async fn tend(app: &App) {
    tokio::join!(say_who_is_here(app), tell_who_watches(app));
}

/// Says in the cache who is here, tells the others who comes and goes, and writes when players were here.
async fn say_who_is_here(app: &App) {
    let mut changes = app.multiplayer.hub.changes();
    let mut here: HashSet<(GameId, PlayerId)> = HashSet::new();
    let mut touched: BTreeMap<GameId, BTreeMap<PlayerId, i64>> = BTreeMap::new();
    let mut again = tokio::time::interval(AGAIN);
    let mut gather = tokio::time::interval(GATHER);
    gather.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Ok(Change { game, player, here: true }) => {
                    say_here(app, &game, &player).await;
                    publish(app, &game, &player, What::Came);
                    touched.entry(game.clone()).or_default().insert(player.clone(), now_ms());
                    here.insert((game, player));
                }
                Ok(Change { game, player, here: false }) => {
                    let own = app.multiplayer.node.as_bytes();
                    app.multiplayer.cache.release(&key(&game, &player), own).await;
                    publish(app, &game, &player, What::Went);
                    here.remove(&(game.clone(), player.clone()));
                    touched.entry(game).or_default().insert(player, now_ms());
                }
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "too many players came and went at once"),
                Err(RecvError::Closed) => return,
            },
            _ = again.tick() => {
                here.retain(|(game, player)| app.multiplayer.hub.is_here(game, player));
                for (game, player) in &here {
                    say_here(app, game, player).await;
                }
                forget_absent(app).await;
            }
            _ = gather.tick(), if !touched.is_empty() => touch(app, std::mem::take(&mut touched)).await,
        }
    }
}

async fn touch(app: &App, touched: BTreeMap<GameId, BTreeMap<PlayerId, i64>>) {
    for (game, players) in touched {
        let players: Vec<(PlayerId, i64)> = players.into_iter().collect();
        for some in players.chunks(TOUCH_BATCH) {
            if let Err(error) = db::touch(&app.sql, &game, some).await {
                tracing::warn!(%error, "cannot write when players were here");
            }
        }
    }
}

/// Watchers whose connection never came, or went unheard.
async fn forget_absent(app: &App) {
    for (game, player) in app.multiplayer.watchers.since_before(now_ms() - WATCH_FIRST_MS) {
        if !is_here(app, &game, &player).await {
            app.multiplayer.watchers.forget(&game, &player);
        }
    }
}

/// Tells those who watch at this server what any server tells.
async fn tell_who_watches(app: &App) {
    let mut news = app.multiplayer.bus.subscribe(SUBJECT);
    while let Some(taken) = news.take().await {
        let message = match taken {
            Taken::Message(message) => message,
            Taken::Lost(lost) => {
                tracing::warn!(lost, "news of presence came too fast");
                continue;
            }
        };
        let Ok(news) = serde_json::from_slice::<News>(&message) else { continue };
        if let Err(failure) = pass_on(app, news).await {
            tracing::warn!(%failure, "cannot tell of a player's presence");
        }
    }
}

async fn pass_on(app: &App, news: News) -> Outcome<()> {
    let News { game, player, what, other } = news;
    if let Some(other) = other {
        return between(app, &game, &player, &other).await;
    }
    if what == What::Went && app.multiplayer.hub.is_here(&game, &player) {
        // Gone from another server, but not from this one.
        say_here(app, &game, &player).await;
        publish(app, &game, &player, What::Came);
        return Ok(());
    }
    let here = is_here(app, &game, &player).await;
    if !here {
        app.multiplayer.watchers.forget(&game, &player);
    }
    let watchers = app.multiplayer.watchers.of(&game, &player);
    if watchers.is_empty() {
        return Ok(());
    }
    let kept = one(app, &game, &player).await?;
    let availability = kept.as_ref().map(|kept| kept.availability);
    if what != What::Shows && availability == Some(Availability::Invisible) {
        return Ok(());
    }
    let blocked = blocked_among(app, &game, &player, &watchers).await?;
    let now = now_ms();
    let told = Kept { seen_at_ms: now, ..kept.unwrap_or(Kept::new(now)) };
    let event = ServerEvent::PresenceChanged(seen(&player, Some(&told), here, Eyes::Others, now));
    for watcher in watchers.iter().filter(|watcher| !blocked.contains(watcher)) {
        app.multiplayer.hub.tell(&game, watcher, &event);
    }
    Ok(())
}

/// Tells two players who watch each other, or one who watches the other, what there is to be seen now.
async fn between(app: &App, game: &GameId, one: &PlayerId, other: &PlayerId) -> Outcome<()> {
    for (player, watcher) in [(one, other), (other, one)] {
        if !app.multiplayer.watchers.of(game, player).contains(watcher) {
            continue;
        }
        for presence in look(app, game, watcher, std::slice::from_ref(player)).await? {
            app.multiplayer.hub.tell(game, watcher, &ServerEvent::PresenceChanged(presence));
        }
    }
    Ok(())
}

/// One of two blocked the other, or no longer does.
pub(super) fn tell_both(app: &App, game: &GameId, player: &PlayerId, other: &PlayerId) {
    let (game, player, other) = (game.clone(), player.clone(), Some(other.clone()));
    tell_servers(app, &News { game, player, what: What::Between, other });
}

/// Forgets players who have not been here for long.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    db::sweep(sql, now_ms - PRESENCE_KEPT_MS, SWEEP_BATCH).await.map(drop)
}
