//! Matchmaking from the command line: what waited is recorded, and replayed under other rules.
//!
//! A recording names nobody: players and tickets are numbered in the order in which they came.

use super::rules::{Kept, status_of};
use super::service::db;
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use aethex_matchmaker::replay::{Record, Summary, replay};
use aethex_matchmaker::{Options, RuleSet, Ticket};
use aethex_wire::ids::GameId;
use aethex_wire::multiplayer::matchmaking::TicketStatus;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// What a recording holds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Recording {
    pub(crate) tickets: usize,
    pub(crate) players: usize,
}

fn cannot(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::invalid(format!("{}: {error}", path.display()))
}

/// Writes the tickets of a queue since a time into a file that is not there yet.
pub(crate) async fn record(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    since_ms: i64,
    out: &Path,
) -> Outcome<Recording> {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut records: Vec<(i64, Record)> = Vec::new();
    let mut recording = Recording::default();
    let mut after = String::new();
    loop {
        let page = db::recorded(sql, game, mode, since_ms, &after, super::db::PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for row in page {
            let Ok(kept) = serde_json::from_str::<Kept>(&row.request) else { continue };
            let ticket = nameless(kept.ticket, format!("t{}", recording.tickets + 1), &mut names);
            recording.tickets += 1;
            let id = ticket.id.clone();
            records.push((row.created_at_ms, Record::Add { at_ms: row.created_at_ms, ticket }));
            let Some(at_ms) = row.ended_at_ms.map(|at_ms| at_ms.max(row.created_at_ms)) else { continue };
            let end = match status_of(&row.status) {
                TicketStatus::Matched => Record::Matched { at_ms, id },
                _ => Record::Cancel { at_ms, id },
            };
            records.push((at_ms, end));
        }
    }
    recording.players = names.len();
    records.sort_by_key(|(at_ms, _)| *at_ms);
    let file = std::fs::File::create_new(out).map_err(|error| cannot(out, error))?;
    let mut file = std::io::BufWriter::new(file);
    for (_, record) in &records {
        serde_json::to_writer(&mut file, record).map_err(|error| cannot(out, error))?;
        file.write_all(b"\n").map_err(|error| cannot(out, error))?;
    }
    file.flush().map_err(|error| cannot(out, error))?;
    Ok(recording)
}

fn nameless(mut ticket: Ticket, id: String, names: &mut HashMap<String, String>) -> Ticket {
    ticket.id = id.into();
    for player in &mut ticket.players {
        let next = names.len() + 1;
        let name = names.entry(player.id.as_str().to_owned()).or_insert_with(|| format!("p{next}"));
        player.id = name.as_str().into();
    }
    ticket
}

/// What recorded tickets would have met under a rule set, and other options where they are named.
pub(crate) fn what_if(file: &Path, rules: &Path, options: Option<&Path>) -> Outcome<Summary> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| cannot(path, error));
    let rule_set = RuleSet::parse(&read(rules)?).map_err(|error| cannot(rules, error))?;
    let options = match options {
        Some(path) => serde_json::from_str(&read(path)?).map_err(|error| cannot(path, error))?,
        None => Options::default(),
    };
    replay(read(file)?.lines(), rule_set, options).map_err(|error| cannot(file, error))
}
