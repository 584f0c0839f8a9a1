//! SQL of messages, channels and read marks.
//!
//! Who has written or read in a channel has a row of it. A direct conversation has two of them, a named channel one
//! for each who joined it; of rooms and parties the rows hold read marks, and tell which channels are to be removed
//! when the room or party is gone.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, MessageId, PlayerId};
use futures_util::FutureExt;

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageRow {
    pub(super) id: MessageId,
    pub(super) channel: String,
    pub(super) from: PlayerId,
    pub(super) text: String,
    pub(super) sent_at_ms: i64,
    pub(super) edited_at_ms: Option<i64>,
    pub(super) deleted: bool,
}

fn message(row: &Row<'_>) -> Result<MessageRow, SqlError> {
    let damaged = || SqlError::Other("a stored message is damaged".into());
    Ok(MessageRow {
        id: MessageId::parse(&row.text(0)?).ok_or_else(damaged)?,
        channel: row.text(1)?,
        from: PlayerId::parse(&row.text(2)?).ok_or_else(damaged)?,
        text: row.text(3)?,
        sent_at_ms: row.int(4)?,
        edited_at_ms: row.maybe_int(5)?,
        deleted: row.int(6)? != 0,
    })
}

macro_rules! with_message {
    ($before:literal, $behind:literal) => {
        concat!($before, "message_id, channel, player_id, text, sent_at_ms, edited_at_ms, deleted", $behind)
    };
}

/// What a client calls a message, so that it may send it twice, and a hash of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Once {
    pub(super) key: String,
    pub(super) request_hash: String,
}

