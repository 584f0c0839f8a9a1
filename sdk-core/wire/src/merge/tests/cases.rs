//! The corners: deletions, no ancestor, groups, lists, schemas, sides that look like accidents.

use super::*;

#[test]
fn a_deletion_holds_unless_the_other_side_changed_the_field() {
    let case = |policy: &str| {
        let table = if policy.is_empty() { json!({}) } else { json!({ "x": policy }) };
        Pair::new(rules(table), json!({"x": 1, "y": 1}), json!({"y": 1}), json!({"x": 5, "y": 1}))
    };
    assert_eq!(case("").asked(), ["x"]);
    for keeping in ["max", "min", "sum", "latest", "cloud"] {
        assert_eq!(case(keeping).settled(), json!({"x": 5, "y": 1}), "{keeping}");
    }
    for dropping in ["local", "playtime"] {
        assert_eq!(case(dropping).settled(), json!({"y": 1}), "{dropping}");
    }
    for policy in ["max", "sum", "latest"] {
        let pair = Pair::new(
            rules(json!({ "x": policy })),
            json!({"x": 1, "y": 1}),
            json!({"y": 1}),
            json!({"x": 1, "y": 2}),
        );
        assert_eq!(pair.settled(), json!({"y": 2}), "{policy}");
    }
    let mut merged = case("").merge();
    merged.answer_rest(Which::Local);
    assert_eq!(merged.value, v(json!({"y": 1})));
}

#[test]
fn without_an_ancestor_nothing_is_invented_or_lost() {
    let pair = Pair::without_base(
        rules(
            json!({"n": "sum", "same": "sum", "hi": "max", "set": "union", "late": "latest", "log": "append"}),
        ),
        json!({"n": 5, "same": 2, "hi": 1, "set": [1], "late": 1, "mine": 1, "log": [1, 2]}),
        json!({"n": 7, "same": 2, "hi": 3, "set": [2], "late": 2, "theirs": 1, "log": [1, 3]}),
    );
    assert_eq!(pair.asked(), ["n"]);
    let merged = pair.merge();
    assert_eq!(
        merged.value,
        v(
            json!({"n": 7, "same": 2, "hi": 3, "set": [1, 2], "late": 2, "mine": 1, "log": [1, 2, 3], "theirs": 1})
        )
    );
    let table = json!({"n": "sum", "**": "latest"});
    let pair = Pair::without_base(rules(table), json!({"n": 5}), json!({"n": 7}));
    assert_eq!(pair.asked(), ["n"], "a counter is not settled by the default");
}

#[test]
fn numbers_stay_in_their_range() {
    let sum = |base, local, cloud| {
        let value = |n: Value| Value::dictionary([("n", n)]);
        let rules = rules(json!({"n": "sum"}));
        let pair = Pair { base: Some(value(base)), local: value(local), cloud: value(cloud), rules };
        pair.merge().value.get("n").cloned().unwrap()
    };
    let int = Value::Int;
    assert_eq!(sum(int(0), int(i64::MAX), int(5)), int(i64::MAX));
    assert_eq!(sum(int(0), int(i64::MIN), int(-5)), int(i64::MIN));
    assert_eq!(sum(int(i64::MIN), int(i64::MAX), int(i64::MIN + 1)), int(i64::MAX));
    assert_eq!(
        sum(Value::Float(0.0), Value::Float(f64::MAX), Value::Float(f64::MAX)),
        Value::Float(f64::MAX)
    );
    assert_eq!(sum(int(1), Value::Float(1.5), int(2)), Value::Float(2.5));
    let max = |a: Value, b: Value| {
        let value = |n: Value| Value::dictionary([("n", n)]);
        let pair = Pair { base: None, local: value(a), cloud: value(b), rules: rules(json!({"n": "max"})) };
        pair.merge().value.get("n").cloned().unwrap()
    };
    let big = (1i64 << 53) + 1;
    assert_eq!(max(int(big), Value::Float((1i64 << 53) as f64)), int(big));
    assert_eq!(max(Value::Float(f64::NAN), int(-1)), int(-1));
    assert_eq!(max(Value::Bool(false), Value::Bool(true)), Value::Bool(true));
}

