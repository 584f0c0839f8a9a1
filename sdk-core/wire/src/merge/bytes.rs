//! Contents that only the game understands: one side is picked as a whole.

use super::guards::{Facts, suspicions};
use super::policy::Decider;
use super::{Hlc, Which};

/// One side of a conflict between bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesSide<'a> {
    /// BLAKE3 of the content, in hexadecimal.
    pub hash: &'a str,
    /// When it was saved.
    pub hlc: Hlc,
    /// The device that saved it.
    pub device: &'a str,
    /// Its size, playtime and schema.
    pub facts: Facts,
}

/// Which side's bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This device's.
    Local,
    /// The cloud's.
    Cloud,
    /// The player must say.
    Ask,
}

/// Picks between two contents that come from `base_hash`; none when they have no known ancestor.
///
/// Equal contents are the cloud's; a side that did not change yields to the other one; else `policy` decides,
/// but never for a side that looks like an accident beside the other ([`suspicions`]): then the player does.
/// The same from both sides, up to the names of the sides.
pub fn merge_bytes(
    base_hash: Option<&str>,
    local: &BytesSide<'_>,
    cloud: &BytesSide<'_>,
    policy: Decider,
) -> Pick {
    if local.hash == cloud.hash {
        return Pick::Cloud;
    }
    let winner = match base_hash {
        Some(base) if base == local.hash => Which::Cloud,
        Some(base) if base == cloud.hash => Which::Local,
        _ => match policy {
            Decider::Ask => return Pick::Ask,
            Decider::Local => Which::Local,
            Decider::Cloud => Which::Cloud,
            Decider::Latest => latest(local, cloud),
            Decider::Playtime if local.facts.playtime_ms > cloud.facts.playtime_ms => Which::Local,
            Decider::Playtime if local.facts.playtime_ms < cloud.facts.playtime_ms => Which::Cloud,
            Decider::Playtime => latest(local, cloud),
        },
    };
    let (won, lost) = if winner == Which::Local { (local, cloud) } else { (cloud, local) };
    match suspicions(&lost.facts, &won.facts).is_empty() {
        true if winner == Which::Local => Pick::Local,
        true => Pick::Cloud,
        false => Pick::Ask,
    }
}

fn latest(local: &BytesSide<'_>, cloud: &BytesSide<'_>) -> Which {
    let key = |side: &BytesSide<'_>| (side.hlc, side.device.to_owned(), side.hash.to_owned());
    if key(local) > key(cloud) { Which::Local } else { Which::Cloud }
}
