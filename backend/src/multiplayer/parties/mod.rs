//! Parties: players who queue together. A player is in one at a time; its leader queues and sends away.
//!
//! Every change takes the party's row first, and those of two parties in the order of their ids, so that players
//! who change over at once do not wait for each other. All in it are told of each change.

mod db;
mod routes;
#[cfg(test)]
mod tests;

pub(super) use routes::routes;

use super::codes::{CODE_TRIES, new_code};
use super::config::{PARTY_KEPT_MS, SWEEP_BATCH};
use super::matchmaking;
use super::rooms::{Asker, guess_code};
use crate::app::App;
use crate::auth::{Attempt, usernames};
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PartyId, PlayerId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::parties::{Party, PartyPlayer};
use db::PartyRow;
use futures_util::FutureExt;

fn not_in_party() -> Failure {
    Failure::new(ErrorCode::NotInParty, "You are in no party.")
}

fn party_not_found() -> Failure {
    Failure::new(ErrorCode::PartyNotFound, "No party has this code.")
}

fn not_leader() -> Failure {
    Failure::new(ErrorCode::NotHost, "Only the party's leader may do this.")
}

/// The party that a player is in.
pub(crate) async fn of_player(app: &App, game: &GameId, player: &PlayerId) -> Outcome<Option<Party>> {
    match db::of_player(&app.sql, game, player).await? {
        Some(row) => Ok(Some(told(app, game, row).await?)),
        None => Ok(None),
    }
}

/// Who is in a party.
pub(crate) async fn players(app: &App, game: &GameId, party: &PartyId) -> Outcome<Vec<PlayerId>> {
    Ok(db::players(&app.sql, game, party).await?.into_iter().map(|(player, _)| player).collect())
}

async fn told(app: &App, game: &GameId, row: PartyRow) -> Outcome<Party> {
    let players = db::players(&app.sql, game, &row.id).await?;
    let ids: Vec<PlayerId> = players.iter().map(|(player, _)| player.clone()).collect();
    let mut names = usernames(app, game, &ids).await?;
    let named = |(player_id, ready): (PlayerId, bool)| {
        let username = names.remove(&player_id).unwrap_or_default();
        PartyPlayer { player_id, username, ready }
    };
    let players = players.into_iter().map(named).collect();
    Ok(Party { id: row.id, code: row.code, leader_id: row.leader, players })
}

/// Tells everyone in a party of it.
async fn announce(app: &App, game: &GameId, party: &Party) {
    let event = ServerEvent::PartyUpdated(party.clone());
    for player in &party.players {
        app.multiplayer.hub.tell(game, &player.player_id, &event);
    }
}

/// Tells those whom someone left behind, and the one who is out. What they waited on together they wait on no more.
async fn announce_left(app: &App, game: &GameId, left: Option<PartyId>, player: &PlayerId) -> Outcome<()> {
    let Some(left) = left else { return Ok(()) };
    matchmaking::party_changed(app, game, player).await?;
    app.multiplayer.hub.tell(game, player, &ServerEvent::PartyLeft {});
    let Some((other, _)) = db::players(&app.sql, game, &left).await?.into_iter().next() else {
        return Ok(());
    };
    if let Some(row) = db::of_player(&app.sql, game, &other).await?.filter(|row| row.id == left) {
        announce(app, game, &told(app, game, row).await?).await;
    }
    Ok(())
}

/// Takes a player out of whatever party it is in; the party that it was. Another party that is about to be changed
/// is held as well.
async fn change_over(
    tx: &mut Transaction,
    player: &PlayerId,
    other: Option<&PartyId>,
) -> Result<(Option<PartyId>, Option<PartyRow>), SqlError> {
    let before = db::id_of_player(tx, player).await?;
    let mut both: Vec<&PartyId> = before.iter().chain(other).collect();
    both.sort_unstable();
    both.dedup();
    let mut held = None;
    for id in both {
        let row = db::hold(tx, id).await?;
        if Some(id) == other {
            held = row;
        }
    }
    let mut left = None;
    if let Some(before) = before.filter(|before| Some(before) != other)
        && db::take_out(tx, &before, player).await?
    {
        left = Some(before);
    }
    Ok((left, held))
}

/// Takes a player out of whatever party it is in; the party that it was.
pub(super) async fn take_out(tx: &mut Transaction, player: &PlayerId) -> Result<Option<PartyId>, SqlError> {
    Ok(change_over(tx, player, None).await?.0)
}

async fn create(app: &App, asker: Asker<'_>) -> Outcome<Party> {
    let (player, now) = (asker.player.clone(), now_ms());
    let scope = app.sql.game(asker.game);
    let made = scope.transaction(move |tx| {
        async move {
            let (left, _) = change_over(tx, &player, None).await?;
            let id = PartyId::parse(&new_id()).expect("ids are made in their canonical spelling");
            let mut row = PartyRow { id, code: String::new(), leader: player.clone() };
            for _ in 0..CODE_TRIES {
                row.code = new_code();
                if db::insert(tx, &row, now).await? {
                    // Two requests at once: the one that comes second is asked to come again.
                    return match db::add(tx, &row.id, &player, now).await? {
                        true => Ok((row, left)),
                        false => Err(Failure::overloaded()),
                    };
                }
            }
            Err(Failure::internal("no join code is free"))
        }
        .boxed()
    });
    let (row, left) = made.await?;
    announce_left(app, asker.game, left, asker.player).await?;
    let party = told(app, asker.game, row).await?;
    announce(app, asker.game, &party).await;
    Ok(party)
}

