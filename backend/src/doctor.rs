//! `aethex-cloud doctor`: tries what a server needs and says in words what is wrong.

use crate::app::open_sql;
use crate::config::Config;
use crate::mail::Mailroom;
use crate::ports::sql::Sql;
use std::io::Write;

/// One check with its outcome.
#[derive(Debug)]
pub struct Check {
    /// What was tried.
    pub what: String,
    /// What was found, or what to do.
    pub outcome: Result<String, String>,
}

/// Runs every check; none of them changes data, but for a probe in the bucket that is taken away again.
pub async fn run(config: &Config) -> Vec<Check> {
    let mut checks = vec![check_data_folder(config), check_listen("listen", &config.listen).await];
    if !config.studio.listen.is_empty() {
        checks.push(check_listen("studio.listen", &config.studio.listen).await);
    }
    match open_sql(config).await {
        Err(error) => checks.push(Check { what: "database".into(), outcome: Err(error.0) }),
        Ok(sql) => {
            let pending = sql.pending_migrations().await;
            let outcome = match pending {
                Ok(pending) if pending.is_empty() => Ok(format!("{}: schema is up to date", sql.engine())),
                Ok(pending) => Ok(format!(
                    "{}: {} to apply; `aethex-cloud migrate` or the next start applies them",
                    sql.engine(),
                    pending.join(", ")
                )),
                Err(error) => Err(format!("{}: {error}", sql.engine())),
            };
            checks.push(Check { what: "database".into(), outcome });
            checks.extend(check_role(&sql).await);
            checks.extend(check_jobs(&sql).await);
            checks.extend(check_encryption(config, &sql).await);
            sql.close().await;
        }
    }
    checks.extend(check_blob(config).await);
    checks.push(check_tls(config));
    checks.push(check_mail(config).await);
    checks
}

/// Row-level security, the second wall between games, holds for plain roles only.
async fn check_role(sql: &Sql) -> Option<Check> {
    let outcome = match (sql, sql.passes_walls().await) {
        (Sql::Sqlite(_), _) => return None,
        (_, Ok(false)) => Ok("row-level security holds for it".to_owned()),
        (_, Ok(true)) => {
            Err("it is a superuser, or has BYPASSRLS, so row-level security does not hold: make a role \
             without both that owns the database"
                .to_owned())
        }
        (_, Err(error)) => Err(error.to_string()),
    };
    Some(Check { what: "database role".into(), outcome })
}

/// The queue of jobs, once it is there.
async fn check_jobs(sql: &Sql) -> Option<Check> {
    if !sql.pending_migrations().await.is_ok_and(|pending| pending.is_empty()) {
        return None;
    }
    let outcome = crate::jobs::state(sql).await.map_err(|error| error.to_string());
    Some(Check { what: "jobs".into(), outcome })
}

/// The bucket, where that is the blob store.
async fn check_blob(config: &Config) -> Vec<Check> {
    let found = match config.blob.engine.as_str() {
        "local" => return vec![],
        _ => crate::ports::blob::examine(&config.blob).await,
    };
    found.into_iter().map(|(what, outcome)| Check { what: what.into(), outcome }).collect()
}

/// The keys that saves are encrypted with, once there is a schema.
async fn check_encryption(config: &Config, sql: &Sql) -> Option<Check> {
    if !sql.pending_migrations().await.is_ok_and(|pending| pending.is_empty()) {
        return None;
    }
    Some(Check { what: "encryption".into(), outcome: crate::saves::seal::state(config, sql).await })
}

/// Connects to the mail server, says hello and, if it is configured, logs in. Sends nothing.
async fn check_mail(config: &Config) -> Check {
    let outcome = match config.mail.check() {
        Err(wrong) => Err(wrong.0),
        Ok(()) => match Mailroom::open(config) {
            Err(wrong) => Err(wrong.0),
            Ok(mailroom) => mailroom.probe().await,
        },
    };
    Check { what: "mail".into(), outcome }
}

fn check_data_folder(config: &Config) -> Check {
    let probe = config.data.join(".doctor");
    let tried = std::fs::create_dir_all(&config.data)
        .and_then(|()| std::fs::File::create(&probe))
        .and_then(|mut file| file.write_all(b"x").and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::remove_file(&probe));
    let outcome = match tried {
        Ok(()) => Ok(format!("{} is writable", config.data.display())),
        Err(error) => Err(format!(
            "{} cannot be written: {error}; set `data` to a folder that this user may write",
            config.data.display()
        )),
    };
    Check { what: "data folder".into(), outcome }
}

async fn check_listen(setting: &str, address: &str) -> Check {
    let outcome = match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) => Err(format!(
            "cannot listen on {address}: {error}; is a server running there already? set `{setting}`"
        )),
    };
    Check { what: setting.into(), outcome }
}

fn check_tls(config: &Config) -> Check {
    let addresses = [config.listen.as_str(), config.studio.listen.as_str()];
    let is_loopback =
        |address: &str| address.is_empty() || address.starts_with("127.") || address.starts_with("[::1]");
    let open = addresses.into_iter().find(|address| !is_loopback(address));
    let outcome = match (config.tls.certificate.is_empty(), open) {
        (false, _) => Ok("on".to_owned()),
        (true, None) => Ok("off, on loopback".to_owned()),
        (true, Some(open)) => Err(format!(
            "off, though {open} can be reached from elsewhere: set `tls.certificate` and `tls.key`, or put a proxy \
             that ends TLS in front and listen on loopback",
        )),
    };
    Check { what: "tls".into(), outcome }
}
