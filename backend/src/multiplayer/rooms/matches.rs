//! Rooms that are made for a match: private, with a seat held for each of its players.

use super::rules::RoomRow;
use super::{db, insert, ticket};
use crate::app::App;
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::multiplayer::config::HELD_MS;
use crate::multiplayer::live::RoomKey;
use crate::multiplayer::nodes;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{GameId, MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::{JoinedRoom, Metadata, RoomPlayer, TICK_MS_DEFAULT, Visibility};
use futures_util::FutureExt;

/// A room to be made for a match.
#[derive(Debug, Clone)]
pub(crate) struct NewMatchRoom {
    pub(crate) game: GameId,
    pub(crate) match_id: MatchId,
    pub(crate) mode: String,
    pub(crate) region: String,
    /// Who plays; the first is the host.
    pub(crate) players: Vec<PlayerId>,
    /// Seats; more than players where others may be filled in later.
    pub(crate) max_players: u16,
    pub(crate) metadata: Metadata,
}

/// Such a room, until it is written and its seats are told.
#[derive(Debug)]
pub(crate) struct MatchRoom {
    game: GameId,
    players: Vec<PlayerId>,
    row: RoomRow,
}

impl MatchRoom {
    /// Plans a room on this server.
    pub(crate) fn plan(app: &App, new: NewMatchRoom) -> MatchRoom {
        let seats = u16::try_from(new.players.len()).unwrap_or(u16::MAX);
        let row = RoomRow {
            id: RoomId::parse(&new_id()).expect("ids are made in their canonical spelling"),
            code: String::new(),
            name: String::new(),
            mode: new.mode,
            region: new.region,
            host: new.players.first().cloned(),
            player_count: seats,
            max_players: new.max_players.max(seats),
            visibility: Visibility::Private,
            locked: false,
            password_hash: None,
            metadata: new.metadata,
            tick_ms: TICK_MS_DEFAULT,
            interest_radius: 0,
            match_id: Some(new.match_id),
            node: app.multiplayer.node.clone(),
            created_at_ms: now_ms(),
        };
        MatchRoom { game: new.game, players: new.players, row }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &RoomId {
        &self.row.id
    }

    /// Writes the room, its seats and who may come back, in a transaction of its game.
    pub(crate) async fn write(&mut self, tx: &mut Transaction) -> Result<(), SqlError> {
        insert(tx, &mut self.row).await?;
        let now = self.row.created_at_ms;
        for player in &self.players {
            db::insert_seat(tx, &self.row.id, player, now, Some(now + HELD_MS)).await?;
            db::let_in(tx, &self.row.id, player).await?;
        }
        Ok(())
    }

    /// Each player's seat, once the room is written.
    pub(crate) async fn seats(&self, app: &App) -> Outcome<Vec<(PlayerId, JoinedRoom)>> {
        let key = RoomKey { game: self.game.clone(), room: self.row.id.clone() };
        let (node, relay) = nodes::reach(app, &key, &self.row.node).await?;
        let mut names = usernames(app, &self.game, &self.players).await?;
        let joined_at_ms = self.row.created_at_ms;
        let told = |player_id: &PlayerId| {
            let username = names.remove(player_id).unwrap_or_default();
            RoomPlayer { player_id: player_id.clone(), username, joined_at_ms }
        };
        let players: Vec<RoomPlayer> = self.players.iter().map(told).collect();
        let room = self.row.told(players.clone());
        let seat = |RoomPlayer { player_id, username, .. }: RoomPlayer| {
            let ticket = ticket(app, &self.game, &self.row, &player_id, username, joined_at_ms, node.clone());
            (player_id, JoinedRoom { room: room.clone(), ticket, relay: relay.clone() })
        };
        Ok(players.into_iter().map(seat).collect())
    }
}

/// Makes a room for a match in one transaction; each player's seat.
pub(crate) async fn make_for_match(app: &App, new: NewMatchRoom) -> Outcome<Vec<(PlayerId, JoinedRoom)>> {
    let game = new.game.clone();
    let mut room = MatchRoom::plan(app, new);
    let scope = app.sql.game(&game);
    let made = scope.transaction(move |tx| {
        async move {
            room.write(tx).await?;
            Ok::<_, Failure>(room)
        }
        .boxed()
    });
    made.await?.seats(app).await
}
