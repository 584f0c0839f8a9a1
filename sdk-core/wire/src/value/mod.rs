//! Engine values: one type for everything a Godot `Variant` can hold that may be saved, one binary
//! encoding of it ([`encode`], [`decode`]) and one JSON projection (its serde implementation).
//!
//! The encoding keeps every bit: NaN payloads, -0.0, 64-bit integers, `StringName` apart from `String`,
//! typed and packed arrays, dictionaries with any key in their order. A tag that this version does not
//! know is kept as opaque bytes and written back as it was.

mod codec;
mod json;
#[cfg(test)]
mod tests;

pub(crate) use codec::encoded_into;
pub use codec::{decode, encode};

/// Deepest nesting of arrays and dictionaries: far above any real save, far below any stack.
pub const VALUE_DEPTH_MAX: usize = 128;

/// Most values in one value, all levels together: a million pairs fit, and memory stays under 200 MB
/// whatever a few bytes claim.
pub const VALUE_ITEMS_MAX: usize = 1 << 21;

/// A value of an engine. The largest kinds are boxed: a save is mostly small values, and all are as large as the
/// largest.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit float; every bit pattern is kept.
    Float(f64),
    /// Text.
    String(String),
    /// Godot's interned text, kept apart from [`Value::String`].
    StringName(String),
    /// Godot's path to a node.
    NodePath(String),
    /// x, y.
    Vector2([f32; 2]),
    /// x, y.
    Vector2i([i32; 2]),
    /// Position x, y; size x, y.
    Rect2([f32; 4]),
    /// Position x, y; size x, y.
    Rect2i([i32; 4]),
    /// x, y, z.
    Vector3([f32; 3]),
    /// x, y, z.
    Vector3i([i32; 3]),
    /// Columns x, y, origin.
    Transform2D([f32; 6]),
    /// x, y, z, w.
    Vector4([f32; 4]),
    /// x, y, z, w.
    Vector4i([i32; 4]),
    /// Normal x, y, z; distance.
    Plane([f32; 4]),
    /// x, y, z, w.
    Quaternion([f32; 4]),
    /// Position x, y, z; size x, y, z.
    Aabb([f32; 6]),
    /// Columns x, y, z.
    Basis(Box<[f32; 9]>),
    /// Basis columns x, y, z; origin.
    Transform3D(Box<[f32; 12]>),
    /// Columns x, y, z, w.
    Projection(Box<[f32; 16]>),
    /// Red, green, blue, alpha.
    Color([f32; 4]),
    /// A list, typed or not.
    Array(Array),
    /// Pairs in their order, typed or not; keys are any value.
    Dictionary(Dictionary),
    /// Bytes.
    PackedByteArray(Vec<u8>),
    /// 32-bit integers.
    PackedInt32Array(Vec<i32>),
    /// 64-bit integers.
    PackedInt64Array(Vec<i64>),
    /// 32-bit floats.
    PackedFloat32Array(Vec<f32>),
    /// 64-bit floats.
    PackedFloat64Array(Vec<f64>),
    /// Texts.
    PackedStringArray(Vec<String>),
    /// Points in the plane.
    PackedVector2Array(Vec<[f32; 2]>),
    /// Points in space.
    PackedVector3Array(Vec<[f32; 3]>),
    /// Colours.
    PackedColorArray(Vec<[f32; 4]>),
    /// Points with four coordinates.
    PackedVector4Array(Vec<[f32; 4]>),
    /// A value of a tag that this version does not know, kept as it came.
    Opaque {
        /// The tag.
        tag: u8,
        /// The bytes behind it.
        bytes: Vec<u8>,
    },
}

/// The element type that a typed container declares: the tag of a [`Value`] variant (its place in the
/// encoding), or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ElementType(pub u8);

impl ElementType {
    /// Any element.
    pub const ANY: ElementType = ElementType(0);
}

/// A list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Array {
    /// The declared element type.
    pub element: ElementType,
    /// The elements.
    pub items: Vec<Value>,
}

/// Pairs in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dictionary {
    /// The declared key type.
    pub key: ElementType,
    /// The declared value type.
    pub value: ElementType,
    /// The pairs.
    pub entries: Vec<(Value, Value)>,
}

/// Why bytes or JSON are not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError(pub String);

impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ValueError {}

/// Values are equal when their encodings are: every NaN equals itself, and 0.0 differs from -0.0.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        codec::same(self, other)
    }
}

impl Eq for Value {}

impl Value {
    /// A dictionary with text keys.
    pub fn dictionary<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        let entries = entries.into_iter().map(|(key, value)| (Value::String(key.into()), value)).collect();
        Value::Dictionary(Dictionary { entries, ..Dictionary::default() })
    }

    /// The value under a text key, when this is a dictionary that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Dictionary(dictionary) = self else { return None };
        let found = dictionary.entries.iter().find(|(k, _)| matches!(k, Value::String(text) if text == key));
        found.map(|(_, value)| value)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Value {
                Value::$variant(value.into())
            }
        }
    )+};
}

from! {
    bool => Bool;
    i64 => Int;
    i32 => Int;
    f64 => Float;
    &str => String;
    String => String;
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::Array(Array { items, ..Array::default() })
    }
}
