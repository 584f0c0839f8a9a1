//! From the document to a stage: every field is known, or refused by its name.

use super::error::RuleError;
use super::expr::{AttributeType, Declared, Expr, SKILL, Val, is_expression, parse};
use super::rule::{LatencyTo, Operation, Party, Reference, Rule, Test};
use super::stage::{Stage, Team};
use crate::ticket::Attribute;
use serde_json::{Map, Value};

/// Rules of one set; expansions of one set.
pub(super) const RULES_MAX: usize = 64;
/// Teams of one match, counted out.
const TEAMS_MAX: usize = 64;
/// Players of one match.
const PLAYERS_MAX: u64 = 200;

/// A part of the document, with its place for errors.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) at: &'a str,
}

impl<'a> Part<'a> {
    pub(super) fn new(value: &'a Value, at: &'a str, known: &[&str]) -> Result<Self, RuleError> {
        let fields = value.as_object().ok_or_else(|| RuleError::value(at, "an object"))?;
        match fields.keys().find(|field| !known.contains(&field.as_str())) {
            Some(field) if at.is_empty() => Err(RuleError::unsupported(field, "this field")),
            Some(field) => Err(RuleError::unsupported(&format!("{at}.{field}"), "this field")),
            None => Ok(Self { fields, at }),
        }
    }

    pub(super) fn place(&self, field: &str) -> String {
        if self.at.is_empty() { field.to_owned() } else { format!("{}.{field}", self.at) }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, RuleError> {
        let text =
            |value: &'a Value| value.as_str().ok_or_else(|| RuleError::value(&self.place(field), "a text"));
        self.fields.get(field).map(text).transpose()
    }

    pub(super) fn must_text(&self, field: &str) -> Result<&'a str, RuleError> {
        self.text(field)?.ok_or_else(|| RuleError::Missing { at: self.place(field) })
    }

    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, RuleError> {
        let number =
            |value: &Value| value.as_f64().ok_or_else(|| RuleError::value(&self.place(field), "a number"));
        self.fields.get(field).map(number).transpose()
    }

    pub(super) fn whole(&self, field: &str) -> Result<Option<u64>, RuleError> {
        let number = |value: &Value| {
            value.as_u64().ok_or_else(|| RuleError::value(&self.place(field), "a whole number"))
        };
        self.fields.get(field).map(number).transpose()
    }

    pub(super) fn list(&self, field: &str, max: usize) -> Result<&'a [Value], RuleError> {
        let Some(value) = self.fields.get(field) else { return Ok(&[]) };
        let list = value.as_array().filter(|list| list.len() <= max);
        list.map(Vec::as_slice)
            .ok_or_else(|| RuleError::value(&self.place(field), format!("a list of at most {max}")))
    }
}

pub(super) fn attributes(document: &Part<'_>) -> Result<Declared, RuleError> {
    let mut declared = Declared::new();
    for value in document.list("playerAttributes", RULES_MAX)? {
        let part = Part::new(value, "playerAttributes", &["name", "type", "default", "description"])?;
        let name = part.must_text("name")?;
        let at = format!("playerAttributes[{name}]");
        let kind = match part.must_text("type")? {
            "number" => AttributeType::Number,
            "string" => AttributeType::Text,
            "string_list" => AttributeType::TextList,
            "string_number_map" => AttributeType::NumberMap,
            other => return Err(RuleError::unsupported(&format!("{at}.type"), other)),
        };
        let default = part.fields.get("default").map(|value| {
            let attribute = serde_json::from_value::<Attribute>(value.clone()).ok();
            let fits = attribute.filter(|attribute| kind.is_of(attribute));
            fits.ok_or_else(|| RuleError::value(&format!("{at}.default"), format!("a {}", kind.name())))
        });
        if declared.insert(name.to_owned(), (kind, default.transpose()?)).is_some() {
            return Err(RuleError::value(&at, "declared once"));
        }
    }
    declared.entry(SKILL.to_owned()).or_insert((AttributeType::Number, None));
    Ok(declared)
}

impl AttributeType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "string",
            Self::TextList => "string_list",
            Self::NumberMap => "string_number_map",
        }
    }

    pub(crate) fn is_of(self, attribute: &Attribute) -> bool {
        matches!(
            (self, attribute),
            (Self::Number, Attribute::Number(_))
                | (Self::Text, Attribute::Text(_))
                | (Self::TextList, Attribute::TextList(_))
                | (Self::NumberMap, Attribute::NumberMap(_))
        )
    }
}

