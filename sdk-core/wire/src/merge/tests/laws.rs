//! What holds for every value and every rule.

use super::*;
use proptest::prelude::*;
use std::cmp::Ordering;

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3i64..4).prop_map(Value::Int),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        (-2i64..3).prop_map(|int| Value::Float(int as f64)),
        "[abc\n]{0,3}".prop_map(Value::String),
        "[ab]".prop_map(Value::StringName),
        proptest::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..4)
            .prop_map(Value::PackedFloat32Array),
        proptest::collection::vec(-1i32..3, 0..4).prop_map(Value::PackedInt32Array),
        proptest::collection::vec(any::<u8>(), 0..4).prop_map(Value::PackedByteArray),
    ]
}

fn key() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[abc]".prop_map(Value::String),
        1 => "[abc]".prop_map(Value::StringName),
        1 => (0i64..3).prop_map(Value::Int),
        1 => Just(Value::String("id".into())),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 5, |inner| {
        let dictionary = proptest::collection::vec((key(), inner.clone()), 0..5).prop_map(|entries| {
            let mut unique: Vec<(Value, Value)> = Vec::new();
            for (key, value) in entries {
                if unique.iter().all(|(known, _)| *known != key) {
                    unique.push((key, value));
                }
            }
            Value::Dictionary(crate::value::Dictionary { entries: unique, ..Default::default() })
        });
        prop_oneof![2 => dictionary, 1 => proptest::collection::vec(inner, 0..5).prop_map(Value::from)]
    })
}

/// Rules that are the same from both sides.
fn symmetric() -> impl Strategy<Value = Policies> {
    let names = [
        "max",
        "min",
        "sum",
        "union",
        "intersect",
        "ordered_set",
        "append",
        "list",
        "map",
        "latest",
        "playtime",
        "text",
        "ask",
    ];
    let name = proptest::sample::select(names.to_vec());
    let pattern = proptest::sample::select(vec![
        "a", "b", "c", "**.a", "*.b", "a.*", "**.c[]", "a[]", "**.id", "1", "b.c*",
    ]);
    let rules = proptest::collection::vec((pattern, name), 0..5);
    (rules, proptest::sample::select(vec!["ask", "latest", "playtime", "max"])).prop_map(
        |(rules, default)| {
            let mut policies = Policies::new();
            policies.set_default(Policy::named(default).unwrap()).unwrap();
            for (pattern, name) in rules {
                policies.add(pattern, Policy::named(name).unwrap()).unwrap();
            }
            policies
        },
    )
}

fn bytes(value: &Value) -> Vec<u8> {
    crate::value::encode(value).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_merge_is_the_same_from_both_sides(
        base in proptest::option::of(value()), local in value(), cloud in value(), rules in symmetric(),
    ) {
        let pair = Pair { base, local, cloud, rules };
        let sides = pair.sides();
        let mirrored = Merge { local: sides.cloud, cloud: sides.local, ..sides };
        let (mut here, mut there) = (merge(&sides).unwrap(), merge(&mirrored).unwrap());
        prop_assert_eq!(here.asks.len(), there.asks.len());
        for (a, b) in here.asks.iter().zip(&there.asks) {
            prop_assert_eq!((&a.path, &a.local, &a.cloud, &a.base), (&b.path, &b.cloud, &b.local, &b.base));
        }
        here.answer_rest(Which::Local);
        there.answer_rest(Which::Cloud);
        prop_assert_eq!(bytes(&here.value), bytes(&there.value));
    }

    #[test]
    fn merging_the_merge_again_changes_nothing(
        base in proptest::option::of(value()), local in value(), cloud in value(), rules in symmetric(),
    ) {
        let pair = Pair { base, local, cloud, rules };
        let first = merge(&Merge { guards: false, ..pair.sides() }).unwrap();
        let merged = Side { hlc: Hlc::at(20), device: "merge", playtime_ms: 5000, ..Side::new(&first.value) };
        if first.asks.is_empty() {
            for side in [pair.sides().local, pair.sides().cloud] {
                let again = Merge { base: Some(side), local: side, cloud: merged, guards: false, ..pair.sides() };
                let again = merge(&again).unwrap();
                prop_assert!(again.asks.is_empty());
                prop_assert_eq!(bytes(&again.value), bytes(&first.value));
            }
        }
        let same = Merge { base: Some(merged), local: merged, cloud: Side { device: "x", ..merged }, ..pair.sides() };
        let same = merge(&same).unwrap();
        prop_assert!(same.asks.is_empty());
        prop_assert_eq!(bytes(&same.value), bytes(&first.value));
    }

    #[test]
    fn a_value_is_the_same_as_itself_only(a in value(), b in value()) {
        prop_assert!(super::super::same::same(&a, &a.clone()));
        prop_assert_eq!(super::super::same::same(&a, &b), bytes(&a) == bytes(&b));
    }

    #[test]
    fn numbers_have_a_total_order(a in any::<i64>(), bits in any::<u64>(), near in -2i64..3) {
        for float in [f64::from_bits(bits), a as f64, a.wrapping_add(near) as f64 + 0.5] {
            if float.is_nan() {
                continue;
            }
            let (int, float) = (Number::Int(a), Number::Float(float));
            prop_assert_eq!(int.order(float), float.order(int).reverse());
            prop_assert_ne!(int.order(float), Ordering::Equal);
        }
    }

    #[test]
    fn any_text_is_a_rule_or_a_clear_error(text in "[a.*\\[\\]\\\\,\"]{0,8}") {
        if let Err(error) = Policies::new().with(&text, Policy::Latest) {
            prop_assert!(!error.why.is_empty());
        }
    }
}
