//! Who comes into a room, who sees it, what may stand in it.

use crate::error::{Failure, Outcome};
use crate::multiplayer::config::MultiplayerConfig;
use aethex_matchmaker::BackfillMode;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::SEATS_MAX;
use aethex_wire::multiplayer::{
    CreateRoomRequest, Metadata, ROOM_METADATA_LEN_MAX, ROOM_PASSWORD_CHARS_MAX, ROOM_PLAYERS_DEFAULT, Room,
    RoomPlayer, RoomsQuery, TICK_MS_DEFAULT, TICK_MS_MAX, TICK_MS_MIN, UpdateRoomRequest, Visibility,
    check_mode, check_name,
};

/// A room as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoomRow {
    pub(super) id: RoomId,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) region: String,
    pub(super) host: Option<PlayerId>,
    pub(super) player_count: u16,
    pub(super) max_players: u16,
    pub(super) visibility: Visibility,
    pub(super) locked: bool,
    pub(super) password_hash: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) tick_ms: u16,
    pub(super) interest_radius: u32,
    pub(super) match_id: Option<MatchId>,
    /// When its free seats are filled from the match's queue.
    pub(super) backfill: BackfillMode,
    /// Since when it asks the queue for players.
    pub(super) filling_since_ms: Option<i64>,
    pub(super) node: String,
    pub(super) created_at_ms: i64,
}

impl RoomRow {
    pub(super) fn metadata_json(&self) -> String {
        serde_json::Value::Object(self.metadata.clone()).to_string()
    }

    pub(super) fn is_host(&self, player: &PlayerId) -> bool {
        self.host.as_ref() == Some(player)
    }

    /// As players see it.
    pub(super) fn told(&self, players: Vec<RoomPlayer>) -> Room {
        Room {
            id: self.id.clone(),
            code: self.code.clone(),
            name: self.name.clone(),
            mode: self.mode.clone(),
            region: self.region.clone(),
            host_id: self.host.clone(),
            player_count: self.player_count,
            max_players: self.max_players,
            visibility: self.visibility,
            locked: self.locked,
            has_password: self.password_hash.is_some(),
            metadata: self.metadata.clone(),
            tick_ms: self.tick_ms,
            created_at_ms: self.created_at_ms,
            players,
        }
    }
}

/// How a player stands to a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) has_seat: bool,
    pub(super) banned: bool,
    /// By a match, by the host's party, by an invitation, or was in before.
    pub(super) let_in: bool,
    /// Rooms that the player is in.
    pub(super) seats: i64,
}

/// What a player who asks for a seat gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// The seat is the player's already.
    Back,
    /// A new seat.
    New,
}

/// Whether a player sees a room at all.
pub(super) fn sees(room: &RoomRow, door: Door) -> bool {
    room.visibility != Visibility::Private || door.has_seat || (door.let_in && !door.banned)
}

/// Whether a player comes in. `knows_password` counts where there is one; who was let in needs none.
pub(super) fn judge(
    room: &RoomRow,
    door: Door,
    knows_password: bool,
    seats_max: i64,
) -> Result<Entry, ErrorCode> {
    if door.has_seat {
        return Ok(Entry::Back);
    }
    if !sees(room, door) {
        return Err(ErrorCode::RoomNotFound);
    }
    if door.banned {
        return Err(ErrorCode::RoomBanned);
    }
    if room.locked {
        return Err(ErrorCode::RoomLocked);
    }
    if room.password_hash.is_some() && !knows_password && !door.let_in {
        return Err(ErrorCode::RoomPassword);
    }
    if room.player_count >= room.max_players {
        return Err(ErrorCode::RoomFull);
    }
    if door.seats >= seats_max {
        return Err(ErrorCode::TooManyRooms);
    }
    Ok(Entry::New)
}

/// Whether a player may do what only the host may.
pub(super) fn judge_host(room: &RoomRow, door: Door, player: &PlayerId) -> Result<(), ErrorCode> {
    match (sees(room, door), room.is_host(player)) {
        (false, _) => Err(ErrorCode::RoomNotFound),
        (true, false) => Err(ErrorCode::NotHost),
        (true, true) => Ok(()),
    }
}

/// A refusal in words.
pub(in crate::multiplayer) fn refused(code: ErrorCode) -> Failure {
    let words = match code {
        ErrorCode::RoomFull => "Every seat of the room is taken.",
        ErrorCode::RoomLocked => "The room is locked: nobody new comes in.",
        ErrorCode::RoomPassword => "The room's password is wrong or missing.",
        ErrorCode::RoomBanned => "You were sent out of this room and may not come back.",
        ErrorCode::NotHost => "Only the room's host may do this.",
        ErrorCode::NotInRoom => "There is no such seat in this room.",
        ErrorCode::TooManyRooms => "You are in as many rooms as the game allows: leave one first.",
        _ => "No room is here, or it is not open to you.",
    };
    Failure::new(code, words)
}

fn wrong(why: &str) -> Failure {
    Failure::invalid(format!("{why}."))
}

fn check_metadata(metadata: &Metadata) -> Outcome<()> {
    let len = serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len());
    if len > ROOM_METADATA_LEN_MAX {
        return Err(Failure::invalid(format!(
            "`metadata` is at most {ROOM_METADATA_LEN_MAX} bytes of JSON."
        )));
    }
    Ok(())
}

