//! What a request for a match must be, what the engine is told of it, what declining costs, and what a result is.

use crate::error::{Failure, Outcome};
use crate::multiplayer::rooms::MatchSettings;
use aethex_matchmaker::{self as engine, Attribute, RuleError, RuleSet, SkillRange, Ticket, TicketError};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, QueueTicketId};
use aethex_wire::multiplayer::frame::SEATS_MAX;
use aethex_wire::multiplayer::matchmaking::{
    ATTRIBUTES_MAX, JoinQueueRequest, LATENCY_MS_MAX, REGIONS_MAX, Reason, ReportResultRequest, TeamResult,
    TicketStatus,
};
use aethex_wire::multiplayer::{Metadata, TICK_MS_DEFAULT, TICK_MS_MAX, TICK_MS_MIN, check_mode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Players of a match when neither a rule set nor the request says.
const PLAYERS_DEFAULT: u16 = 2;
/// Teams that the engine divides players into.
const TEAMS_MAX: u16 = 64;
/// Ratings that a request may name lie within.
const SKILL_MAX: f64 = 100_000.0;
/// How sure a game's own measure of skill is taken to be: less than a rating of many results, more than nothing.
const SKILL_SIGMA: f64 = 150.0;
/// Thousandths in a rating's row.
const MILLI: f64 = 1_000.0;
/// Declining costs nothing the first time, then a wait, the longer the more often.
const PENALTIES_MS: [i64; 4] = [0, 30_000, 120_000, 300_000];
/// A day without another one, and it is forgotten.
const PENALTY_FORGOTTEN_MS: i64 = 24 * 3600 * 1000;

/// A match of a queue that has no rule set of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) players: u16,
    pub(super) teams: u16,
}

/// What is kept of a ticket: the request, and what the engine knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) asked: JoinQueueRequest,
    pub(super) ticket: Ticket,
}

/// A ticket on its way into a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) kept: Kept,
    /// Whom its players blocked.
    pub(super) blocks: Vec<PlayerId>,
}

/// What a rating's row says, or what newcomers have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RatingRow {
    pub(super) rating: i64,
    pub(super) deviation: i64,
    pub(super) matches: i64,
}

impl Default for RatingRow {
    fn default() -> RatingRow {
        RatingRow::of(engine::Rating::default(), 0)
    }
}

impl RatingRow {
    pub(super) fn of(rating: engine::Rating, matches: i64) -> RatingRow {
        RatingRow {
            rating: (rating.mu * MILLI).round() as i64,
            deviation: (rating.sigma * MILLI).round() as i64,
            matches,
        }
    }

    pub(super) fn rating(self) -> engine::Rating {
        engine::Rating { mu: self.rating as f64 / MILLI, sigma: self.deviation as f64 / MILLI }
    }
}

pub(super) fn name_of(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Queued => "queued",
        TicketStatus::Proposed => "proposed",
        TicketStatus::Matched => "matched",
        TicketStatus::Cancelled => "cancelled",
        TicketStatus::Expired => "expired",
    }
}

pub(super) fn status_of(name: &str) -> TicketStatus {
    match name {
        "queued" => TicketStatus::Queued,
        "proposed" => TicketStatus::Proposed,
        "matched" => TicketStatus::Matched,
        "expired" => TicketStatus::Expired,
        _ => TicketStatus::Cancelled,
    }
}

fn usable(number: f64) -> bool {
    number.is_finite() && number.abs() <= SKILL_MAX
}

/// Refuses what no queue takes.
pub(super) fn check(request: &JoinQueueRequest) -> Outcome<()> {
    check_queue(&request.mode)?;
    check_mode(&request.region).map_err(|why| Failure::invalid(format!("`region`: {why}.")))?;
    if let Some([least, greatest]) = request.skill_range
        && !(usable(least) && usable(greatest) && least <= greatest)
    {
        return Err(Failure::invalid("`skill_range` is two numbers, the lesser first."));
    }
    if request.skill.is_some_and(|skill| !usable(skill)) {
        return Err(Failure::invalid("`skill` is a number from -100000 to 100000."));
    }
    if request.latencies.len() > REGIONS_MAX {
        return Err(Failure::invalid(format!("`latencies` has at most {REGIONS_MAX} regions.")));
    }
    for (region, ms) in &request.latencies {
        if region.is_empty() || *ms > LATENCY_MS_MAX {
            return Err(Failure::invalid(format!(
                "`latencies` names regions, with up to {LATENCY_MS_MAX} ms."
            )));
        }
        check_mode(region).map_err(|why| Failure::invalid(format!("`latencies`: {why}.")))?;
    }
    shape(request).map(drop)
}

/// Refuses what names no queue.
pub(super) fn check_queue(mode: &str) -> Outcome<()> {
    if mode.is_empty() {
        return Err(Failure::invalid("`mode` names the queue."));
    }
    check_mode(mode).map_err(|why| Failure::invalid(format!("`mode`: {why}.")))
}

