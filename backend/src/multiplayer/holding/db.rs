//! SQL that reads, removes and hands over everything that multiplayer knows of a player.

use crate::args;
use crate::ports::sql::{Map, Sql, SqlError, Statement, Transaction};
use crate::privacy::{ERASE_BATCH, Subject};
use aethex_wire::ids::{PlayerId, RoomId};
use futures_util::FutureExt;
use serde_json::{Value, json};

/// Rows of each table in an export but for messages: what can be added is limited.
const ROWS_MAX: i64 = 100_000;
/// Messages in a page.
const PAGE: i64 = 500;

/// A table's part of an export: its file, what is read and how a row is told.
pub(super) struct Part {
    pub(super) file: &'static str,
    statement: Statement,
    map: Map<Value>,
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Everything but messages.
pub(super) const PARTS: &[Part] = &[
    Part {
        file: "rooms.json",
        statement: "SELECT r.room_id, r.name, r.mode, r.region, r.metadata, s.joined_at_ms
            FROM multiplayer_seat s JOIN multiplayer_room r ON r.game_id = s.game_id AND r.room_id = s.room_id
            WHERE s.game_id = $1 AND s.player_id = $2 ORDER BY s.joined_at_ms LIMIT $3",
        map: |row| {
            Ok(json!({
                "room_id": row.text(0)?, "name": row.text(1)?, "mode": row.text(2)?, "region": row.text(3)?,
                "metadata": parsed(&row.text(4)?), "joined_at_ms": row.int(5)?,
            }))
        },
    },
    Part {
        file: "let_into_rooms.json",
        statement: "SELECT room_id, banned FROM multiplayer_room_pass
            WHERE game_id = $1 AND player_id = $2 ORDER BY room_id LIMIT $3",
        map: |row| Ok(json!({ "room_id": row.text(0)?, "banned": row.int(1)? != 0 })),
    },
    Part {
        file: "party.json",
        statement: "SELECT party_id, ready, joined_at_ms FROM multiplayer_party_player
            WHERE game_id = $1 AND player_id = $2 LIMIT $3",
        map: |row| {
            Ok(json!({ "party_id": row.text(0)?, "ready": row.int(1)? != 0, "joined_at_ms": row.int(2)? }))
        },
    },
    Part {
        file: "tickets.json",
        statement: "SELECT t.ticket_id, t.mode, t.request, t.status, t.match_id, t.created_at_ms, t.ended_at_ms
            FROM multiplayer_ticket_player p
            JOIN multiplayer_ticket t ON t.game_id = p.game_id AND t.ticket_id = p.ticket_id
            WHERE p.game_id = $1 AND p.player_id = $2 ORDER BY t.ticket_id LIMIT $3",
        map: |row| {
            Ok(json!({
                "ticket_id": row.text(0)?, "mode": row.text(1)?, "request": parsed(&row.text(2)?),
                "status": row.text(3)?, "match_id": row.maybe_text(4)?, "created_at_ms": row.int(5)?,
                "ended_at_ms": row.maybe_int(6)?,
            }))
        },
    },
    Part {
        file: "matches.json",
        statement: "SELECT m.match_id, m.mode, m.region, m.status, m.created_at_ms, p.team, p.accepted, p.report
            FROM multiplayer_match_player p
            JOIN multiplayer_match m ON m.game_id = p.game_id AND m.match_id = p.match_id
            WHERE p.game_id = $1 AND p.player_id = $2 ORDER BY m.match_id LIMIT $3",
        map: |row| {
            Ok(json!({
                "match_id": row.text(0)?, "mode": row.text(1)?, "region": row.text(2)?, "status": row.text(3)?,
                "created_at_ms": row.int(4)?, "team": row.text(5)?,
                "accepted": row.maybe_int(6)?.map(|word| word != 0),
                "report": row.maybe_text(7)?.map(|report| parsed(&report)),
            }))
        },
    },
    Part {
        file: "penalty.json",
        statement: "SELECT count, until_ms FROM multiplayer_penalty WHERE game_id = $1 AND player_id = $2 LIMIT $3",
        map: |row| Ok(json!({ "count": row.int(0)?, "until_at_ms": row.int(1)? })),
    },
    Part {
        file: "ratings.json",
        statement: "SELECT mode, rating, deviation, volatility, matches, updated_at_ms FROM multiplayer_rating
            WHERE game_id = $1 AND player_id = $2 ORDER BY mode LIMIT $3",
        map: |row| {
            Ok(json!({
                "mode": row.text(0)?, "rating_thousandths": row.int(1)?, "deviation_thousandths": row.int(2)?,
                "volatility_billionths": row.int(3)?, "matches": row.int(4)?, "updated_at_ms": row.int(5)?,
            }))
        },
    },
    Part {
        file: "channels.json",
        statement: "SELECT channel, read_id FROM multiplayer_channel_player
            WHERE game_id = $1 AND player_id = $2 ORDER BY channel LIMIT $3",
        map: |row| Ok(json!({ "channel": row.text(0)?, "read_id": row.text(1)? })),
    },
    Part {
        file: "blocks.json",
        statement: "SELECT blocked_id, since_ms FROM multiplayer_block
            WHERE game_id = $1 AND player_id = $2 ORDER BY blocked_id LIMIT $3",
        map: |row| Ok(json!({ "blocked_id": row.text(0)?, "since_at_ms": row.int(1)? })),
    },
    Part {
        file: "reports.json",
        statement: "SELECT report_id, about_id, message_id, reason, text, reported_at_ms FROM multiplayer_report
            WHERE game_id = $1 AND player_id = $2 ORDER BY report_id LIMIT $3",
        map: |row| {
            Ok(json!({
                "report_id": row.text(0)?, "about_id": row.text(1)?, "message_id": row.maybe_text(2)?,
                "reason": row.text(3)?, "text": row.text(4)?, "reported_at_ms": row.int(5)?,
            }))
        },
    },
    Part {
        file: "invitations.json",
        statement: "SELECT invite_id, from_id, to_id, room_id, party_id, created_at_ms, expires_at_ms
            FROM multiplayer_invite WHERE game_id = $1 AND (from_id = $2 OR to_id = $2) ORDER BY invite_id LIMIT $3",
        map: |row| {
            Ok(json!({
                "invite_id": row.text(0)?, "from_id": row.text(1)?, "to_id": row.text(2)?,
                "room_id": row.maybe_text(3)?, "party_id": row.maybe_text(4)?, "created_at_ms": row.int(5)?,
                "expires_at_ms": row.int(6)?,
            }))
        },
    },
    Part {
        file: "presence.json",
        statement: "SELECT availability, status, data, seen_at_ms FROM multiplayer_presence
            WHERE game_id = $1 AND player_id = $2 LIMIT $3",
        map: |row| {
            Ok(json!({
                "availability": row.text(0)?, "status": row.text(1)?, "data": parsed(&row.text(2)?),
                "seen_at_ms": row.int(3)?,
            }))
        },
    },
];

/// A part's rows of a player.
pub(super) async fn read(sql: &Sql, who: &Subject, part: &Part) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game).scan(part.statement, args![who.player.as_str(), ROWS_MAX], part.map).await
}

