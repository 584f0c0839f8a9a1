//! What a restored version says of itself.

use aethex_wire::saves::{DEVICES_MAX, SaveVersion};
use std::collections::BTreeMap;

/// The backend's own line in a version's clock: a restore counts as a save of it, so that no device takes the new
/// version for the head that it saw before.
pub(super) const CLOUD_DEVICE: &str = "cloud";

/// The clock of a version on top of `head` that the backend makes.
pub(super) fn clock_on_top(head: Option<&SaveVersion>) -> BTreeMap<String, u64> {
    let mut clock = head.map(|head| head.device_clock.clone()).unwrap_or_default();
    // Without clocks so far nobody compares them; a full one has no room.
    if clock.is_empty() || (clock.len() >= DEVICES_MAX && !clock.contains_key(CLOUD_DEVICE)) {
        return clock;
    }
    let count = clock.entry(CLOUD_DEVICE.to_owned()).or_default();
    *count = count.saturating_add(1);
    clock
}

/// The hybrid logical clock of such a version: now, or just behind the head.
pub(super) fn hlc_on_top(head: Option<&SaveVersion>, now_ms: i64) -> i64 {
    let before = head.map(|head| head.hlc).unwrap_or_default();
    if before == 0 { 0 } else { before.saturating_add(1).max(now_ms.saturating_mul(1 << 16)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_wire::ids::VersionId;

    fn head(devices: usize) -> SaveVersion {
        let id = VersionId::parse("00000000-0000-7000-8000-000000000001").unwrap();
        let device_clock = (0..devices).map(|n| (format!("d{n}"), 3)).collect();
        SaveVersion { device_clock, hlc: 7 << 16, ..SaveVersion::new("s", id) }
    }

    #[test]
    fn a_restore_is_later_than_the_head_by_every_clock() {
        let clock = clock_on_top(Some(&head(2)));
        assert_eq!(clock[CLOUD_DEVICE], 1);
        let again = SaveVersion { device_clock: clock, ..head(0) };
        assert_eq!(clock_on_top(Some(&again))[CLOUD_DEVICE], 2);
        assert_eq!(clock_on_top(Some(&head(DEVICES_MAX))).len(), DEVICES_MAX);
        assert!(clock_on_top(None).is_empty() && clock_on_top(Some(&head(0))).is_empty());
        assert_eq!(hlc_on_top(Some(&head(0)), 9), 9 << 16);
        assert_eq!(hlc_on_top(Some(&head(0)), 1), (7 << 16) + 1);
        assert_eq!(hlc_on_top(None, 9), 0);
    }
}
