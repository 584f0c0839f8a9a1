//! Property expressions: what rules measure.
//!
//! `teams[red].players.attributes[skill]` is a list with a value for each player of the team;
//! `teams[*].players.attributes[skill]` a list for each team. `flatten` makes one list of it. The other functions
//! (`avg min max median sum stddev count set_intersection`) turn a list into one value, and lists by team into
//! one value a team. `teams[a].players` and `teams[a].players[playerId]` are the players' ids.

use super::error::RuleError;
use super::stage::{Team, View};
use crate::ticket::{Attribute, Player};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Functions within functions.
const DEPTH_MAX: usize = 8;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr {
    Path { teams: Vec<usize>, by_team: bool, of: Of },
    Call(Function, Box<Expr>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Of {
    Ids,
    Attribute(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Flatten,
    Avg,
    Min,
    Max,
    Median,
    Sum,
    Stddev,
    Count,
    SetIntersection,
}

const FUNCTIONS: [(&str, Function); 9] = [
    ("flatten", Function::Flatten),
    ("avg", Function::Avg),
    ("min", Function::Min),
    ("max", Function::Max),
    ("median", Function::Median),
    ("sum", Function::Sum),
    ("stddev", Function::Stddev),
    ("count", Function::Count),
    ("set_intersection", Function::SetIntersection),
];

/// What an expression yields.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Val<'a> {
    Num(f64),
    Text(Cow<'a, str>),
    List(Vec<Val<'a>>),
    /// One for each team.
    Teams(Vec<Val<'a>>),
}

/// The attributes that a rule set declares, with what players have that do not bring them.
pub(super) type Declared = BTreeMap<String, (AttributeType, Option<Attribute>)>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AttributeType {
    Number,
    Text,
    TextList,
    NumberMap,
}

/// The attribute that is the player's rating if the player brings none of that name.
pub(super) const SKILL: &str = "skill";

/// Whether a text is meant as an expression and not as a plain text.
pub(super) fn is_expression(text: &str) -> bool {
    let word = text.find(['(', '[']).map(|end| &text[..end]);
    word.is_some_and(|word| word == "teams" || word == "players" || text.ends_with(')'))
}

struct Reader<'a> {
    at: &'a str,
    rest: &'a str,
    teams: &'a [Team],
    declared: &'a Declared,
}

pub(super) fn parse(at: &str, text: &str, teams: &[Team], declared: &Declared) -> Result<Expr, RuleError> {
    let mut reader = Reader { at, rest: text, teams, declared };
    let expr = reader.expr(0)?;
    if reader.rest.trim().is_empty() { Ok(expr) } else { Err(reader.stuck()) }
}

impl Reader<'_> {
    fn stuck(&self) -> RuleError {
        RuleError::Expression { at: self.at.to_owned(), rest: self.rest.chars().take(60).collect() }
    }

    fn word(&mut self) -> &str {
        self.rest = self.rest.trim_start();
        let end =
            self.rest.find(|c: char| !(c.is_alphanumeric() || "_-".contains(c))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, sign: &str) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn must(&mut self, sign: &str) -> Result<(), RuleError> {
        if self.take(sign) { Ok(()) } else { Err(self.stuck()) }
    }

    fn bracket(&mut self) -> Result<&str, RuleError> {
        self.must("[")?;
        let Some(end) = self.rest.find(']') else { return Err(self.stuck()) };
        let (inner, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(inner.trim())
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, RuleError> {
        if depth > DEPTH_MAX {
            return Err(RuleError::value(
                self.at,
                format!("at most {DEPTH_MAX} functions within each other"),
            ));
        }
        let at = self.at;
        let before = self.rest;
        let word = self.word().to_owned();
        if word == "teams" {
            return self.path();
        }
        if !self.take("(") {
            if word.is_empty() {
                self.rest = before;
                return Err(self.stuck());
            }
            return Err(RuleError::unsupported(at, format!("\"{word}\" in an expression")));
        }
        let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) else {
            return Err(RuleError::unsupported(at, format!("the function {word}")));
        };
        let inner = self.expr(depth + 1)?;
        self.must(")")?;
        Ok(Expr::Call(*function, Box::new(inner)))
    }

    fn path(&mut self) -> Result<Expr, RuleError> {
        let at = self.at;
        let names = self.bracket()?.to_owned();
        let mut teams = Vec::new();
        for name in names.split(',').map(str::trim) {
            let found = self.teams.iter().enumerate().filter(|(_, team)| name == "*" || team.is(name));
            let before = teams.len();
            teams.extend(found.map(|(n, _)| n));
            if teams.len() == before {
                return Err(RuleError::NoSuch { at: at.to_owned(), name: format!("team {name}") });
            }
        }
        let by_team = names == "*" || teams.len() > 1;
        self.must(".")?;
        match self.word() {
            "players" => {}
            other => return Err(RuleError::unsupported(at, format!("\"{other}\" of a team"))),
        }
        if self.rest.trim_start().starts_with('[') {
            return match self.bracket()?.to_ascii_lowercase().as_str() {
                "playerid" => Ok(Expr::Path { teams, by_team, of: Of::Ids }),
                other => Err(RuleError::unsupported(at, format!("players[{other}]"))),
            };
        }
        if !self.take(".") {
            return Ok(Expr::Path { teams, by_team, of: Of::Ids });
        }
        match self.word() {
            "attributes" => {}
            other => return Err(RuleError::unsupported(at, format!("\"{other}\" of players"))),
        }
        let name = self.bracket()?.to_owned();
        match self.declared.get(&name) {
            Some((AttributeType::NumberMap, _)) => {
                Err(RuleError::unsupported(at, format!("the string_number_map {name} in an expression")))
            }
            Some(_) => Ok(Expr::Path { teams, by_team, of: Of::Attribute(name) }),
            None => Err(RuleError::NoSuch { at: at.to_owned(), name: format!("player attribute {name}") }),
        }
    }
}

impl Expr {
    /// Values of single players, whatever their teams.
    pub(super) fn is_per_player(&self) -> bool {
        match self {
            Expr::Path { .. } => true,
            Expr::Call(Function::Flatten, inner) => matches!(**inner, Expr::Path { .. }),
            Expr::Call(..) => false,
        }
    }

    /// Values of all players together, so that it does not matter who is in which team.
    pub(super) fn is_blind(&self, teams: usize) -> bool {
        match self {
            Expr::Call(Function::Flatten, inner) => {
                matches!(&**inner, Expr::Path { teams: of, .. } if of.len() == teams)
            }
            Expr::Path { teams: of, .. } => of.len() == teams && teams == 1,
            Expr::Call(..) => false,
        }
    }

    pub(super) fn eval<'a>(&'a self, view: &View<'a>, declared: &'a Declared) -> Val<'a> {
        match self {
            Expr::Path { teams, by_team, of } => {
                let team = |team: usize| {
                    let players = view.teams.get(team).map_or(&[][..], Vec::as_slice);
                    Val::List(players.iter().filter_map(|player| of.value(player, declared)).collect())
                };
                match (by_team, teams.first()) {
                    (false, Some(only)) => team(*only),
                    _ => Val::Teams(teams.iter().map(|n| team(*n)).collect()),
                }
            }
            Expr::Call(function, inner) => function.call(inner.eval(view, declared)),
        }
    }
}

impl Of {
    fn value<'a>(&self, player: &'a Player, declared: &'a Declared) -> Option<Val<'a>> {
        match self {
            Of::Ids => Some(Val::Text(player.id.as_str().into())),
            Of::Attribute(name) => {
                if let Some(own) = player.attributes.get(name) {
                    return val(own);
                }
                if name == SKILL {
                    return Some(Val::Num(player.rating.mu));
                }
                declared.get(name).and_then(|(_, default)| default.as_ref()).and_then(val)
            }
        }
    }
}

fn val(attribute: &Attribute) -> Option<Val<'_>> {
    match attribute {
        Attribute::Number(number) => Some(Val::Num(*number)),
        Attribute::Text(text) => Some(Val::Text(text.into())),
        Attribute::TextList(list) => {
            Some(Val::List(list.iter().map(|text| Val::Text(text.into())).collect()))
        }
        Attribute::NumberMap(_) => None,
    }
}

impl Function {
    fn call<'a>(self, on: Val<'a>) -> Val<'a> {
        match (self, on) {
            (Function::Flatten, Val::Teams(teams)) => {
                let inner = teams.into_iter().flat_map(|team| match team {
                    Val::List(list) => list,
                    other => vec![other],
                });
                Val::List(inner.collect())
            }
            (_, Val::Teams(teams)) => Val::Teams(teams.into_iter().map(|team| self.call(team)).collect()),
            (Function::Flatten, Val::List(list)) => {
                let inner = list.into_iter().flat_map(|one| match one {
                    Val::List(list) => list,
                    other => vec![other],
                });
                Val::List(inner.collect())
            }
            (Function::Count, Val::List(list)) => Val::Num(list.len() as f64),
            (Function::SetIntersection, Val::List(list)) => Val::List(intersection(list)),
            (_, Val::List(list)) => self.of_numbers(&list).map_or(Val::List(Vec::new()), Val::Num),
            (_, one) => one,
        }
    }

    /// None of an empty list: there is nothing to compare then.
    fn of_numbers(self, list: &[Val<'_>]) -> Option<f64> {
        let mut numbers: Vec<f64> = Vec::new();
        list.iter().for_each(|one| one.numbers(&mut numbers));
        if numbers.is_empty() {
            return None;
        }
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        Some(match self {
            Function::Sum => mean * count,
            Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Stddev => {
                (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt()
            }
            Function::Median => {
                numbers.sort_by(f64::total_cmp);
                let half = numbers.len() / 2;
                if numbers.len() % 2 == 1 {
                    numbers[half]
                } else {
                    f64::midpoint(numbers[half - 1], numbers[half])
                }
            }
            _ => mean,
        })
    }
}

/// What is in all of the lists; a plain value is a list of itself.
pub(super) fn intersection(lists: Vec<Val<'_>>) -> Vec<Val<'_>> {
    let mut lists = lists.into_iter().map(|one| match one {
        Val::List(list) | Val::Teams(list) => list,
        one => vec![one],
    });
    let mut common = lists.next().unwrap_or_default();
    for list in lists {
        common.retain(|value| list.contains(value));
    }
    let mut once: Vec<Val<'_>> = Vec::with_capacity(common.len());
    for value in common {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}

impl<'a> Val<'a> {
    /// All numbers in it.
    pub(super) fn numbers(&self, into: &mut Vec<f64>) {
        match self {
            Val::Num(number) => into.push(*number),
            Val::Text(_) => {}
            Val::List(list) | Val::Teams(list) => list.iter().for_each(|one| one.numbers(into)),
        }
    }

    /// All single values in it.
    pub(super) fn singles<'v>(&'v self, into: &mut Vec<&'v Val<'a>>) {
        match self {
            Val::Num(_) | Val::Text(_) => into.push(self),
            Val::List(list) | Val::Teams(list) => list.iter().for_each(|one| one.singles(into)),
        }
    }

    /// Its parts by team; as a whole if it is not by team.
    pub(super) fn by_team(self) -> Vec<Val<'a>> {
        match self {
            Val::Teams(teams) => teams,
            other => vec![other],
        }
    }
}
