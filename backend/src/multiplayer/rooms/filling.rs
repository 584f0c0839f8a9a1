//! A match's room that asks its queue for players, and those who come into it while it is played in.

use super::hosting::hold_as_host;
use super::rules::{self, RoomRow, refused};
use super::{db, players_of, ticket};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::multiplayer::config::HELD_MS;
use crate::multiplayer::live::RoomKey;
use crate::multiplayer::{matchmaking, nodes};
use crate::ports::sql::{SqlError, Transaction};
use aethex_matchmaker::BackfillMode;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::{JoinedRoom, RoomPlayer};
use futures_util::FutureExt;

/// A room that asks for players.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) room: RoomId,
    pub(crate) match_id: MatchId,
    pub(crate) mode: String,
    pub(crate) since_ms: i64,
    pub(crate) free_seats: u16,
}

/// A room that is held, for its host, or for the game's server, which names no player.
async fn hold_for(
    tx: &mut Transaction,
    host: Option<&PlayerId>,
    id: &RoomId,
    now_ms: i64,
) -> Outcome<RoomRow> {
    match host {
        Some(player) => hold_as_host(tx, id, player, now_ms).await,
        None => db::hold(tx, id).await?.ok_or_else(|| refused(ErrorCode::RoomNotFound)),
    }
}

/// Lets a room ask for players, until it is full, locked or over. Asking again changes nothing.
pub(crate) async fn ask_for_players(
    app: &App,
    game: &GameId,
    host: Option<&PlayerId>,
    id: &RoomId,
) -> Outcome<Asking> {
    let (id, host, now) = (id.clone(), host.cloned(), now_ms());
    let scope = app.sql.game(game);
    let asked = scope.transaction(move |tx| {
        async move {
            let mut room = hold_for(tx, host.as_ref(), &id, now).await?;
            let match_id = rules::may_be_filled(&room)?;
            let since_ms = *room.filling_since_ms.get_or_insert(now);
            db::update(tx, &room).await?;
            let free_seats = room.max_players.saturating_sub(room.player_count);
            Ok::<_, Failure>(Asking { room: id, match_id, mode: room.mode, since_ms, free_seats })
        }
        .boxed()
    });
    asked.await
}

/// Lets a room ask no more; also where the rules fill it by themselves, from now on only when somebody asks. Its mode.
pub(crate) async fn ask_no_more(
    app: &App,
    game: &GameId,
    host: Option<&PlayerId>,
    id: &RoomId,
) -> Outcome<String> {
    let (id, host, now) = (id.clone(), host.cloned(), now_ms());
    let scope = app.sql.game(game);
    let stopped = scope.transaction(move |tx| {
        async move {
            let mut room = hold_for(tx, host.as_ref(), &id, now).await?;
            room.filling_since_ms = None;
            if room.backfill == BackfillMode::Automatic {
                room.backfill = BackfillMode::Manual;
            }
            db::update(tx, &room).await?;
            Ok::<_, Failure>(room.mode)
        }
        .boxed()
    });
    stopped.await
}

/// Tells matchmaking that seats of a room were taken or freed, or that it was locked or is over.
pub(super) fn tell_changed(app: &App, game: &GameId, room: &RoomRow) {
    if room.match_id.is_some() && room.backfill != BackfillMode::Off {
        matchmaking::look_at_room(app, game, &room.mode, &room.id);
    }
}

/// A room that asks for players, held while they are written into it.
#[derive(Debug)]
pub(crate) struct Filling {
    row: RoomRow,
    now_ms: i64,
}

impl Filling {
    /// Takes the room's row; nothing when it does not ask any more.
    pub(crate) async fn hold(
        tx: &mut Transaction,
        id: &RoomId,
        now_ms: i64,
    ) -> Result<Option<Filling>, SqlError> {
        let room = db::hold(tx, id).await?;
        Ok(room.filter(|room| room.filling_since_ms.is_some()).map(|row| Filling { row, now_ms }))
    }

    pub(crate) fn free_seats(&self) -> usize {
        usize::from(self.row.max_players.saturating_sub(self.row.player_count))
    }

    /// Whether a player may come: not who is in it, and not who was sent out of it.
    pub(crate) async fn welcomes(
        &self,
        tx: &mut Transaction,
        player: &PlayerId,
        played: bool,
    ) -> Result<bool, SqlError> {
        let door = db::door_of(tx, &self.row, player, self.now_ms).await?;
        // Who played in it was let in when the match began: a pass that is gone was taken away.
        Ok(!door.has_seat && !door.banned && (door.let_in || !played))
    }

    /// Gives a player one of the free seats.
    pub(crate) async fn seat(&mut self, tx: &mut Transaction, player: &PlayerId) -> Result<(), SqlError> {
        let id = &self.row.id;
        if db::take_seat(tx, id, player).await? {
            db::insert_seats(tx, &[(id, player, self.now_ms, Some(self.now_ms + HELD_MS))]).await?;
            db::let_in(tx, &[(id, player)]).await?;
            self.row.player_count += 1;
        }
        Ok(())
    }

    /// Everyone who is in the room now, and the seats of those who came.
    pub(crate) async fn seats(
        &self,
        app: &App,
        game: &GameId,
        came: &[PlayerId],
    ) -> Outcome<(Vec<PlayerId>, Vec<(PlayerId, JoinedRoom)>)> {
        let key = RoomKey { game: game.clone(), room: self.row.id.clone() };
        let (node, relay) = nodes::reach(app, &key, &self.row.node).await?;
        let players = players_of(app, game, &self.row.id).await?;
        let room = self.row.told(players.clone());
        let seat = |RoomPlayer { player_id, username, joined_at_ms }: RoomPlayer| {
            let ticket = ticket(app, game, &self.row, &player_id, username, joined_at_ms, node.clone());
            (player_id, JoinedRoom { room: room.clone(), ticket, relay: relay.clone() })
        };
        let all = players.iter().map(|player| player.player_id.clone()).collect();
        let new = players.into_iter().filter(|player| came.contains(&player.player_id));
        Ok((all, new.map(seat).collect()))
    }
}
