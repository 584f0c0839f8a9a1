//! SQL of organisations, members, roles and invitations. Rows are found by (organisation, id).

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use crate::studio::rules;
use aethex_wire::ids::{InvitationId, OrgId, PersonId, RoleId};
use aethex_wire::studio::orgs::{Invitation, Member, Organisation, Role};

fn damaged() -> SqlError {
    SqlError::Other("a stored id is damaged".into())
}

fn organisation(row: &Row<'_>) -> Result<Organisation, SqlError> {
    let role = row.text(3)?;
    Ok(Organisation {
        id: OrgId::parse(&row.text(0)?).ok_or_else(damaged)?,
        name: row.text(1)?,
        require_second_factor: row.int(2)? != 0,
        permissions: rules::of_role(&role, row.maybe_text(4)?.as_deref()).list(),
        role,
        created_at_ms: row.int(5)?,
    })
}

/// SQL around the columns that [`organisation`] reads, as a member sees it.
macro_rules! select_organisation {
    ($after:literal) => {
        concat!(
            "SELECT o.org_id, o.name, o.require_second_factor, m.role, r.permissions, o.created_at_ms
             FROM studio_member m JOIN studio_org o ON o.org_id = m.org_id
             LEFT JOIN studio_role r ON r.org_id = m.org_id AND r.role_id = m.role ",
            $after
        )
    };
}

/// An organisation, as its member sees it.
pub(super) async fn of_member(
    sql: &Sql,
    org: &OrgId,
    person: &PersonId,
) -> Result<Option<Organisation>, SqlError> {
    sql.all_games()
        .read_one(
            select_organisation!("WHERE m.org_id = $1 AND m.person_id = $2"),
            args![org.as_str(), person.as_str()],
            organisation,
        )
        .await
}

/// The organisations of a person.
pub(super) async fn of_person(
    sql: &Sql,
    person: &PersonId,
    after: &str,
    rows: i64,
) -> Result<Vec<Organisation>, SqlError> {
    sql.all_games()
        .read(
            select_organisation!("WHERE m.person_id = $1 AND o.org_id > $2 ORDER BY o.org_id LIMIT $3"),
            args![person.as_str(), after, rows],
            organisation,
        )
        .await
}

/// Every organisation, by name, with how many members it has: for the command line.
pub(in crate::studio) async fn all(sql: &Sql, rows: i64) -> Result<Vec<(String, String, i64)>, SqlError> {
    sql.all_games()
        .read(
            "SELECT o.org_id, o.name, (SELECT COUNT(*) FROM studio_member m WHERE m.org_id = o.org_id)
             FROM studio_org o ORDER BY o.name_folded LIMIT $1",
            args![rows],
            |row| Ok((row.text(0)?, row.text(1)?, row.int(2)?)),
        )
        .await
}

/// The organisation of this name or id.
pub(in crate::studio) async fn by_name(
    sql: &Sql,
    id: &str,
    folded: &str,
) -> Result<Option<String>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT org_id FROM studio_org WHERE org_id = $1 OR name_folded = $2",
            args![id, folded],
            |row| row.text(0),
        )
        .await
}

pub(super) async fn insert(
    tx: &mut Transaction,
    org: &OrgId,
    name: &str,
    folded: &str,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_org (org_id, name, name_folded, require_second_factor, created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, 0, $4, $4)",
        args![org.as_str(), name, folded, now_ms],
    )
    .await
}

/// Takes the organisation's row until the end of the transaction: what follows happens one after another.
pub(in crate::studio) async fn lock(tx: &mut Transaction, org: &OrgId, now_ms: i64) -> Result<u64, SqlError> {
    tx.execute("UPDATE studio_org SET updated_at_ms = $2 WHERE org_id = $1", args![org.as_str(), now_ms])
        .await
}

pub(super) async fn name(tx: &mut Transaction, org: &OrgId) -> Result<String, SqlError> {
    let found =
        tx.query_one("SELECT name FROM studio_org WHERE org_id = $1", args![org.as_str()], |row| row.text(0));
    Ok(found.await?.unwrap_or_default())
}

pub(super) async fn update(
    tx: &mut Transaction,
    org: &OrgId,
    name: Option<String>,
    folded: Option<String>,
    require_second_factor: Option<bool>,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_org SET name = COALESCE($2, name), name_folded = COALESCE($3, name_folded),
            require_second_factor = COALESCE($4, require_second_factor) WHERE org_id = $1",
        args![org.as_str(), name, folded, require_second_factor.map(i64::from)],
    )
    .await
}