/// Writes a message; `false` when its writer sent it before.
pub(super) async fn insert(
    tx: &mut Transaction,
    message: &MessageRow,
    once: Option<&Once>,
) -> Result<bool, SqlError> {
    let inserted = tx
        .execute(
            "INSERT INTO multiplayer_message (game_id, channel, message_id, player_id, text, sent_at_ms, edited_at_ms,
                deleted, idempotency_key, request_hash) VALUES ($1, $2, $3, $4, $5, $6, NULL, 0, $7, $8)
             ON CONFLICT (game_id, player_id, idempotency_key) DO NOTHING",
            args![
                message.channel.as_str(),
                message.id.as_str(),
                message.from.as_str(),
                message.text.as_str(),
                message.sent_at_ms,
                once.map(|once| once.key.clone()),
                once.map(|once| once.request_hash.clone()),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// What a player sent under an idempotency key, with the request's hash.
pub(super) async fn sent_before(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    key: &str,
) -> Result<Option<(MessageRow, Option<String>)>, SqlError> {
    sql.game(game)
        .read_one(
            with_message!(
                "SELECT ",
                ", request_hash FROM multiplayer_message
                 WHERE game_id = $1 AND player_id = $2 AND idempotency_key = $3"
            ),
            args![player.as_str(), key],
            |row| Ok((message(row)?, row.maybe_text(7)?)),
        )
        .await
}

/// Writes that a player is in a channel, and its newest message there.
pub(super) async fn put_player(
    tx: &mut Transaction,
    player: &PlayerId,
    channel: &str,
    last: &str,
) -> Result<(), SqlError> {
    tx.execute(
        "INSERT INTO multiplayer_channel_player (game_id, player_id, channel, read_id, last_id)
         VALUES ($1, $2, $3, '', $4)
         ON CONFLICT (game_id, player_id, channel) DO UPDATE SET last_id = CASE
            WHEN excluded.last_id > multiplayer_channel_player.last_id THEN excluded.last_id
            ELSE multiplayer_channel_player.last_id END",
        args![player.as_str(), channel, last],
    )
    .await
    .map(drop)
}

/// Whether a player has a row of a channel: is in a named one, or has spoken or read in another.
pub(super) async fn has_player(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    channel: &str,
) -> Result<bool, SqlError> {
    let scope = sql.game(game);
    let found = scope.read_one(
        "SELECT CAST(1 AS BIGINT) FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $2 AND channel = $3",
        args![player.as_str(), channel],
        |row| row.int(0),
    );
    Ok(found.await?.is_some())
}

/// Named channels that a player is in, and players in a channel, this one not counted.
pub(super) async fn counts(
    tx: &mut Transaction,
    player: &PlayerId,
    channel: &str,
) -> Result<(i64, i64), SqlError> {
    let counted = tx
        .query_one(
            "SELECT (SELECT COUNT(*) FROM multiplayer_channel_player
                    WHERE game_id = $1 AND player_id = $2 AND channel LIKE 'channel:%' AND channel <> $3),
                (SELECT COUNT(*) FROM multiplayer_channel_player
                    WHERE game_id = $1 AND channel = $3 AND player_id <> $2)",
            args![player.as_str(), channel],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .await?;
    Ok(counted.unwrap_or_default())
}

/// Puts a player into a named channel, where all that was said before counts as read.
pub(super) async fn join(tx: &mut Transaction, player: &PlayerId, channel: &str) -> Result<(), SqlError> {
    tx.execute(
        "INSERT INTO multiplayer_channel_player (game_id, player_id, channel, read_id, last_id)
         VALUES ($1, $2, $3, COALESCE((SELECT MAX(message_id) FROM multiplayer_message
            WHERE game_id = $1 AND channel = $3), ''), '')
         ON CONFLICT (game_id, player_id, channel) DO NOTHING",
        args![player.as_str(), channel],
    )
    .await
    .map(drop)
}

/// Takes a player out of a named channel; `false` when the player was not in it.
pub(super) async fn leave(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    channel: &str,
) -> Result<bool, SqlError> {
    let left = sql
        .game(game)
        .execute(
            "DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $2 AND channel = $3",
            args![player.as_str(), channel],
        )
        .await?;
    Ok(left == 1)
}

/// Moves a read mark forward, never back.
pub(super) async fn mark(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    channel: &str,
    read: &MessageId,
) -> Result<(), SqlError> {
    sql.game(game)
        .execute(
            "INSERT INTO multiplayer_channel_player (game_id, player_id, channel, read_id, last_id)
             VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (game_id, player_id, channel) DO UPDATE SET read_id = CASE
                WHEN excluded.read_id > multiplayer_channel_player.read_id THEN excluded.read_id
                ELSE multiplayer_channel_player.read_id END",
            args![player.as_str(), channel, read.as_str()],
        )
        .await
        .map(drop)
}

/// A message of a channel.
pub(super) async fn find(
    sql: &Sql,
    game: &GameId,
    channel: &str,
    id: &MessageId,
) -> Result<Option<MessageRow>, SqlError> {
    sql.game(game)
        .read_one(
            with_message!(
                "SELECT ",
                " FROM multiplayer_message WHERE game_id = $1 AND channel = $2 AND message_id = $3"
            ),
            args![channel, id.as_str()],
            message,
        )
        .await
}

/// Messages of a channel, newest first: not of those whom the reader blocked.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    channel: &str,
    reader: &PlayerId,
    before: &str,
    rows: i64,
) -> Result<Vec<MessageRow>, SqlError> {
    sql.game(game)
        .scan(
            with_message!(
                "SELECT ",
                " FROM multiplayer_message m WHERE game_id = $1 AND channel = $2
                    AND ($4 = '' OR message_id < $4)
                    AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                        AND b.player_id = $3 AND b.blocked_id = m.player_id)
                 ORDER BY message_id DESC LIMIT $5"
            ),
            args![channel, reader.as_str(), before, rows],
            message,
        )
        .await
}

