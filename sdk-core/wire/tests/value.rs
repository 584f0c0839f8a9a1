//! The value codec from outside: what it promises to hold for hostile bytes and for values at the limits.

mod random;

use aethex_wire::saves::PutSaveRequest;
use aethex_wire::value::{
    Array, Dictionary, ElementType, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value, decode, encode,
};
use random::{Random, rounds};

/// Rounds of the fuzz test when `AETHEX_FUZZ_ROUNDS` does not say: under two seconds unoptimised.
const FUZZ_ROUNDS: u64 = 20_000;

impl Random {
    fn text(&mut self) -> String {
        (0..self.below(5)).map(|_| ['a', '$', '\0', 'é', '🎮', '"'][self.below(6)]).collect()
    }

    fn f32s<const N: usize>(&mut self) -> [f32; N] {
        std::array::from_fn(|_| f32::from_bits(self.next() as u32))
    }

    fn ints<const N: usize>(&mut self) -> [i32; N] {
        std::array::from_fn(|_| self.next() as i32)
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| one(self)).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth < 5 { 38 } else { 34 }) {
            0 => Value::Null,
            1 => Value::Bool(self.next() & 1 == 1),
            2 => Value::Int(self.next() as i64 >> self.below(64)),
            3 => Value::Float(f64::from_bits(self.next())),
            4 => Value::String(self.text()),
            5 => Value::StringName(self.text()),
            6 => Value::NodePath(self.text()),
            7 => Value::Vector2(self.f32s()),
            8 => Value::Vector2i(self.ints()),
            9 => Value::Rect2(self.f32s()),
            10 => Value::Rect2i(self.ints()),
            11 => Value::Vector3(self.f32s()),
            12 => Value::Vector3i(self.ints()),
            13 => Value::Transform2D(self.f32s()),
            14 => Value::Vector4(self.f32s()),
            15 => Value::Vector4i(self.ints()),
            16 => Value::Plane(self.f32s()),
            17 => Value::Quaternion(self.f32s()),
            18 => Value::Aabb(self.f32s()),
            19 => Value::Basis(Box::new(self.f32s())),
            20 => Value::Transform3D(Box::new(self.f32s())),
            21 => Value::Projection(Box::new(self.f32s())),
            22 => Value::Color(self.f32s()),
            23 => Value::PackedByteArray(self.many(|r| r.next() as u8)),
            24 => Value::PackedInt32Array(self.many(|r| r.next() as i32)),
            25 => Value::PackedInt64Array(self.many(|r| r.next() as i64)),
            26 => Value::PackedFloat32Array(self.many(|r| f32::from_bits(r.next() as u32))),
            27 => Value::PackedFloat64Array(self.many(|r| f64::from_bits(r.next()))),
            28 => Value::PackedStringArray(self.many(Self::text)),
            29 => Value::PackedVector2Array(self.many(Self::f32s)),
            30 => Value::PackedVector3Array(self.many(Self::f32s)),
            31 => Value::PackedColorArray(self.many(Self::f32s)),
            32 => Value::PackedVector4Array(self.many(Self::f32s)),
            33 => Value::Opaque { tag: 64 + self.below(192) as u8, bytes: self.many(|r| r.next() as u8) },
            34 | 35 => {
                let items = self.many(|r| r.value(depth + 1));
                Value::Array(Array { element: self.element(), items })
            }
            _ => {
                let mut entries: Vec<(Value, Value)> = Vec::new();
                for (key, value) in self.many(|r| (r.value(depth + 1), r.value(depth + 1))) {
                    if entries.iter().all(|(other, _)| *other != key) {
                        entries.push((key, value));
                    }
                }
                Value::Dictionary(Dictionary { key: self.element(), value: self.element(), entries })
            }
        }
    }

    fn element(&mut self) -> ElementType {
        if self.below(2) == 0 { ElementType::ANY } else { ElementType(self.next() as u8) }
    }
}

fn json(value: &Value) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(value)?)
}

fn list(element: ElementType, item: Value) -> Value {
    Value::Array(Array { element, items: vec![item] })
}

