//! What a match must be: teams, rules, and how both give way with time. The JSON is FlexMatch's rule set, with its
//! names, as far as it is supported; whatever is not is refused by its name ([`RuleError`]), never ignored.
//!
//! | Part | Supported |
//! |---|---|
//! | `playerAttributes` | `number`, `string`, `string_list`, `string_number_map`, each with `default`; `skill` is the player's rating unless the player brings a `skill` |
//! | `teams` | `name`, `minPlayers`, `maxPlayers`, `quantity` |
//! | `rules` | `comparison`, `distance`, `batchDistance`, `collection` (`intersection`, `contains`, `reference_intersection_count`), `latency`, `distanceSort`, `absoluteSort` |
//! | expressions | `teams[a,b or *].players.attributes[x]`, `teams[…].players`, `teams[…].players[playerId]`; `flatten avg min max median sum stddev count set_intersection` |
//! | `expansions` | targets `rules[name].field` (a number or reference of the rule) and `teams[name].minPlayers`, `.maxPlayers` |
//! | `algorithm` | `strategy`: `balanced` (skill is weighed; ours where none is named) or `exhaustiveSearch` (only rules and latency count); `batchingPreference`: `random`, `fastestRegion`, `largestPopulation`; `backfillPriority`, `balancedAttribute`, `expansionAgeSelection` |
//! | beside FlexMatch | `acceptanceRequired`, `acceptanceTimeoutSeconds`, `backfillMode` as in its matchmaking configuration; `room`: what the match's room shall be ([`RoomRules`]) |
//!
//! An expansion is compiled into a [`Stage`]: the rule set as it is from one step to the next. Rules hold for every
//! proposed match at the stage of its age: of its newest ticket, or its oldest (`expansionAgeSelection`).

mod error;
mod expr;
mod parse;
mod room;
mod rule;
mod stage;
#[cfg(test)]
mod tests;

pub use error::RuleError;
pub use room::{BackfillMode, RoomRules};
pub(crate) use stage::{Packer, Stage, View};

use crate::ticket::{Player, Ticket, TicketError};
use expr::{AttributeType, Declared, SKILL};
use parse::{Part, RULES_MAX, attributes, stage};
use serde_json::{Value, json};

/// Steps of all expansions of a rule set.
const STEPS_MAX: usize = 64;
/// Octets of a rule set: FlexMatch's own limit.
const TEXT_MAX: usize = 100 * 1024;
/// Seconds to accept a match where the rule set does not say.
const ACCEPT_S_DEFAULT: u64 = 10;
/// The longest time to accept, FlexMatch's own.
const ACCEPT_S_MAX: u64 = 600;

/// How tickets are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Like plays with like, in teams of equal strength.
    Balanced,
    /// Whoever fits the rules, the longest waiting first.
    Exhaustive,
}