#[test]
fn groups_move_together() {
    let case = |by: &str| {
        let table = json!({"pos,map.level": {"policy": "group", "by": by}});
        Pair::new(
            rules(table),
            json!({"pos": 0, "map": {"level": 0, "fog": 0}}),
            json!({"pos": 1, "map": {"level": 0, "fog": 1}}),
            json!({"pos": 0, "map": {"level": 2, "fog": 0}}),
        )
    };
    assert_eq!(case("latest").settled(), json!({"pos": 0, "map": {"level": 2, "fog": 1}}));
    assert_eq!(case("playtime").settled(), json!({"pos": 1, "map": {"level": 0, "fog": 1}}));
    let mut merged = case("ask").merge();
    assert_eq!(merged.asks.len(), 1);
    let both = [("pos", Value::Int(1)), ("map.level", Value::Int(0))];
    assert_eq!(merged.asks[0].local, Some(Value::dictionary(both)));
    assert_eq!(merged.value, v(json!({"pos": 0, "map": {"level": 2, "fog": 1}})));
    let second = merged.asks[0].also[0].clone();
    assert_eq!(second.to_string(), "map.level");
    merged.answer(&second, Choice::Local).unwrap();
    assert_eq!(merged.value, v(json!({"pos": 1, "map": {"level": 0, "fog": 1}})));
    assert!(matches!(merged.answer(&second, Choice::Value(Value::Int(1))), Err(MergeError::Answer { .. })));
    merged.answer(&second, Choice::Value(v(json!({"pos": 7, "map.level": 8})))).unwrap();
    assert_eq!(merged.value, v(json!({"pos": 7, "map": {"level": 8, "fog": 1}})));
}

#[test]
fn lists_without_a_rule_take_the_edits_of_both_sides() {
    let list = |base, local, cloud| {
        Pair::new(Policies::new(), json!({ "l": base }), json!({ "l": local }), json!({ "l": cloud }))
    };
    let far = list(json!([1, 2, 3, 4, 5]), json!([0, 1, 2, 3, 4, 5]), json!([1, 2, 3, 5]));
    assert_eq!(far.settled(), json!({"l": [0, 1, 2, 3, 5]}));
    let places = list(json!([0, 0, 0]), json!([1, 0, 0]), json!([0, 1, 0]));
    assert_eq!(places.settled(), json!({"l": [1, 1, 0]}));
    let both_append = list(json!([1]), json!([1, 2]), json!([1, 3]));
    assert_eq!(both_append.asked(), ["l"]);
    let packed = |at: usize| {
        let mut list = vec![f32::from_bits(0x7fa0_0001); 6];
        list[at] = at as f32;
        Value::dictionary([("l", Value::PackedFloat32Array(list))])
    };
    let pair = Pair { base: Some(packed(0)), local: packed(1), cloud: packed(0), rules: Policies::new() };
    assert_eq!(pair.merge().value, packed(1));
    let bytes = |list: &[u8]| Value::dictionary([("b", Value::PackedByteArray(list.to_vec()))]);
    let pair = Pair {
        base: Some(bytes(&[1, 2, 3])),
        local: bytes(&[0, 2, 3]),
        cloud: bytes(&[1, 2, 0]),
        rules: Policies::new(),
    };
    assert_eq!(pair.asked(), ["b"], "bytes are something whole");
}

#[test]
fn a_rule_reaches_the_items_of_a_list() {
    let pair = Pair::new(
        rules(json!({"best[]": "max", "runs": "sum", "pair[1]": "min"})),
        json!({"best": [1, 1], "runs": [1, 1], "pair": [1, 1]}),
        json!({"best": [5, 1, 2], "runs": [2, 1], "pair": [1, 0]}),
        json!({"best": [1, 4], "runs": [3, 5], "pair": [1, -1]}),
    );
    assert_eq!(pair.settled(), json!({"best": [5, 4, 2], "runs": [4, 5], "pair": [1, -1]}));
}

#[test]
fn records_are_told_apart_by_their_key() {
    let pair = Pair::new(
        rules(json!({"i": "list", "i[].n": "sum"})),
        json!({"i": [{"id": "a", "n": 1}, {"id": "b", "n": 1}, {"id": "c", "n": 1}]}),
        json!({"i": [{"id": "b", "n": 5}, {"id": "c", "n": 1}]}),
        json!({"i": [{"id": "c", "n": 2}, {"id": "a", "n": 1}, {"id": "b", "n": 2}]}),
    );
    assert_eq!(pair.settled(), json!({"i": [{"id": "c", "n": 2}, {"id": "b", "n": 6}]}));
    let pair = Pair::new(
        rules(json!({"i": "list"})),
        json!({"i": [{"id": "a", "n": 1}]}),
        json!({"i": []}),
        json!({"i": [{"id": "a", "n": 2}]}),
    );
    let mut merged = pair.merge();
    assert_eq!(merged.asks[0].path.to_string(), "i[a]");
    merged.answer_rest(Which::Local);
    assert_eq!(merged.value, v(json!({"i": []})));
    let twice = Pair::new(
        rules(json!({"i": "list"})),
        json!({"i": [{"id": 1}, {"id": 1}]}),
        json!({"i": [{"id": 1}]}),
        json!({"i": [{"id": 2}]}),
    );
    assert_eq!(twice.asked(), ["i"]);
}