/// The match that a request wants of a queue without a rule set.
pub(super) fn shape(request: &JoinQueueRequest) -> Outcome<Shape> {
    let players = request.players.unwrap_or(PLAYERS_DEFAULT);
    let teams = request.teams.unwrap_or(players);
    if !(2..=SEATS_MAX).contains(&usize::from(players)) {
        return Err(Failure::invalid(format!("`players` is 2 to {SEATS_MAX}.")));
    }
    let too_many = teams > TEAMS_MAX && teams != players;
    if teams == 0 || teams > players || !players.is_multiple_of(teams) || too_many {
        return Err(Failure::invalid("`teams` divides `players` into teams of one size."));
    }
    Ok(Shape { players, teams })
}

/// The rule set of a queue that has none: teams against each other, or all together. Of so many who play each for
/// themselves that they are more than the engine has teams, the match has one.
pub(super) fn default_rules(shape: Shape) -> Result<RuleSet, RuleError> {
    match shape.teams {
        0 | 1 => RuleSet::together(shape.players, shape.players),
        teams if teams > TEAMS_MAX && teams == shape.players => {
            RuleSet::free_for_all(shape.players, shape.players)
        }
        teams => RuleSet::teams_of(teams, shape.players / teams),
    }
}

/// A rule set that a game may use: what is not understood is refused by its name.
pub(super) fn parse_rules(document: Value) -> Outcome<RuleSet> {
    let refused = |why: String| Err(Failure::new(ErrorCode::InvalidRules, format!("The rule set: {why}.")));
    let rules = match RuleSet::from_value(document) {
        Ok(rules) => rules,
        Err(error) => return refused(error.to_string()),
    };
    let (room, players) = (rules.room(), rules.players_max());
    if !(1..=SEATS_MAX).contains(&players) {
        return refused(format!("a match has at most {SEATS_MAX} players, also after its expansions"));
    }
    if room.tick_ms.is_some_and(|ms| !(u64::from(TICK_MS_MIN)..=u64::from(TICK_MS_MAX)).contains(&ms)) {
        return refused(format!("room.tickMs: {TICK_MS_MIN} to {TICK_MS_MAX}"));
    }
    if room.interest_radius.is_some_and(|radius| u32::try_from(radius).is_err()) {
        return refused(format!("room.interestRadius: at most {}", u32::MAX));
    }
    if room.seats.is_some_and(|seats| !(players as u64..=SEATS_MAX as u64).contains(&seats)) {
        return refused(format!("room.seats: {players}, as many as play, to {SEATS_MAX}"));
    }
    Ok(rules)
}

/// What the room of a match is like, by the rules of its queue.
pub(super) fn room_settings(rules: &RuleSet) -> MatchSettings {
    let room = rules.room();
    let seats = room.seats.and_then(|seats| usize::try_from(seats).ok()).unwrap_or(0);
    let tick_ms = room.tick_ms.and_then(|ms| u16::try_from(ms).ok()).unwrap_or(TICK_MS_DEFAULT);
    MatchSettings {
        max_players: u16::try_from(seats.max(rules.players_max()).min(SEATS_MAX)).unwrap_or(u16::MAX),
        tick_ms: tick_ms.clamp(TICK_MS_MIN, TICK_MS_MAX),
        interest_radius: room.interest_radius.and_then(|radius| u32::try_from(radius).ok()).unwrap_or(0),
        backfill: room.backfill,
    }
}

/// What a match's room is like where no rules say.
pub(super) fn default_settings(players: usize) -> MatchSettings {
    MatchSettings {
        max_players: u16::try_from(players).unwrap_or(u16::MAX),
        tick_ms: TICK_MS_DEFAULT,
        interest_radius: 0,
        backfill: engine::BackfillMode::default(),
    }
}