pub(in crate::studio) async fn members(
    sql: &Sql,
    org: &OrgId,
    after: &str,
    rows: i64,
) -> Result<Vec<Member>, SqlError> {
    sql.all_games()
        .read(
            "SELECT m.person_id, p.email, p.display_name, m.role, p.totp_sealed, m.joined_at_ms
             FROM studio_member m JOIN studio_person p ON p.person_id = m.person_id
             WHERE m.org_id = $1 AND m.person_id > $2 ORDER BY m.person_id LIMIT $3",
            args![org.as_str(), after, rows],
            |row| {
                Ok(Member {
                    person_id: PersonId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    email: row.text(1)?,
                    display_name: row.text(2)?,
                    role: row.text(3)?,
                    second_factor: !row.text(4)?.is_empty(),
                    joined_at_ms: row.int(5)?,
                })
            },
        )
        .await
}

/// Makes a member; who is one already stays what they are.
pub(in crate::studio) async fn insert_member(
    tx: &mut Transaction,
    org: &OrgId,
    person: &PersonId,
    role: &str,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_member (org_id, person_id, role, joined_at_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        args![org.as_str(), person.as_str(), role, now_ms],
    )
    .await
}

pub(super) async fn member_role(
    tx: &mut Transaction,
    org: &OrgId,
    person: &PersonId,
) -> Result<Option<String>, SqlError> {
    tx.query_one(
        "SELECT role FROM studio_member WHERE org_id = $1 AND person_id = $2",
        args![org.as_str(), person.as_str()],
        |row| row.text(0),
    )
    .await
}

pub(super) async fn is_member_by_email(
    tx: &mut Transaction,
    org: &OrgId,
    folded: &str,
) -> Result<bool, SqlError> {
    let found = tx
        .query_one(
            "SELECT 1 FROM studio_member m JOIN studio_person p ON p.person_id = m.person_id
             WHERE m.org_id = $1 AND p.email_folded = $2",
            args![org.as_str(), folded],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn set_member_role(
    tx: &mut Transaction,
    org: &OrgId,
    person: &PersonId,
    role: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_member SET role = $3 WHERE org_id = $1 AND person_id = $2",
        args![org.as_str(), person.as_str(), role],
    )
    .await
}

/// Removes a member, from teams too, with the invitations that they made.
pub(super) async fn remove_member(
    tx: &mut Transaction,
    org: &OrgId,
    person: &PersonId,
) -> Result<(), SqlError> {
    for statement in [
        "DELETE FROM studio_member WHERE org_id = $1 AND person_id = $2",
        "DELETE FROM studio_team_member WHERE org_id = $1 AND person_id = $2",
        "DELETE FROM studio_invitation WHERE org_id = $1 AND invited_by = $2",
    ] {
        tx.execute(statement, args![org.as_str(), person.as_str()]).await?;
    }
    Ok(())
}

async fn count(
    tx: &mut Transaction,
    statement: &'static str,
    args: Vec<crate::ports::sql::Arg>,
) -> Result<i64, SqlError> {
    Ok(tx.query_one(statement, args, |row| row.int(0)).await?.unwrap_or_default())
}

pub(super) async fn count_owners(tx: &mut Transaction, org: &OrgId) -> Result<i64, SqlError> {
    let statement = "SELECT COUNT(*) FROM studio_member WHERE org_id = $1 AND role = 'owner'";
    count(tx, statement, args![org.as_str()]).await
}

/// An invitation that can be accepted.
#[derive(Debug, Clone)]
pub(in crate::studio) struct OpenInvitation {
    pub(in crate::studio) org: OrgId,
    pub(in crate::studio) id: String,
    pub(in crate::studio) email: String,
    pub(in crate::studio) email_folded: String,
    pub(in crate::studio) role: String,
}

pub(in crate::studio) async fn invitation_by_code(
    sql: &Sql,
    code_hash: &str,
    now_ms: i64,
) -> Result<Option<OpenInvitation>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT org_id, invitation_id, email, email_folded, role FROM studio_invitation
             WHERE code_hash = $1 AND expires_at_ms > $2",
            args![code_hash, now_ms],
            |row| {
                Ok(OpenInvitation {
                    org: OrgId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    id: row.text(1)?,
                    email: row.text(2)?,
                    email_folded: row.text(3)?,
                    role: row.text(4)?,
                })
            },
        )
        .await
}

/// Removes an invitation; 0 when somebody else did.
pub(in crate::studio) async fn take_invitation(
    tx: &mut Transaction,
    org: &OrgId,
    invitation: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "DELETE FROM studio_invitation WHERE org_id = $1 AND invitation_id = $2",
        args![org.as_str(), invitation],
    )
    .await
}

