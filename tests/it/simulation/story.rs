//! What happens in a history: the steps, by chance, and the good end.

use super::Fault;
use super::device::{Device, Made, hash_of};
use super::judge;
use super::ledger::{End, Kind};
use super::net::World;
use super::server::{Server, pass, runtime};
use aethex_sdk_core::simulation::Chance;
use aethex_sdk_core::simulation::disk::{Fuse, SimFiles};
use aethex_sdk_core::wire::saves::SaveVersion;
use aethex_sdk_core::{
    Content, Error, ErrorCode, Loaded, Resolution, SaveOptions, Saved, Saves, SlotStatus, VersionId,
};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Steps of a history, at least, and how many more by chance.
const STEPS: (u64, u64) = (8, 16);

/// A history that was told.
pub(super) struct Told {
    pub(super) outcome: Result<(), String>,
    pub(super) lines: Vec<String>,
}

/// Runs one history; `told` when its lines are wanted.
pub(super) fn run(seed: u64, server: &mut Server, fault: Fault, told: bool) -> Told {
    runtime().block_on(async {
        server.host.begin(seed, fault);
        let mut chance = Chance::new(seed);
        let storms = [0, 40, 12, 6];
        let world = Arc::new(World {
            seed,
            host: server.host.clone(),
            backend: Mutex::new(server.backend.clone()),
            deaths: watch::Sender::default(),
            down: AtomicBool::new(false),
            storm: storms[chance.below(4) as usize],
            chance: Mutex::new(Chance::new(chance.draw())),
            ledger: Mutex::default(),
            calm: AtomicBool::new(true),
            on_the_way: AtomicUsize::new(0),
            fault,
            told,
        });
        let mut story = Story::new(world.clone(), chance);
        let outcome = Box::pin(story.tell()).await;
        server.backend = world.backend.lock().clone();
        let lines = std::mem::take(&mut world.ledger.lock().lines);
        Told { outcome, lines }
    })
}

/// What may happen in a history; each is left out of some, so that the rest is seen alone.
#[derive(Debug)]
struct Style {
    kills: bool,
    power_cuts: bool,
    server_deaths: bool,
    full_disks: bool,
    clocks: bool,
    deletes: bool,
    restores: bool,
    two_processes: bool,
    crowds: bool,
    /// Saves are merged: nobody deletes, restores or resolves.
    merges: bool,
}

/// A history while it happens.
pub(super) struct Story {
    pub(super) world: Arc<World>,
    pub(super) chance: Chance,
    style: Style,
    pub(super) devices: Vec<Device>,
    pub(super) slots: Vec<String>,
    pub(super) made: usize,
    /// Calls under way, and whose they are.
    pub(super) under_way: Vec<(usize, SimFiles)>,
}

impl Story {
    fn new(world: Arc<World>, mut chance: Chance) -> Story {
        let mut may = |times| chance.once_in(times);
        let mut style = Style {
            kills: may(2),
            power_cuts: may(2),
            server_deaths: may(2),
            full_disks: may(4),
            clocks: may(4),
            deletes: may(4),
            restores: may(4),
            two_processes: may(4),
            crowds: may(40),
            merges: may(3),
        };
        if style.merges {
            (style.deletes, style.restores) = (false, false);
            world.ledger.lock().merges = true;
        }
        let devices = (0..2 + chance.below(2) as usize).map(Device::new).collect();
        let slots = ["a", "b"][..1 + chance.below(2) as usize].iter().map(|&slot| slot.to_owned()).collect();
        Story { world, chance, style, devices, slots, made: 0, under_way: Vec::new() }
    }

    async fn tell(&mut self) -> Result<(), String> {
        let about = format!("{:?}, storm {}", self.style, self.world.storm);
        self.world.note(|| about);
        for at in 0..self.devices.len() {
            if let Fault::Disk(lie) = self.world.fault {
                self.devices[at].disk.set_lie(lie);
            }
            self.devices[at].start(&self.world, &mut self.chance);
            self.log_in(at).await?;
        }
        if self.style.merges {
            self.begin_playing().await?;
        }
        self.world.calm.store(false, Ordering::Relaxed);
        for _ in 0..STEPS.0 + self.chance.below(STEPS.1) {
            pass(self.pause()).await;
            self.step().await;
            self.is_right()?;
        }
        self.clear_up(self.style.power_cuts).await;
        let finals = self.send_everything().await?;
        self.is_right()?;
        judge::judge(&self.world.ledger.lock(), &finals)
    }

