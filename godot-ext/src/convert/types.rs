//! The types of elements: Godot's numbers and the tags of values.

use aethex_sdk_core::wire::value::ElementType;
use godot::builtin::VariantType;

/// Godot's type, the tag of the same type in a value, and its name in GDScript.
const TYPES: &[(VariantType, u8, &str)] = &[
    (VariantType::NIL, 0, "Variant"),
    (VariantType::BOOL, 1, "bool"),
    (VariantType::INT, 2, "int"),
    (VariantType::FLOAT, 3, "float"),
    (VariantType::STRING, 4, "String"),
    (VariantType::STRING_NAME, 5, "StringName"),
    (VariantType::NODE_PATH, 6, "NodePath"),
    (VariantType::VECTOR2, 7, "Vector2"),
    (VariantType::VECTOR2I, 8, "Vector2i"),
    (VariantType::RECT2, 9, "Rect2"),
    (VariantType::RECT2I, 10, "Rect2i"),
    (VariantType::VECTOR3, 11, "Vector3"),
    (VariantType::VECTOR3I, 12, "Vector3i"),
    (VariantType::TRANSFORM2D, 13, "Transform2D"),
    (VariantType::VECTOR4, 14, "Vector4"),
    (VariantType::VECTOR4I, 15, "Vector4i"),
    (VariantType::PLANE, 16, "Plane"),
    (VariantType::QUATERNION, 17, "Quaternion"),
    (VariantType::AABB, 18, "AABB"),
    (VariantType::BASIS, 19, "Basis"),
    (VariantType::TRANSFORM3D, 20, "Transform3D"),
    (VariantType::PROJECTION, 21, "Projection"),
    (VariantType::COLOR, 22, "Color"),
    (VariantType::ARRAY, 23, "Array"),
    (VariantType::DICTIONARY, 24, "Dictionary"),
    (VariantType::PACKED_BYTE_ARRAY, 25, "PackedByteArray"),
    (VariantType::PACKED_INT32_ARRAY, 26, "PackedInt32Array"),
    (VariantType::PACKED_INT64_ARRAY, 27, "PackedInt64Array"),
    (VariantType::PACKED_FLOAT32_ARRAY, 28, "PackedFloat32Array"),
    (VariantType::PACKED_FLOAT64_ARRAY, 29, "PackedFloat64Array"),
    (VariantType::PACKED_STRING_ARRAY, 30, "PackedStringArray"),
    (VariantType::PACKED_VECTOR2_ARRAY, 31, "PackedVector2Array"),
    (VariantType::PACKED_VECTOR3_ARRAY, 32, "PackedVector3Array"),
    (VariantType::PACKED_COLOR_ARRAY, 33, "PackedColorArray"),
    (VariantType::PACKED_VECTOR4_ARRAY, 34, "PackedVector4Array"),
];

/// The tag of Godot's type; none for types that cannot be saved.
pub(super) fn tag_of(kind: VariantType) -> Option<ElementType> {
    TYPES.iter().find(|(known, ..)| *known == kind).map(|(_, tag, _)| ElementType(*tag))
}

/// The name of a tag in GDScript; none for tags that this version does not know.
pub(super) fn name_of(tag: ElementType) -> Option<&'static str> {
    TYPES.iter().find(|(_, known, _)| *known == tag.0).map(|(.., name)| *name)
}

/// What a message calls a type that cannot be saved.
pub(super) fn refused_name(kind: VariantType) -> &'static str {
    match kind {
        VariantType::OBJECT => "an Object",
        VariantType::CALLABLE => "a Callable",
        VariantType::SIGNAL => "a Signal",
        VariantType::RID => "an RID",
        _ => "a type that this version of the addon does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_sdk_core::wire::value::{Array, Value, decode, encode};

    #[test]
    fn every_tag_is_one_that_the_codec_takes_for_a_container() {
        for (index, (_, tag, _)) in TYPES.iter().enumerate() {
            assert_eq!(usize::from(*tag), index, "tags are dense");
            let array = Value::Array(Array { element: ElementType(*tag), items: Vec::new() });
            assert_eq!(decode(&encode(&array).unwrap()), Ok(array), "tag {tag}");
        }
    }
}
