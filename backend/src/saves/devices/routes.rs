//! The endpoints of devices.

use super::{db, rules};
use crate::app::App;
use crate::context::now_ms;
use crate::error::Outcome;
use crate::extract::{Caller, Json, Path};
use crate::http::answer;
use crate::saves::contents::Owner;
use aethex_wire::saves::history::{Device, Devices, ListDevices, PutDevice, PutDeviceRequest};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(in crate::saves) async fn put_device(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, device_id)): Path<(String, String)>,
    Json(told): Json<PutDeviceRequest>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    rules::check(&device_id, &told)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    db::put(&app.sql, owner, device_id, told, now_ms(), rules::DEVICES_MAX).await?;
    Ok(answer::<PutDevice>(&devices(&app, owner).await?))
}

pub(in crate::saves) async fn list_devices(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    Ok(answer::<ListDevices>(&devices(&app, owner).await?))
}

async fn devices(app: &App, owner: Owner<'_>) -> Outcome<Devices> {
    let now = now_ms();
    let found = db::list(&app.sql, owner, now - rules::KEPT_MS, rules::DEVICES_MAX).await?;
    let told =
        |device: Device| Device { active: rules::is_active(&device.slot, device.seen_at_ms, now), ..device };
    Ok(Devices { devices: found.into_iter().map(told).collect() })
}