/// Changes the words of a player's message that was sent since then; `None` when there is none.
pub(super) async fn edit(
    sql: &Sql,
    game: &GameId,
    channel: &str,
    id: &MessageId,
    player: &PlayerId,
    (text, now_ms, since_ms): (&str, i64, i64),
) -> Result<Option<MessageRow>, SqlError> {
    let scope = sql.game(game);
    let changed = scope.write(
        with_message!(
            "UPDATE multiplayer_message SET text = $5, edited_at_ms = $6
             WHERE game_id = $1 AND channel = $2 AND message_id = $3 AND player_id = $4 AND deleted = 0
                AND sent_at_ms >= $7 RETURNING ",
            ""
        ),
        args![channel, id.as_str(), player.as_str(), text, now_ms, since_ms],
        message,
    );
    Ok(changed.await?.into_iter().next())
}

/// Takes a player's message back: who wrote it and when stays, what it said is gone.
pub(super) async fn delete(
    sql: &Sql,
    game: &GameId,
    channel: &str,
    id: &MessageId,
    player: &PlayerId,
) -> Result<Option<MessageRow>, SqlError> {
    let scope = sql.game(game);
    let changed = scope.write(
        with_message!(
            "UPDATE multiplayer_message SET text = '', deleted = 1, request_hash = CAST(NULL AS TEXT)
             WHERE game_id = $1 AND channel = $2 AND message_id = $3 AND player_id = $4 RETURNING ",
            ""
        ),
        args![channel, id.as_str(), player.as_str()],
        message,
    );
    Ok(changed.await?.into_iter().next())
}

/// Some of those in a channel, behind one by id: not those who blocked the speaker.
pub(super) async fn audience(
    sql: &Sql,
    game: &GameId,
    channel: &str,
    speaker: &PlayerId,
    after: &str,
    rows: i64,
) -> Result<Vec<PlayerId>, SqlError> {
    let (statement, of) = match channel.split_once(':') {
        Some(("room", room)) => (
            "SELECT player_id FROM multiplayer_seat p WHERE game_id = $1 AND room_id = $2 AND player_id > $4
                AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                    AND b.player_id = p.player_id AND b.blocked_id = $3)
             ORDER BY player_id LIMIT $5",
            room,
        ),
        Some(("party", party)) => (
            "SELECT player_id FROM multiplayer_party_player p
             WHERE game_id = $1 AND party_id = $2 AND player_id > $4
                AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                    AND b.player_id = p.player_id AND b.blocked_id = $3)
             ORDER BY player_id LIMIT $5",
            party,
        ),
        _ => (
            "SELECT player_id FROM multiplayer_channel_player p
             WHERE game_id = $1 AND channel = $2 AND player_id > $4
                AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                    AND b.player_id = p.player_id AND b.blocked_id = $3)
             ORDER BY player_id LIMIT $5",
            channel,
        ),
    };
    let scope = sql.game(game);
    let found = scope.read(statement, args![of, speaker.as_str(), after, rows], |row| row.text(0));
    Ok(found.await?.iter().filter_map(|id| PlayerId::parse(id)).collect())
}

/// A conversation: its newest message, and how many are unread.
pub(super) type ConversationRow = (MessageRow, i64);

