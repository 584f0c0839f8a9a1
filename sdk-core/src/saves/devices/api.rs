//! The calls of the player's devices, one function an endpoint.

use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::PlayerId;
use aethex_wire::saves::history::{Device, ListDevices, PutDevice, PutDeviceRequest};

/// Tells what is played here; the answer names all of the player's devices.
pub(super) async fn put_device(
    shared: &Shared,
    player: &PlayerId,
    device_id: &str,
    told: &PutDeviceRequest,
) -> Result<Vec<Device>, Error> {
    let request = Request::of::<PutDevice>(&[player.as_str(), device_id], &Nothing {}).json(told);
    Ok(shared.session.send(player, &request).await?.json::<PutDevice>()?.devices)
}

/// Lists the player's devices.
pub(super) async fn list_devices(shared: &Shared, player: &PlayerId) -> Result<Vec<Device>, Error> {
    let request = Request::of::<ListDevices>(&[player.as_str()], &Nothing {});
    Ok(shared.session.send(player, &request).await?.json::<ListDevices>()?.devices)
}
