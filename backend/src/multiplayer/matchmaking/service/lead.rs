//! Who leads a queue: who has its lease. What is led is read from the database, and compared with it now and then.

use super::mode::Mode;
use super::{Key, LEASE_MS, Service, db, lease};
use crate::context::now_ms;
use crate::error::Outcome;
use crate::multiplayer::matchmaking::rules::{Entry, Kept, players_of};
use crate::multiplayer::matchmaking::{backfill, db as tickets, queues, with_blocks};
use aethex_wire::ids::{PlayerId, QueueTicketId};
use std::collections::HashMap;

impl Service {
    /// Whether this server leads a queue, from now on if nobody does.
    pub(super) async fn leads(&mut self, key: &Key) -> bool {
        self.modes.contains_key(key) || self.take_lead(key).await
    }

    async fn take_lead(&mut self, key: &Key) -> bool {
        if !self.claim(key).await {
            return false;
        }
        match self.load(key).await {
            Ok(queue) => {
                self.modes.insert(key.clone(), queue);
                true
            }
            Err(failure) => {
                tracing::warn!(%failure, "cannot read a queue");
                self.give_up(key).await;
                false
            }
        }
    }

    pub(super) async fn claim(&self, key: &Key) -> bool {
        let (lease, node) = (lease(key), &self.app.multiplayer.node);
        let holder =
            self.app.multiplayer.cache.claim(&lease, node.clone().into_bytes().into(), LEASE_MS).await;
        let is_ours = holder == node.as_bytes();
        let mut leases = self.app.multiplayer.matchmaking.leases.lock();
        if is_ours {
            leases.insert(lease)
        } else {
            leases.remove(&lease)
        };
        is_ours
    }

    pub(super) async fn give_up(&self, key: &Key) {
        let lease = lease(key);
        self.app.multiplayer.matchmaking.leases.lock().remove(&lease);
        self.app.multiplayer.cache.release(&lease, self.app.multiplayer.node.as_bytes()).await;
    }

    /// A queue from the database. Tickets that its rules do not take end.
    async fn load(&self, key: &Key) -> Outcome<Mode> {
        let (game, mode) = key;
        let sql = &self.app.sql;
        let own = queues::read(&self.app, game, mode).await?;
        let mut stored: Vec<(String, String)> = Vec::new();
        loop {
            let after = stored.last().map_or("", |(id, _)| id);
            let page = db::queued(sql, game, mode, after, tickets::PAGE).await?;
            if page.is_empty() {
                break;
            }
            stored.extend(page);
        }
        // After the tickets: one that was written meanwhile would be here without its blocks.
        let mut blocks: HashMap<String, Vec<PlayerId>> = HashMap::new();
        for (ticket, blocked) in db::blocks(sql, game, mode).await? {
            blocks.entry(ticket).or_default().push(blocked);
        }
        let mut queue = Mode::new(own, now_ms());
        for (id, json) in stored {
            let Ok(kept) = serde_json::from_str::<Kept>(&json) else {
                tracing::warn!(ticket = id, "a stored ticket is damaged");
                continue;
            };
            let entry = Entry { kept, blocks: blocks.remove(&id).unwrap_or_default() };
            let players = players_of(&entry.kept.ticket);
            if let Err(error) = queue.add_early(entry, now_ms()) {
                self.refuse(game, &id, &players, &error).await;
            }
        }
        queue.compare_fills(backfill::asking(&self.app, game, mode, None).await?, now_ms());
        Ok(queue)
    }

    /// A queue whose rule set changed.
    pub(super) async fn reload(&mut self, key: &Key) {
        self.app.multiplayer.matchmaking.forget_rules(&key.0, &key.1);
        if self.modes.remove(key).is_some() {
            self.take_lead(key).await;
        }
    }

    /// Queues that nobody leads any more, or yet.
    pub(super) async fn look_for_queues(&mut self) {
        match db::open_queues(&self.app.sql).await {
            Ok(open) => {
                for key in open {
                    self.leads(&key).await;
                }
            }
            Err(error) => tracing::warn!(%error, "cannot look for queues"),
        }
    }

    /// Compares every queue with the database, which is right: letters may be lost.
    pub(super) async fn compare_all(&mut self) {
        let keys: Vec<Key> = self.modes.keys().cloned().collect();
        for key in keys {
            if let Err(failure) = self.compare(&key).await {
                tracing::warn!(%failure, "cannot compare a queue with the database");
            }
        }
    }

    async fn compare(&mut self, key: &Key) -> Outcome<()> {
        let (game, mode) = key;
        let queued = db::queued_ids(&self.app.sql, game, mode).await?;
        let fills = backfill::asking(&self.app, game, mode, None).await?;
        let Some(queue) = self.modes.get_mut(key) else { return Ok(()) };
        queue.compare_fills(fills, now_ms());
        queue.tidy();
        for id in queue.compare(queued) {
            let Some(id) = QueueTicketId::parse(&id) else { continue };
            let Some(json) = db::kept(&self.app.sql, game, &id).await? else { continue };
            let Ok(kept) = serde_json::from_str::<Kept>(&json) else { continue };
            let entry = with_blocks(&self.app, game, kept).await?;
            self.admit(key, entry, Mode::add_early).await;
        }
        Ok(())
    }
}