/// A player's conversations with something in them, the one with the newest message first. Messages of those whom
/// the player blocked are not there.
pub(super) async fn conversations(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    before: &str,
    unread_max: i64,
    rows: i64,
) -> Result<Vec<ConversationRow>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT m.message_id, m.channel, m.player_id, m.text, m.sent_at_ms, m.edited_at_ms, m.deleted,
                (SELECT COUNT(*) FROM (SELECT 1 FROM multiplayer_message u WHERE u.game_id = $1
                    AND u.channel = t.channel AND u.message_id > t.read_id AND u.player_id <> $2 AND u.deleted = 0
                    AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                        AND b.player_id = $2 AND b.blocked_id = u.player_id)
                    LIMIT $4) AS counted)
             FROM (
                SELECT c.channel, c.read_id, (SELECT MAX(n.message_id) FROM multiplayer_message n
                    WHERE n.game_id = $1 AND n.channel = c.channel
                        AND NOT EXISTS (SELECT 1 FROM multiplayer_block b WHERE b.game_id = $1
                            AND b.player_id = $2 AND b.blocked_id = n.player_id)) AS newest
                FROM (
                    SELECT channel, read_id FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $2
                        AND (channel LIKE 'direct:%' OR channel LIKE 'channel:%')
                    UNION ALL
                    SELECT 'room:' || s.room_id, COALESCE(p.read_id, '') FROM multiplayer_seat s
                        LEFT JOIN multiplayer_channel_player p ON p.game_id = s.game_id
                            AND p.player_id = s.player_id AND p.channel = 'room:' || s.room_id
                        WHERE s.game_id = $1 AND s.player_id = $2
                    UNION ALL
                    SELECT 'party:' || y.party_id, COALESCE(p.read_id, '') FROM multiplayer_party_player y
                        LEFT JOIN multiplayer_channel_player p ON p.game_id = y.game_id
                            AND p.player_id = y.player_id AND p.channel = 'party:' || y.party_id
                        WHERE y.game_id = $1 AND y.player_id = $2
                ) c
             ) t
             JOIN multiplayer_message m ON m.game_id = $1 AND m.channel = t.channel AND m.message_id = t.newest
             WHERE $3 = '' OR t.newest < $3
             ORDER BY t.newest DESC LIMIT $5",
            args![player.as_str(), before, unread_max, rows],
            |row| Ok((message(row)?, row.int(7)?)),
        )
        .await
}

/// Removes messages that were sent before a time.
pub(super) async fn sweep_old(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_message WHERE (game_id, channel, message_id) IN (
                SELECT game_id, channel, message_id FROM multiplayer_message WHERE sent_at_ms < $1
                ORDER BY sent_at_ms LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}

/// Removes direct conversations whose last message has an id below this one: nothing is left of them.
pub(super) async fn sweep_direct(sql: &Sql, ids_before: &str, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_channel_player WHERE (game_id, player_id, channel) IN (
                SELECT game_id, player_id, channel FROM multiplayer_channel_player
                WHERE last_id < $1 AND channel LIKE 'direct:%' LIMIT $2)",
            args![ids_before, limit],
        )
        .await
}

/// Removes messages and marks of rooms and parties that are gone: first the messages of a channel, then its rows.
pub(super) async fn sweep_gone(sql: &Sql, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .transaction(move |tx| {
            async move {
                let gone = tx
                    .query(
                        "SELECT DISTINCT game_id, channel FROM multiplayer_channel_player p
                         WHERE (channel LIKE 'room:%' AND NOT EXISTS (SELECT 1 FROM multiplayer_room r
                                WHERE r.game_id = p.game_id AND r.room_id = SUBSTR(p.channel, 6)))
                            OR (channel LIKE 'party:%' AND NOT EXISTS (SELECT 1 FROM multiplayer_party y
                                WHERE y.game_id = p.game_id AND y.party_id = SUBSTR(p.channel, 7)))
                         LIMIT $1",
                        args![limit],
                        |row| Ok((row.text(0)?, row.text(1)?)),
                    )
                    .await?;
                let mut swept = 0;
                for (game, channel) in gone {
                    let messages = tx
                        .execute(
                            "DELETE FROM multiplayer_message WHERE game_id = $1 AND channel = $2 AND message_id IN (
                                SELECT message_id FROM multiplayer_message WHERE game_id = $1 AND channel = $2
                                LIMIT $3)",
                            args![game.as_str(), channel.as_str(), limit],
                        )
                        .await?;
                    swept += messages;
                    if messages < limit.unsigned_abs() {
                        swept += tx
                            .execute(
                                "DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND channel = $2",
                                args![game.as_str(), channel.as_str()],
                            )
                            .await?;
                    }
                    if swept >= limit.unsigned_abs() {
                        break;
                    }
                }
                Ok(swept)
            }
            .boxed()
        })
        .await
}
