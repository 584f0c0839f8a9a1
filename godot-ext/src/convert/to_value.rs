//! `Variant` -> [`Value`].

use super::types::{refused_name, tag_of};
use super::{ELEMENTS_MAX, Refusal};
use aethex_sdk_core::wire::value::{Array, Dictionary, ElementType, VALUE_DEPTH_MAX, Value};
use aethex_sdk_core::{Error, ErrorCode};
use godot::builtin as gd;
use godot::builtin::{AnyArray, AnyDictionary, GString, Variant, VariantType};
use godot::meta::FromGodot;

/// The value that a script handed over.
///
/// # Errors
/// `InvalidArgument` with the path of the element that cannot be saved.
pub(crate) fn to_value(variant: &Variant) -> Result<Value, Error> {
    let mut walk = Walk { elements_left: ELEMENTS_MAX };
    walk.value(variant, 0).map_err(|refusal| refusal.into_error(ErrorCode::InvalidArgument, "data"))
}

struct Walk {
    elements_left: usize,
}

impl Walk {
    fn value(&mut self, variant: &Variant, depth: usize) -> Result<Value, Refusal> {
        self.elements_left = self
            .elements_left
            .checked_sub(1)
            .ok_or_else(|| Refusal::new(format!("a save has at most {ELEMENTS_MAX} elements")))?;
        match variant.get_type() {
            VariantType::ARRAY => self.array(&take::<AnyArray>(variant)?, depth),
            VariantType::DICTIONARY => self.dictionary(&take::<AnyDictionary>(variant)?, depth),
            kind => leaf(variant, kind),
        }
    }

    fn array(&mut self, array: &AnyArray, depth: usize) -> Result<Value, Refusal> {
        check_depth(depth)?;
        let element = declared(array.element_type().variant_type())?;
        let mut items = Vec::with_capacity(array.len().min(self.elements_left));
        for (index, item) in array.iter_shared().enumerate() {
            items.push(self.value(&item, depth + 1).map_err(|refusal| refusal.at_index(index))?);
        }
        Ok(Value::Array(Array { element, items }))
    }

    fn dictionary(&mut self, dictionary: &AnyDictionary, depth: usize) -> Result<Value, Refusal> {
        check_depth(depth)?;
        let key = declared(dictionary.key_element_type().variant_type())?;
        let value = declared(dictionary.value_element_type().variant_type())?;
        let mut entries = Vec::with_capacity(dictionary.len().min(self.elements_left));
        for (name, item) in dictionary.iter_shared() {
            let at = |refusal: Refusal| refusal.at_key(&key_text(&name));
            entries
                .push((self.value(&name, depth + 1).map_err(at)?, self.value(&item, depth + 1).map_err(at)?));
        }
        Ok(Value::Dictionary(Dictionary { key, value, entries }))
    }
}

fn check_depth(depth: usize) -> Result<(), Refusal> {
    if depth < VALUE_DEPTH_MAX {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "nested deeper than {VALUE_DEPTH_MAX} levels; does a container contain itself?"
    )))
}

fn declared(kind: VariantType) -> Result<ElementType, Refusal> {
    tag_of(kind).ok_or_else(|| Refusal::new(format!("a container of {} cannot be saved", refused_name(kind))))
}

/// The text of a key for a message. Containers are not printed: one may contain itself.
fn key_text(key: &Variant) -> String {
    match key.get_type() {
        VariantType::ARRAY | VariantType::DICTIONARY | VariantType::OBJECT => "…".to_owned(),
        _ => key.stringify().to_string(),
    }
}

fn take<T: FromGodot>(variant: &Variant) -> Result<T, Refusal> {
    variant.try_to::<T>().map_err(|error| Refusal::new(error.to_string()))
}

