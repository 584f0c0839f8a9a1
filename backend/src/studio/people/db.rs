//! SQL of people, their sessions and second factors.

use super::NewSession;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use crate::studio::config::SESSIONS_MAX;
use aethex_wire::ids::{PersonId, SessionId};
use aethex_wire::studio::people::{Person, StudioSession};

/// A person with what only the server sees.
#[derive(Debug, Clone)]
pub(in crate::studio) struct PersonRow {
    pub(in crate::studio) person: Person,
    pub(super) password_hash: String,
    pub(super) totp_sealed: String,
    pub(super) totp_pending: String,
}

/// SQL around the columns that [`person`] reads.
macro_rules! select_person {
    ($after:literal) => {
        concat!(
            "SELECT p.person_id, p.email, p.display_name, p.created_at_ms, p.password_hash, p.totp_sealed,
                p.totp_pending, (SELECT COUNT(*) FROM studio_recovery_code c WHERE c.person_id = p.person_id)
             FROM studio_person p ",
            $after
        )
    };
}

fn person(row: &Row<'_>) -> Result<PersonRow, SqlError> {
    let totp_sealed = row.text(5)?;
    Ok(PersonRow {
        person: Person {
            id: person_id(&row.text(0)?)?,
            email: row.text(1)?,
            display_name: row.text(2)?,
            created_at_ms: row.int(3)?,
            second_factor: !totp_sealed.is_empty(),
            recovery_codes_left: row.int(7)?,
        },
        password_hash: row.text(4)?,
        totp_sealed,
        totp_pending: row.text(6)?,
    })
}

pub(in crate::studio) fn person_id(text: &str) -> Result<PersonId, SqlError> {
    PersonId::parse(text).ok_or_else(|| SqlError::Other("a stored id is damaged".into()))
}

pub(in crate::studio) async fn by_email(
    sql: &Sql,
    email_folded: &str,
) -> Result<Option<PersonRow>, SqlError> {
    sql.all_games().read_one(select_person!("WHERE p.email_folded = $1"), args![email_folded], person).await
}

pub(super) async fn by_id(sql: &Sql, id: &PersonId) -> Result<Option<PersonRow>, SqlError> {
    sql.all_games().read_one(select_person!("WHERE p.person_id = $1"), args![id.as_str()], person).await
}

/// A person in the making.
#[derive(Debug, Clone)]
pub(in crate::studio) struct InsertPerson {
    pub(in crate::studio) id: PersonId,
    pub(in crate::studio) email: String,
    pub(in crate::studio) email_folded: String,
    pub(in crate::studio) display_name: String,
    pub(in crate::studio) password_hash: String,
}

pub(in crate::studio) async fn insert(
    tx: &mut Transaction,
    new: &InsertPerson,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_person (person_id, email, email_folded, display_name, password_hash, created_at_ms,
            updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        args![
            new.id.as_str(),
            new.email.as_str(),
            new.email_folded.as_str(),
            new.display_name.as_str(),
            new.password_hash.as_str(),
            now_ms
        ],
    )
    .await
}

pub(in crate::studio) async fn set_password(
    tx: &mut Transaction,
    id: &PersonId,
    hash: String,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_person SET password_hash = $2, updated_at_ms = $3 WHERE person_id = $1",
        args![id.as_str(), hash, now_ms],
    )
    .await
}

/// A hash with today's settings, of the same password.
pub(super) async fn renew_hash(sql: &Sql, id: &PersonId, old: &str, hash: String) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "UPDATE studio_person SET password_hash = $3 WHERE person_id = $1 AND password_hash = $2",
            args![id.as_str(), old, hash],
        )
        .await
}

/// What a token leads to.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) session: String,
    pub(super) person: String,
    pub(super) email: String,
    pub(super) second_factor: bool,
    pub(super) last_seen_at_ms: i64,
}

