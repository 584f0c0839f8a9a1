//! SQL of teams. Rows are found by (organisation, team, id).

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use crate::studio::rules::{self, Permissions};
use aethex_wire::ids::{OrgId, PersonId, ProjectId, TeamId};
use aethex_wire::studio::orgs::Team;

/// What a team is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Member,
    Project,
}

fn damaged() -> SqlError {
    SqlError::Other("a stored id is damaged".into())
}

/// The projects that a person's teams have, each with what they may do there.
pub(in crate::studio) async fn team_roles(
    sql: &Sql,
    org: &OrgId,
    person: &PersonId,
) -> Result<Vec<(String, Permissions)>, SqlError> {
    sql.all_games()
        .read(
            "SELECT p.project_id, t.role, r.permissions
             FROM studio_team_member m
             JOIN studio_team t ON t.org_id = m.org_id AND t.team_id = m.team_id
             JOIN studio_team_project p ON p.org_id = t.org_id AND p.team_id = t.team_id
             LEFT JOIN studio_role r ON r.org_id = t.org_id AND r.role_id = t.role
             WHERE m.org_id = $1 AND m.person_id = $2",
            args![org.as_str(), person.as_str()],
            |row| Ok((row.text(0)?, rules::of_role(&row.text(1)?, row.maybe_text(2)?.as_deref()))),
        )
        .await
}

pub(super) async fn teams(sql: &Sql, org: &OrgId, after: &str, rows: i64) -> Result<Vec<Team>, SqlError> {
    sql.all_games()
        .read(
            "SELECT team_id, name, role FROM studio_team WHERE org_id = $1 AND team_id > $2
             ORDER BY team_id LIMIT $3",
            args![org.as_str(), after, rows],
            |row| {
                Ok(Team {
                    id: TeamId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    name: row.text(1)?,
                    role: row.text(2)?,
                    members: vec![],
                    projects: vec![],
                })
            },
        )
        .await
}

/// Reads the team's members and projects.
pub(super) async fn fill(sql: &Sql, org: &OrgId, team: &mut Team) -> Result<(), SqlError> {
    let all = sql.all_games();
    let key = || args![org.as_str(), team.id.as_str()];
    let members = all
        .read(
            "SELECT person_id FROM studio_team_member WHERE org_id = $1 AND team_id = $2 ORDER BY person_id",
            key(),
            |row| PersonId::parse(&row.text(0)?).ok_or_else(damaged),
        )
        .await?;
    let projects = all
        .read(
            "SELECT project_id FROM studio_team_project WHERE org_id = $1 AND team_id = $2 ORDER BY project_id",
            key(),
            |row| ProjectId::parse(&row.text(0)?).ok_or_else(damaged),
        )
        .await?;
    (team.members, team.projects) = (members, projects);
    Ok(())
}

pub(super) async fn role_of(
    tx: &mut Transaction,
    org: &OrgId,
    team: &str,
) -> Result<Option<String>, SqlError> {
    tx.query_one(
        "SELECT role FROM studio_team WHERE org_id = $1 AND team_id = $2",
        args![org.as_str(), team],
        |row| row.text(0),
    )
    .await
}

pub(super) async fn count(tx: &mut Transaction, org: &OrgId) -> Result<i64, SqlError> {
    let statement = "SELECT COUNT(*) FROM studio_team WHERE org_id = $1";
    Ok(tx.query_one(statement, args![org.as_str()], |row| row.int(0)).await?.unwrap_or_default())
}

/// Makes or changes a team.
pub(super) async fn put(
    tx: &mut Transaction,
    org: &OrgId,
    team: &Team,
    folded: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_team (org_id, team_id, name, name_folded, role) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id, team_id) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded,
            role = excluded.role",
        args![org.as_str(), team.id.as_str(), team.name.as_str(), folded, team.role.as_str()],
    )
    .await
}

pub(super) async fn delete(tx: &mut Transaction, org: &OrgId, team: &str) -> Result<(), SqlError> {
    for statement in [
        "DELETE FROM studio_team_member WHERE org_id = $1 AND team_id = $2",
        "DELETE FROM studio_team_project WHERE org_id = $1 AND team_id = $2",
        "DELETE FROM studio_team WHERE org_id = $1 AND team_id = $2",
    ] {
        tx.execute(statement, args![org.as_str(), team]).await?;
    }
    Ok(())
}

pub(super) async fn count_parts(
    tx: &mut Transaction,
    org: &OrgId,
    team: &str,
    part: Part,
) -> Result<i64, SqlError> {
    let statement = match part {
        Part::Member => "SELECT COUNT(*) FROM studio_team_member WHERE org_id = $1 AND team_id = $2",
        Part::Project => "SELECT COUNT(*) FROM studio_team_project WHERE org_id = $1 AND team_id = $2",
    };
    Ok(tx.query_one(statement, args![org.as_str(), team], |row| row.int(0)).await?.unwrap_or_default())
}

/// Adds what the organisation has, or removes what the team has; false when it does not.
pub(super) async fn change_part(
    tx: &mut Transaction,
    org: &OrgId,
    team: &str,
    id: &str,
    part: Part,
    add: bool,
) -> Result<bool, SqlError> {
    let statement = match (part, add) {
        (Part::Member, true) => {
            "INSERT INTO studio_team_member (org_id, team_id, person_id)
             SELECT m.org_id, $2, m.person_id FROM studio_member m WHERE m.org_id = $1 AND m.person_id = $3
             ON CONFLICT (org_id, team_id, person_id) DO UPDATE SET team_id = excluded.team_id"
        }
        (Part::Project, true) => {
            "INSERT INTO studio_team_project (org_id, team_id, project_id)
             SELECT p.org_id, $2, p.project_id FROM studio_project p WHERE p.org_id = $1 AND p.project_id = $3
             ON CONFLICT (org_id, team_id, project_id) DO UPDATE SET team_id = excluded.team_id"
        }
        (Part::Member, false) => {
            "DELETE FROM studio_team_member WHERE org_id = $1 AND team_id = $2 AND person_id = $3"
        }
        (Part::Project, false) => {
            "DELETE FROM studio_team_project WHERE org_id = $1 AND team_id = $2 AND project_id = $3"
        }
    };
    Ok(tx.execute(statement, args![org.as_str(), team, id]).await? == 1)
}
