//! Histories whose saves are merged: the game plays on from what it has loaded, and nobody is ever asked.

use super::device::{Made, hash_of};
use super::ledger::{End, Kind};
use super::progress::Progress;
use super::server::pass;
use super::story::Story;
use aethex_sdk_core::{Loaded, SaveOptions};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a running game has in its memory, by slot. It ends with the process.
pub(super) type Memory = Arc<Mutex<BTreeMap<String, Play>>>;

/// A slot in a game's memory.
#[derive(Debug, Default)]
pub(super) struct Play {
    progress: Option<Progress>,
    /// A load is under way: the game waits for it before it plays on.
    loading: bool,
}

impl Story {
    /// A slot's first save, which every device gets to know while the weather is fine.
    pub(super) async fn begin_playing(&mut self) -> Result<(), String> {
        for slot in self.slots.clone() {
            for at in 0..self.devices.len() {
                if at == 0 {
                    let mut memory = self.devices[at].processes[0].memory.lock();
                    memory.entry(slot.clone()).or_default().progress = Some(Progress::default());
                }
                let op = self.world.ledger.lock().ops.len();
                if at == 0 {
                    self.play(at, &slot)
                } else {
                    self.load_game(at, &slot)
                }
                while self.is_under_way() {
                    pass(Duration::from_millis(100)).await;
                }
                match self.world.ledger.lock().ops.get(op).and_then(|op| op.end()) {
                    Some(End::Done(_) | End::Loaded(_)) => {}
                    other => return Err(format!("d{at} cannot begin to play {slot}: {other:?}")),
                }
            }
        }
        Ok(())
    }

    /// Wins something and saves it, on top of what the game has in its memory.
    pub(super) fn play(&mut self, at: usize, slot: &str) {
        let memory = self.devices[at].processes[0].memory.clone();
        let progress = {
            let mut memory = memory.lock();
            let play = memory.entry(slot.to_owned()).or_default();
            if play.loading {
                return;
            }
            play.progress.clone()
        };
        // A game that was just started loads before it plays.
        let Some(mut progress) = progress else { return self.load_game(at, slot) };
        self.made += 1;
        let name = format!("{at}.{}", self.made);
        progress.win(&name);
        let content = progress.content();
        memory.lock().entry(slot.to_owned()).or_default().progress = Some(progress);
        let made = Made { hash: hash_of(&content), name, content };
        self.world.ledger.lock().contents.insert(made.hash.clone(), made.clone());
        let (place, what) = (slot.to_owned(), format!("save of {} in {slot}", made.name));
        let options = SaveOptions { label: made.name.clone(), ..SaveOptions::default() };
        self.call((at, slot, Kind::Save(made.hash)), what, move |saves| {
            let saved = saves.save(&place, made.content, options);
            Box::pin(async move { saved.await.map(super::story::of_saved) })
        });
    }

    /// Loads, and plays on from there.
    pub(super) fn load_game(&mut self, at: usize, slot: &str) {
        let memory = self.devices[at].processes[0].memory.clone();
        if std::mem::replace(&mut memory.lock().entry(slot.to_owned()).or_default().loading, true) {
            return;
        }
        let (place, world) = (slot.to_owned(), self.world.clone());
        self.call((at, slot, Kind::Load), format!("load of {slot}"), move |saves| {
            let loaded = saves.load(&place);
            Box::pin(async move {
                let loaded = loaded.await;
                let mut memory = memory.lock();
                let play = memory.entry(place).or_default();
                play.loading = false;
                let loaded: Loaded = loaded?;
                match Progress::read(&loaded.content) {
                    Ok(progress) => play.progress = Some(progress),
                    Err(why) => world.ledger.lock().is_wrong(format!("what d{at} loaded: {why}")),
                }
                world.ledger.lock().knows(&loaded.content);
                Ok(super::story::of_loaded(loaded))
            })
        });
    }
}
