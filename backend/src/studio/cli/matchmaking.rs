//! `aethex-cloud matchmaking …`: recordings of queues, and what other rules would have made of them.

use super::Said;
use crate::context::now_ms;
use crate::error::Outcome;
use crate::multiplayer::terminal::{record, what_if};
use crate::ports::sql::Sql;
use clap::Subcommand;
use std::path::PathBuf;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Tickets are kept for so long.
const DAYS_MAX: i64 = 30;

/// What can be done with queues.
#[derive(Debug, Subcommand)]
pub enum MatchmakingCommand {
    /// Write a queue's tickets of the last days into a new file, a JSON object a line. It names nobody.
    Record {
        /// `default`, a game's id, or `organisation/project/environment`.
        #[arg(long)]
        game: String,
        /// The queue.
        #[arg(long)]
        mode: String,
        /// How far back.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
        days: i64,
        /// The file to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Say what recorded tickets would have met under a rule set: waiting times, teams, regions.
    Replay {
        /// The recording.
        file: PathBuf,
        /// The rule set, as a queue has it.
        #[arg(long)]
        rules: PathBuf,
        /// What matches may cost, as JSON; where it says nothing, what the server has.
        #[arg(long)]
        options: Option<PathBuf>,
    },
}

pub(super) async fn record_queue(
    sql: &Sql,
    game: &str,
    mode: &str,
    days: i64,
    out: &std::path::Path,
) -> Outcome<Said> {
    let place = super::keys::find_place(sql, game).await?;
    let done = record(sql, &place.game, mode, now_ms() - days * DAY_MS, out).await?;
    let words = format!("{} tickets of {} players in {}", done.tickets, done.players, out.display());
    Ok(Said::new(words, &done))
}

/// Needs no database.
pub(super) fn replay(
    file: &std::path::Path,
    rules: &std::path::Path,
    options: Option<&std::path::Path>,
) -> Outcome<Said> {
    let found = what_if(file, rules, options)?;
    let seconds = |ms: f64| format!("{:.1}", ms / 1000.0);
    let spread = |what: &str, of: [f64; 4], show: &dyn Fn(f64) -> String| {
        let [mean, p50, p90, p99] = of.map(show);
        [what.to_owned(), mean, p50, p90, p99]
    };
    let plain = |number: f64| format!("{number:.0}");
    let of = |spread: &aethex_matchmaker::replay::Spread| [spread.mean, spread.p50, spread.p90, spread.p99];
    let rows = [
        ["", "mean", "p50", "p90", "p99"].map(str::to_owned),
        spread("wait, s", of(&found.wait_ms), &seconds),
        spread("teams apart", of(&found.team_gap), &plain),
        spread("ratings' spread", of(&found.rating_spread), &plain),
        spread("ms over best region", of(&found.over_best_ms), &plain),
    ];
    let mut words = format!(
        "{} tickets of {} players: {} matches, {:.1} % matched, {} gave up, {:.1} % with uneven parties\n{}",
        found.tickets,
        found.players,
        found.matches,
        100.0 * found.matched_share,
        found.cancelled,
        100.0 * found.uneven_share,
        super::table(rows),
    );
    for (why, tickets) in &found.refused {
        words.push_str(&format!("\nrefused: {tickets} tickets: {why}"));
    }
    Ok(Said::new(words, &found))
}
