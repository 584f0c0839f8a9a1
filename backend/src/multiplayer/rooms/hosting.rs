//! What a host does with a room and with who is in it, and what everyone may: leave.

use super::filling::tell_changed;
use super::rules::{self, RoomRow, judge_host, refused, sees};
use super::{Asker, Which, db, players_of};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::multiplayer::config::{BANS_MAX, SWEEP_BATCH};
use crate::multiplayer::live::{Command, RoomKey};
use crate::multiplayer::nodes;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;
use aethex_wire::multiplayer::{KickRequest, Room, UpdateRoomRequest};
use futures_util::FutureExt;

/// Changes a room, for its host.
pub(super) async fn change(
    app: &App,
    asker: Asker<'_>,
    id: &RoomId,
    change: UpdateRoomRequest,
) -> Outcome<Room> {
    rules::check_change(&change, &app.config.multiplayer)?;
    let (room_id, player, now) = (id.clone(), asker.player.clone(), now_ms());
    let host = change.host_id.clone();
    let scope = app.sql.game(asker.game);
    let changed = scope.transaction(move |tx| {
        async move {
            let room = hold_as_host(tx, &room_id, &player, now).await?;
            let mut room = rules::apply(room, change.clone())?;
            if let Some(next) = change.host_id {
                if !db::door_of(tx, &room, &next, now).await?.has_seat {
                    return Err(refused(ErrorCode::NotInRoom));
                }
                room.host = Some(next);
            }
            room.filling_since_ms = rules::filling(&room, now);
            db::update(tx, &room).await?;
            Ok::<_, Failure>(room)
        }
        .boxed()
    });
    let room = changed.await?;
    tell_changed(app, asker.game, &room);
    let key = asker.key(id);
    if let Some(player) = host {
        nodes::tell(app, &room.node, &key, Command::Host { player });
    }
    let json = serde_json::to_string(&room.told(Vec::new()));
    let json = json.map_err(|error| Failure::internal(error.to_string()))?;
    nodes::tell(app, &room.node, &key, Command::Changed { json });
    Ok(room.told(players_of(app, asker.game, id).await?))
}

/// A room that a player may change, held.
pub(super) async fn hold_as_host(
    tx: &mut Transaction,
    id: &RoomId,
    player: &PlayerId,
    now_ms: i64,
) -> Outcome<RoomRow> {
    let room = db::hold(tx, id).await?.ok_or_else(|| refused(ErrorCode::RoomNotFound))?;
    let door = db::door_of(tx, &room, player, now_ms).await?;
    judge_host(&room, door, player).map_err(refused)?;
    Ok(room)
}

/// Closes a room, for its host.
pub(super) async fn close(app: &App, asker: Asker<'_>, id: &RoomId) -> Outcome<()> {
    let (room_id, player, now) = (id.clone(), asker.player.clone(), now_ms());
    let scope = app.sql.game(asker.game);
    let closed = scope.transaction(move |tx| {
        async move {
            let room = hold_as_host(tx, &room_id, &player, now).await?;
            db::remove(tx, &room_id).await?;
            Ok::<_, Failure>(room)
        }
        .boxed()
    });
    let room = closed.await?;
    tell_changed(app, asker.game, &room);
    nodes::tell(app, &room.node, &asker.key(id), Command::Close);
    Ok(())
}

/// Removes the rooms that a player is the host of, with the servers that have them.
pub(in crate::multiplayer) async fn remove_hosted(
    tx: &mut Transaction,
    player: &PlayerId,
) -> Result<Vec<(RoomId, String)>, SqlError> {
    let mut removed = Vec::new();
    for id in db::hosted(tx, player, SWEEP_BATCH).await? {
        if let Some(room) = db::hold(tx, &id).await?.filter(|room| room.is_host(player)) {
            db::remove(tx, &id).await?;
            removed.push((id, room.node));
        }
    }
    Ok(removed)
}

/// Closes the rooms of a host whose account is about to go, and sends home who is in them: what stands in them is the
/// host's.
pub(in crate::multiplayer) async fn close_hosted(app: &App, game: &GameId, player: &PlayerId) -> Outcome<()> {
    let player = player.clone();
    let scope = app.sql.game(game);
    let closed = scope.transaction(move |tx| async move { remove_hosted(tx, &player).await }.boxed());
    for (room, node) in closed.await? {
        nodes::tell(app, &node, &RoomKey { game: game.clone(), room }, Command::Close);
    }
    Ok(())
}

/// Gives up a seat.
pub(crate) async fn leave(app: &App, asker: Asker<'_>, id: &RoomId) -> Outcome<()> {
    let (room_id, player, now) = (id.clone(), asker.player.clone(), now_ms());
    let scope = app.sql.game(asker.game);
    let left = scope.transaction(move |tx| {
        async move {
            let room = db::hold(tx, &room_id).await?.ok_or_else(|| refused(ErrorCode::RoomNotFound))?;
            let door = db::door_of(tx, &room, &player, now).await?;
            if !sees(&room, door) {
                return Err(refused(ErrorCode::RoomNotFound));
            }
            if !db::free_seat(tx, &room_id, &player, Which::Any, now).await? {
                return Err(refused(ErrorCode::NotInRoom));
            }
            Ok::<_, Failure>(room)
        }
        .boxed()
    });
    let room = left.await?;
    tell_changed(app, asker.game, &room);
    send_away(app, asker.game, id, &room.node, asker.player, LeftReason::Left);
    Ok(())
}

/// Tells the relay that a player has no seat any more.
pub(in crate::multiplayer) fn send_away(
    app: &App,
    game: &GameId,
    room: &RoomId,
    node: &str,
    player: &PlayerId,
    reason: LeftReason,
) {
    let key = RoomKey { game: game.clone(), room: room.clone() };
    nodes::tell(app, node, &key, Command::Remove { player: player.clone(), reason });
}

/// Sends a player out, for the host; with a ban, for good.
pub(super) async fn kick(app: &App, asker: Asker<'_>, id: &RoomId, request: KickRequest) -> Outcome<()> {
    let KickRequest { player_id: gone, ban } = request;
    if gone == *asker.player {
        return Err(Failure::invalid("Nobody sends themselves out: leave the room."));
    }
    let (room_id, player, now, who) = (id.clone(), asker.player.clone(), now_ms(), gone.clone());
    let scope = app.sql.game(asker.game);
    let kicked = scope.transaction(move |tx| {
        async move {
            let room = hold_as_host(tx, &room_id, &player, now).await?;
            let had_seat = db::free_seat(tx, &room_id, &who, Which::Any, now).await?;
            if !had_seat && !ban {
                return Err(refused(ErrorCode::NotInRoom));
            }
            if ban && db::count_bans(tx, &room_id).await? >= BANS_MAX {
                return Err(Failure::new(
                    ErrorCode::TooLarge,
                    "No more players can be banned from this room.",
                ));
            }
            db::shut_out(tx, &room_id, &who, ban).await?;
            Ok::<_, Failure>(room)
        }
        .boxed()
    });
    let room = kicked.await?;
    tell_changed(app, asker.game, &room);
    send_away(app, asker.game, id, &room.node, &gone, LeftReason::Kicked);
    Ok(())
}