/// The teams and rules as the document has them.
pub(super) fn stage(document: &Part<'_>, declared: &Declared, from_ms: i64) -> Result<Stage, RuleError> {
    let teams = teams(document)?;
    let mut rules: Vec<Rule> = Vec::new();
    let mut latency_max_ms = u16::MAX;
    for value in document.list("rules", RULES_MAX)? {
        let rule = rule(value, &teams, declared)?;
        if rules.iter().any(|other| other.name == rule.name) {
            return Err(RuleError::value(&format!("rules[{}]", rule.name), "a name of its own"));
        }
        if let Test::Latency { max_ms, .. } = &rule.test {
            latency_max_ms = latency_max_ms.min(max_ms.min(f64::from(u16::MAX)) as u16);
        }
        rules.push(rule);
    }
    Ok(Stage { from_ms, teams, rules, latency_max_ms })
}

fn teams(document: &Part<'_>) -> Result<Vec<Team>, RuleError> {
    let mut teams: Vec<Team> = Vec::new();
    for value in document.list("teams", TEAMS_MAX)? {
        let part = Part::new(value, "teams", &["name", "minPlayers", "maxPlayers", "quantity"])?;
        let name = part.must_text("name")?;
        let at = format!("teams[{name}]");
        let part = Part { at: &at, ..part };
        let max =
            part.whole("maxPlayers")?.ok_or_else(|| RuleError::Missing { at: part.place("maxPlayers") })?;
        let min = part.whole("minPlayers")?.unwrap_or(max);
        let quantity = part.whole("quantity")?.unwrap_or(1);
        if max == 0 || max > PLAYERS_MAX || min > max || quantity == 0 || quantity > TEAMS_MAX as u64 {
            return Err(RuleError::value(
                &at,
                "minPlayers <= maxPlayers <= 200, at least 1; quantity 1 to 64",
            ));
        }
        if teams.iter().any(|team| team.base == name) {
            return Err(RuleError::value(&at, "a name of its own"));
        }
        for n in 1..=quantity {
            let numbered = if quantity == 1 { name.to_owned() } else { format!("{name}_{n}") };
            teams.push(Team {
                name: numbered,
                base: name.to_owned(),
                players_min: min as u16,
                players_max: max as u16,
            });
        }
    }
    let players: usize = teams.iter().map(|team| usize::from(team.players_max)).sum();
    if teams.is_empty() || teams.len() > TEAMS_MAX || players > PLAYERS_MAX as usize {
        return Err(RuleError::value(
            "teams",
            format!("1 to {TEAMS_MAX} teams, at most {PLAYERS_MAX} players"),
        ));
    }
    Ok(teams)
}

const COMMON: [&str; 3] = ["name", "type", "description"];

fn rule(value: &Value, teams: &[Team], declared: &Declared) -> Result<Rule, RuleError> {
    let name = value.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| RuleError::Missing { at: "rules[].name".to_owned() })?;
    let at = format!("rules[{name}]");
    let kind = value.get("type").and_then(Value::as_str);
    let kind = kind.ok_or_else(|| RuleError::Missing { at: format!("{at}.type") })?;
    let known: &[&str] = match kind {
        "comparison" => &["measurements", "referenceValue", "operation"],
        "distance" => &["measurements", "referenceValue", "minDistance", "maxDistance"],
        "batchDistance" => &["batchAttribute", "minDistance", "maxDistance", "partyAggregation"],
        "collection" => &["measurements", "referenceValue", "operation", "minCount", "maxCount"],
        "latency" => &["maxLatency", "maxDistance", "distanceReference", "partyAggregation"],
        "distanceSort" | "absoluteSort" => &["sortDirection", "sortAttribute", "mapKey"],
        other => return Err(RuleError::unsupported(&at, format!("the rule type {other}"))),
    };
    let known: Vec<&str> = COMMON.iter().chain(known).copied().collect();
    let reader = RuleReader { part: Part::new(value, &at, &known)?, teams, declared };
    let test = match kind {
        "comparison" => reader.comparison()?,
        "distance" => reader.distance()?,
        "batchDistance" => reader.batch_distance()?,
        "collection" => reader.collection()?,
        "latency" => reader.latency()?,
        sort => reader.sort(sort == "distanceSort")?,
    };
    let partial = partial(&test, teams.len());
    Ok(Rule { name: name.to_owned(), test, partial })
}