pub(super) async fn session_by_token(
    sql: &Sql,
    token_hash: &str,
    now_ms: i64,
) -> Result<Option<Found>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT s.session_id, s.person_id, p.email, s.second_factor, s.last_seen_at_ms
             FROM studio_session s JOIN studio_person p ON p.person_id = s.person_id
             WHERE s.token_hash = $1 AND s.expires_at_ms > $2",
            args![token_hash, now_ms],
            |row| {
                Ok(Found {
                    session: row.text(0)?,
                    person: row.text(1)?,
                    email: row.text(2)?,
                    second_factor: row.int(3)? != 0,
                    last_seen_at_ms: row.int(4)?,
                })
            },
        )
        .await
}

pub(super) async fn slide_session(
    sql: &Sql,
    session: &str,
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "UPDATE studio_session SET last_seen_at_ms = $2, expires_at_ms = $3 WHERE session_id = $1",
            args![session, now_ms, expires_at_ms],
        )
        .await
}

/// Holds a person's password until the transaction ends; false when it is another by now.
pub(super) async fn has_hash(tx: &mut Transaction, person: &PersonId, hash: &str) -> Result<bool, SqlError> {
    let held = tx
        .execute(
            "UPDATE studio_person SET password_hash = password_hash WHERE person_id = $1 AND password_hash = $2",
            args![person.as_str(), hash],
        )
        .await?;
    Ok(held == 1)
}

/// Begins a session; ends the least recently used ones past the limit.
pub(super) async fn insert_session(tx: &mut Transaction, new: NewSession) -> Result<(), SqlError> {
    tx.execute(
        "INSERT INTO studio_session (session_id, person_id, token_hash, device_name, address_hash, second_factor,
            created_at_ms, last_seen_at_ms, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        args![
            new.session.as_str(),
            new.person.as_str(),
            new.token_hash,
            new.device_name,
            new.address_hash.as_str(),
            i64::from(new.second_factor),
            new.now_ms,
            new.expires_at_ms,
        ],
    )
    .await?;
    tx.execute(
        "DELETE FROM studio_session WHERE person_id = $1 AND session_id IN (
            SELECT session_id FROM studio_session WHERE person_id = $1
            ORDER BY last_seen_at_ms DESC, session_id DESC LIMIT 1000 OFFSET $2)",
        args![new.person.as_str(), SESSIONS_MAX],
    )
    .await?;
    tx.execute(
        "INSERT INTO studio_familiar (person_id, address_hash, seen_at_ms) VALUES ($1, $2, $3)
         ON CONFLICT (person_id, address_hash) DO UPDATE SET seen_at_ms = excluded.seen_at_ms",
        args![new.person.as_str(), new.address_hash, new.now_ms],
    )
    .await
    .map(drop)
}

pub(super) async fn is_familiar(sql: &Sql, id: &str, address_hash: &str) -> Result<bool, SqlError> {
    let found = sql
        .all_games()
        .read_one(
            "SELECT 1 FROM studio_familiar WHERE person_id = $1 AND address_hash = $2",
            args![id, address_hash],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// A person's sessions that hold, last seen first.
pub(super) async fn sessions(
    sql: &Sql,
    id: &PersonId,
    current: &SessionId,
    now_ms: i64,
) -> Result<Vec<StudioSession>, SqlError> {
    let rows = sql
        .all_games()
        .read(
            "SELECT session_id, device_name, second_factor, created_at_ms, last_seen_at_ms, expires_at_ms
             FROM studio_session WHERE person_id = $1 AND expires_at_ms > $2
             ORDER BY last_seen_at_ms DESC, session_id DESC",
            args![id.as_str(), now_ms],
            |row| {
                let session = SessionId::parse(&row.text(0)?);
                Ok(StudioSession {
                    id: session.ok_or_else(|| SqlError::Other("a stored id is damaged".into()))?,
                    device_name: row.text(1)?,
                    second_factor: row.int(2)? != 0,
                    created_at_ms: row.int(3)?,
                    last_seen_at_ms: row.int(4)?,
                    expires_at_ms: row.int(5)?,
                    current: false,
                })
            },
        )
        .await?;
    Ok(rows.into_iter().map(|session| StudioSession { current: session.id == *current, ..session }).collect())
}

pub(super) async fn end_session(sql: &Sql, id: &PersonId, session: &str) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM studio_session WHERE person_id = $1 AND session_id = $2",
            args![id.as_str(), session],
        )
        .await
}

