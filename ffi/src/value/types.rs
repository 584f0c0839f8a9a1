//! The types of values, as numbers that C and the binary encoding share.

use aethex_wire::ErrorCode;
use aethex_wire::value::{ElementType, Value};

/// The kinds of values: Godot's, without those that cannot be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_value_type {
    /// Nothing.
    AETHEX_VALUE_NULL = 0,
    /// True or false.
    AETHEX_VALUE_BOOL = 1,
    /// A signed 64-bit integer.
    AETHEX_VALUE_INT = 2,
    /// A 64-bit float.
    AETHEX_VALUE_FLOAT = 3,
    /// UTF-8 text.
    AETHEX_VALUE_STRING = 4,
    /// Interned text (Godot's StringName).
    AETHEX_VALUE_STRING_NAME = 5,
    /// Path to a node.
    AETHEX_VALUE_NODE_PATH = 6,
    /// 2 floats: x, y.
    AETHEX_VALUE_VECTOR2 = 7,
    /// 2 ints: x, y.
    AETHEX_VALUE_VECTOR2I = 8,
    /// 4 floats: position, size.
    AETHEX_VALUE_RECT2 = 9,
    /// 4 ints: position, size.
    AETHEX_VALUE_RECT2I = 10,
    /// 3 floats: x, y, z.
    AETHEX_VALUE_VECTOR3 = 11,
    /// 3 ints: x, y, z.
    AETHEX_VALUE_VECTOR3I = 12,
    /// 6 floats: columns x, y, origin.
    AETHEX_VALUE_TRANSFORM2D = 13,
    /// 4 floats: x, y, z, w.
    AETHEX_VALUE_VECTOR4 = 14,
    /// 4 ints: x, y, z, w.
    AETHEX_VALUE_VECTOR4I = 15,
    /// 4 floats: normal, distance.
    AETHEX_VALUE_PLANE = 16,
    /// 4 floats: x, y, z, w.
    AETHEX_VALUE_QUATERNION = 17,
    /// 6 floats: position, size.
    AETHEX_VALUE_AABB = 18,
    /// 9 floats: columns x, y, z.
    AETHEX_VALUE_BASIS = 19,
    /// 12 floats: basis columns, origin.
    AETHEX_VALUE_TRANSFORM3D = 20,
    /// 16 floats: columns x, y, z, w.
    AETHEX_VALUE_PROJECTION = 21,
    /// 4 floats: red, green, blue, alpha.
    AETHEX_VALUE_COLOR = 22,
    /// A list of values.
    AETHEX_VALUE_ARRAY = 23,
    /// Pairs of key and value, in their order.
    AETHEX_VALUE_DICTIONARY = 24,
    /// Bytes.
    AETHEX_VALUE_PACKED_BYTE_ARRAY = 25,
    /// 32-bit integers.
    AETHEX_VALUE_PACKED_INT32_ARRAY = 26,
    /// 64-bit integers.
    AETHEX_VALUE_PACKED_INT64_ARRAY = 27,
    /// 32-bit floats.
    AETHEX_VALUE_PACKED_FLOAT32_ARRAY = 28,
    /// 64-bit floats.
    AETHEX_VALUE_PACKED_FLOAT64_ARRAY = 29,
    /// Texts.
    AETHEX_VALUE_PACKED_STRING_ARRAY = 30,
    /// 2 floats an element.
    AETHEX_VALUE_PACKED_VECTOR2_ARRAY = 31,
    /// 3 floats an element.
    AETHEX_VALUE_PACKED_VECTOR3_ARRAY = 32,
    /// 4 floats an element.
    AETHEX_VALUE_PACKED_COLOR_ARRAY = 33,
    /// 4 floats an element.
    AETHEX_VALUE_PACKED_VECTOR4_ARRAY = 34,
    /// A kind that this version of the library does not know: it can be kept and saved, not read.
    AETHEX_VALUE_OPAQUE = 255,
}