/// Whether more players cannot mend what some break.
fn partial(test: &Test, teams: usize) -> bool {
    let constant = |to: &Reference| matches!(to, Reference::Value(_));
    let single = |measures: &[Expr]| measures.iter().all(Expr::is_per_player);
    let blind = |measures: &[Expr]| measures.iter().all(|one| one.is_blind(teams));
    match test {
        Test::Comparison { measures, to: Some(to), .. } => constant(to) && single(measures),
        Test::Comparison { measures, to: None, .. } => blind(measures),
        Test::Distance { measures, to, .. } => constant(to) && single(measures),
        Test::BatchDistance { min, .. } => *min <= 0.0,
        Test::Intersection { measures, max, .. } => max.is_infinite() && blind(measures),
        Test::Contains { measures, value, min, .. } => *min <= 0.0 && constant(value) && blind(measures),
        Test::Latency { distance, .. } => distance.is_none_or(|(_, to)| to == LatencyTo::Min),
        Test::InReference { .. } | Test::Sort { .. } => false,
    }
}

struct RuleReader<'a> {
    part: Part<'a>,
    teams: &'a [Team],
    declared: &'a Declared,
}

impl RuleReader<'_> {
    fn expression(&self, field: &str, text: &str) -> Result<Expr, RuleError> {
        parse(&self.part.place(field), text, self.teams, self.declared)
    }

    fn measures(&self) -> Result<Vec<Expr>, RuleError> {
        let list = self.part.list("measurements", RULES_MAX)?;
        if list.is_empty() {
            return Err(RuleError::Missing { at: self.part.place("measurements") });
        }
        let read = |value: &Value| {
            let text = value
                .as_str()
                .ok_or_else(|| RuleError::value(&self.part.place("measurements"), "a list of expressions"))?;
            self.expression("measurements", text)
        };
        list.iter().map(read).collect()
    }

    fn reference(&self) -> Result<Option<Reference>, RuleError> {
        let at = self.part.place("referenceValue");
        Ok(Some(match self.part.fields.get("referenceValue") {
            None => return Ok(None),
            Some(Value::String(text)) if is_expression(text) => {
                Reference::Of(self.expression("referenceValue", text)?)
            }
            Some(value) => Reference::Value(
                constant(value)
                    .ok_or_else(|| RuleError::value(&at, "a number, a text, a list or an expression"))?,
            ),
        }))
    }

    fn must_reference(&self) -> Result<Reference, RuleError> {
        self.reference()?.ok_or_else(|| RuleError::Missing { at: self.part.place("referenceValue") })
    }

    fn range(&self, min: &str, max: &str, min_default: f64) -> Result<(f64, f64), RuleError> {
        let (low, high) = (self.part.number(min)?, self.part.number(max)?);
        let (low, high) = (low.unwrap_or(min_default), high.unwrap_or(f64::INFINITY));
        if low > high {
            return Err(RuleError::value(&self.part.place(min), format!("not above {max}")));
        }
        Ok((low, high))
    }

    fn distances(&self) -> Result<(f64, f64), RuleError> {
        let either =
            self.part.fields.contains_key("minDistance") || self.part.fields.contains_key("maxDistance");
        if !either {
            return Err(RuleError::Missing { at: self.part.place("maxDistance") });
        }
        self.range("minDistance", "maxDistance", 0.0)
    }

    fn comparison(&self) -> Result<Test, RuleError> {
        let at = self.part.place("operation");
        let name = self.part.must_text("operation")?;
        let operation = Operation::named(name)
            .ok_or_else(|| RuleError::unsupported(&at, format!("the operation {name}")))?;
        let (measures, to) = (self.measures()?, self.reference()?);
        if to.is_none() && !matches!(operation, Operation::Equal | Operation::NotEqual) {
            return Err(RuleError::value(&at, "= or != where there is no referenceValue"));
        }
        Ok(Test::Comparison { measures, operation, to })
    }

    fn distance(&self) -> Result<Test, RuleError> {
        let (min, max) = self.distances()?;
        Ok(Test::Distance { measures: self.measures()?, to: self.must_reference()?, min, max })
    }

    fn batch_distance(&self) -> Result<Test, RuleError> {
        let (min, max) = self.distances()?;
        let attribute = self.numeric("batchAttribute", &[AttributeType::Number])?.to_owned();
        let party = match self.part.text("partyAggregation")? {
            None | Some("avg") => Party::Avg,
            Some("min") => Party::Min,
            Some("max") => Party::Max,
            Some(other) => {
                return Err(RuleError::unsupported(&self.part.place("partyAggregation"), other));
            }
        };
        Ok(Test::BatchDistance { attribute, party, min, max })
    }

    fn numeric(&self, field: &str, kinds: &[AttributeType]) -> Result<&str, RuleError> {
        let name = self.part.must_text(field)?;
        match self.declared.get(name) {
            Some((kind, _)) if kinds.contains(kind) => Ok(name),
            Some(_) => Err(RuleError::value(&self.part.place(field), "the name of a number")),
            None => Err(RuleError::NoSuch {
                at: self.part.place(field),
                name: format!("player attribute {name}"),
            }),
        }
    }

    fn collection(&self) -> Result<Test, RuleError> {
        let measures = self.measures()?;
        match self.part.must_text("operation")? {
            "intersection" => {
                let (min, max) = self.range("minCount", "maxCount", 1.0)?;
                Ok(Test::Intersection { measures, min, max })
            }
            "contains" => {
                let min = if self.part.fields.contains_key("maxCount") { 0.0 } else { 1.0 };
                let (min, max) = self.range("minCount", "maxCount", min)?;
                Ok(Test::Contains { measures, value: self.must_reference()?, min, max })
            }
            "reference_intersection_count" => {
                let min = if self.part.fields.contains_key("maxCount") { 0.0 } else { 1.0 };
                let (min, max) = self.range("minCount", "maxCount", min)?;
                match self.must_reference()? {
                    Reference::Value(Val::List(list)) => Ok(Test::InReference { measures, list, min, max }),
                    _ => Err(RuleError::value(&self.part.place("referenceValue"), "a list of texts")),
                }
            }
            other => {
                Err(RuleError::unsupported(&self.part.place("operation"), format!("the operation {other}")))
            }
        }
    }

    fn latency(&self) -> Result<Test, RuleError> {
        if let Some(other) = self.part.text("partyAggregation")?.filter(|way| *way != "max") {
            // A ticket's latencies are those of the slowest of its party already.
            let at = self.part.place("partyAggregation");
            return Err(RuleError::unsupported(
                &at,
                format!("{other}: a party's latency is its slowest member's"),
            ));
        }
        let max_ms = self.part.number("maxLatency")?.unwrap_or(f64::INFINITY);
        let distance = match (self.part.number("maxDistance")?, self.part.text("distanceReference")?) {
            (None, None) => None,
            (Some(max), None | Some("min")) => Some((max, LatencyTo::Min)),
            (Some(max), Some("avg")) => Some((max, LatencyTo::Avg)),
            (None, Some(_)) => return Err(RuleError::Missing { at: self.part.place("maxDistance") }),
            (_, Some(other)) => {
                return Err(RuleError::unsupported(&self.part.place("distanceReference"), other));
            }
        };
        if max_ms.is_infinite() && distance.is_none() {
            return Err(RuleError::Missing { at: self.part.place("maxLatency") });
        }
        Ok(Test::Latency { max_ms, distance })
    }

    fn sort(&self, distance: bool) -> Result<Test, RuleError> {
        let kinds = [AttributeType::Number, AttributeType::NumberMap];
        let attribute = self.numeric("sortAttribute", &kinds)?.to_owned();
        let map_key = self.part.text("mapKey")?.map(str::to_owned);
        let is_map = self.declared.get(&attribute).is_some_and(|(kind, _)| *kind == AttributeType::NumberMap);
        if is_map && map_key.as_deref().is_none_or(|key| matches!(key, "minValue" | "maxValue")) {
            return Err(RuleError::value(&self.part.place("mapKey"), "the name of a key of the map"));
        }
        let descending = match self.part.text("sortDirection")? {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(other) => return Err(RuleError::unsupported(&self.part.place("sortDirection"), other)),
        };
        Ok(Test::Sort { attribute, map_key, distance, descending })
    }
}

fn constant(value: &Value) -> Option<Val<'static>> {
    Some(match value {
        Value::Number(number) => Val::Num(number.as_f64()?),
        Value::String(text) => Val::Text(text.clone().into()),
        Value::Array(list) => Val::List(list.iter().map(constant).collect::<Option<_>>()?),
        _ => return None,
    })
}
