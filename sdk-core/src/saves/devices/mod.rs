//! Which device plays which slot: a hint, so that a player does not go on elsewhere with an old save.
//!
//! The game says with [`Saves::play`] what is played. From then on the backend is told: at once, once a
//! minute while it lasts, and when saves begin or cease to wait here. A game that never says so costs
//! nothing. Nothing depends on the hint: two devices that play on all the same diverge, and are merged.

mod api;

use super::Saves;
use super::rules::check_name;
use crate::cloud::Shared;
use crate::session::blocking;
use crate::wire::saves::history::{Device, PutDeviceRequest};
use crate::{Error, Event};
use aethex_wire::ids::PlayerId;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often the backend is told while a slot is played: it takes a device as active for two minutes.
const BEAT: Duration = Duration::from_secs(60);
/// How soon a change of what waits here is told after the one before: saves come in bursts.
const CHANGE_PAUSE: Duration = Duration::from_secs(5);

impl Saves {
    /// Says that a slot is being played on this device, until [`Saves::stop_playing`] or another slot.
    ///
    /// Yields the player's other devices on which the same slot is being played right now, or has saves that are not
    /// in the cloud yet; for each there is [`Event::ActiveElsewhere`], too. Offline it fails, and the hint goes
    /// out by itself later.
    ///
    /// # Errors
    /// `InvalidSlot`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn play(&self, slot: &str) -> impl Future<Output = Result<Vec<Device>, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move {
            check_name(&slot)?;
            shared.saves.presence.playing.send_replace(Some(slot.clone()));
            let player = shared.session.player().await?;
            let here = here(&shared, &player, &slot).await?;
            let mut elsewhere = put(&shared, &player, here).await?;
            elsewhere.retain(|device| leaves_behind(device, &slot));
            for device in &elsewhere {
                shared.events.push(Event::ActiveElsewhere { slot: slot.clone(), device: device.clone() });
            }
            Ok(elsewhere)
        })
    }

    /// Says that no slot is being played on this device any more.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`: the backend learns of it later, or by the silence.
    pub fn stop_playing(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move {
            if shared.saves.presence.playing.send_replace(None).is_none() {
                return Ok(());
            }
            let player = shared.session.player().await?;
            let here = here(&shared, &player, "").await?;
            put(&shared, &player, here).await.map(drop)
        })
    }

    /// Lists the player's devices, the one that told of itself last first; this one too, when it did.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn devices(&self) -> impl Future<Output = Result<Vec<Device>, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move {
            let player = shared.session.player().await?;
            api::list_devices(&shared, &player).await
        })
    }
}

/// Whether going on with the slot here would leave behind what another device holds of it.
fn leaves_behind(device: &Device, slot: &str) -> bool {
    device.slot == slot && (device.active || device.unsent)
}

/// What this device tells of itself.
async fn here(shared: &Shared, player: &PlayerId, slot: &str) -> Result<PutDeviceRequest, Error> {
    let outbox = shared.saves.outbox(player);
    let unsent = blocking(move || Ok(outbox.pending() > 0)).await?;
    let device_name = shared.config.device_name.clone();
    Ok(PutDeviceRequest { device_name, slot: slot.to_owned(), unsent })
}

/// What this device said of itself.
#[derive(Debug)]
pub(crate) struct Presence {
    /// The slot that is played here.
    playing: watch::Sender<Option<String>>,
    /// What the backend was told last; none when there is nothing to take back.
    told: Mutex<Option<(PlayerId, PutDeviceRequest)>>,
}

impl Default for Presence {
    fn default() -> Presence {
        Presence { playing: watch::Sender::new(None), told: Mutex::default() }
    }
}

/// Tells the backend for as long as the SDK lives, once a game has said what is played.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut playing = shared.saves.presence.playing.subscribe();
    let mut next_beat = Instant::now();
    let mut quiet_until = Instant::now();
    loop {
        let idle = playing.borrow_and_update().is_none() && shared.saves.presence.told.lock().is_none();
        tokio::select! {
            changed = playing.changed() => {
                if changed.is_err() {
                    return;
                }
                // The call that changed it tells the backend itself.
                next_beat = Instant::now() + BEAT;
                continue;
            }
            () = tokio::time::sleep(CHANGE_PAUSE), if !idle => {}
        }
        if Instant::now() < quiet_until {
            continue;
        }
        match tell(&shared, Instant::now() >= next_beat).await {
            Ok(false) => {}
            Ok(true) => next_beat = Instant::now() + BEAT,
            Err(error) => {
                tracing::debug!(code = error.code.as_str(), "the backend was not told what is played here");
                quiet_until = Instant::now() + BEAT;
            }
        }
    }
}

/// Tells when it is time, or when something else holds than what was told; whether it did.
async fn tell(shared: &Shared, time: bool) -> Result<bool, Error> {
    let Some(player) = shared.session.player_now() else { return Ok(false) };
    let slot = shared.saves.presence.playing.borrow().clone();
    let here = here(shared, &player, slot.as_deref().unwrap_or_default()).await?;
    let same =
        shared.saves.presence.told.lock().as_ref().is_some_and(|told| told.0 == player && told.1 == here);
    if same && !(time && slot.is_some()) {
        return Ok(false);
    }
    put(shared, &player, here).await.map(|_| true)
}

/// Tells, and remembers what was told.
async fn put(shared: &Shared, player: &PlayerId, here: PutDeviceRequest) -> Result<Vec<Device>, Error> {
    let outbox = shared.saves.outbox(player);
    let own = blocking(move || outbox.device_id()).await?;
    let mut devices = api::put_device(shared, player, &own, &here).await?;
    devices.retain(|device| device.device_id != own);
    let holds = !here.slot.is_empty() || here.unsent;
    *shared.saves.presence.told.lock() = holds.then(|| (player.clone(), here));
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(slot: &str, active: bool, unsent: bool) -> Device {
        let (device_id, device_name) = ("other".to_owned(), String::new());
        Device { device_id, device_name, slot: slot.to_owned(), unsent, seen_at_ms: 0, active }
    }

    #[test]
    fn only_the_same_slot_counts_and_only_while_it_matters() {
        assert!(leaves_behind(&device("s", true, false), "s"));
        assert!(leaves_behind(&device("s", false, true), "s"));
        for other in [device("t", true, true), device("s", false, false), device("", false, true)] {
            assert!(!leaves_behind(&other, "s"), "{other:?}");
        }
    }
}
