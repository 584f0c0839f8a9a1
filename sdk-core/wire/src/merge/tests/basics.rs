//! What happens by default, and what each policy does.

use super::*;

#[test]
fn fields_that_one_side_changed_are_that_sides() {
    let pair = Pair::new(
        Policies::new(),
        json!({"a": 1, "b": 1, "c": {"d": 1, "e": 1}, "gone": 1}),
        json!({"a": 2, "b": 1, "c": {"d": 2, "e": 1}, "gone": 1, "new": 1}),
        json!({"a": 1, "b": 2, "c": {"d": 1, "e": 2}, "newer": 1}),
    );
    assert_eq!(pair.settled(), json!({"a": 2, "b": 2, "c": {"d": 2, "e": 2}, "new": 1, "newer": 1}));
}

#[test]
fn every_policy_does_what_its_name_says() {
    let table = json!({
        "coins": "counter", "score": "max", "time": "min", "done": "union", "both": "intersect",
        "quests": "ordered_set", "log": "append", "items": "list", "items[].n": "sum", "set": "latest",
        "flag": "playtime", "gfx": "local", "srv": "cloud", "pos,level": "group", "note": "text",
        "hp": {"policy": "max", "floor": 0, "ceil": 100}
    });
    let pair = Pair::new(
        rules(table),
        json!({"coins": 10, "score": 5, "time": 50, "done": ["a"], "both": ["a", "b"], "quests": ["a", "b"],
               "log": ["x"], "items": [{"id": 1, "n": 1, "c": "r"}, {"id": 2, "n": 1}], "set": 1, "flag": 1, "gfx": 1,
               "srv": 1, "pos": 1, "level": 1, "note": "a\nb\nc\n", "hp": 50}),
        json!({"coins": 15, "score": 7, "time": 40, "done": ["a", "l"], "both": ["a"], "quests": ["a", "l"],
               "log": ["x", "l"], "items": [{"id": 1, "n": 4, "c": "r"}, {"id": 3, "n": 1}], "set": 2, "flag": 2, "gfx": 2,
               "srv": 2, "pos": 2, "level": 1, "note": "A\nb\nc\n", "hp": 120}),
        json!({"coins": 3, "score": 6, "time": 45, "done": ["c"], "both": ["a", "b", "c"], "quests": ["b", "c", "a"],
               "log": ["x", "c"], "items": [{"id": 1, "n": 2, "c": "g"}, {"id": 2, "n": 1}, {"id": 4}], "set": 3, "flag": 3,
               "gfx": 3, "srv": 3, "pos": 1, "level": 3, "note": "a\nb\nC\n", "hp": 60}),
    );
    assert_eq!(
        pair.settled(),
        json!({"coins": 8, "score": 7, "time": 40, "done": ["a", "l", "c"], "both": ["a"], "quests": ["a", "l", "c"],
               "log": ["x", "l", "c"], "items": [{"id": 1, "n": 5, "c": "g"}, {"id": 3, "n": 1}, {"id": 4}], "set": 3,
               "flag": 2, "gfx": 2, "srv": 3, "pos": 1, "level": 3, "note": "A\nb\nC\n", "hp": 100})
    );
}

#[test]
fn a_counter_counts_what_both_added_even_when_it_is_the_same() {
    let pair = Pair::new(rules(json!({"n": "sum"})), json!({"n": 10}), json!({"n": 15}), json!({"n": 15}));
    assert_eq!(pair.settled(), json!({"n": 20}));
}

#[test]
fn what_both_changed_is_asked_and_answered() {
    let pair = Pair::new(
        Policies::new(),
        json!({"a": {"class": "mage", "x": 1}, "z": 0}),
        json!({"a": {"class": "thief", "x": 2}, "z": 0}),
        json!({"a": {"class": "knight", "x": 1}, "z": 1}),
    );
    let mut merged = pair.merge();
    assert_eq!(pair.asked(), ["a.class"]);
    assert_eq!(merged.value, v(json!({"a": {"class": "knight", "x": 2}, "z": 1})));
    assert!(!merged.is_settled());
    let path = merged.asks[0].path.clone();
    merged.answer(&path, Choice::Local).unwrap();
    assert!(merged.is_settled());
    assert_eq!(merged.value, v(json!({"a": {"class": "thief", "x": 2}, "z": 1})));
    merged.answer(&path, Choice::Value(v(json!("bard")))).unwrap();
    assert_eq!(merged.value, v(json!({"a": {"class": "bard", "x": 2}, "z": 1})));
    assert_eq!(merged.answer(&Path::of(["b"]), Choice::Local), Err(MergeError::NotAsked(Path::of(["b"]))));
}
