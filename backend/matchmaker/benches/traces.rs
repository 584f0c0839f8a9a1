//! How well and how fast the matcher matches: 5v5 arrival traces, as played out in time order.
//!
//! `cargo bench -p aethex-matchmaker --bench traces -- [trace.csv …] [--rate N]… [--seeds N] [--minutes N]
//! [--options JSON] [--matches FOLDER]`: with files, those; without, traces made here. A trace's line is
//! `ticket,t_ms,n,mu;..,sigma;..,latent;..,ms to each region;..`; the matcher never sees `latent`, the true skill,
//! by which the result is judged. `--matches` writes `t_ms,region,ticket;..,ticket;..` lines beside each other.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

#[path = "traces/judge.rs"]
mod judge;
#[path = "traces/trace.rs"]
mod trace;

use aethex_matchmaker::{Options, Player, Proposal, Queue, Rating, RuleSet, Ticket};
use judge::Judge;
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use trace::{Arrival, REGIONS, Trace};

/// Players a minute where none are named.
const RATES: [u32; 3] = [60, 1_000, 10_000];

#[derive(Debug, Default)]
struct Asked {
    files: Vec<PathBuf>,
    rates: Vec<u32>,
    seeds: u64,
    minutes: u32,
    options: Options,
    matches: Option<PathBuf>,
}

fn asked() -> Result<Asked, Box<dyn Error>> {
    let mut asked = Asked { seeds: 3, minutes: 20, ..Asked::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => {}
            "--rate" => asked.rates.push(value()?.parse()?),
            "--seeds" => asked.seeds = value()?.parse()?,
            "--minutes" => asked.minutes = value()?.parse()?,
            "--options" => asked.options = serde_json::from_str(&value()?)?,
            "--matches" => asked.matches = Some(value()?.into()),
            file => asked.files.push(file.into()),
        }
    }
    if asked.rates.is_empty() {
        asked.rates = RATES.to_vec();
    }
    Ok(asked)
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked = asked()?;
    println!("{}", Judge::HEAD);
    for file in &asked.files {
        let trace = Trace::read(file)?;
        run(&trace, &asked)?;
    }
    if asked.files.is_empty() {
        for rate in &asked.rates {
            for seed in 1..=asked.seeds {
                run(&Trace::make(*rate, asked.minutes, seed), &asked)?;
            }
        }
    }
    Ok(())
}

/// Plays one trace and prints what became of it.
fn run(trace: &Trace, asked: &Asked) -> Result<(), Box<dyn Error>> {
    let tickets: Vec<Ticket> = trace.arrivals.iter().map(ticket).collect();
    let mut queue = Queue::new(RuleSet::teams_of(2, 5)?, asked.options.clone());
    let mut proposals = Vec::new();
    let start = cpu();
    for ticket in tickets {
        let now_ms = ticket.created_at_ms;
        while let Some(wake) = queue.next_wake().filter(|wake| *wake < now_ms) {
            proposals.extend(queue.advance(wake));
        }
        queue.add(ticket, now_ms)?;
        proposals.extend(queue.advance(now_ms));
    }
    let took = cpu().saturating_sub(start);
    let mut judge = Judge::new(trace);
    let mut lines = String::new();
    for proposal in &proposals {
        judge.judge(proposal);
        line(&mut lines, proposal)?;
    }
    println!("{}", judge.line(took));
    if let Some(folder) = &asked.matches {
        std::fs::write(folder.join(format!("{}.matches.csv", trace.name)), lines)?;
    }
    Ok(())
}

fn ticket(arrival: &Arrival) -> Ticket {
    let players = arrival.players.iter().enumerate();
    let players = players
        .map(|(n, (mu, sigma, _))| {
            Player::new(format!("{}-{n}", arrival.ticket), Rating { mu: *mu, sigma: *sigma })
        })
        .collect();
    let mut ticket = Ticket::new(arrival.ticket.to_string(), players, arrival.t_ms);
    let latencies = REGIONS.iter().zip(&arrival.latencies_ms);
    ticket.latencies_ms = latencies.map(|(region, ms)| ((*region).to_owned(), *ms)).collect();
    ticket
}

fn line(lines: &mut String, proposal: &Proposal) -> std::fmt::Result {
    let region = REGIONS.iter().position(|region| Some(*region) == proposal.region.as_deref()).unwrap_or(0);
    write!(lines, "{},{region}", proposal.at_ms)?;
    for team in &proposal.teams {
        let ids: Vec<&str> = team.tickets.iter().map(|ticket| ticket.id.as_str()).collect();
        write!(lines, ",{}", ids.join(";"))?;
    }
    writeln!(lines)
}

/// Time that this thread was on a processor; the time that passed where the system does not tell.
fn cpu() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}
