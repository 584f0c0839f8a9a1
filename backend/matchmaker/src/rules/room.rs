//! What a rule set says of the room that a match gets. It is for whoever makes the room: the engine reads none of it.

use super::error::RuleError;
use super::parse::Part;
use serde_json::json;

/// When a match that runs gets players for its free seats; FlexMatch's `BackfillMode`, and `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BackfillMode {
    /// Whenever somebody asks for them.
    #[default]
    Manual,
    /// From when a seat is free.
    Automatic,
    /// Never.
    Off,
}

const BACKFILL_MODES: [(&str, BackfillMode); 3] =
    [("manual", BackfillMode::Manual), ("automatic", BackfillMode::Automatic), ("off", BackfillMode::Off)];

/// What a match's room shall be like; as the document has it, for whoever knows what a room may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoomRules {
    /// Milliseconds from one tick to the next.
    pub tick_ms: Option<u64>,
    /// Radius of the area of interest.
    pub interest_radius: Option<u64>,
    /// Seats, where there shall be more than players.
    pub seats: Option<u64>,
    /// When its free seats are filled.
    pub backfill: BackfillMode,
}

pub(super) fn room(document: &Part<'_>) -> Result<RoomRules, RuleError> {
    let backfill = match document.text("backfillMode")? {
        None => BackfillMode::default(),
        Some(name) => {
            let found = BACKFILL_MODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, mode)| *mode).ok_or_else(|| RuleError::unsupported("backfillMode", name))?
        }
    };
    let empty = json!({});
    let room = document.fields.get("room").unwrap_or(&empty);
    let room = Part::new(room, "room", &["tickMs", "interestRadius", "seats"])?;
    Ok(RoomRules {
        tick_ms: room.whole("tickMs")?,
        interest_radius: room.whole("interestRadius")?,
        seats: room.whole("seats")?,
        backfill,
    })
}