/// Whether players are asked before they are put into a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// Whether every player must accept.
    pub required: bool,
    /// How long they have.
    pub timeout_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Batching {
    Random,
    FastestRegion,
    LargestPopulation,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BackfillPriority {
    High,
    Normal,
    Low,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Age {
    Newest,
    Oldest,
}

/// A rule set that can be used.
#[derive(Clone, Debug)]
pub struct RuleSet {
    document: Value,
    declared: Declared,
    stages: Vec<Stage>,
    strategy: Strategy,
    balanced_attribute: Option<String>,
    acceptance: Acceptance,
    room: RoomRules,
    pub(crate) batching: Batching,
    pub(crate) backfill_priority: BackfillPriority,
    age: Age,
}

impl RuleSet {
    /// Reads a rule set.
    ///
    /// # Errors
    /// What is wrong or not supported, and where.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > TEXT_MAX {
            return Err(RuleError::value("the rule set", format!("at most {TEXT_MAX} octets")));
        }
        let document = serde_json::from_str(text).map_err(|error| RuleError::Json(error.to_string()))?;
        Self::from_value(document)
    }

    /// The same from a value.
    ///
    /// # Errors
    /// See [`RuleSet::parse`].
    pub fn from_value(document: Value) -> Result<Self, RuleError> {
        let part = Part::new(&document, "", &FIELDS)?;
        match part.text("ruleLanguageVersion")? {
            None | Some("1.0") => {}
            Some(other) => return Err(RuleError::unsupported("ruleLanguageVersion", other)),
        }
        part.text("name")?;
        let declared = attributes(&part)?;
        let mut stages = vec![stage(&part, &declared, 0)?];
        for (at_ms, document) in expanded(&part, &document)? {
            let part = Part { fields: document.as_object().unwrap_or(part.fields), at: "" };
            let stage = stage(&part, &declared, at_ms)?;
            if stage.teams.len() != stages[0].teams.len() {
                return Err(RuleError::unsupported("expansions", "another number of teams"));
            }
            stages.push(stage);
        }
        let empty = json!({});
        let algorithm = part.fields.get("algorithm").unwrap_or(&empty);
        let algorithm = Part::new(algorithm, "algorithm", &ALGORITHM)?;
        let acceptance = acceptance(&part)?;
        let balanced_attribute = balanced_attribute(&algorithm, &declared)?;
        Ok(Self {
            declared,
            stages,
            strategy: choice(&algorithm, "strategy", &STRATEGIES)?,
            balanced_attribute,
            acceptance,
            room: room::room(&part)?,
            batching: choice(&algorithm, "batchingPreference", &BATCHINGS)?,
            backfill_priority: choice(&algorithm, "backfillPriority", &PRIORITIES)?,
            age: choice(&algorithm, "expansionAgeSelection", &AGES)?,
            document,
        })
    }

    /// The document that it was read from.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Its name; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.document.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Built in: teams of one size that play against each other, `teams_of(2, 1)` is one against one.
    ///
    /// # Errors
    /// No teams, no players, or more than a match has.
    pub fn teams_of(teams: u16, size: u16) -> Result<Self, RuleError> {
        Self::from_value(json!({
            "name": format!("{teams} teams of {size}"),
            "teams": [{"name": "team", "minPlayers": size, "maxPlayers": size, "quantity": teams}],
        }))
    }

    /// Built in: each for themselves.
    ///
    /// # Errors
    /// See [`RuleSet::teams_of`].
    pub fn free_for_all(players_min: u16, players_max: u16) -> Result<Self, RuleError> {
        Self::from_value(json!({
            "name": format!("free for all, {players_min} to {players_max}"),
            "teams": [{"name": "players", "minPlayers": players_min, "maxPlayers": players_max}],
        }))
    }

    /// Built in: players together against the game, whatever their skill.
    ///
    /// # Errors
    /// See [`RuleSet::teams_of`].
    pub fn together(players_min: u16, players_max: u16) -> Result<Self, RuleError> {
        Self::from_value(json!({
            "name": format!("together, {players_min} to {players_max}"),
            "algorithm": {"strategy": "exhaustiveSearch"},
            "teams": [{"name": "players", "minPlayers": players_min, "maxPlayers": players_max}],
        }))
    }

    /// How tickets are chosen.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Whether and how long players are asked.
    #[must_use]
    pub fn acceptance(&self) -> Acceptance {
        self.acceptance
    }

    /// What a match's room shall be like.
    #[must_use]
    pub fn room(&self) -> RoomRules {
        self.room
    }

    /// The names of its teams, those of a `quantity` numbered.
    pub fn team_names(&self) -> impl Iterator<Item = &str> {
        self.stages[0].teams.iter().map(|team| team.name.as_str())
    }

    /// Players of the fullest match that there ever is: expansions may make teams larger.
    #[must_use]
    pub fn players_max(&self) -> usize {
        self.stages.iter().map(Stage::players_max).max().unwrap_or(0)
    }

    /// The names of its rules, in their order.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.stages[0].rules.iter().map(|rule| rule.name.as_str())
    }

    /// Whether a ticket may wait under this rule set, as far as that does not hang on who else waits.
    ///
    /// # Errors
    /// What is wrong with the ticket.
    pub fn admit(&self, ticket: &Ticket) -> Result<(), TicketError> {
        ticket.check()?;
        self.check(ticket)?;
        let max = self.team_max();
        if ticket.players.len() > max {
            return Err(TicketError::PartyTooLarge { size: ticket.players.len(), max });
        }
        Ok(())
    }

    /// Players of the largest team that there ever is.
    pub(crate) fn team_max(&self) -> usize {
        self.stages.iter().map(Stage::team_max).max().unwrap_or(0)
    }

    /// The slowest connection that there ever is.
    pub(crate) fn latency_max_ms(&self) -> u16 {
        self.stages.iter().map(|stage| stage.latency_max_ms).max().unwrap_or(u16::MAX)
    }

    pub(crate) fn stage_number(&self, age_ms: i64) -> usize {
        self.stages.partition_point(|stage| stage.from_ms <= age_ms).saturating_sub(1)
    }

    /// The stages that a ticket of an age may look in, the widest first.
    pub(crate) fn stages_for(&self, age_ms: i64) -> impl Iterator<Item = usize> + use<> {
        let own = self.stage_number(age_ms);
        // With the oldest ticket's age that of the others does not matter.
        let first = if self.age_is_newest() { 0 } else { own };
        (first..=own).rev()
    }

    pub(crate) fn age_is_newest(&self) -> bool {
        self.age == Age::Newest
    }

    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The age at which the next expansion comes.
    pub(crate) fn next_step_ms(&self, age_ms: i64) -> Option<i64> {
        self.stages.get(self.stage_number(age_ms) + 1).map(|stage| stage.from_ms)
    }

    /// The first rule of a stage that a match does not fulfil, and how far it is from fulfilling all.
    pub(crate) fn lack(&self, stage: &Stage, view: &View<'_>) -> Option<(usize, f64)> {
        let mut first = None;
        for (number, rule) in stage.rules.iter().enumerate() {
            let lack = rule.lack(view, &self.declared);
            if lack > 0.0 {
                first = Some((
                    first.map_or(number, |(first, _)| first),
                    first.map_or(0.0, |(_, sum)| sum) + lack,
                ));
            }
        }
        first
    }

    /// Whether players may be in one match, whoever else is. The number of a rule that is against it.
    pub(crate) fn clash(&self, stage: &Stage, view: &View<'_>) -> Option<usize> {
        let mut partial = stage.rules.iter().enumerate().filter(|(_, rule)| rule.partial);
        partial.find(|(_, rule)| rule.lack(view, &self.declared) > 0.0).map(|(number, _)| number)
    }

    /// By what rules of order would take one party before another; smaller is sooner.
    pub(crate) fn sort_value(
        &self,
        stage: &Stage,
        rule: usize,
        party: &[Player],
        anchor: &[Player],
    ) -> Option<f64> {
        stage.rules.get(rule)?.sort_value(party, anchor, &self.declared)
    }

    /// The number that is balanced instead of the rating; none: the rating.
    pub(crate) fn balanced(&self, player: &Player) -> Option<f64> {
        let name = self.balanced_attribute.as_deref()?;
        rule::number(player, name, None, &self.declared)
    }

    /// Whether something else than the rating is balanced.
    pub(crate) fn balances_attribute(&self) -> bool {
        self.balanced_attribute.is_some()
    }

    /// Whether the attributes that a ticket brings are of the declared types.
    pub(crate) fn check(&self, ticket: &Ticket) -> Result<(), TicketError> {
        for (name, value) in ticket.players.iter().flat_map(|player| &player.attributes) {
            if let Some((kind, _)) = self.declared.get(name).filter(|(kind, _)| !kind.is_of(value)) {
                return Err(TicketError::AttributeType { name: name.clone(), expected: kind.name() });
            }
        }
        Ok(())
    }
}

