//! Who is told of whose presence, as far as it was asked for at this server.

use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::multiplayer::presence::PRESENCE_WATCHED_MAX;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};

/// Pairs of watcher and watched: at about 200 bytes each, 200 MB.
const PAIRS_MAX: usize = 1_000_000;

type Key = (GameId, PlayerId);

/// Who watches whom.
#[derive(Debug, Default)]
pub(in crate::multiplayer) struct Watchers(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    watchers: HashMap<Key, HashSet<PlayerId>>,
    /// Whom each watcher watches, and since when it watches anyone.
    watched: HashMap<Key, (HashSet<PlayerId>, i64)>,
    pairs: usize,
}

impl Watchers {
    /// Watches players too; `false` when there are too many, of the watcher or of all.
    pub(super) fn watch(&self, game: &GameId, watcher: &PlayerId, whom: &[PlayerId], now_ms: i64) -> bool {
        let mut inner = self.0.lock();
        let Inner { watchers, watched, pairs } = &mut *inner;
        let (of_watcher, _) =
            watched.entry((game.clone(), watcher.clone())).or_insert_with(|| (HashSet::new(), now_ms));
        for player in whom.iter().filter(|player| *player != watcher) {
            if of_watcher.contains(player) {
                continue;
            }
            if of_watcher.len() >= PRESENCE_WATCHED_MAX || *pairs >= PAIRS_MAX {
                return false;
            }
            of_watcher.insert(player.clone());
            watchers.entry((game.clone(), player.clone())).or_default().insert(watcher.clone());
            *pairs += 1;
        }
        true
    }

    /// Who watches a player.
    pub(super) fn of(&self, game: &GameId, player: &PlayerId) -> Vec<PlayerId> {
        let inner = self.0.lock();
        inner.watchers.get(&(game.clone(), player.clone())).into_iter().flatten().cloned().collect()
    }

    /// A watcher watches nobody any more.
    pub(super) fn forget(&self, game: &GameId, watcher: &PlayerId) {
        let mut inner = self.0.lock();
        let Inner { watchers, watched, pairs } = &mut *inner;
        let Some((of_watcher, _)) = watched.remove(&(game.clone(), watcher.clone())) else { return };
        for player in of_watcher {
            let key = (game.clone(), player);
            if let Some(of_player) = watchers.get_mut(&key)
                && of_player.remove(watcher)
            {
                *pairs -= 1;
                if of_player.is_empty() {
                    watchers.remove(&key);
                }
            }
        }
    }

    /// Watchers who began before a time.
    pub(super) fn since_before(&self, time_ms: i64) -> Vec<Key> {
        let inner = self.0.lock();
        let older = inner.watched.iter().filter(|(_, (_, since))| *since < time_ms);
        older.map(|(key, _)| key.clone()).collect()
    }
}