/// The player's messages behind `after`.
pub(super) async fn messages(
    sql: &Sql,
    who: &Subject,
    after: &str,
) -> Result<Vec<(String, Value)>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT message_id, channel, text, sent_at_ms, edited_at_ms, deleted FROM multiplayer_message
             WHERE game_id = $1 AND player_id = $2 AND message_id > $3 ORDER BY message_id LIMIT $4",
            args![who.player.as_str(), after, PAGE],
            |row| {
                let id = row.text(0)?;
                let told = json!({
                    "message_id": id, "channel": row.text(1)?, "text": row.text(2)?, "sent_at_ms": row.int(3)?,
                    "edited_at_ms": row.maybe_int(4)?, "deleted": row.int(5)? != 0,
                });
                Ok((id, told))
            },
        )
        .await
}

/// Rooms that a player has a seat in.
pub(super) async fn rooms_with(tx: &mut Transaction, player: &PlayerId) -> Result<Vec<RoomId>, SqlError> {
    let found = tx.query(
        "SELECT room_id FROM multiplayer_seat WHERE game_id = $1 AND player_id = $2 ORDER BY room_id LIMIT $3",
        args![player.as_str(), ERASE_BATCH],
        |row| row.text(0),
    );
    Ok(found.await?.iter().filter_map(|id| RoomId::parse(id)).collect())
}

/// Tickets that the player is on, whole: what stands in them is of all who are on them.
async fn erase_tickets(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut erased = 0;
    for statement in [
        "DELETE FROM multiplayer_ticket WHERE game_id = $1 AND ticket_id IN (
            SELECT ticket_id FROM multiplayer_ticket_player WHERE game_id = $1 AND player_id = $2)",
        "DELETE FROM multiplayer_ticket_player WHERE game_id = $1 AND ticket_id IN (
            SELECT ticket_id FROM multiplayer_ticket_player WHERE game_id = $1 AND player_id = $2)",
    ] {
        erased += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(erased)
}