impl aethex_value_type {
    /// Every type that a game can make.
    const ALL: &'static [aethex_value_type] = &[
        aethex_value_type::AETHEX_VALUE_NULL,
        aethex_value_type::AETHEX_VALUE_BOOL,
        aethex_value_type::AETHEX_VALUE_INT,
        aethex_value_type::AETHEX_VALUE_FLOAT,
        aethex_value_type::AETHEX_VALUE_STRING,
        aethex_value_type::AETHEX_VALUE_STRING_NAME,
        aethex_value_type::AETHEX_VALUE_NODE_PATH,
        aethex_value_type::AETHEX_VALUE_VECTOR2,
        aethex_value_type::AETHEX_VALUE_VECTOR2I,
        aethex_value_type::AETHEX_VALUE_RECT2,
        aethex_value_type::AETHEX_VALUE_RECT2I,
        aethex_value_type::AETHEX_VALUE_VECTOR3,
        aethex_value_type::AETHEX_VALUE_VECTOR3I,
        aethex_value_type::AETHEX_VALUE_TRANSFORM2D,
        aethex_value_type::AETHEX_VALUE_VECTOR4,
        aethex_value_type::AETHEX_VALUE_VECTOR4I,
        aethex_value_type::AETHEX_VALUE_PLANE,
        aethex_value_type::AETHEX_VALUE_QUATERNION,
        aethex_value_type::AETHEX_VALUE_AABB,
        aethex_value_type::AETHEX_VALUE_BASIS,
        aethex_value_type::AETHEX_VALUE_TRANSFORM3D,
        aethex_value_type::AETHEX_VALUE_PROJECTION,
        aethex_value_type::AETHEX_VALUE_COLOR,
        aethex_value_type::AETHEX_VALUE_ARRAY,
        aethex_value_type::AETHEX_VALUE_DICTIONARY,
        aethex_value_type::AETHEX_VALUE_PACKED_BYTE_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_INT32_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_INT64_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_FLOAT32_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_FLOAT64_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_STRING_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_VECTOR2_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_VECTOR3_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_COLOR_ARRAY,
        aethex_value_type::AETHEX_VALUE_PACKED_VECTOR4_ARRAY,
    ];

    /// The type with this number.
    pub(super) fn of(number: i32) -> Result<aethex_value_type, ErrorCode> {
        Self::ALL.iter().copied().find(|known| *known as i32 == number).ok_or(ErrorCode::InvalidArgument)
    }

    /// The type as a container declares it.
    pub(super) fn element(self) -> ElementType {
        ElementType(u8::try_from(self as i32).expect("types are numbered below 256"))
    }
}

/// The value's type.
pub(super) fn type_of(value: &Value) -> aethex_value_type {
    use aethex_value_type as T;
    match value {
        Value::Null => T::AETHEX_VALUE_NULL,
        Value::Bool(_) => T::AETHEX_VALUE_BOOL,
        Value::Int(_) => T::AETHEX_VALUE_INT,
        Value::Float(_) => T::AETHEX_VALUE_FLOAT,
        Value::String(_) => T::AETHEX_VALUE_STRING,
        Value::StringName(_) => T::AETHEX_VALUE_STRING_NAME,
        Value::NodePath(_) => T::AETHEX_VALUE_NODE_PATH,
        Value::Vector2(_) => T::AETHEX_VALUE_VECTOR2,
        Value::Vector2i(_) => T::AETHEX_VALUE_VECTOR2I,
        Value::Rect2(_) => T::AETHEX_VALUE_RECT2,
        Value::Rect2i(_) => T::AETHEX_VALUE_RECT2I,
        Value::Vector3(_) => T::AETHEX_VALUE_VECTOR3,
        Value::Vector3i(_) => T::AETHEX_VALUE_VECTOR3I,
        Value::Transform2D(_) => T::AETHEX_VALUE_TRANSFORM2D,
        Value::Vector4(_) => T::AETHEX_VALUE_VECTOR4,
        Value::Vector4i(_) => T::AETHEX_VALUE_VECTOR4I,
        Value::Plane(_) => T::AETHEX_VALUE_PLANE,
        Value::Quaternion(_) => T::AETHEX_VALUE_QUATERNION,
        Value::Aabb(_) => T::AETHEX_VALUE_AABB,
        Value::Basis(_) => T::AETHEX_VALUE_BASIS,
        Value::Transform3D(_) => T::AETHEX_VALUE_TRANSFORM3D,
        Value::Projection(_) => T::AETHEX_VALUE_PROJECTION,
        Value::Color(_) => T::AETHEX_VALUE_COLOR,
        Value::Array(_) => T::AETHEX_VALUE_ARRAY,
        Value::Dictionary(_) => T::AETHEX_VALUE_DICTIONARY,
        Value::PackedByteArray(_) => T::AETHEX_VALUE_PACKED_BYTE_ARRAY,
        Value::PackedInt32Array(_) => T::AETHEX_VALUE_PACKED_INT32_ARRAY,
        Value::PackedInt64Array(_) => T::AETHEX_VALUE_PACKED_INT64_ARRAY,
        Value::PackedFloat32Array(_) => T::AETHEX_VALUE_PACKED_FLOAT32_ARRAY,
        Value::PackedFloat64Array(_) => T::AETHEX_VALUE_PACKED_FLOAT64_ARRAY,
        Value::PackedStringArray(_) => T::AETHEX_VALUE_PACKED_STRING_ARRAY,
        Value::PackedVector2Array(_) => T::AETHEX_VALUE_PACKED_VECTOR2_ARRAY,
        Value::PackedVector3Array(_) => T::AETHEX_VALUE_PACKED_VECTOR3_ARRAY,
        Value::PackedColorArray(_) => T::AETHEX_VALUE_PACKED_COLOR_ARRAY,
        Value::PackedVector4Array(_) => T::AETHEX_VALUE_PACKED_VECTOR4_ARRAY,
        Value::Opaque { .. } => T::AETHEX_VALUE_OPAQUE,
    }
}

