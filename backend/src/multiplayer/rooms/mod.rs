//! Rooms: made, found, joined and left over REST; what is said in them goes through the relay.
//!
//! A room is a row, a seat in it another. Joining takes a seat and signs a ticket for the relay that has the room;
//! the relay never asks back, but reports who came and went ([`write_reports`]). A seat is held for a minute for
//! who has not come yet, so a seat that was promised is there, and one that nobody came for is free again. Every
//! change of a room's seats takes the room's row first: of fifty who ask for the last seat one gets it.

mod db;
mod filling;
mod hosting;
mod joining;
mod matches;
mod reports;
mod routes;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use db::{Which, free_seat, of_player};
pub(crate) use filling::{Asking, Filling, ask_for_players, ask_no_more};
pub(crate) use hosting::leave;
pub(super) use hosting::{close_hosted, remove_hosted, send_away};
pub(super) use joining::guess_code;
pub(crate) use joining::{join, ticket_here};
pub(crate) use matches::{MatchRoom, MatchSettings, NewMatchRoom};
pub(super) use reports::write_reports;
pub(super) use routes::routes;
pub(super) use rules::refused;

use super::codes::{CODE_TRIES, new_code};
use super::config::{HELD_MS, SWEEP_BATCH};
use super::live::tickets::{Seating, TICKET_TTL_MS};
use super::live::{Command, RoomKey};
use super::nodes;
use crate::app::App;
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::{SqlError, Transaction};
use aethex_matchmaker::BackfillMode;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::{CreateRoomRequest, JoinedRoom, RelayAddress, Room, RoomPlayer};
use futures_util::FutureExt;
use parking_lot::Mutex;
use rules::{RoomRow, sees};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// How long a count of a game's rooms is believed: a game may have a few more than it should for so long.
const COUNT_TTL_MS: i64 = 2_000;
/// Games whose counts are remembered.
const COUNTS_MAX: usize = 10_000;

/// State of rooms.
pub(super) struct Rooms {
    passwords: [u8; 32],
    counts: Mutex<HashMap<GameId, (i64, i64)>>,
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}

impl Rooms {
    pub(super) fn new(passwords: [u8; 32]) -> Rooms {
        Rooms { passwords, counts: Mutex::default() }
    }

    /// A password as it is kept. Rooms live for minutes and their passwords are told around: a keyed hash keeps
    /// them out of the database without the price of hashing what guards an account; guesses are counted.
    fn hash(&self, room: &RoomId, password: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.passwords);
        hasher.update(room.as_str().as_bytes());
        hasher.update(password.as_bytes());
        hasher.finalize()
    }

    /// Whether a password is the room's; the time it takes tells nothing.
    fn knows(&self, room: &RoomRow, password: Option<&str>) -> bool {
        let Some(kept) = &room.password_hash else { return true };
        let kept = blake3::Hash::from_hex(kept);
        matches!((kept, password), (Ok(kept), Some(password)) if self.hash(&room.id, password) == kept)
    }
}

/// Who asks, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) game: &'a GameId,
    pub(crate) player: &'a PlayerId,
    /// Absent where nothing is guessed.
    pub(crate) address: Option<IpAddr>,
}

impl Asker<'_> {
    fn key(&self, room: &RoomId) -> RoomKey {
        RoomKey { game: self.game.clone(), room: room.clone() }
    }
}

