//! What a device may tell, and what it means.

use crate::error::{Failure, Outcome};
use crate::saves::rules::invalid_slot;
use aethex_wire::auth::DEVICE_NAME_CHARS_MAX;
use aethex_wire::saves::history::PutDeviceRequest;
use aethex_wire::saves::{DEVICE_ID_LEN_MAX, check_slot};

/// Devices of a player that are remembered, as many as a version's clock counts: the ones that told of themselves last.
pub(super) const DEVICES_MAX: i64 = aethex_wire::saves::DEVICES_MAX as i64;
/// How long a device is remembered.
pub(super) const KEPT_MS: i64 = 90 * 24 * 3600 * 1000;
/// How long what a device told counts as now: games tell every minute.
const ACTIVE_MS: i64 = 2 * 60 * 1000;

pub(super) fn check(device_id: &str, request: &PutDeviceRequest) -> Outcome<()> {
    let visible = device_id.bytes().all(|b| b.is_ascii_graphic());
    if !(1..=DEVICE_ID_LEN_MAX).contains(&device_id.len()) || !visible {
        return Err(Failure::invalid("A device's id is 1 to 36 visible ASCII characters."));
    }
    crate::auth::check_line("device_name", &request.device_name, DEVICE_NAME_CHARS_MAX)?;
    if request.slot.is_empty() { Ok(()) } else { check_slot(&request.slot).map_err(invalid_slot) }
}

pub(super) fn is_active(slot: &str, seen_at_ms: i64, now_ms: i64) -> bool {
    !slot.is_empty() && now_ms - seen_at_ms < ACTIVE_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_wire::ErrorCode;

    #[test]
    fn a_device_is_active_while_it_says_so() {
        assert!(is_active("slot", 0, ACTIVE_MS - 1));
        assert!(!is_active("slot", 0, ACTIVE_MS));
        assert!(!is_active("", 0, 0));
    }

    #[test]
    fn what_a_device_tells_is_checked() {
        let request = |slot: &str| PutDeviceRequest {
            device_name: "Ann's PC".into(),
            slot: slot.into(),
            unsent: false,
        };
        assert!(check("pc-1", &request("")).is_ok());
        assert!(check("pc-1", &request("slot")).is_ok());
        assert_eq!(check("pc-1", &request("..")).unwrap_err().code(), ErrorCode::InvalidSlot);
        for id in ["", "a b", "ü", &"x".repeat(37)] {
            assert!(check(id, &request("")).is_err(), "{id}");
        }
    }
}