    pub(super) fn is_right(&self) -> Result<(), String> {
        self.world.ledger.lock().wrong.take().map_or(Ok(()), Err)
    }

    fn pause(&mut self) -> Duration {
        let longest = match self.chance.below(100) {
            0..30 => 1,
            30..60 => 50,
            60..92 => 3_000,
            92..98 => 30_000,
            // Past the life of an access token, now and then.
            _ => 20 * 60 * 1000,
        };
        Duration::from_millis(self.chance.below(longest))
    }

    async fn step(&mut self) {
        let at = self.chance.below(self.devices.len() as u64) as usize;
        self.bury();
        if self.devices[at].processes.is_empty() {
            self.boot(at).await;
        }
        let slot = self.slots[self.chance.below(self.slots.len() as u64) as usize].clone();
        match self.chance.below(40) {
            0..14 => self.save(at, &slot),
            14..18 => self.load(at, &slot),
            18..21 => self.resolve(at, &slot),
            21 => self.flush(at),
            22 => self.look(at, &slot),
            23 => self.restore(at, &slot),
            24 => self.delete(at, &slot),
            25..28 => self.go_offline_or_back(at),
            28..30 if self.style.kills => self.kill(at),
            30..32 if self.style.power_cuts => self.cut_power(at),
            32..34 if self.style.server_deaths => self.trouble_the_server().await,
            34 if self.style.full_disks => self.fill_the_disk(at),
            35 if self.style.clocks => self.turn_clocks(at),
            36 if self.style.two_processes && self.devices[at].processes.len() == 1 => {
                self.world.note(|| format!("d{at}: a second process starts"));
                self.devices[at].start(&self.world, &mut self.chance);
            }
            37 if self.style.crowds => (0..40).for_each(|_| self.save(at, &slot)),
            38 => {
                let on = self.chance.once_in(2);
                self.saves(at).enable_auto_sync(on);
            }
            _ => self.save(at, &slot),
        }
    }

    /// One of the device's processes.
    fn process(&mut self, at: usize) -> (Saves, SimFiles) {
        let processes = &self.devices[at].processes;
        let process = &processes[self.chance.below(processes.len() as u64) as usize];
        (process.cloud.saves(), process.files.clone())
    }

    pub(super) fn saves(&mut self, at: usize) -> Saves {
        self.process(at).0
    }

