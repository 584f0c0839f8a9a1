//! What is noted beside a merged save: the same on every device that merges the same two versions.

use super::Hlc;
use serde::{Deserialize, Serialize};

/// What is noted beside a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// When it was saved.
    pub hlc: Hlc,
    /// The device that saved it, by its id.
    pub device: String,
    /// The device's name, for people.
    pub device_name: String,
    /// Played time in milliseconds.
    pub playtime_ms: i64,
    /// The game's schema number.
    pub schema: i64,
    /// When it was saved by the device's clock, milliseconds since 1970 UTC: for display.
    pub saved_at_ms: i64,
    /// The player's words.
    pub label: String,
    /// The game's version.
    pub app_version: String,
}

/// What is noted beside the merge of two versions.
///
/// Numbers are the larger ones, and texts are those of the side that was
/// saved later. It does not count as a save of its own: two devices that merge the same pair, each without
/// having been asked anything, make the same version. A merge with answers in it is a new save: tick the
/// device's clock.
pub fn commit(local: &Meta, cloud: &Meta) -> Meta {
    let later = if key(local) > key(cloud) { local } else { cloud };
    Meta {
        hlc: local.hlc.max(cloud.hlc),
        device: later.device.clone(),
        device_name: later.device_name.clone(),
        playtime_ms: local.playtime_ms.max(cloud.playtime_ms),
        schema: local.schema.max(cloud.schema),
        saved_at_ms: local.saved_at_ms.max(cloud.saved_at_ms),
        label: later.label.clone(),
        app_version: later.app_version.clone(),
    }
}

/// Which one is later: total over everything that a merge takes from the later side.
fn key(meta: &Meta) -> (Hlc, [&str; 4]) {
    (meta.hlc, [&meta.device, &meta.device_name, &meta.label, &meta.app_version])
}