/// The type number as C sees it, for what a container declares.
pub(super) fn declared(element: ElementType) -> i32 {
    aethex_value_type::of(element.0.into()).unwrap_or(aethex_value_type::AETHEX_VALUE_OPAQUE) as i32
}

/// Whether a container that declares `element` holds such a value.
pub(super) fn accepts(element: ElementType, value: &Value) -> Result<(), ErrorCode> {
    let found = match value {
        Value::Opaque { tag, .. } => ElementType(*tag),
        known => type_of(known).element(),
    };
    if element == ElementType::ANY || element == found { Ok(()) } else { Err(ErrorCode::InvalidArgument) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_wire::value::encode;

    /// Where the tag stands in an encoded value: behind the two bytes of the header.
    const TAG_AT: usize = 2;

    #[test]
    fn the_numbers_are_those_of_the_encoding() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(1),
            Value::Float(1.0),
            Value::String(String::new()),
            Value::StringName(String::new()),
            Value::NodePath(String::new()),
            Value::Vector2([0.0; 2]),
            Value::Vector2i([0; 2]),
            Value::Rect2([0.0; 4]),
            Value::Rect2i([0; 4]),
            Value::Vector3([0.0; 3]),
            Value::Vector3i([0; 3]),
            Value::Transform2D([0.0; 6]),
            Value::Vector4([0.0; 4]),
            Value::Vector4i([0; 4]),
            Value::Plane([0.0; 4]),
            Value::Quaternion([0.0; 4]),
            Value::Aabb([0.0; 6]),
            Value::Basis(Box::new([0.0; 9])),
            Value::Transform3D(Box::new([0.0; 12])),
            Value::Projection(Box::new([0.0; 16])),
            Value::Color([0.0; 4]),
            Value::Array(Default::default()),
            Value::Dictionary(Default::default()),
            Value::PackedByteArray(Vec::new()),
            Value::PackedInt32Array(Vec::new()),
            Value::PackedInt64Array(Vec::new()),
            Value::PackedFloat32Array(Vec::new()),
            Value::PackedFloat64Array(Vec::new()),
            Value::PackedStringArray(Vec::new()),
            Value::PackedVector2Array(Vec::new()),
            Value::PackedVector3Array(Vec::new()),
            Value::PackedColorArray(Vec::new()),
            Value::PackedVector4Array(Vec::new()),
        ];
        assert_eq!(values.len(), aethex_value_type::ALL.len());
        for (value, known) in values.iter().zip(aethex_value_type::ALL) {
            let tag = encode(value).unwrap()[TAG_AT];
            assert_eq!(type_of(value), *known, "{value:?}");
            assert_eq!(i32::from(tag), *known as i32, "{value:?}");
        }
    }

    #[test]
    fn a_typed_container_takes_its_type() {
        let strings = aethex_value_type::AETHEX_VALUE_STRING.element();
        assert_eq!(accepts(strings, &Value::String("a".into())), Ok(()));
        assert_eq!(accepts(strings, &Value::Int(1)), Err(ErrorCode::InvalidArgument));
        assert_eq!(accepts(ElementType::ANY, &Value::Int(1)), Ok(()));
        assert_eq!(accepts(ElementType(99), &Value::Opaque { tag: 99, bytes: Vec::new() }), Ok(()));
        assert_eq!(declared(ElementType(99)), 255);
    }
}
