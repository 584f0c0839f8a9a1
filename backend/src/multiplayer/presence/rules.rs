//! What of a player's presence others see.

use crate::error::{Failure, Outcome};
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::Metadata;
use aethex_wire::multiplayer::presence::{
    Availability, PRESENCE_DATA_LEN_MAX, Presence, STATUS_CHARS_MAX, SetPresenceRequest,
};

/// What a player shows, and when the player was last here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) availability: Availability,
    pub(super) status: String,
    pub(super) data: Metadata,
    pub(super) seen_at_ms: i64,
}

impl Kept {
    /// Of one who never said anything.
    pub(super) fn new(seen_at_ms: i64) -> Kept {
        Kept { availability: Availability::Online, status: String::new(), data: Metadata::new(), seen_at_ms }
    }
}

/// Whose eyes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eyes {
    Own,
    Others,
    /// One of the two blocked the other.
    Blocked,
}

/// A presence as these eyes see it. Who hides cannot be told from who is not here, nor who blocked from who never
/// was.
pub(super) fn seen(player: &PlayerId, kept: Option<&Kept>, here: bool, eyes: Eyes, now_ms: i64) -> Presence {
    let hides = kept.is_some_and(|kept| kept.availability == Availability::Invisible);
    let mut told = Presence {
        player_id: player.clone(),
        availability: Availability::Offline,
        status: String::new(),
        data: Metadata::new(),
        last_seen_ms: kept.map(|kept| kept.seen_at_ms),
    };
    match eyes {
        Eyes::Blocked => told.last_seen_ms = None,
        Eyes::Others if hides => {}
        _ if here => {
            told.availability = kept.map_or(Availability::Online, |kept| kept.availability);
            if let Some(kept) = kept {
                told.status.clone_from(&kept.status);
                told.data.clone_from(&kept.data);
            }
            told.last_seen_ms = Some(now_ms);
        }
        _ => {}
    }
    told
}

/// Whether those who watch are told that a player came, went or shows something else.
pub(super) fn shows(before: Option<Availability>, now: Option<Availability>) -> bool {
    // What one does who hides is not told: from before until after nothing is to be seen.
    (before, now) != (Some(Availability::Invisible), Some(Availability::Invisible))
}

pub(super) fn check(shown: &SetPresenceRequest) -> Outcome<()> {
    if shown.availability == Availability::Offline {
        return Err(Failure::invalid(
            "`offline` is not to be said: close the connection, or be `invisible`.",
        ));
    }
    crate::auth::check_line("status", &shown.status, STATUS_CHARS_MAX)?;
    let len = serde_json::to_vec(&shown.data).map_or(usize::MAX, |json| json.len());
    if len > PRESENCE_DATA_LEN_MAX {
        return Err(Failure::invalid(format!("`data` is at most {PRESENCE_DATA_LEN_MAX} bytes of JSON.")));
    }
    Ok(())
}
