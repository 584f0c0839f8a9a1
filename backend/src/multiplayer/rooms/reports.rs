//! What the relay reports, written to the rooms' rows: many at once, in their order.
//!
//! A report that cannot be written now is written later; the relay waits for nobody, and says it again in other
//! words where it matters: a room that is empty has no seats. What does not fit together ends in favour of the
//! rows: a player whom the relay has and no room wants is sent away by it.

use super::db::{self, Which};
use super::filling::tell_changed;
use super::rules::{RoomRow, judge};
use crate::app::App;
use crate::context::now_ms;
use crate::multiplayer::live::{Command, Report, RoomKey};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Reports written in one transaction.
const BATCH: usize = 512;
/// First wait before another try, and the longest.
const AGAIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// Writes what the relay reports, until it is gone.
pub(in crate::multiplayer) async fn write_reports(
    app: &App,
    reports: Option<mpsc::Receiver<(RoomKey, Report)>>,
) {
    let Some(mut reports) = reports else { return };
    let mut batch = Vec::with_capacity(BATCH);
    while reports.recv_many(&mut batch, BATCH).await > 0 {
        let mut by_game: BTreeMap<GameId, Vec<(RoomId, Report)>> = BTreeMap::new();
        for (RoomKey { game, room }, report) in batch.drain(..) {
            by_game.entry(game).or_default().push((room, report));
        }
        for (game, told) in by_game {
            write(app, &game, Arc::new(told)).await;
        }
    }
}

async fn write(app: &App, game: &GameId, told: Arc<Vec<(RoomId, Report)>>) {
    let mut wait = AGAIN;
    loop {
        let (told, node, now) = (told.clone(), app.multiplayer.node.clone(), now_ms());
        let scope = app.sql.game(game);
        let written = scope.transaction(move |tx| {
            async move {
                let mut freed = Vec::new();
                let orders = write_all(tx, &told, &node, now, &mut freed).await?;
                Ok::<_, SqlError>((orders, freed))
            }
            .boxed()
        });
        match written.await {
            Ok((orders, freed)) => {
                freed.iter().for_each(|room| tell_changed(app, game, room));
                let Some(relay) = app.multiplayer.relay() else { return };
                for (room, command) in orders {
                    relay.command(&RoomKey { game: game.clone(), room }, command);
                }
                return;
            }
            Err(error) => tracing::warn!(%error, "cannot write what the relay reports: trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(AGAIN_MAX);
    }
}

/// Writes reports; what the relay must be told about them. Players who sit down, as all of a match do at once, are
/// written together.
async fn write_all(
    tx: &mut Transaction,
    told: &[(RoomId, Report)],
    node: &str,
    now_ms: i64,
    freed: &mut Vec<RoomRow>,
) -> Result<Vec<(RoomId, Command)>, SqlError> {
    let mut orders = Vec::new();
    let sits = |report: &Report| matches!(report, Report::Seated { .. });
    for run in told.chunk_by(|(_, one), (_, next)| sits(one) && sits(next)) {
        let confirmed = confirm(tx, run, node).await?;
        for (room, report) in run {
            if let Report::Seated { player, .. } = report
                && confirmed.contains(&(room.clone(), player.clone()))
            {
                continue;
            }
            if let Some(command) = apply(tx, room, report, node, now_ms, freed).await? {
                orders.push((room.clone(), command));
            }
        }
    }
    Ok(orders)
}

/// Seats of players whom the relay has, as far as they are there.
async fn confirm(
    tx: &mut Transaction,
    told: &[(RoomId, Report)],
    node: &str,
) -> Result<HashSet<(RoomId, PlayerId)>, SqlError> {
    let seated = told.iter().filter_map(|(room, report)| match report {
        Report::Seated { player, .. } => Some((room, player)),
        _ => None,
    });
    let seated: Vec<(&RoomId, &PlayerId)> = seated.collect();
    if seated.is_empty() {
        return Ok(HashSet::new());
    }
    let rooms: BTreeSet<(&RoomId,)> = seated.iter().map(|(room, _)| (*room,)).collect();
    let held = db::hold_of(tx, &rooms.into_iter().collect::<Vec<_>>(), node).await?;
    let seated: Vec<_> = seated.into_iter().filter(|(room, _)| held.contains(*room)).collect();
    db::confirm_seats(tx, &seated).await
}

/// Writes one report; what the relay must be told about it, if anything.
async fn apply(
    tx: &mut Transaction,
    id: &RoomId,
    report: &Report,
    node: &str,
    now_ms: i64,
    freed: &mut Vec<RoomRow>,
) -> Result<Option<Command>, SqlError> {
    let room = db::hold(tx, id).await?.filter(|room| room.node == node);
    let Some(room) = room else {
        // Closed, or another server's by now: whoever is still there is in a room that is not.
        return Ok(matches!(report, Report::Seated { .. }).then_some(Command::Close));
    };
    match report {
        Report::Seated { player, ticket_ms } => {
            if !db::confirm_seats(tx, &[(id, player)]).await?.is_empty() {
                // A report before this one gave it.
                return Ok(None);
            }
            // The seat was freed while its ticket was on the way: the player has it again if it may be had.
            let door = db::door_of(tx, &room, player, now_ms).await?;
            let welcome = judge(&room, door, true, i64::MAX).is_ok()
                && db::take_seat(tx, id, player).await?
                && db::insert_seats(tx, &[(id, player, *ticket_ms, None)]).await? == 1;
            let reason = if door.banned { LeftReason::Kicked } else { LeftReason::Refused };
            return Ok((!welcome).then(|| Command::Remove { player: player.clone(), reason }));
        }
        Report::Gone { player, ticket_ms, .. } => {
            if db::free_seat(tx, id, player, Which::Confirmed(*ticket_ms), now_ms).await? {
                freed.push(room);
            }
        }
        Report::Host { player } => {
            db::set_host(tx, id, player).await?;
        }
        Report::Empty { ticket_ms } => db::free_confirmed(tx, id, *ticket_ms, now_ms).await?,
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::tests::room;
    use super::*;
    use crate::context::new_id;
    use crate::ports::sql::Sql;

    #[tokio::test]
    async fn who_is_reported_twice_without_a_seat_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        sql.migrate(0).await.unwrap();
        let game = GameId::parse(&new_id()).unwrap();
        let player = PlayerId::parse(&new_id()).unwrap();
        // It has places for more: a seat that is counted twice would not be refused for that.
        let mut row = RoomRow { player_count: 0, max_players: 4, ..room() };
        let (id, node) = (row.id.clone(), row.node.clone());
        let seated = || (id.clone(), Report::Seated { player: player.clone(), ticket_ms: 1 });
        let told = vec![seated(), seated()];
        let scope = sql.game(&game);
        let done = scope.transaction(move |tx| {
            async move {
                db::insert(tx, &[&mut row]).await?;
                let orders = write_all(tx, &told, &node, 2, &mut Vec::new()).await?;
                Ok::<_, SqlError>(orders.len())
            }
            .boxed()
        });
        let orders = done.await.unwrap();
        let found = db::find(&sql, &game, &id).await.unwrap().unwrap();
        let seats = db::seats(&sql, &game, &id).await.unwrap();
        assert_eq!((orders, found.player_count, seats), (0, 1, vec![(player, 1)]));
    }
}