fn check_seats(seats: u16, config: &MultiplayerConfig) -> Outcome<()> {
    let max = config.room_players_max.min(SEATS_MAX as u16);
    if !(1..=max).contains(&seats) {
        return Err(Failure::invalid(format!("`max_players` is 1 to {max}.")));
    }
    Ok(())
}

/// A password as it is presented.
pub(super) fn check_password(password: Option<&str>) -> Outcome<()> {
    match password {
        Some(password) if password.chars().count() > ROOM_PASSWORD_CHARS_MAX => {
            Err(Failure::invalid(format!("`password` has at most {ROOM_PASSWORD_CHARS_MAX} characters.")))
        }
        _ => Ok(()),
    }
}

/// A room to be made, checked; the defaults put in.
pub(super) fn check_new(
    mut request: CreateRoomRequest,
    config: &MultiplayerConfig,
) -> Outcome<CreateRoomRequest> {
    check_name(&request.name).map_err(wrong)?;
    check_mode(&request.mode).map_err(wrong)?;
    check_mode(&request.region).map_err(wrong)?;
    check_metadata(&request.metadata)?;
    check_password(request.password.as_deref())?;
    if request.region.is_empty() {
        request.region.clone_from(&config.region);
    }
    let seats = request.max_players.unwrap_or(ROOM_PLAYERS_DEFAULT.min(config.room_players_max));
    check_seats(seats, config)?;
    request.max_players = Some(seats);
    let tick_ms = request.tick_ms.unwrap_or(TICK_MS_DEFAULT);
    if !(TICK_MS_MIN..=TICK_MS_MAX).contains(&tick_ms) {
        return Err(Failure::invalid(format!("`tick_ms` is {TICK_MS_MIN} to {TICK_MS_MAX}.")));
    }
    request.tick_ms = Some(tick_ms);
    // No password and an empty one are the same door.
    request.password = request.password.filter(|password| !password.is_empty());
    Ok(request)
}

/// A change of a room, checked by itself.
pub(super) fn check_change(change: &UpdateRoomRequest, config: &MultiplayerConfig) -> Outcome<()> {
    if let Some(name) = &change.name {
        check_name(name).map_err(wrong)?;
    }
    if let Some(metadata) = &change.metadata {
        check_metadata(metadata)?;
    }
    match change.max_players {
        Some(seats) => check_seats(seats, config),
        None => Ok(()),
    }
}

/// The room after a change; the host is for the caller, who knows the seats.
pub(super) fn apply(mut room: RoomRow, change: UpdateRoomRequest) -> Outcome<RoomRow> {
    let UpdateRoomRequest { name, max_players, visibility, locked, metadata, host_id: _ } = change;
    if let Some(seats) = max_players {
        if seats < room.player_count {
            return Err(Failure::invalid(format!(
                "`max_players` is not under the {} taken.",
                room.player_count
            )));
        }
        room.max_players = seats;
    }
    room.name = name.unwrap_or(room.name);
    room.visibility = visibility.unwrap_or(room.visibility);
    room.locked = locked.unwrap_or(room.locked);
    room.metadata = metadata.unwrap_or(room.metadata);
    Ok(room)
}

/// Since when a room asks its queue for players, now that something changed: not when it is no match's, locked, full or
/// empty.
pub(super) fn filling(room: &RoomRow, now_ms: i64) -> Option<i64> {
    let has_free = (1..room.max_players).contains(&room.player_count);
    match room.backfill {
        _ if room.match_id.is_none() || room.locked || !has_free => None,
        BackfillMode::Off => None,
        BackfillMode::Manual => room.filling_since_ms,
        BackfillMode::Automatic => room.filling_since_ms.or(Some(now_ms)),
    }
}

/// Whether a room may ask its queue for players; its match.
pub(super) fn may_be_filled(room: &RoomRow) -> Outcome<MatchId> {
    let Some(match_id) = &room.match_id else {
        return Err(Failure::invalid("Only the room of a match is filled from a queue."));
    };
    if room.backfill == BackfillMode::Off {
        return Err(Failure::invalid("The rules of the queue let nobody into matches that run."));
    }
    match (room.locked, room.player_count) {
        (true, _) => Err(refused(ErrorCode::RoomLocked)),
        (false, 0) => Err(Failure::invalid("Nobody is in the room.")),
        (false, count) if count >= room.max_players => Err(refused(ErrorCode::RoomFull)),
        (false, _) => Ok(match_id.clone()),
    }
}

/// Which public rooms are listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) mode: Option<String>,
    pub(super) region: Option<String>,
    /// A pattern of LIKE with `!` before what is to be taken as it is.
    pub(super) name_like: Option<String>,
    pub(super) open: bool,
}

pub(super) fn filter(query: &RoomsQuery) -> Outcome<Filter> {
    for name in [&query.mode, &query.region].into_iter().flatten() {
        check_mode(name).map_err(wrong)?;
    }
    let name = query.name.as_deref().unwrap_or_default();
    check_name(name).map_err(wrong)?;
    let mut pattern = String::new();
    for character in name.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Ok(Filter {
        mode: query.mode.clone(),
        region: query.region.clone(),
        name_like: Some(pattern).filter(|pattern| pattern.len() > 1),
        open: query.open.unwrap_or(false),
    })
}