/// Makes a room with its maker in it.
async fn create(app: &App, asker: Asker<'_>, request: CreateRoomRequest) -> Outcome<JoinedRoom> {
    let config = &app.config.multiplayer;
    let request = rules::check_new(request, config)?;
    if count(app, asker.game).await? >= i64::from(config.rooms_per_game_max) {
        return Err(Failure::overloaded());
    }
    let id = RoomId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let now = now_ms();
    let hash = request.password.as_deref().map(|word| app.multiplayer.rooms.hash(&id, word));
    let mut row = RoomRow {
        id,
        code: String::new(),
        name: request.name,
        mode: request.mode,
        region: request.region,
        host: Some(asker.player.clone()),
        player_count: 1,
        max_players: request.max_players.unwrap_or(1),
        visibility: request.visibility,
        locked: false,
        password_hash: hash.map(|hash| hash.to_hex().to_string()),
        metadata: request.metadata,
        tick_ms: request.tick_ms.unwrap_or_default(),
        interest_radius: request.interest_radius.unwrap_or(0),
        match_id: None,
        backfill: BackfillMode::Off,
        filling_since_ms: None,
        node: app.multiplayer.node.clone(),
        created_at_ms: now,
    };
    let (player, seats_max) = (asker.player.clone(), i64::from(config.rooms_per_player_max));
    let scope = app.sql.game(asker.game);
    let made = scope.transaction(move |tx| {
        async move {
            if db::count_seats(tx, &player).await? >= seats_max {
                return Err(refused(ErrorCode::TooManyRooms));
            }
            insert(tx, vec![&mut row]).await?;
            db::insert_seats(tx, &[(&row.id, &player, now, Some(now + HELD_MS))]).await?;
            Ok::<_, Failure>(row)
        }
        .boxed()
    });
    let row = made.await?;
    let (node, relay) = nodes::reach(app, &asker.key(&row.id), &row.node).await?;
    seated(app, asker, row, now, node, relay).await
}

/// Writes rooms, each under a code that no other has.
async fn insert(tx: &mut Transaction, mut rooms: Vec<&mut RoomRow>) -> Result<(), SqlError> {
    for _ in 0..CODE_TRIES {
        if rooms.is_empty() {
            return Ok(());
        }
        rooms.iter_mut().for_each(|row| row.code = new_code());
        let made = db::insert(tx, &rooms).await?;
        rooms.retain(|row| !made.contains(&row.id));
    }
    match rooms.is_empty() {
        true => Ok(()),
        false => Err(SqlError::Other("no join code is free".into())),
    }
}

/// Rooms of a game, as of a moment ago.
async fn count(app: &App, game: &GameId) -> Outcome<i64> {
    let now = now_ms();
    if let Some((count, until_ms)) = app.multiplayer.rooms.counts.lock().get_mut(game)
        && *until_ms > now
    {
        *count += 1;
        return Ok(*count - 1);
    }
    let counted = db::count(&app.sql, game).await?;
    let mut counts = app.multiplayer.rooms.counts.lock();
    if counts.len() >= COUNTS_MAX {
        counts.clear();
    }
    counts.insert(game.clone(), (counted + 1, now + COUNT_TTL_MS));
    Ok(counted)
}

/// Who is in a room.
async fn players_of(app: &App, game: &GameId, room: &RoomId) -> Outcome<Vec<RoomPlayer>> {
    let seats = db::seats(&app.sql, game, room).await?;
    let ids: Vec<PlayerId> = seats.iter().map(|(player, _)| player.clone()).collect();
    let mut names = usernames(app, game, &ids).await?;
    let told = |(player_id, joined_at_ms): (PlayerId, i64)| {
        let username = names.remove(&player_id).unwrap_or_default();
        RoomPlayer { player_id, username, joined_at_ms }
    };
    Ok(seats.into_iter().map(told).collect())
}

/// A seat, with what the relay wants to see.
async fn seated(
    app: &App,
    asker: Asker<'_>,
    mut row: RoomRow,
    joined_at_ms: i64,
    node: String,
    relay: RelayAddress,
) -> Outcome<JoinedRoom> {
    let players = players_of(app, asker.game, &row.id).await?;
    row.player_count = row.player_count.max(u16::try_from(players.len()).unwrap_or(u16::MAX));
    let username = players.iter().find(|player| player.player_id == *asker.player);
    let username = username.map(|player| player.username.clone()).unwrap_or_default();
    let ticket = ticket(app, asker.game, &row, asker.player, username, joined_at_ms, node);
    Ok(JoinedRoom { room: row.told(players), ticket, relay })
}

fn ticket(
    app: &App,
    game: &GameId,
    row: &RoomRow,
    player: &PlayerId,
    username: String,
    joined_at_ms: i64,
    node: String,
) -> String {
    app.multiplayer.tickets.sign(&Seating {
        id: new_id(),
        node,
        game: game.clone(),
        room: row.id.clone(),
        player: player.clone(),
        username,
        host: row.is_host(player),
        max_players: row.max_players,
        tick_ms: row.tick_ms,
        interest_radius: row.interest_radius,
        joined_at_ms,
        until_ms: now_ms() + TICKET_TTL_MS,
    })
}

