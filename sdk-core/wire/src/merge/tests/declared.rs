//! What games declare: which rules are taken, which are refused, and which one wins.

use super::*;

#[test]
fn bad_rules_are_refused_with_their_pattern() {
    let cases = [
        ("", "empty"),
        ("a..b", "key is empty"),
        ("a.", "key is empty"),
        ("a[b", "no `]`"),
        ("a]b", "bracket"),
        ("a[]b", "after `]`"),
        ("a[*]", "`[]`"),
        ("a***", "`**` stands alone"),
        ("***", "at most two"),
        ("a\\", "ends in"),
        ("a,,b", "empty"),
    ];
    for (pattern, why) in cases {
        let error = Policies::new().with(pattern, Policy::Latest).unwrap_err();
        assert!(error.why.contains(why), "{pattern}: {error}");
    }
    assert!(Policies::new().with(&"x".repeat(PATTERN_LEN_MAX + 1), Policy::Latest).is_err());
    let error = Policies::parse(&v(json!({"coins": "conter"}))).unwrap_err();
    assert_eq!(error.pattern, "coins");
    assert!(error.to_string().contains("counter"), "{error}");
    for bad in [
        json!([]),
        json!({"a": 1}),
        json!({"a": {"floor": 1}}),
        json!({"a": {"policy": "max", "flor": 1}}),
        json!({"a": {"policy": "max", "floor": "x"}}),
        json!({"a": {"policy": "max", "floor": 2, "ceil": 1.5}}),
        json!({"a": {"policy": "latest", "floor": 1}}),
        json!({"a": {"policy": "list", "key": ""}}),
        json!({"a": "custom"}),
        json!({"a": {"policy": "custom"}}),
        json!({"a.*,b": "group"}),
        json!({"a,a.b": "group"}),
        json!({"a,a": "group"}),
        json!({"a,b": {"policy": "group", "by": "dice"}}),
        json!({"**": "union"}),
    ] {
        assert!(Policies::parse(&v(bad.clone())).is_err(), "{bad}");
    }
}

#[test]
fn every_name_is_a_policy() {
    for name in Policy::NAMES {
        assert!(Policy::named(name).is_some(), "{name}");
    }
}

#[test]
fn rules_are_kept_and_read_back() {
    let policies = rules(json!({
        "coins": "sum", "hp": {"policy": "max", "floor": 0, "ceil": 99.5}, "items": {"policy": "list", "key": "name"},
        "a,b": {"policy": "group", "by": "ask"}, "x": {"policy": "custom", "name": "f"}, "**": "latest"
    }));
    let kept = serde_json::to_string(&policies).unwrap();
    assert_eq!(serde_json::from_str::<Policies>(&kept).unwrap(), policies);
    assert_eq!(*policies.default_policy(), Policy::Latest);
    assert!(serde_json::from_str::<Policies>(&kept.replace("a,b", "a.*")).is_err());
}

/// Which of two rules decides about the field at `a.b`: `max` gives 2, `min` gives 1.
fn winner(first: &str, second: &str) -> &'static str {
    let policies = Policies::new()
        .with(first, Policy::Max(Bounds::default()))
        .and_then(|policies| policies.with(second, Policy::Min(Bounds::default())))
        .unwrap();
    let pair = Pair::new(policies, json!({"a": {"b": 0}}), json!({"a": {"b": 1}}), json!({"a": {"b": 2}}));
    if pair.settled() == json!({"a": {"b": 2}}) { "first" } else { "second" }
}

#[test]
fn the_most_specific_rule_wins() {
    for (specific, general) in [
        ("a.b", "a"),
        ("a.b", "*.b"),
        ("a.b", "**"),
        ("a", "**"),
        ("a.*", "a"),
        ("a.*", "a.**"),
        ("**.b", "a.*"),
        ("**.b", "a"),
        ("a.*", "*.*"),
        ("a.b*", "a.*"),
        ("a.b", "a.b*"),
        ("*.b", "**.b"),
    ] {
        assert_eq!(winner(specific, general), "first", "{specific} before {general}");
        assert_eq!(winner(general, specific), "second", "{specific} before {general}");
    }
    assert_eq!(winner("a.b", "a.b"), "second", "the last one declared");
}

#[test]
fn keys_of_every_kind_can_be_named() {
    let path = |step: Step| Path(vec![step]).to_string();
    let key = |value| path(Step::Key(value));
    assert_eq!(key("a.b".into()), "a\\.b");
    assert_eq!(key("5".into()), "\\5");
    assert_eq!(key(Value::Int(5)), "5");
    assert_eq!(key("".into()), "\"\"");
    assert_eq!(key("\"\"".into()), "\\\"\"");
    assert_eq!(path(Step::Index(3)), "[3]");
    assert_eq!(path(Step::Item("a]".into())), "[a\\]]");
    for name in ["a.b", "5", "", "\"\"", "a*", "a,b", "[x]", "\\"] {
        let policies = Policies::new().with(&key(name.into()), Policy::Sum(Bounds::default())).unwrap();
        let value = |n: i64| Value::dictionary([(name, Value::Int(n))]);
        let pair = Pair { base: Some(value(1)), local: value(2), cloud: value(3), rules: policies };
        assert_eq!(pair.merge().value, value(4), "{name:?}");
    }
}