    /// Does what a call to the SDK answers with, and writes down how it ended.
    pub(super) fn call(
        &mut self,
        (at, slot, kind): (usize, &str, Kind),
        what: String,
        make: impl FnOnce(
            &Saves,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<(End, Vec<SaveVersion>), Error>> + Send>,
        >,
    ) {
        let (saves, files) = match kind {
            // The game that was started first is the one that is played.
            Kind::Save(_) | Kind::Load if self.style.merges => {
                let process = &self.devices[at].processes[0];
                (process.cloud.saves(), process.files.clone())
            }
            _ => self.process(at),
        };
        let merges = self.style.merges;
        let op = self.world.ledger.lock().begin(at, slot, kind);
        self.world.note(|| format!("d{at}: {what} begins ({op})"));
        self.under_way.push((op, files.clone()));
        let (world, call) = (self.world.clone(), make(&saves));
        tokio::spawn(async move {
            let result = call.await;
            if !files.is_alive() {
                return;
            }
            let (end, seen) = result.unwrap_or_else(|error| {
                if !is_expected(error.code) || (merges && error.code == ErrorCode::SavesConflict) {
                    world.ledger.lock().is_wrong(format!("d{at}: {what} failed: {error}"));
                }
                (End::Failed(error.code), Vec::new())
            });
            world.note(|| format!("d{at}: {what} ends ({op}): {end:?}"));
            let mut ledger = world.ledger.lock();
            ledger.saw(&seen);
            ledger.end(op, end);
        });
    }

    fn make(&mut self, at: usize) -> Made {
        self.made += 1;
        let made = Made::new(format!("{}.{}", at, self.made), &mut self.chance);
        self.world.ledger.lock().contents.insert(made.hash.clone(), made.clone());
        made
    }

    fn save(&mut self, at: usize, slot: &str) {
        if self.style.merges {
            return self.play(at, slot);
        }
        let last = self.world.ledger.lock().contents.values().next().cloned();
        // Now and then two devices save the same.
        let made = match last.filter(|_| self.chance.once_in(25)) {
            Some(made) => made,
            None => self.make(at),
        };
        let (place, what) = (slot.to_owned(), format!("save of {} in {slot}", made.name));
        let options = SaveOptions { label: made.name.clone(), ..SaveOptions::default() };
        self.call((at, slot, Kind::Save(made.hash)), what, move |saves| {
            let saved = saves.save(&place, made.content, options);
            Box::pin(async move { saved.await.map(of_saved) })
        });
    }

    fn load(&mut self, at: usize, slot: &str) {
        if self.style.merges {
            return self.load_game(at, slot);
        }
        let place = slot.to_owned();
        self.call((at, slot, Kind::Load), format!("load of {slot}"), move |saves| {
            let loaded = saves.load(&place);
            Box::pin(async move { loaded.await.map(of_loaded) })
        });
    }

    fn look(&mut self, at: usize, slot: &str) {
        let place = slot.to_owned();
        let all = self.chance.once_in(3);
        self.call((at, slot, Kind::Other), format!("history of {slot}"), move |saves| match all {
            true => {
                let list = saves.list();
                // What is not in the cloud yet has a time of 0, and the version that it is based on.
                let in_cloud = |versions: Vec<SaveVersion>| {
                    versions.into_iter().filter(|version| version.stored_at_ms > 0).collect()
                };
                Box::pin(async move { list.await.map(|versions| (End::Done(None), in_cloud(versions))) })
            }
            false => {
                let history = saves.history(&place);
                Box::pin(async move { history.await.map(|versions| (End::Done(None), versions)) })
            }
        });
    }

    fn flush(&mut self, at: usize) {
        let time = Duration::from_secs(1 + self.chance.below(60));
        self.call((at, "", Kind::Flush), "flush".to_owned(), move |saves| {
            let flush = saves.flush(time);
            Box::pin(async move { flush.await.map(|()| (End::Done(None), Vec::new())) })
        });
    }

    fn delete(&mut self, at: usize, slot: &str) {
        if !self.style.deletes {
            return;
        }
        let place = slot.to_owned();
        self.call((at, slot, Kind::Delete), format!("delete of {slot}"), move |saves| {
            let delete = saves.delete(&place);
            Box::pin(async move { delete.await.map(|()| (End::Done(None), Vec::new())) })
        });
    }

    fn restore(&mut self, at: usize, slot: &str) {
        if !self.style.restores {
            return;
        }
        let seen: Vec<_> = {
            let ledger = self.world.ledger.lock();
            let of_slot = ledger.seen.iter().filter(|(_, seen)| seen.slot == slot && !seen.hash.is_empty());
            of_slot.map(|(version, seen)| (version.clone(), seen.hash.clone())).collect()
        };
        if seen.is_empty() {
            return;
        }
        let (version, hash) = seen[self.chance.below(seen.len() as u64) as usize].clone();
        let (place, id) = (slot.to_owned(), VersionId::parse(&version).unwrap());
        self.call((at, slot, Kind::Restore(hash)), format!("restore of {version} in {slot}"), move |saves| {
            let saved = saves.restore(&place, id);
            Box::pin(async move { saved.await.map(of_saved) })
        });
    }

    pub(super) fn resolve(&mut self, at: usize, slot: &str) {
        let (saves, _) = self.process(at);
        if !matches!(saves.status(slot), SlotStatus::Conflict | SlotStatus::Failed) {
            return;
        }
        if self.style.merges {
            let status = saves.status(slot);
            return self
                .world
                .ledger
                .lock()
                .is_wrong(format!("d{at}: {slot} is {status:?}: nobody can help"));
        }
        let (kind, resolution) = match self.chance.below(3) {
            0 => (None, Resolution::KeepLocal),
            1 => (None, Resolution::KeepCloud),
            _ => {
                let made = self.make(at);
                (Some(made.hash), Resolution::Merged(made.content))
            }
        };
        let how = match &resolution {
            Resolution::KeepLocal => "this device's save",
            Resolution::KeepCloud => "the cloud's",
            Resolution::Merged(_) | Resolution::Answers(_) => "a new content",
        };
        let place = slot.to_owned();
        self.call((at, slot, Kind::Resolve(kind)), format!("resolve of {slot} by {how}"), move |saves| {
            let saved = saves.resolve(&place, resolution);
            Box::pin(async move { saved.await.map(of_saved) })
        });
    }

    fn go_offline_or_back(&mut self, at: usize) {
        let online = &self.devices[at].online;
        let now = !online.load(Ordering::Relaxed);
        online.store(now, Ordering::Relaxed);
        self.world.note(|| format!("d{at}: {}", if now { "online" } else { "offline" }));
    }

    fn kill(&mut self, at: usize) {
        let (_, files) = self.process(at);
        if self.chance.once_in(2) {
            self.world.note(|| format!("d{at}: a process is killed"));
            files.kill();
        } else {
            let steps = self.chance.below(40) as usize;
            self.world.note(|| format!("d{at}: a process will be killed after {steps} steps"));
            files.burn_after(steps, Fuse::Kill);
        }
    }

    fn cut_power(&mut self, at: usize) {
        if self.chance.once_in(2) {
            self.world.note(|| format!("d{at}: the power is cut"));
            self.devices[at].disk.cut_power();
        } else {
            let (_, files) = self.process(at);
            let steps = self.chance.below(40) as usize;
            self.world.note(|| format!("d{at}: the power will be cut after {steps} steps"));
            files.burn_after(steps, Fuse::PowerCut);
        }
    }

    async fn trouble_the_server(&mut self) {
        match self.chance.below(3) {
            0 => {
                let down = !self.world.down.load(Ordering::Relaxed);
                self.world.down.store(down, Ordering::Relaxed);
                self.world.note(|| format!("the server is {}", if down { "away" } else { "back" }));
            }
            _ => self.world.crash().await,
        }
    }

    fn fill_the_disk(&mut self, at: usize) {
        let (disk, chance) = (&self.devices[at].disk, &mut self.chance);
        let (full, read_only) = (chance.once_in(2), chance.once_in(4));
        disk.set_full(full);
        disk.set_read_only(read_only);
        self.world.note(|| format!("d{at}: disk full: {full}, read-only: {read_only}"));
    }

    fn turn_clocks(&mut self, at: usize) {
        // Days to and fro, or decades.
        let span = if self.chance.once_in(4) { 1_000_000_000_000 } else { 200_000_000 };
        let skew = i64::try_from(self.chance.below(2 * span)).unwrap() - span as i64;
        if self.chance.once_in(3) {
            // Tokens are checked against the real clock as well: the server's stays ahead of it.
            let skew = skew.rem_euclid(200_000_000);
            self.world.host.set_skew(skew);
            self.world.note(|| format!("the server's clock is {skew} ms off"));
        } else {
            self.devices[at].clock_ms.store(skew, Ordering::Relaxed);
            self.world.note(|| format!("d{at}: the clock is {skew} ms off"));
        }
    }

    /// Ends what dead processes had begun.
    pub(super) fn bury(&mut self) {
        for device in &mut self.devices {
            if device.bury() {
                let name = device.name.clone();
                self.world.note(|| format!("{name}: a process has died"));
            }
        }
        let mut ledger = self.world.ledger.lock();
        self.under_way.retain(|(op, files)| {
            let ended = ledger.ops[*op].ended.is_some();
            if !ended && !files.is_alive() {
                ledger.end(*op, End::Unknown);
            }
            !ended && files.is_alive()
        });
    }

    pub(super) async fn boot(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if device.disk.is_off() {
            device.disk.power_on(&mut self.chance);
        }
        device.start(&self.world, &mut self.chance);
        let cloud = device.processes[0].cloud.clone();
        self.world.note(|| format!("d{at}: starts; logged in: {}", cloud.auth().is_logged_in()));
        if !cloud.auth().is_logged_in() {
            tokio::spawn(async move { cloud.auth().login_guest().await });
        }
    }
}

pub(super) fn of_saved(saved: Saved) -> (End, Vec<SaveVersion>) {
    let seen: Vec<SaveVersion> = saved.version.into_iter().collect();
    let id = seen.first().map(|version| version.version.as_str().to_owned());
    (if saved.queued { End::Queued } else { End::Done(id) }, seen)
}

pub(super) fn of_loaded(loaded: Loaded) -> (End, Vec<SaveVersion>) {
    (End::Loaded(hash_of(&loaded.content)), loaded.version.into_iter().collect())
}

/// What may come back from a call in bad weather. Everything else is the SDK's or the server's mistake.
fn is_expected(code: ErrorCode) -> bool {
    use ErrorCode as C;
    matches!(
        code,
        C::SavesConflict
            | C::SaveNotFound
            | C::VersionNotFound
            | C::Storage
            | C::QueueFull
            | C::Offline
            | C::Timeout
            | C::Overloaded
            | C::NotLoggedIn
            | C::SessionEnded
            | C::Cancelled
            // A conflict that another process has settled meanwhile.
            | C::InvalidArgument
    )
}

/// The content, for a message.
pub(super) fn words(content: &Content) -> String {
    format!("{content:?}").chars().take(80).collect()
}