#[test]
fn text_is_merged_by_lines_or_asked_about() {
    let case = |local: &str, cloud: &str| {
        Pair::new(
            rules(json!({"t": "text"})),
            json!({"t": "a\nb\nc"}),
            json!({ "t": local }),
            json!({ "t": cloud }),
        )
    };
    assert_eq!(case("A\nb\nc", "a\nb\nc\nd").asked(), Vec::<String>::new().as_slice());
    assert_eq!(case("a\nX\nc", "a\nY\nc").asked(), ["t"]);
}

#[test]
fn the_games_own_function_decides() {
    let table = json!({"x": {"policy": "custom", "name": "mix"}, "y": {"policy": "custom", "name": "mix"}});
    let pair =
        Pair::new(rules(table), json!({"x": 1, "y": 1}), json!({"x": 2, "y": 2}), json!({"x": 3, "y": 3}));
    let merged = merge_with(&pair.sides(), &mut |field| {
        assert_eq!(field.name, "mix");
        (field.path.to_string() == "x").then(|| "mixed".into())
    });
    let merged = merged.unwrap();
    assert_eq!(merged.value, v(json!({"x": "mixed", "y": 3})));
    assert_eq!(merged.asks.len(), 1);
    let mut deep = Value::Null;
    for _ in 0..crate::value::VALUE_DEPTH_MAX {
        deep = Value::from(vec![deep]);
    }
    assert!(matches!(merge_with(&pair.sides(), &mut |_| Some(deep.clone())), Err(MergeError::Merged(_))));
    let mut merged = pair.merge();
    assert!(merged.answer(&Path::of(["x"]), Choice::Value(deep)).is_err());
    assert!(!merged.is_settled() && merged.open().count() == 2);
}

#[test]
fn sides_of_another_schema_are_migrated_first() {
    let pair = Pair::new(Policies::new(), json!({}), json!({}), json!({}));
    let schemas = |base, local, cloud| {
        let mut sides = pair.sides();
        sides.base = sides.base.map(|side| Side { schema: base, ..side });
        (sides.local.schema, sides.cloud.schema) = (local, cloud);
        merge(&sides).map(|_| ())
    };
    let error = |side, found| Err(MergeError::Schema { side, found, wanted: 2 });
    assert_eq!(schemas(1, 2, 2), error(Which::Base, 1));
    assert_eq!(schemas(2, 1, 2), error(Which::Local, 1));
    assert_eq!(schemas(2, 2, 0), error(Which::Cloud, 0));
    assert_eq!(schemas(2, 2, 2), Ok(()));
}

#[test]
fn a_side_that_looks_like_an_accident_is_asked_about_as_a_whole() {
    let full = json!({"coins": 5, "text": "x".repeat(2000)});
    let pair = Pair::new(
        rules(json!({"coins": "sum"})),
        full.clone(),
        json!({}),
        json!({"coins": 6, "text": "y".repeat(2000)}),
    );
    let mut merged = pair.merge();
    assert_eq!(merged.suspicions, [(Which::Local, Suspicion::Empty), (Which::Local, Suspicion::MuchSmaller)]);
    assert!(merged.asks.len() == 1 && merged.asks[0].path.is_root());
    assert_eq!(merged.value, pair.cloud);
    merged.answer(&Path::default(), Choice::Local).unwrap();
    assert_eq!(merged.value, pair.local);
    let looked = merge(&Merge { guards: false, ..pair.sides() }).unwrap();
    assert!(looked.suspicions.is_empty());
    let mut sides = pair.sides();
    sides.local = Side { playtime_ms: 10, ..sides.cloud };
    sides.cloud = sides.base.unwrap();
    assert!(merge(&sides).unwrap().asks[0].path.is_root(), "less playtime than the ancestor");
    let new = Pair::without_base(rules(json!({"s": "latest"})), full, json!({"s": 1}));
    assert!(new.merge().asks.is_empty(), "without an ancestor nothing is deleted");
}

#[test]
fn names_and_texts_are_the_same_keys() {
    let name = |n: i64| {
        let entries = vec![(Value::StringName("n".into()), Value::Int(n))];
        Value::Dictionary(crate::value::Dictionary { entries, ..Default::default() })
    };
    let pair = Pair {
        base: Some(v(json!({"n": 1}))),
        local: name(2),
        cloud: v(json!({"n": 4})),
        rules: rules(json!({"n": "sum"})),
    };
    assert_eq!(pair.merge().value, name(5));
}

#[test]
fn values_that_cannot_be_saved_are_refused() {
    let mut deep = Value::Null;
    for _ in 0..=crate::value::VALUE_DEPTH_MAX {
        deep = Value::from(vec![deep]);
    }
    let pair = Pair { base: None, local: deep, cloud: Value::Null, rules: Policies::new() };
    assert!(matches!(merge(&pair.sides()), Err(MergeError::Value { side: Which::Local, .. })));
}
