//! The good end of every history: the weather clears, each device sends what it has, the server is read.

use super::device::hash_of;
use super::judge::Final;
use super::server::pass;
use super::story::Story;
use aethex_sdk_core::ErrorCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a device is asked to send everything, at the end, before it is said never to do so.
const FLUSHES_MAX: usize = 12;
/// Longest flush.
const FLUSH_TIME: Duration = Duration::from_secs(300);

impl Story {
    pub(super) async fn log_in(&mut self, at: usize) -> Result<(), String> {
        let auth = self.devices[at].processes[0].cloud.auth();
        for _ in 0..FLUSHES_MAX {
            if auth.is_logged_in() {
                return Ok(());
            }
            if let Err(error) = auth.login_guest().await {
                self.world.note(|| format!("d{at}: cannot log in: {error}"));
                pass(Duration::from_secs(1)).await;
            }
        }
        Err(format!("d{at} cannot log in"))
    }

    /// Everything works again; games are closed and started once more.
    pub(super) async fn clear_up(&mut self, power_cuts: bool) {
        self.world.note(|| "the weather clears".to_owned());
        self.world.calm.store(true, Ordering::Relaxed);
        self.world.down.store(false, Ordering::Relaxed);
        for device in &self.devices {
            device.online.store(true, Ordering::Relaxed);
            device.disk.set_full(false);
            device.disk.set_read_only(false);
        }
        if self.chance.once_in(2) {
            pass(Duration::from_secs(30)).await;
        }
        for at in 0..self.devices.len() {
            let device = &mut self.devices[at];
            match self.chance.below(3) {
                0 if power_cuts => device.disk.cut_power(),
                _ => device.processes.iter().for_each(|process| process.files.kill()),
            }
            self.bury();
            self.boot(at).await;
        }
    }

    /// Every device sends what it has and settles its conflicts; then what the server holds is read.
    pub(super) async fn send_everything(&mut self) -> Result<Vec<Final>, String> {
        for at in 0..self.devices.len() {
            self.log_in(at).await?;
        }
        // A device's resolution may be another one's conflict: twice around is enough when nobody plays on.
        for _ in 0..2 {
            for at in 0..self.devices.len() {
                self.send_all_of(at).await?;
            }
        }
        // What a dead process sent may come late, a delete too: not while the server is read.
        while self.world.on_the_way.load(Ordering::Relaxed) > 0 {
            pass(Duration::from_millis(100)).await;
        }
        let mut finals = Vec::new();
        for slot in self.slots.clone() {
            finals.push(self.read(&slot).await?);
        }
        Ok(finals)
    }

    async fn send_all_of(&mut self, at: usize) -> Result<(), String> {
        let mut last = None;
        for _ in 0..FLUSHES_MAX {
            let saves = self.saves(at);
            let flushed = saves.flush(FLUSH_TIME).await;
            self.world
                .note(|| format!("d{at}: flushed: {:?}", flushed.as_ref().err().map(ToString::to_string)));
            match flushed {
                Ok(()) if saves.pending() == 0 => return Ok(()),
                Ok(()) => return Err(format!("d{at}: flush succeeded, and {} wait", saves.pending())),
                Err(error) => last = Some(error),
            }
            for slot in self.slots.clone() {
                self.resolve(at, &slot);
                // The call is written down; here its end is waited for.
                while self.is_under_way() {
                    pass(Duration::from_millis(100)).await;
                }
            }
            self.is_right()?;
        }
        Err(format!("d{at} cannot send its saves: {last:?}"))
    }

    pub(super) fn is_under_way(&mut self) -> bool {
        self.bury();
        !self.under_way.is_empty()
    }

    async fn read(&mut self, slot: &str) -> Result<Final, String> {
        let saves = self.saves(0);
        let history = match saves.history(slot).await {
            Ok(history) => history,
            Err(error) if error.code == ErrorCode::SaveNotFound => Vec::new(),
            Err(error) => return Err(format!("the history of {slot} cannot be read: {error}")),
        };
        let mut contents = Vec::new();
        // All of them would take most of the time; their hashes are in the history.
        for version in history.iter().filter(|version| !version.deleted) {
            let unknown = self.world.ledger.lock().content(&version.hash).is_none();
            if contents.len() < 2 || unknown || self.chance.once_in(8) {
                let loaded = saves.load_version(slot, version.version.clone()).await;
                let loaded =
                    loaded.map_err(|error| format!("{} cannot be read: {error}", version.version))?;
                self.world.ledger.lock().knows(&loaded.content);
                contents.push((version.version.clone(), loaded.content));
            }
        }
        let mut heads = Vec::new();
        for at in 0..self.devices.len() {
            heads.push(match self.saves(at).load(slot).await {
                Ok(loaded) if loaded.from_cache => {
                    return Err(format!("d{at}: {slot} is not read from the cloud"));
                }
                Ok(loaded) => Some(hash_of(&loaded.content)),
                Err(error) if error.code == ErrorCode::SaveNotFound => None,
                Err(error) => return Err(format!("d{at}: {slot} cannot be loaded: {error}")),
            });
        }
        Ok(Final { slot: slot.to_owned(), history, contents, heads })
    }
}
