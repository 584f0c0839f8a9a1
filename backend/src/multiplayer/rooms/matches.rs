//! Rooms that are made for a match: private, with a seat held for each of its players.

use super::rules::{RoomRow, filling};
use super::{db, insert, ticket};
use crate::app::App;
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::Outcome;
use crate::multiplayer::config::HELD_MS;
use crate::multiplayer::live::RoomKey;
use crate::multiplayer::nodes;
use crate::ports::sql::{SqlError, Transaction};
use aethex_matchmaker::BackfillMode;
use aethex_wire::ids::{GameId, MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::{JoinedRoom, Metadata, RoomPlayer, Visibility};

/// What the rules of a queue say of its matches' rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MatchSettings {
    /// Seats; more than players where others may be filled in later.
    pub(crate) max_players: u16,
    pub(crate) tick_ms: u16,
    pub(crate) interest_radius: u32,
    pub(crate) backfill: BackfillMode,
}

/// A room to be made for a match.
#[derive(Debug, Clone)]
pub(crate) struct NewMatchRoom {
    pub(crate) game: GameId,
    pub(crate) match_id: MatchId,
    pub(crate) mode: String,
    pub(crate) region: String,
    /// Who plays; the first is the host.
    pub(crate) players: Vec<PlayerId>,
    pub(crate) settings: MatchSettings,
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
        let MatchSettings { max_players, tick_ms, interest_radius, backfill } = new.settings;
        let now = now_ms();
        let mut row = RoomRow {
            id: RoomId::parse(&new_id()).expect("ids are made in their canonical spelling"),
            code: String::new(),
            name: String::new(),
            mode: new.mode,
            region: new.region,
            host: new.players.first().cloned(),
            player_count: seats,
            max_players: max_players.max(seats),
            visibility: Visibility::Private,
            locked: false,
            password_hash: None,
            metadata: new.metadata,
            tick_ms,
            interest_radius,
            match_id: Some(new.match_id),
            backfill,
            filling_since_ms: None,
            node: app.multiplayer.node.clone(),
            created_at_ms: now,
        };
        row.filling_since_ms = filling(&row, now);
        MatchRoom { game: new.game, players: new.players, row }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &RoomId {
        &self.row.id
    }

    /// Writes rooms, their seats and who may come back, in a transaction of their game.
    pub(crate) async fn write(tx: &mut Transaction, rooms: &mut [&mut MatchRoom]) -> Result<(), SqlError> {
        insert(tx, rooms.iter_mut().map(|room| &mut room.row).collect()).await?;
        let seats: Vec<_> = rooms.iter().flat_map(|room| room.new_seats()).collect();
        db::insert_seats(tx, &seats).await?;
        let guests: Vec<_> = seats.iter().map(|(room, player, ..)| (*room, *player)).collect();
        db::let_in(tx, &guests).await
    }

    fn new_seats(&self) -> impl Iterator<Item = db::NewSeat<'_>> {
        let now = self.row.created_at_ms;
        self.players.iter().map(move |player| (&self.row.id, player, now, Some(now + HELD_MS)))
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
