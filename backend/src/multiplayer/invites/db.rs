//! SQL of invitations.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, InviteId, PartyId, PlayerId, RoomId};
use aethex_wire::multiplayer::presence::Invite;

fn invite(row: &Row<'_>) -> Result<Invite, SqlError> {
    let damaged = || SqlError::Other("a stored invitation is damaged".into());
    Ok(Invite {
        id: InviteId::parse(&row.text(0)?).ok_or_else(damaged)?,
        from_id: PlayerId::parse(&row.text(1)?).ok_or_else(damaged)?,
        from_username: String::new(),
        to_id: PlayerId::parse(&row.text(2)?).ok_or_else(damaged)?,
        room_id: row.maybe_text(3)?.and_then(|id| RoomId::parse(&id)),
        party_id: row.maybe_text(4)?.and_then(|id| PartyId::parse(&id)),
        code: row.text(5)?,
        created_at_ms: row.int(6)?,
        expires_at_ms: row.int(7)?,
    })
}

/// Writes an invitation in the place of one to the same; `false` when the inviter has too many that stand.
pub(super) async fn put(tx: &mut Transaction, invite: &Invite, max: i64) -> Result<bool, SqlError> {
    let room = invite.room_id.as_ref().map(|id| id.as_str().to_owned());
    let party = invite.party_id.as_ref().map(|id| id.as_str().to_owned());
    tx.execute(
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND from_id = $2 AND to_id = $3
            AND COALESCE(room_id, '') = COALESCE(CAST($4 AS TEXT), '')
            AND COALESCE(party_id, '') = COALESCE(CAST($5 AS TEXT), '')",
        args![invite.from_id.as_str(), invite.to_id.as_str(), room.clone(), party.clone()],
    )
    .await?;
    let standing = tx
        .query_one(
            "SELECT COUNT(*) FROM multiplayer_invite WHERE game_id = $1 AND from_id = $2 AND expires_at_ms > $3",
            args![invite.from_id.as_str(), invite.created_at_ms],
            |row| row.int(0),
        )
        .await?;
    if standing.unwrap_or(0) >= max {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO multiplayer_invite (game_id, invite_id, from_id, to_id, room_id, party_id, code, created_at_ms,
            expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            invite.id.as_str(),
            invite.from_id.as_str(),
            invite.to_id.as_str(),
            room,
            party,
            invite.code.as_str(),
            invite.created_at_ms,
            invite.expires_at_ms,
        ],
    )
    .await?;
    Ok(true)
}

/// Invitations to a player that stand, newest first: not of those whom one of the two blocked, nor to what is over.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    before: &str,
    now_ms: i64,
    rows: i64,
) -> Result<Vec<Invite>, SqlError> {
    sql.game(game)
        .read(
            "SELECT invite_id, from_id, to_id, room_id, party_id, code, created_at_ms, expires_at_ms
             FROM multiplayer_invite i
             WHERE game_id = $1 AND to_id = $2 AND expires_at_ms > $3 AND ($4 = '' OR invite_id < $4)
                AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                    AND b.player_id = i.to_id AND b.blocked_id = i.from_id)
                AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                    AND b.player_id = i.from_id AND b.blocked_id = i.to_id)
                AND (EXISTS (SELECT 1 FROM multiplayer_room r WHERE r.game_id = $1 AND r.room_id = i.room_id)
                    OR EXISTS (SELECT 1 FROM multiplayer_party p WHERE p.game_id = $1 AND p.party_id = i.party_id))
             ORDER BY invite_id DESC LIMIT $5",
            args![player.as_str(), now_ms, before, rows],
            invite,
        )
        .await
}

/// Ends an invitation from or to a player; whom it was between.
pub(super) async fn remove(
    sql: &Sql,
    game: &GameId,
    id: &InviteId,
    player: &PlayerId,
) -> Result<Option<(PlayerId, PlayerId)>, SqlError> {
    let scope = sql.game(game);
    let removed = scope.write(
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND invite_id = $2 AND (from_id = $3 OR to_id = $3)
         RETURNING from_id, to_id",
        args![id.as_str(), player.as_str()],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    let found = removed.await?.into_iter().next();
    Ok(found.and_then(|(from, to)| Some((PlayerId::parse(&from)?, PlayerId::parse(&to)?))))
}

/// Forgets a player's invitations to a party.
pub(super) async fn forget_party(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
) -> Result<(), SqlError> {
    tx.execute(
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND to_id = $3 AND party_id = $2",
        args![party.as_str(), player.as_str()],
    )
    .await
    .map(drop)
}

/// Removes invitations that no longer stand.
pub(super) async fn sweep(sql: &Sql, now_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_invite WHERE (game_id, invite_id) IN (
                SELECT game_id, invite_id FROM multiplayer_invite WHERE expires_at_ms <= $1 LIMIT $2)",
            args![now_ms, limit],
        )
        .await
}
