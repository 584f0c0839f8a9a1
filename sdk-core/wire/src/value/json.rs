//! The JSON projection: plain JSON where JSON has the type, else an object with one key that begins with
//! `$`. It loses nothing: whatever is written reads back as the same value.

use super::codec::tag_of;
use super::{Array, Dictionary, ElementType, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::Cell;

/// Names of types in JSON, in the order of their tags.
const NAMES: [&str; 35] = [
    "any",
    "bool",
    "int",
    "float",
    "string",
    "string_name",
    "node_path",
    "vector2",
    "vector2i",
    "rect2",
    "rect2i",
    "vector3",
    "vector3i",
    "transform2d",
    "vector4",
    "vector4i",
    "plane",
    "quaternion",
    "aabb",
    "basis",
    "transform3d",
    "projection",
    "color",
    "array",
    "dictionary",
    "bytes",
    "int32s",
    "int64s",
    "float32s",
    "float64s",
    "strings",
    "vector2s",
    "vector3s",
    "colors",
    "vector4s",
];

impl ElementType {
    fn name(self) -> String {
        NAMES.get(usize::from(self.0)).map_or_else(|| format!("type{}", self.0), |name| (*name).to_owned())
    }

    fn from_name(name: &str) -> Option<ElementType> {
        if let Some(tag) = NAMES.iter().position(|known| *known == name) {
            return u8::try_from(tag).ok().map(ElementType);
        }
        let tag: u8 = name.strip_prefix("type")?.parse().ok()?;
        (usize::from(tag) >= NAMES.len() && format!("type{tag}") == name).then_some(ElementType(tag))
    }
}

/// A float as JSON: a number, or a text where JSON has none.
struct Float<T>(T);

macro_rules! float {
    ($type:ty, $bits:ty, $serialize:ident, $digits:literal, $misread:expr) => {
        impl Serialize for Float<$type> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    float if float.is_finite() && float.abs().to_bits() == $misread => {
                        serializer.serialize_f64(float.into())
                    }
                    float if float.is_finite() => serializer.$serialize(float),
                    float if float.is_nan() => serializer
                        .collect_str(&format_args!(concat!("nan:{:0", $digits, "x}"), float.to_bits())),
                    float => serializer.serialize_str(if float > 0.0 { "inf" } else { "-inf" }),
                }
            }
        }

        impl<'de> Deserialize<'de> for Float<$type> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Wanted;
                impl Visitor<'_> for Wanted {
                    type Value = Float<$type>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a number, \"inf\", \"-inf\" or \"nan:<bits>\"")
                    }
                    fn visit_f64<E: Error>(self, float: f64) -> Result<Self::Value, E> {
                        let narrow = float as $type;
                        if narrow.is_finite() {
                            Ok(Float(narrow))
                        } else {
                            Err(E::custom("the number is too large"))
                        }
                    }
                    fn visit_i64<E: Error>(self, int: i64) -> Result<Self::Value, E> {
                        self.visit_f64(int as f64)
                    }
                    fn visit_u64<E: Error>(self, int: u64) -> Result<Self::Value, E> {
                        self.visit_f64(int as f64)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                        let bits = text.strip_prefix("nan:").filter(|digits| digits.len() == $digits);
                        let nan = bits.and_then(|digits| <$bits>::from_str_radix(digits, 16).ok());
                        match (text, nan.map(<$type>::from_bits)) {
                            ("inf", _) => Ok(Float(<$type>::INFINITY)),
                            ("-inf", _) => Ok(Float(<$type>::NEG_INFINITY)),
                            (_, Some(nan)) if nan.is_nan() => Ok(Float(nan)),
                            _ => Err(E::custom(
                                "this text is no number: use \"inf\", \"-inf\" or \"nan:<bits>\"",
                            )),
                        }
                    }
                }
                deserializer.deserialize_any(Wanted)
            }
        }
    };
}

/// Bits of 7.038531e-26, the one `f32` whose shortest text reads as another `f32` by way of an `f64`: its text
/// lies beside the middle of two floats, nearer than an `f64` can tell. It is written with more digits.
const F32_MISREAD: u32 = 0x15ae_43fd;
/// No `f64` is misread: these bits are a NaN's.
const F64_MISREAD: u64 = u64::MAX;

