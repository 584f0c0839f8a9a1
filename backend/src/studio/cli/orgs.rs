//! `aethex-cloud org …` and `aethex-cloud person …`.

use super::{ROWS_MAX, Said, actor, find_org, table};
use crate::auth::{Passwords, check_email, check_password, fold};
use crate::config::Config;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use crate::studio::audit::record_everywhere;
use crate::studio::orgs::{self, db as org_db};
use crate::studio::people::{NewPerson, accept_as, db as people_db};
use crate::studio::rules::{self, Permissions};
use aethex_wire::auth::PASSWORD_CHARS_MAX;
use aethex_wire::ids::PersonId;
use aethex_wire::studio::BuiltinRole;
use clap::Subcommand;
use futures_util::FutureExt;
use serde_json::json;
use std::io::{BufRead, Read};

/// What can be done with organisations.
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Make an organisation, and an invitation for its first owner.
    Create {
        /// Its name.
        name: String,
        /// Email of its first owner.
        #[arg(long)]
        owner: String,
        /// Read the owner's password from the first line of standard input, and make the person at once.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the organisations.
    List,
    /// Invite someone: prints the code, which is good once and for seven days.
    Invite {
        /// The organisation, by name or id.
        org: String,
        /// Whom.
        email: String,
        /// A built-in role's name or a role's id.
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// List an organisation's members.
    Members {
        /// The organisation, by name or id.
        org: String,
    },
}

/// What can be done for people.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Set a password, read from the first line of standard input; every session ends.
    Password {
        /// Whose.
        email: String,
        /// Says that the password comes by standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Remove a second factor that was lost; every session ends.
    ResetFactor {
        /// Whose.
        email: String,
    },
}

pub(super) async fn run_org(config: &Config, sql: &Sql, command: OrgCommand) -> Outcome<Said> {
    match command {
        OrgCommand::Create { name, owner, password_stdin } => {
            create(config, sql, &name, &owner, password_stdin).await
        }
        OrgCommand::List => {
            let found = org_db::all(sql, ROWS_MAX).await?;
            let json: Vec<_> = found
                .iter()
                .map(|(id, name, members)| json!({ "id": id, "name": name, "members": members }))
                .collect();
            let rows = found.into_iter().map(|(id, name, members)| [id, name, format!("{members} members")]);
            Ok(Said::new(table(rows), &json))
        }
        OrgCommand::Invite { org, email, role } => {
            let org = find_org(sql, &org).await?;
            let may = Permissions::ALL;
            let (invitation, code) = orgs::invite(sql, actor(), "", may, &org, &email, &role).await?;
            let words = format!("invited {email} as {role}\ncode    {code} (once, within seven days)");
            Ok(Said::new(words, &json!({ "invitation": invitation, "code": code })))
        }
        OrgCommand::Members { org } => {
            let org = find_org(sql, &org).await?;
            let found = org_db::members(sql, &org, "", ROWS_MAX).await?;
            let rows = found.iter().map(|member| {
                let factor = if member.second_factor { "second factor" } else { "password only" };
                [member.person_id.as_str(), &member.email, &member.role, factor].map(str::to_owned)
            });
            Ok(Said::new(table(rows), &found))
        }
    }
}

async fn create(config: &Config, sql: &Sql, name: &str, owner: &str, password_stdin: bool) -> Outcome<Said> {
    // Everything that can be wrong is found before anything is made.
    rules::check_name(name)?;
    check_email(owner)?;
    let new = match password_stdin {
        true => Some(new_person(config, sql, owner).await?),
        false => None,
    };
    let org = orgs::create(sql, actor(), name).await?;
    let (role, may) = (BuiltinRole::Owner.as_str(), Permissions::ALL);
    let (invitation, code) = orgs::invite(sql, actor(), "", may, &org, owner, role).await?;
    let Some(new) = new else {
        let words = format!(
            "organisation {org}\nowner        {owner}, invited\ncode         {code} (once, within seven days)"
        );
        return Ok(Said::new(words, &json!({ "id": org, "invitation": invitation, "code": code })));
    };
    let person = PersonId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let open = orgs::opened(&org, &invitation);
    accept_as(sql, open, actor(), person.clone(), Some(new), None).await?;
    let words = format!("organisation {org}\nowner        {owner}, person {person}");
    Ok(Said::new(words, &json!({ "id": org, "person_id": person })))
}

async fn new_person(config: &Config, sql: &Sql, email: &str) -> Outcome<NewPerson> {
    if people_db::by_email(sql, &fold(email)).await?.is_some() {
        return Err(Failure::invalid(format!(
            "{email} has an account here and a password: leave `--password-stdin` out, and they accept the invitation"
        )));
    }
    Ok(NewPerson { display_name: None, password_hash: read_password(config, email).await? })
}

/// The first line of standard input, hashed.
async fn read_password(config: &Config, email: &str) -> Outcome<String> {
    /// A password's characters have at most four bytes; then the end of the line.
    const LINE_LEN_MAX: u64 = PASSWORD_CHARS_MAX as u64 * 4 + 2;
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LINE_LEN_MAX).read_line(&mut line);
    read.map_err(|error| Failure::invalid(format!("the password cannot be read: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    check_password(password, email, config.auth.refuse_common_passwords)?;
    let hashing = Passwords::start(&config.auth).map_err(|error| Failure::internal(error.0))?;
    hashing.hash(password.to_owned()).await
}

pub(super) async fn run_person(config: &Config, sql: &Sql, command: PersonCommand) -> Outcome<Said> {
    let (PersonCommand::Password { email, .. } | PersonCommand::ResetFactor { email }) = &command;
    let found = people_db::by_email(sql, &fold(email)).await?;
    let person = found.ok_or_else(|| Failure::invalid(format!("nobody has the email {email}")))?.person;
    let hash = match &command {
        PersonCommand::Password { .. } => Some(read_password(config, email).await?),
        PersonCommand::ResetFactor { .. } => None,
    };
    let id = person.id.clone();
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let action = match hash {
                    Some(hash) => {
                        people_db::set_password(tx, &id, hash, now_ms()).await?;
                        "person.password"
                    }
                    None => {
                        people_db::remove_factor(tx, &id).await?;
                        "person.factor.remove"
                    }
                };
                people_db::end_sessions_but(tx, &id, "").await?;
                Ok(record_everywhere(tx, id.as_str(), actor().did("", action, "person", id.as_str())).await?)
            }
            .boxed()
        })
        .await?;
    Ok(Said::new(
        format!("done for {}; their sessions have ended", person.email),
        &json!({ "id": person.id }),
    ))
}
