//! Other devices of the player, and how this one behaves towards network and system.

use super::AeThexSaves;
use super::info::AeThexDevice;
use crate::call::{self, CALL_TIME_MAX};
use crate::result::Fields;
use crate::runtime;
use crate::settings::text;
use aethex_sdk_core::Error;
use aethex_sdk_core::wire::saves::history::Device;
use godot::builtin::{Signal, VarArray, Variant};
use godot::meta::ToGodot;
use godot::register::godot_api;

#[godot_api(secondary)]
impl AeThexSaves {
    /// Says that a slot is being played on this device, so that the player's other devices can warn. The result can be
    /// iterated: each item is an [AeThexDevice] on which the same slot is being played right now, or has saves that
    /// the cloud does not have; [signal active_elsewhere] fires for each, too.
    #[func]
    fn play(&self, slot: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().play(&text(&slot, "slot")?)), devices)
    }

    /// Says that no slot is being played on this device any more.
    #[func]
    fn stop_playing(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().stop_playing()), |()| Ok(Fields::default()))
    }

    /// Lists the player's devices that ever called [method play]. The result can be iterated: each item is an
    /// [AeThexDevice]. The array is also `result.devices`.
    #[func]
    fn devices(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().devices()), devices)
    }

    /// Says whether the network costs by the byte. Then large saves wait for another network, or for
    /// [method flush].
    #[func]
    fn set_metered(&self, metered: bool) {
        if let Ok(cloud) = runtime::cloud() {
            cloud.saves().set_metered(metered);
        }
    }
}

fn devices(devices: Vec<Device>) -> Result<Fields, Error> {
    let items: VarArray = devices.iter().map(|device| AeThexDevice::of(device).to_variant()).collect();
    Ok(Fields::default().list("devices", items))
}