const FIELDS: [&str; 12] = [
    "name",
    "description",
    "ruleLanguageVersion",
    "playerAttributes",
    "algorithm",
    "teams",
    "rules",
    "expansions",
    "acceptanceRequired",
    "acceptanceTimeoutSeconds",
    "backfillMode",
    "room",
];
const ALGORITHM: [&str; 5] =
    ["strategy", "batchingPreference", "backfillPriority", "balancedAttribute", "expansionAgeSelection"];
/// The first of each is what counts where none is named.
const STRATEGIES: [(&str, Strategy); 2] =
    [("balanced", Strategy::Balanced), ("exhaustiveSearch", Strategy::Exhaustive)];
const BATCHINGS: [(&str, Batching); 3] = [
    ("random", Batching::Random),
    ("fastestRegion", Batching::FastestRegion),
    ("largestPopulation", Batching::LargestPopulation),
];
const PRIORITIES: [(&str, BackfillPriority); 3] =
    [("normal", BackfillPriority::Normal), ("high", BackfillPriority::High), ("low", BackfillPriority::Low)];
const AGES: [(&str, Age); 2] = [("newest", Age::Newest), ("oldest", Age::Oldest)];

fn choice<T: Copy>(part: &Part<'_>, field: &str, choices: &[(&str, T)]) -> Result<T, RuleError> {
    let Some(name) = part.text(field)? else { return Ok(choices[0].1) };
    let found = choices.iter().find(|(choice, _)| *choice == name);
    found.map(|(_, choice)| *choice).ok_or_else(|| RuleError::unsupported(&part.place(field), name))
}

