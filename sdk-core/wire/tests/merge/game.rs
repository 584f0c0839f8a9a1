//! A game with a field for every policy: what players do in it, and how it keeps that in a save.

use crate::random::Random;
use aethex_wire::Value;
use aethex_wire::merge::Policies;
use aethex_wire::value::Dictionary;

/// Something a player did. Ids and written values are the number of the operation, so none comes twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
    Coins(i64),
    Kills(i64),
    /// In quarters, so that floats add up exactly.
    Distance(i64),
    High(i64),
    Best(i64),
    Unlock,
    Quest,
    QuestDone(u32),
    Log,
    LogCut(u32),
    Setting(usize),
    Level(usize),
    LevelReset(usize),
    Item,
    ItemMore(u32, i64),
    ItemTint(u32),
    ItemDrop(u32),
}

pub(crate) const SETTINGS: usize = 3;
pub(crate) const LEVELS: usize = 4;
pub(crate) const SCHEMAS: i64 = 2;

/// The rules of a schema.
pub(crate) fn policies(schema: i64) -> Policies {
    let (coins, kills) = names(schema);
    let list = Value::dictionary([("policy", Value::from("list")), ("key", "id".into())]);
    let rules = [
        (coins, Value::from("counter")),
        (kills, "sum".into()),
        ("walked", "sum".into()),
        ("high", "max".into()),
        ("best", "min".into()),
        ("unlocked", "union".into()),
        ("quests", "ordered_set".into()),
        ("log", "append".into()),
        ("settings", "latest".into()),
        ("items", list),
        ("items[].count", "sum".into()),
        ("**", "latest".into()),
    ];
    Policies::parse(&Value::dictionary(rules)).expect("these rules are well formed")
}

fn names(schema: i64) -> (&'static str, &'static str) {
    if schema == 1 { ("coins", "stats.kills") } else { ("purse.coins", "kills") }
}

/// A save of a new game; some fields are not there yet.
pub(crate) fn new_game(random: &mut Random) -> Value {
    let empty = || Value::from(Vec::new());
    let mut save = Value::dictionary([("name", Value::from("Ann"))]);
    let fields = [
        ("coins", Value::Int(0)),
        ("stats", Value::dictionary([("kills", Value::Int(0))])),
        ("walked", Value::Float(0.0)),
        ("unlocked", empty()),
        ("quests", empty()),
        ("log", empty()),
        ("items", empty()),
        ("settings", Value::dictionary::<&str>([])),
        ("levels", Value::dictionary::<&str>([])),
    ];
    for (name, value) in fields {
        if random.chance(70) {
            *field(&mut save, name) = value;
        }
    }
    save
}

/// The field at a path of keys, made when it is not there.
fn field<'v>(save: &'v mut Value, path: &str) -> &'v mut Value {
    path.split('.').fold(save, |value, key| {
        if !matches!(value, Value::Dictionary(_)) {
            *value = Value::Dictionary(Dictionary::default());
        }
        let Value::Dictionary(dictionary) = value else { unreachable!("made above") };
        let named = |entry: &(Value, Value)| matches!(&entry.0, Value::String(text) if text == key);
        let at = dictionary.entries.iter().position(named).unwrap_or_else(|| {
            dictionary.entries.push((key.into(), Value::Null));
            dictionary.entries.len() - 1
        });
        &mut dictionary.entries[at].1
    })
}

fn remove(save: &mut Value, path: &str, key: &str) {
    let value = field(save, path);
    if *value == Value::Null {
        *value = Value::Dictionary(Dictionary::default());
    }
    if let Value::Dictionary(dictionary) = value {
        dictionary.entries.retain(|(k, _)| !matches!(k, Value::String(text) if text == key));
    }
}

fn list<'v>(save: &'v mut Value, path: &str) -> &'v mut Vec<Value> {
    let value = field(save, path);
    if !matches!(value, Value::Array(_)) {
        *value = Vec::new().into();
    }
    let Value::Array(array) = value else { unreachable!("made above") };
    &mut array.items
}

fn add(save: &mut Value, path: &str, delta: i64) {
    let value = field(save, path);
    let before = if let Value::Int(before) = value { *before } else { 0 };
    *value = Value::Int(before + delta);
}

fn item(save: &mut Value, id: u32) -> Option<&mut Value> {
    list(save, "items").iter_mut().find(|item| item.get("id") == Some(&Value::Int(id.into())))
}