#[test]
fn values_survive_and_damage_is_refused_or_canonical() {
    for seed in 0..rounds(FUZZ_ROUNDS) {
        let mut random = Random(seed);
        let value = random.value(0);
        let mut bytes = encode(&value).unwrap();
        assert_eq!(decode(&bytes).unwrap(), value, "seed {seed}");
        assert_eq!(json(&value).unwrap(), value, "seed {seed}");
        random.damage(&mut bytes);
        if let Ok(accepted) = decode(&bytes) {
            assert_eq!(encode(&accepted).unwrap(), bytes, "seed {seed}");
        }
    }
}

/// A value that can be written but not read is a lost save.
#[test]
fn what_encodes_also_decodes_at_the_item_limit() {
    let nulls = |count| Value::from(vec![Value::Null; count]);
    let texts = |count| Value::PackedStringArray(vec![String::new(); count]);
    for most in [nulls(VALUE_ITEMS_MAX - 1), texts(VALUE_ITEMS_MAX - 1)] {
        assert!(decode(&encode(&most).unwrap()).unwrap() == most);
    }
    for more in [nulls(VALUE_ITEMS_MAX), texts(VALUE_ITEMS_MAX)] {
        assert!(encode(&more).unwrap_err().0.contains("at most"));
        assert!(more == more.clone(), "a value equals itself, however large");
    }
}

#[test]
fn every_text_of_a_packed_array_counts() {
    let mut bytes = vec![0xae, 1, 30, 0x80, 0x80, 0x80, 0x08];
    bytes.resize(bytes.len() + (16 << 20), 0);
    assert!(decode(&bytes).unwrap_err().0.contains("at most"));
}

#[test]
fn the_float_that_reads_as_its_neighbour_survives_json() {
    for bits in [0x15ae_43fc, 0x15ae_43fd, 0x15ae_43fe, 0x95ae_43fd] {
        let value = Value::PackedFloat32Array(vec![f32::from_bits(bits)]);
        assert_eq!(json(&value).unwrap(), value, "{bits:x}");
    }
}

#[test]
fn a_container_names_each_field_once() {
    for twice in [
        r#"{"$array":{"element":"int","element":"float","items":[]}}"#,
        r#"{"$array":{"items":[1],"items":[2]}}"#,
        r#"{"$dictionary":{"entries":[],"entries":[]}}"#,
    ] {
        assert!(serde_json::from_str::<Value>(twice).unwrap_err().to_string().contains("twice"), "{twice}");
    }
}

#[test]
fn a_million_keys_are_not_quadratic_and_the_last_double_is_found() {
    let keys = (0..1_000_000).map(|n: i64| (Value::Int(n), Value::Null)).collect();
    let mut dictionary = Dictionary { entries: keys, ..Dictionary::default() };
    let bytes = encode(&Value::Dictionary(dictionary.clone())).unwrap();
    assert!(decode(&bytes).is_ok());
    dictionary.entries[999_999].0 = Value::Int(0);
    assert!(encode(&Value::Dictionary(dictionary)).unwrap_err().0.contains("twice"));
}

#[test]
fn plain_and_typed_nesting_survives_the_body_of_a_save() {
    let typed = |item| list(ElementType(23), item);
    let keyed = |item| {
        Value::Dictionary(Dictionary { entries: vec![(Value::Int(1), item)], ..Dictionary::default() })
    };
    // What serde_json's own limit of 127 levels leaves for each shape, one level being the body's.
    for (levels, wrap) in
        [(126, &(|item| list(ElementType::ANY, item)) as &dyn Fn(Value) -> Value), (42, &typed), (31, &keyed)]
    {
        assert!(levels <= VALUE_DEPTH_MAX);
        let value = (0..levels).fold(Value::Int(1), |inner, _| wrap(inner));
        let body = format!(r#"{{"slot":"a","data":{}}}"#, serde_json::to_string(&value).unwrap());
        assert_eq!(serde_json::from_str::<PutSaveRequest>(&body).unwrap().data, Some(value));
    }
}

#[test]
fn values_pass_through_a_flattened_struct() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Outer {
        #[serde(flatten)]
        inner: std::collections::BTreeMap<String, Value>,
    }
    let mut random = Random(7);
    for _ in 0..300 {
        let value = random.value(0);
        let outer = Outer { inner: [("k".to_owned(), value.clone())].into() };
        let back: Outer = serde_json::from_str(&serde_json::to_string(&outer).unwrap()).unwrap();
        assert_eq!(back.inner["k"], value);
    }
}
