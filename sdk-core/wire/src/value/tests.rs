//! Values in bytes and in JSON: nothing is lost, everything has one form.

use super::*;
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter)
}

fn f32s<const N: usize>() -> impl Strategy<Value = [f32; N]> {
    any::<[u32; N]>().prop_map(|bits| bits.map(f32::from_bits))
}

fn leaf() -> impl Strategy<Value = Value> {
    let few = 0..4usize;
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300i64..300).prop_map(Value::Int),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        (-9i64..9).prop_map(|int| Value::Float(int as f64)),
        text().prop_map(Value::String),
        text().prop_map(Value::StringName),
        text().prop_map(Value::NodePath),
        (64u8.., any::<Vec<u8>>()).prop_map(|(tag, bytes)| Value::Opaque { tag, bytes }),
    ];
    let math = prop_oneof![
        f32s().prop_map(Value::Vector2),
        any::<[i32; 2]>().prop_map(Value::Vector2i),
        f32s().prop_map(Value::Rect2),
        any::<[i32; 4]>().prop_map(Value::Rect2i),
        f32s().prop_map(Value::Vector3),
        any::<[i32; 3]>().prop_map(Value::Vector3i),
        f32s().prop_map(Value::Transform2D),
        f32s().prop_map(Value::Vector4),
        any::<[i32; 4]>().prop_map(Value::Vector4i),
        f32s().prop_map(Value::Plane),
    ];
    let more_math = prop_oneof![
        f32s().prop_map(Value::Quaternion),
        f32s().prop_map(Value::Aabb),
        f32s().prop_map(|floats| Value::Basis(Box::new(floats))),
        f32s().prop_map(|floats| Value::Transform3D(Box::new(floats))),
        f32s().prop_map(|floats| Value::Projection(Box::new(floats))),
        f32s().prop_map(Value::Color),
    ];
    use proptest::collection::vec;
    let packed = prop_oneof![
        any::<Vec<u8>>().prop_map(Value::PackedByteArray),
        vec(any::<i32>(), few.clone()).prop_map(Value::PackedInt32Array),
        vec(any::<i64>(), few.clone()).prop_map(Value::PackedInt64Array),
        vec(any::<u32>().prop_map(f32::from_bits), few.clone()).prop_map(Value::PackedFloat32Array),
        vec(any::<u64>().prop_map(f64::from_bits), few.clone()).prop_map(Value::PackedFloat64Array),
        vec(text(), few.clone()).prop_map(Value::PackedStringArray),
        vec(f32s(), few.clone()).prop_map(Value::PackedVector2Array),
        vec(f32s(), few.clone()).prop_map(Value::PackedVector3Array),
        vec(f32s(), few.clone()).prop_map(Value::PackedColorArray),
        vec(f32s(), few).prop_map(Value::PackedVector4Array),
    ];
    prop_oneof![scalar, math, more_math, packed]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 64, 6, |inner| {
        let element = (0u8..50).prop_map(ElementType);
        let items = proptest::collection::vec(inner.clone(), 0..6);
        let pairs = proptest::collection::vec(
            (prop_oneof![text().prop_map(Value::String), inner.clone()], inner),
            0..10,
        );
        prop_oneof![
            (element.clone(), items).prop_map(|(element, items)| Value::Array(Array { element, items })),
            (any::<bool>(), element.clone(), element, pairs).prop_map(|(typed, key, value, pairs)| {
                let mut entries: Vec<(Value, Value)> = Vec::new();
                for (key, value) in pairs {
                    if entries.iter().all(|(other, _)| *other != key) {
                        entries.push((key, value));
                    }
                }
                let (key, value) = if typed { (key, value) } else { Default::default() };
                Value::Dictionary(Dictionary { key, value, entries })
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn bytes_keep_every_value(value in value()) {
        let bytes = encode(&value).unwrap();
        let back = decode(&bytes).unwrap();
        prop_assert_eq!(encode(&back).unwrap(), bytes);
        prop_assert_eq!(back, value);
    }

    #[test]
    fn json_keeps_every_value(value in value()) {
        let json = serde_json::to_string(&value).unwrap();
        let back: Value = serde_json::from_str(&json).map_err(|e| TestCaseError::fail(format!("{e}: {json}")))?;
        prop_assert_eq!(back, value, "{}", json);
    }

    #[test]
    fn damaged_bytes_are_refused_or_canonical(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = encode(&value).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(accepted) = decode(&bytes) {
            prop_assert_eq!(encode(&accepted).unwrap(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(mut bytes in any::<Vec<u8>>()) {
        bytes.splice(0..0, [0xae, 1]);
        if let Ok(accepted) = decode(&bytes) {
            prop_assert_eq!(encode(&accepted).unwrap(), bytes);
        }
    }
}

#[test]
fn each_type_has_these_bytes() {
    let pinned: [(Value, &str); 12] = [
        (Value::Null, "00"),
        (true.into(), "0101"),
        (Value::Int(-1), "0201"),
        (Value::Int(i64::MIN), "02ffffffffffffffffff01"),
        (Value::Float(1.0), "03000000000000f03f"),
        ("hé".into(), "040368c3a9"),
        (Value::StringName("a".into()), "050161"),
        (Value::Vector3([1.0, 0.0, -2.0]), "0b0000803f00000000000000c0"),
        (Value::from(vec![Value::Null, Value::Int(1)]), "170002000202"),
        (Value::dictionary([("k", Value::Bool(false))]), "1800000104016b0100"),
        (Value::PackedByteArray(vec![9, 8]), "19020908"),
        (Value::Opaque { tag: 200, bytes: vec![7] }, "c80107"),
    ];
    for (value, body) in pinned {
        assert_eq!(hex(&encode(&value).unwrap()), format!("ae01{body}"), "{value:?}");
    }
}

#[test]
fn each_type_has_this_json() {
    let pinned = [
        (Value::Float(1.0), "1.0"),
        (Value::Float(f64::from_bits(0x7ff8_0000_0000_0001)), r#"{"$float":"nan:7ff8000000000001"}"#),
        (Value::Vector3([10.0, 0.1, f32::INFINITY]), r#"{"$vector3":[10.0,0.1,"inf"]}"#),
        (Value::PackedByteArray(vec![1, 2]), r#"{"$bytes":"AQI="}"#),
        (
            Value::dictionary([("$a", Value::Int(1))]),
            r#"{"$dictionary":{"key":"any","value":"any","entries":[["$a",1]]}}"#,
        ),
        (
            Value::Array(Array { element: ElementType(2), items: vec![Value::Int(1)] }),
            r#"{"$array":{"element":"int","items":[1]}}"#,
        ),
        (Value::Opaque { tag: 200, bytes: vec![7] }, r#"{"$opaque":{"tag":200,"data":"Bw=="}}"#),
    ];
    for (value, json) in pinned {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), value);
    }
}

#[test]
fn json_that_would_be_altered_is_refused() {
    for bad in [
        r#"{"a":1,"a":2}"#,
        r#"{"$vector3":[1,2]}"#,
        r#"{"$vector3":[1,2,3],"x":1}"#,
        r#"{"x":1,"$vector3":[1,2,3]}"#,
        r#"{"$unknown":1}"#,
        r#"{"$float":"nan:0000000000000000"}"#,
        r#"{"$opaque":{"tag":3,"data":""}}"#,
        r#"{"$dictionary":{"entries":[[1,2],[1,3]]}}"#,
        r#"{"$dictionary":{"entries":[[1]]}}"#,
        r#"{"$vector2":[1e39,0]}"#,
        "9223372036854775808",
        "1e400",
        "\"\\ud800\"",
    ] {
        assert!(serde_json::from_str::<Value>(bad).is_err(), "{bad}");
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(serde_json::from_str::<Value>(&deep).is_err());
}

#[test]
fn depth_is_bounded_both_ways() {
    let nested = |depth: usize| (0..depth).fold(Value::Null, |value, _| Value::from(vec![value]));
    let deepest = encode(&nested(VALUE_DEPTH_MAX)).unwrap();
    assert_eq!(decode(&deepest).unwrap(), nested(VALUE_DEPTH_MAX));
    assert!(encode(&nested(VALUE_DEPTH_MAX + 1)).is_err());
    let mut bytes = vec![0xae, 1];
    bytes.extend([23, 0, 1].repeat(200_000));
    assert!(decode(&bytes).is_err());
}

#[test]
fn a_lie_about_length_allocates_nothing() {
    for tag in [4, 5, 6].into_iter().chain(23..=34).chain([64, 255]) {
        let types: &[u8] = match tag {
            23 => &[0],
            24 => &[0, 0],
            _ => &[],
        };
        let bytes = [&[0xae, 1, tag][..], types, &[0xff; 9], &[1]].concat();
        assert!(decode(&bytes).is_err(), "tag {tag}");
    }
    // More values than a value may have, each of one byte.
    let mut many = vec![0xae, 1, 23, 0];
    many.extend([0x80, 0x80, 0x80, 0x08]);
    many.resize(many.len() + (1 << 24), 0);
    assert!(decode(&many).unwrap_err().0.contains("at most"));
}