fn attribute(name: &str, value: &Value) -> Outcome<Attribute> {
    let wrong = || {
        Failure::invalid(format!(
            "`attributes`: `{name}` is a number, a text, a list of texts, or an object of numbers."
        ))
    };
    match value {
        Value::Number(number) => number.as_f64().map(Attribute::Number).ok_or_else(wrong),
        Value::String(text) => Ok(Attribute::Text(text.clone())),
        Value::Array(list) => {
            let texts = list.iter().map(|one| one.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>().map(Attribute::TextList).ok_or_else(wrong)
        }
        Value::Object(map) => {
            let numbers = map.iter().map(|(key, one)| Some((key.clone(), one.as_f64()?)));
            numbers.collect::<Option<BTreeMap<_, _>>>().map(Attribute::NumberMap).ok_or_else(wrong)
        }
        Value::Null | Value::Bool(_) => Err(wrong()),
    }
}

fn attributes(given: &Metadata) -> Outcome<BTreeMap<String, Attribute>> {
    if given.len() > ATTRIBUTES_MAX {
        return Err(Failure::invalid(format!("`attributes` has at most {ATTRIBUTES_MAX} entries.")));
    }
    given.iter().map(|(name, value)| Ok((name.clone(), attribute(name, value)?))).collect()
}

/// The ticket as the engine knows it. `players` are the leader first, with their kept ratings.
pub(super) fn ticket(
    id: &QueueTicketId,
    asked: &JoinQueueRequest,
    players: &[(PlayerId, Option<RatingRow>)],
    now_ms: i64,
) -> Outcome<Ticket> {
    let attributes = attributes(&asked.attributes)?;
    let player = |(n, (id, row)): (usize, &(PlayerId, Option<RatingRow>))| {
        let told = asked.skill.filter(|_| n == 0);
        let told = told.map(|skill| engine::Rating { mu: skill, sigma: SKILL_SIGMA });
        let rating = row.map(RatingRow::rating).or(told).unwrap_or_default();
        engine::Player { id: id.as_str().into(), rating, attributes: attributes.clone() }
    };
    let players = players.iter().enumerate().map(player).collect();
    let mut ticket = Ticket::new(id.as_str(), players, now_ms);
    if !asked.region.is_empty() {
        ticket.regions = vec![asked.region.clone()];
    }
    ticket.latencies_ms.clone_from(&asked.latencies);
    ticket.skill_range = asked.skill_range.map(|[min, max]| SkillRange { min, max });
    Ok(ticket)
}

/// Why a ticket cannot wait, for who asked.
pub(super) fn refused(error: &TicketError) -> Failure {
    match error {
        TicketError::PartyTooLarge { .. } => {
            Failure::new(ErrorCode::PartyFull, format!("The queue's teams are smaller: {error}."))
        }
        other => Failure::invalid(format!("This ticket can never be matched: {other}.")),
    }
}

/// The players of a ticket.
pub(super) fn players_of(ticket: &Ticket) -> Vec<PlayerId> {
    ticket.players.iter().filter_map(|player| PlayerId::parse(player.id.as_str())).collect()
}

/// What a player's declining counts as now, with how long the player waits for it.
pub(super) fn penalty(before: Option<(i64, i64)>, now_ms: i64) -> (i64, i64) {
    let count = match before {
        Some((count, until_ms)) if until_ms > now_ms - PENALTY_FORGOTTEN_MS => count + 1,
        _ => 1,
    };
    let step = usize::try_from(count - 1).unwrap_or(0).min(PENALTIES_MS.len() - 1);
    (count, now_ms + PENALTIES_MS[step])
}

/// Why a ticket waits, as players are told.
pub(super) fn reasons(explained: &engine::Explanation) -> Vec<Reason> {
    let told = |reason: &engine::Reason| {
        let (code, message, eases_in_ms) = match reason {
            engine::Reason::JustCame => return None,
            engine::Reason::TooFewPlayers { needed, there } => (
                "few_players",
                format!("A match needs {needed} players, and {there} are there who may play together."),
                explained.next_expansion_in_ms,
            ),
            engine::Reason::Region { left_out } => {
                ("region", format!("{left_out} players wait in regions that `regions` leaves out."), None)
            }
            engine::Reason::Latency { left_out } => {
                ("latency", format!("{left_out} players wait, but too far away for a fair match."), None)
            }
            engine::Reason::PartySize { size } => (
                "party_size",
                format!("Nobody is there yet who completes teams with a party of {size}."),
                explained.next_expansion_in_ms,
            ),
            engine::Reason::WaitingForBetter { acceptable_in_ms, .. } => (
                "skill",
                "Those who are there would make an unequal match; a better one is waited for.".to_owned(),
                Some(*acceptable_in_ms),
            ),
            engine::Reason::Rule { name, times } => (
                "rule",
                format!("The rule `{name}` was against {times} matches."),
                explained.next_expansion_in_ms,
            ),
            engine::Reason::SkillRange { left_out } => {
                ("skill", format!("`skill_range` leaves out {left_out} players who wait."), None)
            }
        };
        Some(Reason { code: code.to_owned(), message, eases_in_ms })
    };
    explained.reasons.iter().filter_map(told).collect()
}

/// A result in its one form: every team of the match once, places from 1 without gaps, by the team's name.
pub(super) fn result(request: ReportResultRequest, teams: &BTreeSet<String>) -> Outcome<Vec<TeamResult>> {
    let named: BTreeSet<&str> = request.teams.iter().map(|result| result.team.as_str()).collect();
    let all: BTreeSet<&str> = teams.iter().map(String::as_str).collect();
    if named != all || request.teams.len() != all.len() {
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Failure::invalid(format!("`teams` names each team of the match once: {all}.")));
    }
    if request.teams.iter().any(|result| result.place == 0) {
        return Err(Failure::invalid("`place` counts from 1."));
    }
    let places: BTreeSet<u32> = request.teams.iter().map(|result| result.place).collect();
    let mut results = request.teams;
    for result in &mut results {
        let before = places.range(..result.place).count();
        result.place = u32::try_from(before + 1).unwrap_or(u32::MAX);
    }
    results.sort_by(|one, other| one.team.cmp(&other.team));
    Ok(results)
}
