//! All SQL of policies, consents and ages. Rows are found by (game, player).

use super::config::{CONSENTS_PER_DAY, DAY_MS, POLICIES_MAX, POLICY_VERSIONS_MAX};
use super::registry::Subject;
use super::rules::{self, By};
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use aethex_wire::privacy::{AgeBand, ParentState, Policy, Purpose};

fn policy(row: &Row<'_>) -> Result<Policy, SqlError> {
    Ok(Policy {
        policy: row.text(0)?,
        version: row.text(1)?,
        url: row.text(2)?,
        required: row.int(3)? != 0,
        published_at_ms: row.int(4)?,
    })
}

/// The newest version of each policy, by name.
pub(super) async fn policies(sql: &Sql, game: &GameId) -> Result<Vec<Policy>, SqlError> {
    sql.game(game)
        .read(
            "SELECT p.policy, p.version, p.url, p.required, p.published_at_ms FROM privacy_policy p
             WHERE p.game_id = $1 AND NOT EXISTS (SELECT 1 FROM privacy_policy n
                WHERE n.game_id = $1 AND n.policy = p.policy AND n.published_at_ms > p.published_at_ms)
             ORDER BY p.policy LIMIT $2",
            args![POLICIES_MAX],
            policy,
        )
        .await
}

/// What became of a policy that was to be published.
#[derive(Debug)]
pub(super) enum Published {
    Now(Policy),
    /// This version was published before.
    Before,
    TooMany,
}

/// Publishes a version, later than the one before whatever the clock says. The transaction is over all games.
pub(super) async fn publish(tx: &mut Transaction, game: &GameId, new: Policy) -> Result<Published, SqlError> {
    let counts = tx
        .query_one(
            "SELECT COUNT(DISTINCT policy), SUM(CASE WHEN policy = $2 THEN 1 ELSE 0 END),
                MAX(CASE WHEN policy = $2 THEN published_at_ms END)
             FROM privacy_policy WHERE game_id = $1",
            args![game.as_str(), new.policy.as_str()],
            |row| Ok((row.int(0)?, row.maybe_int(1)?, row.maybe_int(2)?)),
        )
        .await?;
    let (policies, versions, last) = counts.unwrap_or_default();
    let versions = versions.unwrap_or_default();
    if versions >= POLICY_VERSIONS_MAX || (versions == 0 && policies >= POLICIES_MAX) {
        return Ok(Published::TooMany);
    }
    let at = last.map_or(new.published_at_ms, |last| new.published_at_ms.max(last + 1));
    let rows = tx
        .query(
            "INSERT INTO privacy_policy (game_id, policy, version, url, required, published_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
             RETURNING policy, version, url, required, published_at_ms",
            args![game.as_str(), new.policy, new.version, new.url, i64::from(new.required), at],
            policy,
        )
        .await?;
    Ok(rows.into_iter().next().map_or(Published::Before, Published::Now))
}

/// Records an acceptance; a second one of the same version changes nothing.
pub(super) async fn accept(
    sql: &Sql,
    who: &Subject,
    policy: &str,
    version: &str,
    session: &SessionId,
    now_ms: i64,
) -> Result<u64, SqlError> {
    sql.game(&who.game)
        .execute(
            "INSERT INTO privacy_acceptance (game_id, player_id, policy, version, session_id, accepted_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            args![who.player.as_str(), policy, version, session.as_str(), now_ms],
        )
        .await
}

/// Required policies whose newest version the player has not accepted.
pub(super) async fn policies_to_accept(sql: &Sql, who: &Subject) -> Result<Vec<Policy>, SqlError> {
    sql.game(&who.game)
        .read(
            "SELECT p.policy, p.version, p.url, p.required, p.published_at_ms FROM privacy_policy p
             WHERE p.game_id = $1 AND p.required = 1
                AND NOT EXISTS (SELECT 1 FROM privacy_policy n
                    WHERE n.game_id = $1 AND n.policy = p.policy AND n.published_at_ms > p.published_at_ms)
                AND NOT EXISTS (SELECT 1 FROM privacy_acceptance a
                    WHERE a.game_id = $1 AND a.player_id = $2 AND a.policy = p.policy AND a.version = p.version)
             ORDER BY p.policy",
            args![who.player.as_str()],
            policy,
        )
        .await
}

/// A record of a consent.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) purpose: Purpose,
    pub(super) granted: bool,
    pub(super) by: By,
    pub(super) at_ms: i64,
}

/// `None` for a purpose that this version does not know.
fn record(row: &Row<'_>) -> Result<Option<Record>, SqlError> {
    let Some(purpose) = rules::purpose_of(&row.text(1)?) else { return Ok(None) };
    Ok(Some(Record {
        id: row.text(0)?,
        purpose,
        granted: row.int(2)? != 0,
        by: if row.text(3)? == By::Parent.as_str() { By::Parent } else { By::Player },
        at_ms: row.int(4)?,
    }))
}

/// The newest record of each purpose by each who may say so: ids rise with time.
const NEWEST_RECORDS: &str =
    "SELECT c.consent_id, c.purpose, c.granted, c.given_by, c.said_at_ms FROM privacy_consent c
     WHERE c.game_id = $1 AND c.player_id = $2 AND NOT EXISTS (SELECT 1 FROM privacy_consent n
        WHERE n.game_id = $1 AND n.player_id = $2 AND n.purpose = c.purpose AND n.given_by = c.given_by
            AND n.consent_id > c.consent_id)
     ORDER BY c.consent_id";