fn balanced_attribute(algorithm: &Part<'_>, declared: &Declared) -> Result<Option<String>, RuleError> {
    let Some(name) = algorithm.text("balancedAttribute")? else { return Ok(None) };
    match declared.get(name) {
        Some((AttributeType::Number, _)) => Ok(Some(name.to_owned()).filter(|name| name != SKILL)),
        Some(_) => Err(RuleError::value("algorithm.balancedAttribute", "the name of a number")),
        None => Err(RuleError::NoSuch {
            at: "algorithm.balancedAttribute".to_owned(),
            name: format!("player attribute {name}"),
        }),
    }
}

fn acceptance(document: &Part<'_>) -> Result<Acceptance, RuleError> {
    let required = match document.fields.get("acceptanceRequired") {
        None => false,
        Some(value) => {
            value.as_bool().ok_or_else(|| RuleError::value("acceptanceRequired", "true or false"))?
        }
    };
    let at = "acceptanceTimeoutSeconds";
    let seconds = document.fields.get(at).map_or(Some(ACCEPT_S_DEFAULT), Value::as_u64);
    let seconds = seconds.filter(|seconds| (1..=ACCEPT_S_MAX).contains(seconds));
    let seconds = seconds.ok_or_else(|| RuleError::value(at, format!("1 to {ACCEPT_S_MAX}")))?;
    Ok(Acceptance { required, timeout_ms: 1000 * seconds as i64 })
}

/// The document as it is after each step of its expansions, with the age at which it becomes so.
fn expanded(part: &Part<'_>, document: &Value) -> Result<Vec<(i64, Value)>, RuleError> {
    let mut steps: Vec<(i64, String, Value)> = Vec::new();
    for value in part.list("expansions", RULES_MAX)? {
        let expansion = Part::new(value, "expansions", &["target", "steps"])?;
        let target = expansion.must_text("target")?;
        let at = format!("expansions[{target}]");
        for step in expansion.list("steps", STEPS_MAX)? {
            let step = Part::new(step, &at, &["waitTimeSeconds", "value"])?;
            let seconds =
                step.number("waitTimeSeconds")?.filter(|seconds| (0.0..=86_400.0).contains(seconds));
            let seconds =
                seconds.ok_or_else(|| RuleError::value(&step.place("waitTimeSeconds"), "0 to 86400"))?;
            let value =
                step.fields.get("value").ok_or_else(|| RuleError::Missing { at: step.place("value") })?;
            steps.push(((seconds * 1000.0) as i64, target.to_owned(), value.clone()));
        }
    }
    if steps.len() > STEPS_MAX {
        return Err(RuleError::value("expansions", format!("at most {STEPS_MAX} steps in all")));
    }
    steps.sort_by_key(|(at_ms, ..)| *at_ms);
    let mut stages: Vec<(i64, Value)> = Vec::new();
    for (at_ms, target, value) in steps {
        if stages.last().is_none_or(|(last, _)| *last != at_ms) {
            let before = stages.last().map_or(document, |(_, before)| before).clone();
            stages.push((at_ms, before));
        }
        if let Some((_, now)) = stages.last_mut() {
            *expansion_target(now, &target)? = value;
        }
    }
    Ok(stages)
}

/// What an expansion sets.
fn expansion_target<'d>(document: &'d mut Value, target: &str) -> Result<&'d mut Value, RuleError> {
    let unsupported = || RuleError::unsupported("expansions", format!("the target {target}"));
    let (kind, rest) = target.split_once('[').ok_or_else(unsupported)?;
    let (name, field) = rest.split_once("].").ok_or_else(unsupported)?;
    let known: &[&str] = match kind {
        "teams" => &["minPlayers", "maxPlayers"],
        "rules" => &["minDistance", "maxDistance", "maxLatency", "minCount", "maxCount", "referenceValue"],
        _ => return Err(unsupported()),
    };
    if !known.contains(&field) {
        return Err(unsupported());
    }
    let list = document.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten();
    let mut named = list.filter(|one| one.get("name").and_then(Value::as_str) == Some(name));
    let part = named.next().and_then(Value::as_object_mut);
    let part =
        part.ok_or_else(|| RuleError::NoSuch { at: "expansions".to_owned(), name: target.to_owned() })?;
    Ok(part.entry(field.to_owned()).or_insert(Value::Null))
}