/// Ends a person's sessions, but for one.
pub(in crate::studio) async fn end_sessions_but(
    tx: &mut Transaction,
    id: &PersonId,
    but: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "DELETE FROM studio_session WHERE person_id = $1 AND session_id <> $2",
        args![id.as_str(), but],
    )
    .await
}

/// Keeps a second factor's secret until its first code confirms it.
pub(super) async fn set_pending(sql: &Sql, id: &PersonId, sealed: String) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "UPDATE studio_person SET totp_pending = $2 WHERE person_id = $1",
            args![id.as_str(), sealed],
        )
        .await
}

/// Makes the pending secret the second factor, with the step of the code that confirmed it.
pub(super) async fn confirm_pending(
    tx: &mut Transaction,
    id: &PersonId,
    pending: &str,
    step: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_person SET totp_sealed = totp_pending, totp_pending = '', totp_step = $3
         WHERE person_id = $1 AND totp_pending = $2",
        args![id.as_str(), pending, step],
    )
    .await
}

pub(super) async fn strengthen_session(tx: &mut Transaction, session: &SessionId) -> Result<u64, SqlError> {
    tx.execute("UPDATE studio_session SET second_factor = 1 WHERE session_id = $1", args![session.as_str()])
        .await
}

/// Takes the second factor and its recovery codes away; sessions count as without one.
pub(in crate::studio) async fn remove_factor(tx: &mut Transaction, id: &PersonId) -> Result<(), SqlError> {
    for statement in [
        "UPDATE studio_person SET totp_sealed = '', totp_pending = '' WHERE person_id = $1",
        "DELETE FROM studio_recovery_code WHERE person_id = $1",
        "UPDATE studio_session SET second_factor = 0 WHERE person_id = $1",
    ] {
        tx.execute(statement, args![id.as_str()]).await?;
    }
    Ok(())
}

/// Uses the code of a step: none counts twice, nor one from before it.
pub(super) async fn use_step(sql: &Sql, id: &PersonId, step: i64) -> Result<bool, SqlError> {
    let used = sql
        .all_games()
        .execute(
            "UPDATE studio_person SET totp_step = $2 WHERE person_id = $1 AND totp_step < $2",
            args![id.as_str(), step],
        )
        .await?;
    Ok(used == 1)
}

pub(super) async fn use_recovery_code(sql: &Sql, id: &PersonId, code_hash: &str) -> Result<bool, SqlError> {
    let used = sql
        .all_games()
        .execute(
            "DELETE FROM studio_recovery_code WHERE person_id = $1 AND code_hash = $2",
            args![id.as_str(), code_hash],
        )
        .await?;
    Ok(used == 1)
}

/// Replaces a person's recovery codes.
pub(super) async fn set_recovery_codes(
    tx: &mut Transaction,
    id: &PersonId,
    hashes: Vec<String>,
) -> Result<(), SqlError> {
    tx.execute("DELETE FROM studio_recovery_code WHERE person_id = $1", args![id.as_str()]).await?;
    for hash in hashes {
        tx.execute(
            "INSERT INTO studio_recovery_code (person_id, code_hash) VALUES ($1, $2)",
            args![id.as_str(), hash],
        )
        .await?;
    }
    Ok(())
}

/// Forgets what is over.
pub(in crate::studio) async fn sweep(
    sql: &Sql,
    now_ms: i64,
    familiar_before_ms: i64,
) -> Result<(), SqlError> {
    let all = sql.all_games();
    all.execute("DELETE FROM studio_session WHERE expires_at_ms < $1", args![now_ms]).await?;
    all.execute("DELETE FROM studio_familiar WHERE seen_at_ms < $1", args![familiar_before_ms])
        .await
        .map(drop)
}