pub(super) async fn newest_records(sql: &Sql, who: &Subject) -> Result<Vec<Record>, SqlError> {
    let rows = sql.game(&who.game).read(NEWEST_RECORDS, args![who.player.as_str()], record).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Adds a record where it changes something; false when too many were given of late.
pub(super) async fn say(tx: &mut Transaction, player: &PlayerId, new: Record) -> Result<bool, SqlError> {
    let newest = tx.query(NEWEST_RECORDS, args![player.as_str()], record).await?;
    let mut of_purpose = newest.into_iter().flatten().filter(|old| old.purpose == new.purpose);
    // What a player says is compared with what counts; what a parent says, with what a parent said.
    let same = match new.by {
        By::Player => of_purpose.max_by(|a, b| a.id.cmp(&b.id)).is_some_and(|old| old.granted == new.granted),
        By::Parent => of_purpose.any(|old| old.by == By::Parent && old.granted == new.granted),
    };
    if same {
        return Ok(true);
    }
    if new.granted {
        let of_late = tx
            .query_one(
                "SELECT COUNT(*) FROM privacy_consent WHERE game_id = $1 AND player_id = $2 AND granted = 1
                    AND said_at_ms > $3",
                args![player.as_str(), new.at_ms - DAY_MS],
                |row| row.int(0),
            )
            .await?;
        if of_late.unwrap_or_default() >= CONSENTS_PER_DAY {
            return Ok(false);
        }
    }
    tx.execute(
        "INSERT INTO privacy_consent (game_id, player_id, consent_id, purpose, granted, given_by, said_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            player.as_str(),
            new.id,
            new.purpose.as_str(),
            i64::from(new.granted),
            new.by.as_str(),
            new.at_ms,
        ],
    )
    .await?;
    Ok(true)
}

/// What is known of a player's age and parent.
#[derive(Debug, Clone, Default)]
pub(super) struct Age {
    pub(super) band: AgeBand,
    pub(super) parent: ParentState,
    pub(super) asked_at_ms: i64,
    pub(super) asked_count: i64,
}

fn age_of(row: &Row<'_>) -> Result<Age, SqlError> {
    Ok(Age {
        band: rules::band_of(&row.text(0)?),
        parent: rules::parent_of(&row.text(1)?),
        asked_at_ms: row.int(2)?,
        asked_count: row.int(3)?,
    })
}

const AGE: &str = "SELECT band, parent, parent_asked_at_ms, parent_asked_count FROM privacy_age
     WHERE game_id = $1 AND player_id = $2";

pub(super) async fn age(sql: &Sql, who: &Subject) -> Result<Age, SqlError> {
    let found = sql.game(&who.game).read_one(AGE, args![who.player.as_str()], age_of).await?;
    Ok(found.unwrap_or_default())
}

/// Sets the band; false when it was said before and `again` does not allow it.
pub(super) async fn set_band(
    sql: &Sql,
    who: &Subject,
    band: AgeBand,
    again: bool,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let set = sql
        .game(&who.game)
        .execute(
            "INSERT INTO privacy_age (game_id, player_id, band, said_at_ms, parent, parent_code_hash,
                parent_code_expires_at_ms, parent_asked_at_ms, parent_asked_count)
             VALUES ($1, $2, $3, $4, 'none', '', 0, 0, 0)
             ON CONFLICT (game_id, player_id) DO UPDATE SET band = excluded.band, said_at_ms = excluded.said_at_ms
                WHERE privacy_age.band = 'unknown' OR $5 = 1",
            args![who.player.as_str(), rules::band_name(band), now_ms, i64::from(again)],
        )
        .await?;
    Ok(set == 1)
}

pub(super) async fn age_in(tx: &mut Transaction, player: &PlayerId) -> Result<Age, SqlError> {
    Ok(tx.query_one(AGE, args![player.as_str()], age_of).await?.unwrap_or_default())
}

/// Notes that a parent was asked, under a code that replaces the one before.
pub(super) async fn set_asked(
    tx: &mut Transaction,
    player: &PlayerId,
    code_digest: &str,
    expires_at_ms: i64,
    asked_count: i64,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO privacy_age (game_id, player_id, band, said_at_ms, parent, parent_code_hash,
            parent_code_expires_at_ms, parent_asked_at_ms, parent_asked_count)
         VALUES ($1, $2, 'unknown', $6, 'asked', $3, $4, $6, $5)
         ON CONFLICT (game_id, player_id) DO UPDATE SET parent = 'asked', parent_code_hash = $3,
            parent_code_expires_at_ms = $4, parent_asked_count = $5, parent_asked_at_ms = $6,
            parent_answered_at_ms = NULL",
        args![player.as_str(), code_digest, expires_at_ms, asked_count, now_ms],
    )
    .await
}

/// The player whose parent has this code.
pub(super) async fn by_parent_code(
    tx: &mut Transaction,
    code_digest: &str,
    now_ms: i64,
) -> Result<Option<PlayerId>, SqlError> {
    let found = tx
        .query_one(
            "SELECT player_id FROM privacy_age WHERE game_id = $1 AND parent_code_hash = $2
                AND (parent_answered_at_ms IS NOT NULL OR parent_code_expires_at_ms > $3)",
            args![code_digest, now_ms],
            |row| row.text(0),
        )
        .await?;
    Ok(found.and_then(|player| PlayerId::parse(&player)))
}

/// Sets a parent's answer while the code still is the newest; false when it is not.
pub(super) async fn set_answered(
    tx: &mut Transaction,
    player: &PlayerId,
    code_digest: &str,
    parent: ParentState,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let set = tx
        .execute(
            "UPDATE privacy_age SET parent = $4, parent_answered_at_ms = $5
             WHERE game_id = $1 AND player_id = $2 AND parent_code_hash = $3",
            args![player.as_str(), code_digest, rules::parent_name(parent), now_ms],
        )
        .await?;
    Ok(set == 1)
}