/// A value without elements, or with elements of one plain type.
fn leaf(variant: &Variant, kind: VariantType) -> Result<Value, Refusal> {
    Ok(match kind {
        VariantType::NIL => Value::Null,
        VariantType::BOOL => Value::Bool(take(variant)?),
        VariantType::INT => Value::Int(take(variant)?),
        VariantType::FLOAT => Value::Float(take(variant)?),
        VariantType::STRING => Value::String(take::<GString>(variant)?.to_string()),
        VariantType::STRING_NAME => Value::StringName(take::<gd::StringName>(variant)?.to_string()),
        VariantType::NODE_PATH => Value::NodePath(take::<gd::NodePath>(variant)?.to_string()),
        VariantType::PACKED_BYTE_ARRAY => {
            Value::PackedByteArray(take::<gd::PackedByteArray>(variant)?.to_vec())
        }
        VariantType::PACKED_INT32_ARRAY => {
            Value::PackedInt32Array(take::<gd::PackedInt32Array>(variant)?.to_vec())
        }
        VariantType::PACKED_INT64_ARRAY => {
            Value::PackedInt64Array(take::<gd::PackedInt64Array>(variant)?.to_vec())
        }
        VariantType::PACKED_FLOAT32_ARRAY => {
            Value::PackedFloat32Array(take::<gd::PackedFloat32Array>(variant)?.to_vec())
        }
        VariantType::PACKED_FLOAT64_ARRAY => {
            Value::PackedFloat64Array(take::<gd::PackedFloat64Array>(variant)?.to_vec())
        }
        VariantType::PACKED_STRING_ARRAY => Value::PackedStringArray(
            take::<gd::PackedStringArray>(variant)?.as_slice().iter().map(GString::to_string).collect(),
        ),
        VariantType::PACKED_VECTOR2_ARRAY => Value::PackedVector2Array(
            take::<gd::PackedVector2Array>(variant)?.as_slice().iter().map(|v| [v.x, v.y]).collect(),
        ),
        VariantType::PACKED_VECTOR3_ARRAY => Value::PackedVector3Array(
            take::<gd::PackedVector3Array>(variant)?.as_slice().iter().map(|v| [v.x, v.y, v.z]).collect(),
        ),
        VariantType::PACKED_COLOR_ARRAY => Value::PackedColorArray(
            take::<gd::PackedColorArray>(variant)?.as_slice().iter().map(|c| [c.r, c.g, c.b, c.a]).collect(),
        ),
        VariantType::PACKED_VECTOR4_ARRAY => Value::PackedVector4Array(
            take::<gd::PackedVector4Array>(variant)?
                .as_slice()
                .iter()
                .map(|v| [v.x, v.y, v.z, v.w])
                .collect(),
        ),
        kind => return geometry(variant, kind),
    })
}

/// A value of a fixed number of floats or integers.
fn geometry(variant: &Variant, kind: VariantType) -> Result<Value, Refusal> {
    Ok(match kind {
        VariantType::VECTOR2 => {
            let v: gd::Vector2 = take(variant)?;
            Value::Vector2([v.x, v.y])
        }
        VariantType::VECTOR2I => {
            let v: gd::Vector2i = take(variant)?;
            Value::Vector2i([v.x, v.y])
        }
        VariantType::RECT2 => {
            let r: gd::Rect2 = take(variant)?;
            Value::Rect2([r.position.x, r.position.y, r.size.x, r.size.y])
        }
        VariantType::RECT2I => {
            let r: gd::Rect2i = take(variant)?;
            Value::Rect2i([r.position.x, r.position.y, r.size.x, r.size.y])
        }
        VariantType::VECTOR3 => Value::Vector3(xyz(take(variant)?)),
        VariantType::VECTOR3I => {
            let v: gd::Vector3i = take(variant)?;
            Value::Vector3i([v.x, v.y, v.z])
        }
        VariantType::TRANSFORM2D => {
            let t: gd::Transform2D = take(variant)?;
            Value::Transform2D([t.a.x, t.a.y, t.b.x, t.b.y, t.origin.x, t.origin.y])
        }
        VariantType::VECTOR4 => {
            let v: gd::Vector4 = take(variant)?;
            Value::Vector4([v.x, v.y, v.z, v.w])
        }
        VariantType::VECTOR4I => {
            let v: gd::Vector4i = take(variant)?;
            Value::Vector4i([v.x, v.y, v.z, v.w])
        }
        VariantType::PLANE => {
            let p: gd::Plane = take(variant)?;
            Value::Plane([p.normal.x, p.normal.y, p.normal.z, p.d])
        }
        VariantType::QUATERNION => {
            let q: gd::Quaternion = take(variant)?;
            Value::Quaternion([q.x, q.y, q.z, q.w])
        }
        VariantType::AABB => {
            let b: gd::Aabb = take(variant)?;
            Value::Aabb(joined([xyz(b.position), xyz(b.size)]))
        }
        VariantType::BASIS => Value::Basis(Box::new(columns(&take(variant)?))),
        VariantType::TRANSFORM3D => {
            let t: gd::Transform3D = take(variant)?;
            let mut out = [0.0; 12];
            out[..9].copy_from_slice(&columns(&t.basis));
            out[9..].copy_from_slice(&xyz(t.origin));
            Value::Transform3D(Box::new(out))
        }
        VariantType::PROJECTION => {
            let p: gd::Projection = take(variant)?;
            Value::Projection(Box::new(joined(p.cols.map(|c| [c.x, c.y, c.z, c.w]))))
        }
        VariantType::COLOR => {
            let c: gd::Color = take(variant)?;
            Value::Color([c.r, c.g, c.b, c.a])
        }
        kind => return Err(Refusal::new(format!("{} cannot be saved", refused_name(kind)))),
    })
}

fn xyz(v: gd::Vector3) -> [f32; 3] {
    [v.x, v.y, v.z]
}

fn columns(basis: &gd::Basis) -> [f32; 9] {
    joined(basis.to_cols().map(xyz))
}

/// Parts of one length behind each other.
fn joined<const PART: usize, const PARTS: usize, const ALL: usize>(
    parts: [[f32; PART]; PARTS],
) -> [f32; ALL] {
    const { assert!(PART * PARTS == ALL) };
    let mut out = [0.0; ALL];
    for (to, part) in out.chunks_exact_mut(PART).zip(&parts) {
        to.copy_from_slice(part);
    }
    out
}