float!(f32, u32, serialize_f32, 8, F32_MISREAD);
float!(f64, u64, serialize_f64, 16, F64_MISREAD);

/// A list written by a function of each item.
struct Each<I>(I);

impl<T: Serialize, I: Iterator<Item = T> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

fn floats(floats: &[f32]) -> impl Serialize + '_ {
    Each(floats.iter().map(|float| Float(*float)))
}

fn vectors<const N: usize>(vectors: &[[f32; N]]) -> impl Serialize + '_ {
    Each(vectors.iter().map(|vector| floats(vector)))
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    value: &Value,
    body: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(&format!("${}", NAMES[usize::from(tag_of(value))]), body)?;
    map.end()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => s.serialize_unit(),
            Value::Bool(flag) => s.serialize_bool(*flag),
            Value::Int(int) => s.serialize_i64(*int),
            Value::Float(float) if float.is_finite() => s.serialize_f64(*float),
            Value::Float(float) => tagged(s, self, &Float(*float)),
            Value::String(text) => s.serialize_str(text),
            Value::StringName(text) | Value::NodePath(text) => tagged(s, self, text),
            Value::Vector2(v) => tagged(s, self, &floats(v)),
            Value::Vector2i(v) => tagged(s, self, v),
            Value::Rect2(v)
            | Value::Vector4(v)
            | Value::Plane(v)
            | Value::Quaternion(v)
            | Value::Color(v) => tagged(s, self, &floats(v)),
            Value::Rect2i(v) | Value::Vector4i(v) => tagged(s, self, v),
            Value::Vector3(v) => tagged(s, self, &floats(v)),
            Value::Vector3i(v) => tagged(s, self, v),
            Value::Transform2D(v) | Value::Aabb(v) => tagged(s, self, &floats(v)),
            Value::Basis(v) => tagged(s, self, &floats(v.as_slice())),
            Value::Transform3D(v) => tagged(s, self, &floats(v.as_slice())),
            Value::Projection(v) => tagged(s, self, &floats(v.as_slice())),
            Value::Array(array) if array.element == ElementType::ANY => array.items.serialize(s),
            Value::Array(array) => {
                tagged(s, self, &TypedArray { element: array.element.name(), items: &array.items })
            }
            Value::Dictionary(dictionary) => match plain_keys(dictionary) {
                true => {
                    let mut map = s.serialize_map(Some(dictionary.entries.len()))?;
                    for (key, value) in &dictionary.entries {
                        map.serialize_entry(key, value)?;
                    }
                    map.end()
                }
                false => tagged(
                    s,
                    self,
                    &TypedDictionary {
                        key: dictionary.key.name(),
                        value: dictionary.value.name(),
                        entries: &dictionary.entries,
                    },
                ),
            },
            Value::PackedByteArray(bytes) => tagged(s, self, &STANDARD.encode(bytes)),
            Value::PackedInt32Array(ints) => tagged(s, self, ints),
            Value::PackedInt64Array(ints) => tagged(s, self, ints),
            Value::PackedFloat32Array(v) => tagged(s, self, &floats(v)),
            Value::PackedFloat64Array(v) => tagged(s, self, &Each(v.iter().map(|float| Float(*float)))),
            Value::PackedStringArray(texts) => tagged(s, self, texts),
            Value::PackedVector2Array(v) => tagged(s, self, &vectors(v)),
            Value::PackedVector3Array(v) => tagged(s, self, &vectors(v)),
            Value::PackedColorArray(v) | Value::PackedVector4Array(v) => tagged(s, self, &vectors(v)),
            Value::Opaque { tag, bytes } => {
                let mut map = s.serialize_map(Some(1))?;
                map.serialize_entry("$opaque", &OpaqueValue { tag: *tag, data: STANDARD.encode(bytes) })?;
                map.end()
            }
        }
    }
}

/// Whether a dictionary can be a JSON object: untyped, text keys, none that looks like a tag.
fn plain_keys(dictionary: &Dictionary) -> bool {
    dictionary.key == ElementType::ANY
        && dictionary.value == ElementType::ANY
        && dictionary
            .entries
            .iter()
            .all(|(key, _)| matches!(key, Value::String(text) if !text.starts_with('$')))
}