/// What the game does to the save, as operation `number`.
pub(crate) fn play(save: &mut Value, schema: i64, op: Op, number: u32) {
    let (coins, kills) = names(schema);
    let this = Value::Int(number.into());
    match op {
        Op::Coins(delta) => add(save, coins, delta),
        Op::Kills(delta) => add(save, kills, delta),
        Op::Distance(quarters) => {
            let value = field(save, "walked");
            let before = if let Value::Float(before) = value { *before } else { 0.0 };
            *value = Value::Float(before + quarters as f64 / 4.0);
        }
        Op::High(score) => {
            let value = field(save, "high");
            *value = Value::Int(if let Value::Int(before) = value { score.max(*before) } else { score });
        }
        Op::Best(time) => {
            let value = field(save, "best");
            *value = Value::Int(if let Value::Int(before) = value { time.min(*before) } else { time });
        }
        Op::Unlock => list(save, "unlocked").push(this),
        Op::Quest => list(save, "quests").push(this),
        Op::QuestDone(id) => list(save, "quests").retain(|quest| *quest != Value::Int(id.into())),
        Op::Log => list(save, "log").push(this),
        Op::LogCut(id) => list(save, "log").retain(|entry| *entry != Value::Int(id.into())),
        Op::Setting(which) => *field(save, &format!("settings.s{which}")) = this,
        Op::Level(which) => *field(save, &format!("levels.l{which}")) = this,
        Op::LevelReset(which) => remove(save, "levels", &format!("l{which}")),
        Op::Item => {
            let item = Value::dictionary([("id", this), ("count", Value::Int(1)), ("tint", Value::Null)]);
            list(save, "items").push(item);
        }
        Op::ItemMore(id, delta) => {
            if let Some(item) = item(save, id) {
                add(item, "count", delta);
            }
        }
        Op::ItemTint(id) => {
            if let Some(item) = item(save, id) {
                *field(item, "tint") = this;
            }
        }
        Op::ItemDrop(id) => {
            list(save, "items").retain(|item| item.get("id") != Some(&Value::Int(id.into())));
        }
    }
}

/// What the game does to a save of schema 1 when it first meets it.
pub(crate) fn migrate(save: &mut Value) {
    let Value::Dictionary(dictionary) = save else { return };
    let mut coins = None;
    let mut kills = None;
    dictionary.entries.retain_mut(|(key, value)| match key {
        Value::String(text) if text == "coins" => {
            coins = Some(std::mem::take(value));
            false
        }
        Value::String(text) if text == "stats" => {
            kills = value.get("kills").cloned();
            false
        }
        _ => true,
    });
    if let Some(coins) = coins {
        *field(save, "purse.coins") = coins;
    }
    if let Some(kills) = kills {
        *field(save, "kills") = kills;
    }
}

/// A save as plain numbers, to be compared.
pub(crate) struct Seen<'v>(pub(crate) &'v Value, pub(crate) i64);

impl Seen<'_> {
    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self.0, |value, key| value.get(key))
    }

    fn int(&self, path: &str) -> Option<i64> {
        if let Some(Value::Int(int)) = self.at(path) { Some(*int) } else { None }
    }

    pub(crate) fn coins(&self) -> i64 {
        self.int(names(self.1).0).unwrap_or(0)
    }

    pub(crate) fn kills(&self) -> i64 {
        self.int(names(self.1).1).unwrap_or(0)
    }

    pub(crate) fn quarters(&self) -> i64 {
        if let Some(Value::Float(walked)) = self.at("walked") { (walked * 4.0) as i64 } else { 0 }
    }

    pub(crate) fn high(&self) -> Option<i64> {
        self.int("high")
    }

    pub(crate) fn best(&self) -> Option<i64> {
        self.int("best")
    }

    pub(crate) fn list(&self, path: &str) -> Vec<u32> {
        let Some(Value::Array(array)) = self.at(path) else { return Vec::new() };
        array.items.iter().filter_map(number).collect()
    }

    pub(crate) fn setting(&self, which: usize) -> Option<u32> {
        self.at(&format!("settings.s{which}")).and_then(number)
    }

    pub(crate) fn level(&self, which: usize) -> Option<u32> {
        self.at(&format!("levels.l{which}")).and_then(number)
    }

    /// Id, count, tint.
    pub(crate) fn items(&self) -> Vec<(u32, i64, Option<u32>)> {
        let Some(Value::Array(array)) = self.at("items") else { return Vec::new() };
        let item = |item: &Value| {
            let Some(Value::Int(count)) = item.get("count") else { return None };
            Some((item.get("id").and_then(number)?, *count, item.get("tint").and_then(number)))
        };
        array.items.iter().map(|value| item(value).expect("an item has its fields")).collect()
    }
}

fn number(value: &Value) -> Option<u32> {
    if let Value::Int(int) = value { u32::try_from(*int).ok() } else { None }
}