async fn join(app: &App, asker: Asker<'_>, code: &str) -> Outcome<Party> {
    let tries = guess_code(app, asker, "party code").await?;
    let found = match super::codes::read_code(code) {
        Some(code) => db::by_code(&app.sql, asker.game, &code).await?,
        None => None,
    };
    let id = found.ok_or_else(party_not_found)?;
    tries.into_iter().for_each(Attempt::forgive);
    let (player, now) = (asker.player.clone(), now_ms());
    let max = usize::from(app.config.multiplayer.party_players_max);
    let scope = app.sql.game(asker.game);
    let joined = scope.transaction(move |tx| {
        async move {
            let (left, held) = change_over(tx, &player, Some(&id)).await?;
            let row = held.ok_or_else(party_not_found)?;
            let players = db::players_of_held(tx, &id).await?;
            if players.iter().any(|(other, _)| *other == player) {
                return Ok((row, left, false));
            }
            if players.len() >= max {
                return Err(Failure::new(ErrorCode::PartyFull, "The party is full."));
            }
            if !db::add(tx, &id, &player, now).await? {
                return Err(Failure::overloaded());
            }
            super::invites::forget_party(tx, &id, &player).await?;
            Ok::<_, Failure>((row, left, true))
        }
        .boxed()
    });
    let (row, left, is_new) = joined.await?;
    announce_left(app, asker.game, left, asker.player).await?;
    if is_new {
        matchmaking::party_changed(app, asker.game, &row.leader).await?;
    }
    let party = told(app, asker.game, row).await?;
    announce(app, asker.game, &party).await;
    Ok(party)
}

async fn leave(app: &App, asker: Asker<'_>) -> Outcome<()> {
    let player = asker.player.clone();
    let scope = app.sql.game(asker.game);
    let left = scope
        .transaction(move |tx| async move { take_out(tx, &player).await?.ok_or_else(not_in_party) }.boxed());
    announce_left(app, asker.game, Some(left.await?), asker.player).await
}

/// What is done to the party that one is in.
#[derive(Debug, Clone)]
enum Change {
    Ready(bool),
    Kick(PlayerId),
    Lead(PlayerId),
}

/// Whether a player may change the party so.
fn judge(row: &PartyRow, players: &[(PlayerId, bool)], player: &PlayerId, change: &Change) -> Outcome<()> {
    let is_in = |who: &PlayerId| players.iter().any(|(other, _)| other == who);
    if !is_in(player) {
        return Err(not_in_party());
    }
    let (Change::Kick(whom) | Change::Lead(whom)) = change else { return Ok(()) };
    if row.leader != *player {
        return Err(not_leader());
    }
    if !is_in(whom) {
        return Err(Failure::new(ErrorCode::NotInParty, "This player is not in the party."));
    }
    match change {
        Change::Kick(whom) if whom == player => {
            Err(Failure::invalid("Nobody sends themselves out: leave the party."))
        }
        _ => Ok(()),
    }
}

async fn change(app: &App, asker: Asker<'_>, change: Change) -> Outcome<Party> {
    let (player, what) = (asker.player.clone(), change.clone());
    let scope = app.sql.game(asker.game);
    let changed = scope.transaction(move |tx| {
        async move {
            let id = db::id_of_player(tx, &player).await?.ok_or_else(not_in_party)?;
            let mut row = db::hold(tx, &id).await?.ok_or_else(not_in_party)?;
            judge(&row, &db::players_of_held(tx, &id).await?, &player, &what)?;
            match what {
                Change::Ready(ready) => {
                    db::set_ready(tx, &id, &player, ready).await?;
                }
                Change::Kick(whom) => {
                    db::take_out(tx, &id, &whom).await?;
                }
                Change::Lead(whom) => {
                    db::set_leader(tx, &id, &whom).await?;
                    row.leader = whom;
                }
            }
            Ok::<_, Failure>(row)
        }
        .boxed()
    });
    let party = told(app, asker.game, changed.await?).await?;
    if let Change::Kick(whom) = &change {
        matchmaking::party_changed(app, asker.game, whom).await?;
        app.multiplayer.hub.tell(asker.game, whom, &ServerEvent::PartyLeft {});
    }
    announce(app, asker.game, &party).await;
    Ok(party)
}

/// The code of the party that a player is in, when it is this one.
pub(super) async fn invites_to(app: &App, asker: Asker<'_>, party: &PartyId) -> Outcome<String> {
    let row = db::of_player(&app.sql, asker.game, asker.player).await?;
    row.filter(|row| row.id == *party).map(|row| row.code).ok_or_else(not_in_party)
}

/// Ends parties whose players nobody has seen for long.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    db::sweep(sql, now_ms - PARTY_KEPT_MS, SWEEP_BATCH).await.map(drop)
}