#[derive(Serialize)]
struct TypedArray<'v> {
    element: String,
    items: &'v [Value],
}

#[derive(Serialize)]
struct TypedDictionary<'v> {
    key: String,
    value: String,
    entries: &'v [(Value, Value)],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpaqueValue {
    tag: u8,
    data: String,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Node { depth: 0, items: &Cell::new(0) }.deserialize(deserializer)
    }
}

/// A place for a value, with its depth and the count of all values so far.
#[derive(Clone, Copy)]
struct Node<'c> {
    depth: usize,
    items: &'c Cell<usize>,
}

impl<'c> Node<'c> {
    fn inner(self) -> Node<'c> {
        Node { depth: self.depth + 1, ..self }
    }

    fn count<E: Error>(self, more: usize) -> Result<(), E> {
        self.items.set(self.items.get() + more);
        if self.items.get() > VALUE_ITEMS_MAX {
            return Err(E::custom(format_args!("a value has at most {VALUE_ITEMS_MAX} values in it")));
        }
        Ok(())
    }

    fn enter<E: Error>(self) -> Result<(), E> {
        self.count(1)?;
        if self.depth > VALUE_DEPTH_MAX {
            return Err(E::custom(format_args!("values are nested at most {VALUE_DEPTH_MAX} deep")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.enter()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<Value, E> {
        let int = i64::try_from(int);
        int.map(Value::Int)
            .map_err(|_| E::custom("integers have at most 64 bits with sign; send a text or a float"))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Value, E> {
        Ok(Value::Float(float))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner())? {
            items.push(item);
        }
        Ok(Value::from(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(name) = key.strip_prefix('$') {
                if !entries.is_empty() {
                    return Err(reserved(&key));
                }
                let value = self.tagged(name, &mut map)?;
                return match map.next_key::<String>()? {
                    None => Ok(value),
                    Some(_) => Err(reserved(&key)),
                };
            }
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{key}` stands twice")));
            }
            let value = map.next_value_seed(self.inner())?;
            entries.push((Value::String(key), value));
        }
        Ok(Value::Dictionary(Dictionary { entries, ..Dictionary::default() }))
    }
}

fn reserved<E: Error>(key: &str) -> E {
    E::custom(format_args!(
        "keys that begin with `$` are reserved for types, alone in their object; `{key}` is not one: write such a \
         dictionary as {{\"$dictionary\":{{\"entries\":[[key,value]]}}}}"
    ))
}

/// Exactly `N` numbers.
fn exactly<T, const N: usize, E: Error>(numbers: Vec<T>) -> Result<[T; N], E> {
    let found = numbers.len();
    numbers.try_into().map_err(|_| E::custom(format_args!("this type has {N} numbers, not {found}")))
}

fn bare<T>(floats: Vec<Float<T>>) -> Vec<T> {
    floats.into_iter().map(|float| float.0).collect()
}

fn float_array<'de, A: MapAccess<'de>, const N: usize>(map: &mut A) -> Result<[f32; N], A::Error> {
    exactly(bare(map.next_value::<Vec<Float<f32>>>()?))
}

fn int_array<'de, A: MapAccess<'de>, const N: usize>(map: &mut A) -> Result<[i32; N], A::Error> {
    exactly(map.next_value::<Vec<i32>>()?)
}

fn float_arrays<'de, A: MapAccess<'de>, const N: usize>(map: &mut A) -> Result<Vec<[f32; N]>, A::Error> {
    map.next_value::<Vec<Vec<Float<f32>>>>()?.into_iter().map(|vector| exactly(bare(vector))).collect()
}

fn base64_bytes<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(text).map_err(|_| E::custom("this text is not base64"))
}

impl Node<'_> {
    fn tagged<'de, A: MapAccess<'de>>(self, name: &str, map: &mut A) -> Result<Value, A::Error> {
        Ok(match name {
            "float" => Value::Float(map.next_value::<Float<f64>>()?.0),
            "string_name" => Value::StringName(map.next_value()?),
            "node_path" => Value::NodePath(map.next_value()?),
            "vector2" => Value::Vector2(float_array(map)?),
            "vector2i" => Value::Vector2i(int_array(map)?),
            "rect2" => Value::Rect2(float_array(map)?),
            "rect2i" => Value::Rect2i(int_array(map)?),
            "vector3" => Value::Vector3(float_array(map)?),
            "vector3i" => Value::Vector3i(int_array(map)?),
            "transform2d" => Value::Transform2D(float_array(map)?),
            "vector4" => Value::Vector4(float_array(map)?),
            "vector4i" => Value::Vector4i(int_array(map)?),
            "plane" => Value::Plane(float_array(map)?),
            "quaternion" => Value::Quaternion(float_array(map)?),
            "aabb" => Value::Aabb(float_array(map)?),
            "basis" => Value::Basis(Box::new(float_array(map)?)),
            "transform3d" => Value::Transform3D(Box::new(float_array(map)?)),
            "projection" => Value::Projection(Box::new(float_array(map)?)),
            "color" => Value::Color(float_array(map)?),
            "bytes" => Value::PackedByteArray(base64_bytes(&map.next_value::<String>()?)?),
            "int32s" => Value::PackedInt32Array(map.next_value()?),
            "int64s" => Value::PackedInt64Array(map.next_value()?),
            "float32s" => Value::PackedFloat32Array(bare(map.next_value()?)),
            "float64s" => Value::PackedFloat64Array(bare(map.next_value()?)),
            "strings" => {
                let texts: Vec<String> = map.next_value()?;
                self.count(texts.len())?;
                Value::PackedStringArray(texts)
            }
            "vector2s" => Value::PackedVector2Array(float_arrays(map)?),
            "vector3s" => Value::PackedVector3Array(float_arrays(map)?),
            "colors" => Value::PackedColorArray(float_arrays(map)?),
            "vector4s" => Value::PackedVector4Array(float_arrays(map)?),
            "array" | "dictionary" => {
                map.next_value_seed(Container { node: self, is_array: name == "array" })?
            }
            "opaque" => {
                let OpaqueValue { tag, data } = map.next_value()?;
                if tag < super::codec::OPAQUE_TAG_MIN {
                    return Err(A::Error::custom("an opaque value's tag is 64 to 255"));
                }
                Value::Opaque { tag, bytes: base64_bytes(&data)? }
            }
            other => return Err(reserved(&format!("${other}"))),
        })
    }
}

/// The body of `$array` or `$dictionary`.
struct Container<'c> {
    node: Node<'c>,
    is_array: bool,
}

impl<'de> DeserializeSeed<'de> for Container<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Container<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with the container's types and contents")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut array, mut dictionary) = (Array::default(), Dictionary::default());
        let inner = self.node.inner();
        let mut seen: Vec<String> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the field `{key}` stands twice")));
            }
            match (self.is_array, key.as_str()) {
                (true, "element") => array.element = element_type(&mut map)?,
                (true, "items") => array.items = map.next_value_seed(Items(inner))?,
                (false, "key") => dictionary.key = element_type(&mut map)?,
                (false, "value") => dictionary.value = element_type(&mut map)?,
                (false, "entries") => dictionary.entries = map.next_value_seed(Entries(inner))?,
                _ => return Err(A::Error::custom(format_args!("a container has no field `{key}`"))),
            }
            seen.push(key);
        }
        if self.is_array {
            return Ok(Value::Array(array));
        }
        // The codec knows what makes two keys the same.
        let value = Value::Dictionary(dictionary);
        super::encode(&value).map_err(A::Error::custom)?;
        Ok(value)
    }
}

fn element_type<'de, A: MapAccess<'de>>(map: &mut A) -> Result<ElementType, A::Error> {
    let name = map.next_value::<String>()?;
    ElementType::from_name(&name).ok_or_else(|| A::Error::custom(format_args!("there is no type `{name}`")))
}

struct Items<'c>(Node<'c>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.0)? {
            items.push(item);
        }
        Ok(items)
    }
}

struct Entries<'c>(Node<'c>);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<(Value, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<(Value, Value)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of pairs of key and value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(pair) = seq.next_element_seed(Items(self.0))? {
            let [key, value] = exactly(pair)?;
            entries.push((key, value));
        }
        Ok(entries)
    }
}
