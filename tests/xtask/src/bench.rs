//! `cargo xtask bench`: the load generator against a release backend, on both databases.
//!
//! With a URL only that server is measured, and nothing is started. Arguments after `--` go to the generator: so
//! `-- matchmaking --players 1000` measures a crowd that asks for matches.

use crate::backend::Backend;
use crate::claim::claim;
use crate::demo::BUILD_LIMIT;
use crate::postgres::Postgres;
use crate::run::Cmd;
use crate::ui::{heading, note};
use crate::{Result, paths};
use std::time::Duration;

/// A measurement with the longest rounds.
const LOAD_LIMIT: Duration = Duration::from_secs(3_600);

/// All load comes from one address, which the limits against guessing would stop at once.
pub(crate) const LIMITS: &[(&str, &str)] = &[
    ("AETHEX_AUTH_PROOF_KIND", "none"),
    ("AETHEX_AUTH_LIMITS_REGISTRATIONS_PER_ADDRESS", "1000000"),
    ("AETHEX_AUTH_LIMITS_LOGIN_FAILURES_PER_ADDRESS", "1000000"),
    ("AETHEX_LOG", "warn"),
];

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    url: Option<String>,
    load: Vec<String>,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(args: &[&str]) -> Result<Options> {
        let split = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (ours, load) = args.split_at(split);
        let url = match ours {
            [] => None,
            [url] if url.starts_with("http://") || url.starts_with("https://") => Some((*url).to_owned()),
            [other, ..] => return Err(crate::unknown(other)),
        };
        Ok(Options { url, load: load.iter().skip(1).map(|arg| (*arg).to_owned()).collect() })
    }
}

/// Measures; always true when it comes to an end.
pub(crate) fn bench(options: Options) -> Result<bool> {
    heading("build");
    let _claim = claim("release")?;
    Cmd::cargo(BUILD_LIMIT)?
        .args(["build", "--release", "-p", "aethex-backend", "-p", "aethex-load"])
        .shown()?;
    match &options.url {
        Some(url) => load(url, &[], &options)?,
        None => {
            measure("SQLite", None, &options)?;
            let database = Postgres::start()?;
            note(&format!("PostgreSQL runs as process {}", database.pid()));
            measure("PostgreSQL", Some(&database), &options)?;
        }
    }
    Ok(true)
}

fn measure(name: &str, database: Option<&Postgres>, options: &Options) -> Result<()> {
    heading(name);
    let folder = paths::TempFolder::new("bench")?;
    let mut settings = LIMITS.to_vec();
    let url = database.map(Postgres::url);
    if let Some(url) = &url {
        settings.push(("AETHEX_DATABASE_URL", url));
    }
    let program = paths::target()?.join("release").join(paths::program("aethex-cloud"));
    let backend = Backend::start(&program, folder.path(), &settings, false)?;
    let mut processes = vec!["--server-pid".to_owned(), backend.pid().to_string()];
    if let Some(database) = database {
        processes.extend(["--db-pid".to_owned(), database.pid().to_string()]);
    }
    let measured = load(&backend.url, &processes, options);
    if measured.is_err() {
        note("the backend's log ends with:");
        backend.last_lines().lines().for_each(note);
    }
    backend.stop()?;
    measured
}

/// `processes` tells the load program whose CPU time to count.
fn load(url: &str, processes: &[String], options: &Options) -> Result<()> {
    let program = paths::target()?.join("release").join(paths::program("aethex-load"));
    Cmd::new(program, LOAD_LIMIT).arg(url).args(processes).args(&options.load).shown()
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn arguments_are_a_url_and_what_follows_the_dashes() {
        let options = Options::parse(&["http://h:1", "--", "--players", "5"]).unwrap();
        assert_eq!((options.url.as_deref(), options.load.len()), (Some("http://h:1"), 2));
        assert!(Options::parse(&[]).unwrap().url.is_none());
        assert!(Options::parse(&["--players"]).is_err());
    }
}
