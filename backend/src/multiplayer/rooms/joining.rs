//! Coming into a room: the password and the code that open it, and the seat.

use super::filling::tell_changed;
use super::rules::{self, Entry, RoomRow, judge, refused};
use super::{Asker, db, seated};
use crate::app::App;
use crate::auth::Attempt;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::multiplayer::config::{CODE_RATE, HELD_MS, JOIN_RATE, PASSWORD_RATE};
use crate::multiplayer::nodes;
use aethex_wire::ErrorCode;
use aethex_wire::ids::RoomId;
use aethex_wire::multiplayer::{JoinedRoom, Visibility};
use futures_util::FutureExt;

/// Takes a seat in a room, or finds the one that the player has; either way with a new ticket.
pub(crate) async fn join(
    app: &App,
    asker: Asker<'_>,
    id: &RoomId,
    password: Option<&str>,
) -> Outcome<JoinedRoom> {
    rules::check_password(password)?;
    let not_found = || refused(ErrorCode::RoomNotFound);
    let before = db::find(&app.sql, asker.game, id).await?.ok_or_else(not_found)?;
    let guesses = match password {
        Some(_) if before.password_hash.is_some() => guess(app, asker, &before).await?,
        _ => Vec::new(),
    };
    let knows = app.multiplayer.rooms.knows(&before, password);
    let (node, relay) = nodes::reach(app, &asker.key(id), &before.node).await?;
    let joined = enter(app, asker, id, knows).await;
    // Only a wrong password is a guess.
    if !joined.as_ref().is_err_and(|failure| failure.code() == ErrorCode::RoomPassword) {
        guesses.into_iter().for_each(Attempt::forgive);
    }
    let (row, joined_at_ms) = joined?;
    if row.player_count != before.player_count {
        tell_changed(app, asker.game, &row);
    }
    seated(app, asker, row, joined_at_ms, node, relay).await
}

/// The ticket of a seat in a room whose relay is this server's: for connections that ask for it themselves.
pub(crate) async fn ticket_here(
    app: &App,
    asker: Asker<'_>,
    id: &RoomId,
    password: Option<&str>,
) -> Outcome<String> {
    app.multiplayer.limit("join", asker.game, asker.player, JOIN_RATE)?;
    if let Some(row) = db::find(&app.sql, asker.game, id).await? {
        let (node, _) = nodes::reach(app, &asker.key(id), &row.node).await?;
        if node != app.multiplayer.node {
            let words = "The room is at another server: join over the API, and go where its answer says.";
            return Err(Failure::new(ErrorCode::InvalidTicket, words));
        }
    }
    Ok(join(app, asker, id, password).await?.ticket)
}

/// Begins to try a password: a player's wrong ones are counted for each room, an address' for all.
async fn guess(app: &App, asker: Asker<'_>, room: &RoomRow) -> Outcome<Vec<Attempt>> {
    let limiter = &app.multiplayer.limiter;
    let of_player = ("room password", asker.game, &room.id, asker.player);
    let mut attempts = vec![limiter.begin(of_player, PASSWORD_RATE).await.map_err(Failure::rate_limited)?];
    if let Some(address) = asker.address {
        let of_address = ("room passwords", asker.game, address);
        match limiter.begin(of_address, CODE_RATE).await {
            Ok(attempt) => attempts.push(attempt),
            Err(wait_s) => {
                attempts.into_iter().for_each(Attempt::forgive);
                return Err(Failure::rate_limited(wait_s));
            }
        }
    }
    Ok(attempts)
}

/// The seat itself: the room, and since when the seat is the player's.
async fn enter(app: &App, asker: Asker<'_>, id: &RoomId, knows: bool) -> Outcome<(RoomRow, i64)> {
    let (id, player, now) = (id.clone(), asker.player.clone(), now_ms());
    let seats_max = i64::from(app.config.multiplayer.rooms_per_player_max);
    let scope = app.sql.game(asker.game);
    let entered = scope.transaction(move |tx| {
        async move {
            let room = db::hold(tx, &id).await?.ok_or_else(|| refused(ErrorCode::RoomNotFound))?;
            let door = db::door_of(tx, &room, &player, now).await?;
            match judge(&room, door, knows, seats_max).map_err(refused)? {
                Entry::Back => {
                    let since = db::prolong_seat(tx, &id, &player, now, now + HELD_MS).await?;
                    Ok::<_, Failure>((room, since.unwrap_or(now)))
                }
                Entry::New => {
                    if !db::take_seat(tx, &id, &player).await? {
                        return Err(refused(ErrorCode::RoomFull));
                    }
                    db::insert_seats(tx, &[(&id, &player, now, Some(now + HELD_MS))]).await?;
                    if door.let_in || room.visibility == Visibility::Private {
                        db::let_in(tx, &[(&id, &player)]).await?;
                        db::forget_invites(tx, &id, &player).await?;
                    }
                    let host = room.host.clone().or_else(|| Some(player.clone()));
                    Ok((RoomRow { player_count: room.player_count + 1, host, ..room }, now))
                }
            }
        }
        .boxed()
    });
    entered.await
}

/// Finds the room of a code, and joins it.
pub(super) async fn join_by_code(
    app: &App,
    asker: Asker<'_>,
    code: &str,
    password: Option<&str>,
) -> Outcome<JoinedRoom> {
    let tries = guess_code(app, asker, "room code").await?;
    let found = match crate::multiplayer::codes::read_code(code) {
        Some(code) => db::by_code(&app.sql, asker.game, &code).await?,
        None => None,
    };
    let joined = match found {
        Some(room) => join(app, asker, &room, password).await,
        None => Err(refused(ErrorCode::RoomNotFound)),
    };
    if !joined.as_ref().is_err_and(|failure| failure.code() == ErrorCode::RoomNotFound) {
        tries.into_iter().for_each(Attempt::forgive);
    }
    joined
}

/// Begins to try a code: those that nothing has count, for the player and for the address.
pub(in crate::multiplayer) async fn guess_code(
    app: &App,
    asker: Asker<'_>,
    what: &'static str,
) -> Outcome<Vec<Attempt>> {
    let limiter = &app.multiplayer.limiter;
    let of_player = (what, asker.game, asker.player);
    let mut attempts = vec![limiter.begin(of_player, CODE_RATE).await.map_err(Failure::rate_limited)?];
    if let Some(address) = asker.address {
        match limiter.begin((what, asker.game, address), CODE_RATE).await {
            Ok(attempt) => attempts.push(attempt),
            Err(wait_s) => {
                attempts.into_iter().for_each(Attempt::forgive);
                return Err(Failure::rate_limited(wait_s));
            }
        }
    }
    Ok(attempts)
}
