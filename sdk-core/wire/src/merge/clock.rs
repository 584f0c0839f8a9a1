//! Which version comes from which, without looking at a clock: a counter for each device.
//!
//! Every save raises the counter of the device that makes it. When one version's counters are all at least
//! the other's, it has seen it; when neither is so, the two were made apart.

pub use crate::saves::DEVICES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Longest name of a device, in bytes.
pub const DEVICE_LEN_MAX: usize = 64;
/// Longest text form of a clock: every byte of every name escaped, every counter at its largest.
pub const CLOCK_TEXT_LEN_MAX: usize = DEVICES_MAX * (3 * DEVICE_LEN_MAX + 22) + 2;
/// In the text form: more devices than fit.
const FULL: &str = "*";

/// How two clocks stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockOrder {
    /// The same saves are in both.
    Equal,
    /// The first is an ancestor of the second.
    Before,
    /// The first comes from the second.
    After,
    /// Made apart: a conflict.
    Concurrent,
}

/// Why a text is not a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockError(pub String);

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClockError {}

/// A counter for each device. Its text form, in JSON as well, is `device:counter` with commas between,
/// ordered by device: `desk:12,phone:3`.
///
/// It holds [`DEVICES_MAX`] devices. Dropping one could make a conflict look like an ancestor, so none is
/// dropped: a clock that met one device more is *full* for good, and a full clock is concurrent to every
/// other one. Callers then go by the versions' parents alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceClock {
    counters: BTreeMap<String, u64>,
    full: bool,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for DeviceClock {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceClock".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": CLOCK_TEXT_LEN_MAX })
    }
}

impl DeviceClock {
    /// No device yet: before every other clock.
    pub fn new() -> DeviceClock {
        DeviceClock::default()
    }

    /// The counter of a device; 0 when it made nothing.
    pub fn counter(&self, device: &str) -> u64 {
        self.counters.get(device).copied().unwrap_or(0)
    }

    /// The devices and their counters, ordered by device.
    pub fn counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counters.iter().map(|(device, counter)| (device.as_str(), *counter))
    }

    /// Whether it met more devices than it holds.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Counts one more save of a device. Fails for a name that is empty or too long, and changes nothing then.
    pub fn bump(&mut self, device: &str) -> Result<(), ClockError> {
        check_device(device)?;
        let room = self.counters.len() < DEVICES_MAX;
        match self.counters.get_mut(device) {
            // A counter at its end cannot tell two saves apart any more.
            Some(counter) if *counter == u64::MAX => self.full = true,
            Some(counter) => *counter += 1,
            None if room => {
                self.counters.insert(device.to_owned(), 1);
            }
            None => self.full = true,
        }
        Ok(())
    }

    /// How this clock stands to another.
    pub fn compare(&self, other: &DeviceClock) -> ClockOrder {
        if self.full || other.full {
            return ClockOrder::Concurrent;
        }
        match (self.within(other), other.within(self)) {
            (true, true) => ClockOrder::Equal,
            (true, false) => ClockOrder::Before,
            (false, true) => ClockOrder::After,
            (false, false) => ClockOrder::Concurrent,
        }
    }

    fn within(&self, other: &DeviceClock) -> bool {
        self.counters.iter().all(|(device, counter)| *counter <= other.counter(device))
    }

    /// What both have seen: the larger counter of each device.
    #[must_use]
    pub fn merged(&self, other: &DeviceClock) -> DeviceClock {
        let mut merged = DeviceClock { counters: BTreeMap::new(), full: self.full || other.full };
        // In the order of devices, so that a merge that does not fit is the same from both sides.
        let devices: std::collections::BTreeSet<_> =
            self.counters.keys().chain(other.counters.keys()).collect();
        for device in devices {
            if merged.counters.len() == DEVICES_MAX {
                merged.full = true;
                break;
            }
            let counter = self.counter(device).max(other.counter(device));
            merged.counters.insert(device.clone(), counter);
        }
        merged
    }
}

/// Refuses names that a clock cannot hold.
pub fn check_device(device: &str) -> Result<(), ClockError> {
    match device.len() {
        0 => Err(ClockError("a device's name is empty".into())),
        1..=DEVICE_LEN_MAX => Ok(()),
        _ => Err(ClockError(format!("a device's name has at most {DEVICE_LEN_MAX} bytes"))),
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

impl fmt::Display for DeviceClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (device, counter)) in self.counters.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            for byte in device.bytes() {
                match plain(byte) {
                    true => write!(f, "{}", char::from(byte))?,
                    false => write!(f, "%{byte:02x}")?,
                }
            }
            write!(f, ":{counter}")?;
        }
        match self.full {
            true if self.counters.is_empty() => f.write_str(FULL),
            true => write!(f, ",{FULL}"),
            false => Ok(()),
        }
    }
}

impl FromStr for DeviceClock {
    type Err = ClockError;

    /// Reads the one text form that a clock has.
    fn from_str(text: &str) -> Result<DeviceClock, ClockError> {
        let wrong = || ClockError("a device clock reads \"device:counter,device:counter\", in order".into());
        if text.len() > CLOCK_TEXT_LEN_MAX {
            return Err(ClockError(format!("a device clock has at most {CLOCK_TEXT_LEN_MAX} bytes")));
        }
        let mut clock = DeviceClock::default();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            if part == FULL {
                clock.full = true;
                continue;
            }
            let (device, counter) = part.split_once(':').ok_or_else(wrong)?;
            let device = unescape(device).ok_or_else(wrong)?;
            check_device(&device)?;
            let counter: u64 = counter.parse().map_err(|_| wrong())?;
            clock.counters.insert(device, counter);
        }
        if clock.counters.len() > DEVICES_MAX {
            return Err(ClockError(format!("a device clock has at most {DEVICES_MAX} devices")));
        }
        // One spelling each: order, zeros, doubles and escapes are settled by writing it again.
        if clock.counters.values().any(|counter| *counter == 0) || clock.to_string() != text {
            return Err(wrong());
        }
        Ok(clock)
    }
}

fn unescape(text: &str) -> Option<String> {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(out).ok()
}

impl TryFrom<String> for DeviceClock {
    type Error = ClockError;

    fn try_from(text: String) -> Result<DeviceClock, ClockError> {
        text.parse()
    }
}

impl From<DeviceClock> for String {
    fn from(clock: DeviceClock) -> String {
        clock.to_string()
    }
}