pub(super) async fn count_invitations(
    tx: &mut Transaction,
    org: &OrgId,
    now_ms: i64,
) -> Result<i64, SqlError> {
    let statement = "SELECT COUNT(*) FROM studio_invitation WHERE org_id = $1 AND expires_at_ms > $2";
    count(tx, statement, args![org.as_str(), now_ms]).await
}

pub(super) async fn insert_invitation(
    tx: &mut Transaction,
    org: &OrgId,
    new: &Invitation,
    email_folded: &str,
    code_hash: &str,
    by: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_invitation (org_id, invitation_id, email, email_folded, role, code_hash, invited_by,
            created_at_ms, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            org.as_str(),
            new.id.as_str(),
            new.email.as_str(),
            email_folded,
            new.role.as_str(),
            code_hash,
            by,
            new.created_at_ms,
            new.expires_at_ms
        ],
    )
    .await
}

pub(super) async fn invitations(
    sql: &Sql,
    org: &OrgId,
    now_ms: i64,
    after: &str,
    rows: i64,
) -> Result<Vec<Invitation>, SqlError> {
    sql.all_games()
        .read(
            "SELECT invitation_id, email, role, created_at_ms, expires_at_ms FROM studio_invitation
             WHERE org_id = $1 AND expires_at_ms > $2 AND invitation_id > $3 ORDER BY invitation_id LIMIT $4",
            args![org.as_str(), now_ms, after, rows],
            |row| {
                Ok(Invitation {
                    id: InvitationId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    email: row.text(1)?,
                    role: row.text(2)?,
                    created_at_ms: row.int(3)?,
                    expires_at_ms: row.int(4)?,
                })
            },
        )
        .await
}

/// Forgets invitations that are over.
pub(in crate::studio) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    let statement = "DELETE FROM studio_invitation WHERE expires_at_ms < $1";
    sql.all_games().execute(statement, args![now_ms]).await.map(drop)
}

pub(super) async fn roles(sql: &Sql, org: &OrgId, after: &str, rows: i64) -> Result<Vec<Role>, SqlError> {
    sql.all_games()
        .read(
            "SELECT role_id, name, permissions FROM studio_role WHERE org_id = $1 AND role_id > $2
             ORDER BY role_id LIMIT $3",
            args![org.as_str(), after, rows],
            |row| {
                Ok(Role {
                    id: RoleId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    name: row.text(1)?,
                    permissions: rules::Permissions::parse(&row.text(2)?).list(),
                })
            },
        )
        .await
}

/// What a role may do, as stored; its row is taken until the end of the transaction.
pub(super) async fn take_role(
    tx: &mut Transaction,
    org: &OrgId,
    role: &str,
) -> Result<Option<String>, SqlError> {
    tx.query_one(
        "UPDATE studio_role SET name = name WHERE org_id = $1 AND role_id = $2 RETURNING permissions",
        args![org.as_str(), role],
        |row| row.text(0),
    )
    .await
}

pub(super) async fn count_roles(tx: &mut Transaction, org: &OrgId) -> Result<i64, SqlError> {
    count(tx, "SELECT COUNT(*) FROM studio_role WHERE org_id = $1", args![org.as_str()]).await
}

/// Makes or changes a role.
pub(super) async fn put_role(
    tx: &mut Transaction,
    org: &OrgId,
    role: &Role,
    folded: &str,
) -> Result<u64, SqlError> {
    let permissions = rules::Permissions::of(&role.permissions).text();
    tx.execute(
        "INSERT INTO studio_role (org_id, role_id, name, name_folded, permissions) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id, role_id) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded,
            permissions = excluded.permissions",
        args![org.as_str(), role.id.as_str(), role.name.as_str(), folded, permissions],
    )
    .await
}

/// How many members, teams and invitations have a role.
pub(super) async fn count_uses(tx: &mut Transaction, org: &OrgId, role: &str) -> Result<i64, SqlError> {
    count(
        tx,
        "SELECT (SELECT COUNT(*) FROM studio_member WHERE org_id = $1 AND role = $2)
            + (SELECT COUNT(*) FROM studio_team WHERE org_id = $1 AND role = $2)
            + (SELECT COUNT(*) FROM studio_invitation WHERE org_id = $1 AND role = $2)",
        args![org.as_str(), role],
    )
    .await
}

pub(super) async fn delete_role(tx: &mut Transaction, org: &OrgId, role: &str) -> Result<u64, SqlError> {
    tx.execute("DELETE FROM studio_role WHERE org_id = $1 AND role_id = $2", args![org.as_str(), role]).await
}