/// The player's messages, and both sides of direct conversations, whose channels name the player.
async fn erase_messages(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut erased = 0;
    for statement in [
        "DELETE FROM multiplayer_message WHERE game_id = $1 AND (channel, message_id) IN (
            SELECT channel, message_id FROM multiplayer_message WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
        "DELETE FROM multiplayer_message WHERE game_id = $1 AND (channel, message_id) IN (
            SELECT m.channel, m.message_id FROM multiplayer_channel_player p
            JOIN multiplayer_message m ON m.game_id = p.game_id AND m.channel = p.channel
            WHERE p.game_id = $1 AND p.player_id = $2 AND p.channel LIKE 'direct:%' LIMIT $3)",
    ] {
        erased += tx.execute(statement, args![player.as_str(), ERASE_BATCH]).await?;
    }
    if erased > 0 {
        // The channels are needed until the last of their messages is gone.
        return Ok(erased);
    }
    for statement in [
        "DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND channel IN (
            SELECT channel FROM multiplayer_channel_player
            WHERE game_id = $1 AND player_id = $2 AND channel LIKE 'direct:%')",
        "DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $2",
    ] {
        erased += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(erased)
}

/// Removes a batch of what is known of a player, but for rooms and the party.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut erased = erase_tickets(tx, player).await? + erase_messages(tx, player).await?;
    for statement in [
        "DELETE FROM multiplayer_room_pass WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_match_player WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_penalty WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_rating WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_block WHERE game_id = $1 AND (player_id = $2 OR blocked_id = $2)",
        "DELETE FROM multiplayer_report WHERE game_id = $1 AND (player_id = $2 OR about_id = $2)",
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND (from_id = $2 OR to_id = $2)",
        "DELETE FROM multiplayer_presence WHERE game_id = $1 AND player_id = $2",
    ] {
        erased += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(erased)
}

/// Hands over what is kept of `from` to `to`: what both have stays as `to` has it. A ban, and a penalty, stay.
pub(super) async fn hand_over(tx: &mut Transaction, from: &PlayerId, to: &PlayerId) -> Result<(), SqlError> {
    erase_tickets(tx, from).await?;
    for statement in [
        "INSERT INTO multiplayer_room_pass (game_id, room_id, player_id, banned)
            SELECT game_id, room_id, CAST($3 AS TEXT), banned FROM multiplayer_room_pass
            WHERE game_id = $1 AND player_id = $2
            ON CONFLICT (game_id, room_id, player_id) DO UPDATE SET banned = CASE
                WHEN excluded.banned > multiplayer_room_pass.banned THEN excluded.banned
                ELSE multiplayer_room_pass.banned END",
        "UPDATE multiplayer_match_player SET player_id = $3 WHERE game_id = $1 AND player_id = $2
            AND match_id NOT IN (SELECT match_id FROM multiplayer_match_player WHERE game_id = $1 AND player_id = $3)",
        "INSERT INTO multiplayer_penalty (game_id, player_id, count, until_ms)
            SELECT game_id, CAST($3 AS TEXT), count, until_ms FROM multiplayer_penalty
            WHERE game_id = $1 AND player_id = $2
            ON CONFLICT (game_id, player_id) DO UPDATE SET count = multiplayer_penalty.count + excluded.count,
                until_ms = CASE WHEN excluded.until_ms > multiplayer_penalty.until_ms THEN excluded.until_ms
                    ELSE multiplayer_penalty.until_ms END",
        "UPDATE multiplayer_rating SET player_id = $3 WHERE game_id = $1 AND player_id = $2
            AND mode NOT IN (SELECT mode FROM multiplayer_rating WHERE game_id = $1 AND player_id = $3)",
        "UPDATE multiplayer_message SET player_id = $3, idempotency_key = CAST(NULL AS TEXT)
            WHERE game_id = $1 AND player_id = $2",
        "UPDATE multiplayer_channel_player SET player_id = $3 WHERE game_id = $1 AND player_id = $2
            AND channel NOT IN (SELECT channel FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $3)",
        "UPDATE multiplayer_block SET player_id = $3 WHERE game_id = $1 AND player_id = $2 AND blocked_id <> $3
            AND blocked_id NOT IN (SELECT blocked_id FROM multiplayer_block WHERE game_id = $1 AND player_id = $3)",
        "UPDATE multiplayer_block SET blocked_id = $3 WHERE game_id = $1 AND blocked_id = $2 AND player_id <> $3
            AND player_id NOT IN (SELECT player_id FROM multiplayer_block WHERE game_id = $1 AND blocked_id = $3)",
        "UPDATE multiplayer_report SET player_id = $3 WHERE game_id = $1 AND player_id = $2",
        "UPDATE multiplayer_report SET about_id = $3 WHERE game_id = $1 AND about_id = $2",
    ] {
        tx.execute(statement, args![from.as_str(), to.as_str()]).await?;
    }
    for statement in [
        "DELETE FROM multiplayer_room_pass WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_match_player WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_penalty WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_rating WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM multiplayer_block WHERE game_id = $1 AND (player_id = $2 OR blocked_id = $2)",
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND (from_id = $2 OR to_id = $2)",
        "DELETE FROM multiplayer_presence WHERE game_id = $1 AND player_id = $2",
    ] {
        tx.execute(statement, args![from.as_str()]).await?;
    }
    Ok(())
}