/// A room, as one sees it who may.
async fn look(app: &App, asker: Asker<'_>, id: &RoomId) -> Outcome<Room> {
    let not_found = || refused(ErrorCode::RoomNotFound);
    let room = db::find(&app.sql, asker.game, id).await?.ok_or_else(not_found)?;
    let door = db::look_door(&app.sql, asker.game, &room, asker.player, now_ms()).await?;
    match sees(&room, door) {
        false => Err(not_found()),
        true => Ok(room.told(players_of(app, asker.game, id).await?)),
    }
}

/// The server that has a room, which is held from now on.
pub(super) async fn node_of_held(tx: &mut Transaction, id: &RoomId) -> Result<Option<String>, SqlError> {
    Ok(db::hold(tx, id).await?.map(|room| room.node))
}

/// The room that a player invites to: its code. The player has a seat in it, and the invited one is not banned.
pub(super) async fn invites_to(
    app: &App,
    asker: Asker<'_>,
    id: &RoomId,
    invited: &PlayerId,
) -> Outcome<String> {
    let not_found = || refused(ErrorCode::RoomNotFound);
    let room = db::find(&app.sql, asker.game, id).await?.ok_or_else(not_found)?;
    let now = now_ms();
    let door = db::look_door(&app.sql, asker.game, &room, asker.player, now).await?;
    if !sees(&room, door) {
        return Err(not_found());
    }
    if !door.has_seat {
        return Err(refused(ErrorCode::NotInRoom));
    }
    match db::look_door(&app.sql, asker.game, &room, invited, now).await?.banned {
        true => Err(Failure::new(ErrorCode::RoomBanned, "This player was sent out of the room for good.")),
        false => Ok(room.code),
    }
}

/// Whether a player has a seat in a room: for what is only for those in it.
pub(crate) async fn has_seat(app: &App, game: &GameId, player: &PlayerId, room: &RoomId) -> Outcome<bool> {
    Ok(db::seats(&app.sql, game, room).await?.iter().any(|(id, _)| id == player))
}

/// Who has a seat in a room, by joining order; nobody when it is over.
pub(super) async fn players_in(app: &App, game: &GameId, room: &RoomId) -> Outcome<Vec<PlayerId>> {
    Ok(db::seats(&app.sql, game, room).await?.into_iter().map(|(player, _)| player).collect())
}

/// Frees seats that nobody came for, and closes rooms that nobody has been in for a while.
pub(crate) async fn sweep(app: &App, now_ms: i64) -> Outcome<()> {
    let mut by_game: BTreeMap<GameId, Vec<(RoomId, PlayerId)>> = BTreeMap::new();
    for (game, room, player) in db::overdue(&app.sql, now_ms, SWEEP_BATCH).await? {
        by_game.entry(game).or_default().push((room, player));
    }
    for (game, mut seats) in by_game {
        seats.sort_unstable();
        let scope = app.sql.game(&game);
        let freed = scope.transaction(move |tx| {
            async move {
                let mut freed = Vec::new();
                for (room, player) in seats {
                    if let Some(row) = db::hold(tx, &room).await?
                        && db::free_seat(tx, &room, &player, Which::HeldUntil(now_ms), now_ms).await?
                    {
                        freed.push(row);
                    }
                }
                Ok::<_, SqlError>(freed)
            }
            .boxed()
        });
        freed.await?.iter().for_each(|room| filling::tell_changed(app, &game, room));
    }
    let before_ms = now_ms - i64::from(app.config.multiplayer.empty_room_s) * 1000;
    for (game, id) in db::empty_since(&app.sql, before_ms, SWEEP_BATCH).await? {
        let room_id = id.clone();
        let scope = app.sql.game(&game);
        let closed = scope.transaction(move |tx| {
            async move {
                let Some(room) = db::hold(tx, &room_id).await? else { return Ok(None) };
                if !db::is_empty_since(tx, &room_id, before_ms).await? {
                    return Ok(None);
                }
                db::remove(tx, &room_id).await?;
                Ok::<_, SqlError>(Some(room.node))
            }
            .boxed()
        });
        if let Some(node) = closed.await? {
            nodes::tell(app, &node, &RoomKey { game, room: id }, Command::Close);
        }
    }
    Ok(())
}