/// The channels of a player's direct conversations.
pub(super) async fn direct_channels(
    tx: &mut Transaction,
    player: &PlayerId,
) -> Result<Vec<String>, SqlError> {
    tx.query(
        "SELECT channel FROM multiplayer_channel_player
         WHERE game_id = $1 AND player_id = $2 AND channel LIKE 'direct:%' ORDER BY channel",
        args![player.as_str()],
        |row| row.text(0),
    )
    .await
}

/// Moves a conversation to another channel, beside what is there; to none, it is gone.
pub(super) async fn move_channel(tx: &mut Transaction, from: &str, to: Option<&str>) -> Result<(), SqlError> {
    if let Some(to) = to {
        for statement in [
            "UPDATE multiplayer_message SET channel = $3 WHERE game_id = $1 AND channel = $2",
            "INSERT INTO multiplayer_channel_player (game_id, player_id, channel, read_id, last_id)
                SELECT game_id, player_id, CAST($3 AS TEXT), read_id, last_id FROM multiplayer_channel_player
                WHERE game_id = $1 AND channel = $2
                ON CONFLICT (game_id, player_id, channel) DO UPDATE SET last_id = CASE
                    WHEN excluded.last_id > multiplayer_channel_player.last_id THEN excluded.last_id
                    ELSE multiplayer_channel_player.last_id END",
        ] {
            tx.execute(statement, args![from, to]).await?;
        }
    } else {
        tx.execute("DELETE FROM multiplayer_message WHERE game_id = $1 AND channel = $2", args![from])
            .await?;
    }
    tx.execute("DELETE FROM multiplayer_channel_player WHERE game_id = $1 AND channel = $2", args![from])
        .await
        .map(drop)
}

/// Removes tickets and matches that ended long ago, and penalties that are over.
pub(super) async fn sweep(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .transaction(move |tx| {
            async move {
                let mut swept = 0;
                for statement in [
                    "DELETE FROM multiplayer_ticket_player WHERE (game_id, ticket_id) IN (
                        SELECT game_id, ticket_id FROM multiplayer_ticket WHERE ended_at_ms <= $1
                        ORDER BY ended_at_ms, game_id, ticket_id LIMIT $2)",
                    "DELETE FROM multiplayer_ticket WHERE (game_id, ticket_id) IN (
                        SELECT game_id, ticket_id FROM multiplayer_ticket WHERE ended_at_ms <= $1
                        ORDER BY ended_at_ms, game_id, ticket_id LIMIT $2)",
                    "DELETE FROM multiplayer_match_player WHERE (game_id, match_id) IN (
                        SELECT game_id, match_id FROM multiplayer_match WHERE created_at_ms <= $1
                        ORDER BY created_at_ms, game_id, match_id LIMIT $2)",
                    "DELETE FROM multiplayer_match WHERE (game_id, match_id) IN (
                        SELECT game_id, match_id FROM multiplayer_match WHERE created_at_ms <= $1
                        ORDER BY created_at_ms, game_id, match_id LIMIT $2)",
                    "DELETE FROM multiplayer_penalty WHERE (game_id, player_id) IN (
                        SELECT game_id, player_id FROM multiplayer_penalty WHERE until_ms <= $1 LIMIT $2)",
                ] {
                    swept += tx.execute(statement, args![before_ms, limit]).await?;
                }
                Ok(swept)
            }
            .boxed()
        })
        .await
}
