//! [`Value`] -> `Variant`.

use super::Refusal;
use super::types::name_of;
use aethex_sdk_core::wire::value::{Array, Dictionary, ElementType, Value};
use aethex_sdk_core::{Error, ErrorCode};
use godot::builtin as gd;
use godot::builtin::{AnyArray, AnyDictionary, GString, VarArray, VarDictionary, Variant};
use godot::meta::ToGodot;

/// The variant for a value that was loaded.
///
/// # Errors
/// `InvalidSave` with the path of the element, when the save holds something that this engine cannot: a
/// type of a newer version, or a text with a NUL character, which Godot would cut off in silence.
pub(crate) fn to_variant(value: &Value) -> Result<Variant, Error> {
    variant(value).map_err(|refusal| refusal.into_error(ErrorCode::InvalidSave, "data"))
}

fn variant(value: &Value) -> Result<Variant, Refusal> {
    Ok(match value {
        Value::Null => Variant::nil(),
        Value::Bool(v) => v.to_variant(),
        Value::Int(v) => v.to_variant(),
        Value::Float(v) => v.to_variant(),
        Value::String(text) => string(text)?.to_variant(),
        Value::StringName(text) => gd::StringName::from(&string(text)?).to_variant(),
        Value::NodePath(text) => node_path(text)?.to_variant(),
        Value::Array(array) => self::array(array)?,
        Value::Dictionary(dictionary) => self::dictionary(dictionary)?,
        Value::Opaque { tag, .. } => {
            return Err(Refusal::new(format!(
                "a value of type {tag}, which this version of the addon does not know: update it"
            )));
        }
        Value::PackedByteArray(_)
        | Value::PackedInt32Array(_)
        | Value::PackedInt64Array(_)
        | Value::PackedFloat32Array(_)
        | Value::PackedFloat64Array(_)
        | Value::PackedStringArray(_)
        | Value::PackedVector2Array(_)
        | Value::PackedVector3Array(_)
        | Value::PackedColorArray(_)
        | Value::PackedVector4Array(_) => packed(value)?,
        geometry => self::geometry(geometry),
    })
}

fn string(text: &str) -> Result<GString, Refusal> {
    if text.contains('\0') {
        return Err(Refusal::new("a text with a NUL character, which Godot cannot hold"));
    }
    Ok(GString::from(text))
}

fn node_path(text: &str) -> Result<gd::NodePath, Refusal> {
    let path = gd::NodePath::from(&string(text)?);
    if path.to_string() != text {
        return Err(Refusal::new("a node path in a spelling that Godot would change"));
    }
    Ok(path)
}

fn array(array: &Array) -> Result<Variant, Refusal> {
    let mut out = VarArray::new();
    for (index, item) in array.items.iter().enumerate() {
        out.push(&variant(item).map_err(|refusal| refusal.at_index(index))?);
    }
    if array.element == ElementType::ANY {
        return Ok(out.to_variant());
    }
    let filled = name_of(array.element)
        .and_then(|name| empty(&format!("Array[{name}]([])")))
        .filter(|typed| typed.call("assign", &[out.to_variant()]).is_nil())
        .filter(|typed| typed.try_to::<AnyArray>().is_ok_and(|typed| typed.len() == out.len()));
    // A declaration that the engine cannot express is dropped, never an element.
    Ok(filled.unwrap_or_else(|| out.to_variant()))
}

fn dictionary(dictionary: &Dictionary) -> Result<Variant, Refusal> {
    let mut out = VarDictionary::new();
    for (key, item) in &dictionary.entries {
        let at = |refusal: Refusal| match key {
            Value::String(text) | Value::StringName(text) => refusal.at_key(text),
            Value::Int(number) => refusal.at_key(&number.to_string()),
            _ => refusal.at_key("…"),
        };
        out.set(&variant(key).map_err(at)?, &variant(item).map_err(at)?);
    }
    if dictionary.key == ElementType::ANY && dictionary.value == ElementType::ANY {
        return Ok(out.to_variant());
    }
    let names = name_of(dictionary.key).zip(name_of(dictionary.value));
    let filled = names
        .and_then(|(key, value)| empty(&format!("Dictionary[{key}, {value}]({{}})")))
        .filter(|typed| typed.call("assign", &[out.to_variant()]).is_nil())
        .filter(|typed| typed.try_to::<AnyDictionary>().is_ok_and(|typed| typed.len() == out.len()));
    Ok(filled.unwrap_or_else(|| out.to_variant()))
}

/// An empty container from its spelling in GDScript: the one way to a container whose types are known at
/// run time only. None on an engine older than the type (typed dictionaries came with 4.4).
fn empty(spelling: &str) -> Option<Variant> {
    if spelling.starts_with("Dictionary") && godot::init::GdextBuild::before_api("4.4") {
        return None;
    }
    Some(godot::global::str_to_var(spelling)).filter(|made| !made.is_nil())
}

fn packed(value: &Value) -> Result<Variant, Refusal> {
    Ok(match value {
        Value::PackedByteArray(v) => gd::PackedByteArray::from(v.as_slice()).to_variant(),
        Value::PackedInt32Array(v) => gd::PackedInt32Array::from(v.as_slice()).to_variant(),
        Value::PackedInt64Array(v) => gd::PackedInt64Array::from(v.as_slice()).to_variant(),
        Value::PackedFloat32Array(v) => gd::PackedFloat32Array::from(v.as_slice()).to_variant(),
        Value::PackedFloat64Array(v) => gd::PackedFloat64Array::from(v.as_slice()).to_variant(),
        Value::PackedStringArray(v) => {
            let texts =
                v.iter().enumerate().map(|(i, text)| string(text).map_err(|refusal| refusal.at_index(i)));
            texts.collect::<Result<gd::PackedStringArray, Refusal>>()?.to_variant()
        }
        Value::PackedVector2Array(v) => {
            v.iter().map(|v| gd::Vector2::new(v[0], v[1])).collect::<gd::PackedVector2Array>().to_variant()
        }
        Value::PackedVector3Array(v) => {
            v.iter().map(vector3).collect::<gd::PackedVector3Array>().to_variant()
        }
        Value::PackedColorArray(v) => v.iter().map(color).collect::<gd::PackedColorArray>().to_variant(),
        Value::PackedVector4Array(v) => {
            v.iter().map(vector4).collect::<gd::PackedVector4Array>().to_variant()
        }
        _ => Variant::nil(),
    })
}

fn geometry(value: &Value) -> Variant {
    use gd::{Vector2, Vector2i};
    match value {
        Value::Vector2([x, y]) => Vector2::new(*x, *y).to_variant(),
        Value::Vector2i([x, y]) => Vector2i::new(*x, *y).to_variant(),
        Value::Rect2([x, y, w, h]) => gd::Rect2::new(Vector2::new(*x, *y), Vector2::new(*w, *h)).to_variant(),
        Value::Rect2i([x, y, w, h]) => {
            gd::Rect2i::new(Vector2i::new(*x, *y), Vector2i::new(*w, *h)).to_variant()
        }
        Value::Vector3(v) => vector3(v).to_variant(),
        Value::Vector3i([x, y, z]) => gd::Vector3i::new(*x, *y, *z).to_variant(),
        Value::Transform2D([ax, ay, bx, by, x, y]) => {
            gd::Transform2D::from_cols(Vector2::new(*ax, *ay), Vector2::new(*bx, *by), Vector2::new(*x, *y))
                .to_variant()
        }
        Value::Vector4(v) => vector4(v).to_variant(),
        Value::Vector4i([x, y, z, w]) => gd::Vector4i::new(*x, *y, *z, *w).to_variant(),
        Value::Plane([x, y, z, d]) => gd::Plane { normal: vector3(&[*x, *y, *z]), d: *d }.to_variant(),
        Value::Quaternion([x, y, z, w]) => gd::Quaternion::new(*x, *y, *z, *w).to_variant(),
        Value::Aabb([x, y, z, w, h, d]) => {
            gd::Aabb { position: vector3(&[*x, *y, *z]), size: vector3(&[*w, *h, *d]) }.to_variant()
        }
        Value::Basis(v) => basis(v.as_slice()).to_variant(),
        Value::Transform3D(v) => {
            gd::Transform3D { basis: basis(&v[..9]), origin: vector3(&[v[9], v[10], v[11]]) }.to_variant()
        }
        Value::Projection(v) => {
            let column = |i: usize| gd::Vector4::new(v[i], v[i + 1], v[i + 2], v[i + 3]);
            gd::Projection { cols: [column(0), column(4), column(8), column(12)] }.to_variant()
        }
        Value::Color(v) => color(v).to_variant(),
        _ => Variant::nil(),
    }
}

fn vector3(v: &[f32; 3]) -> gd::Vector3 {
    gd::Vector3::new(v[0], v[1], v[2])
}

fn vector4(v: &[f32; 4]) -> gd::Vector4 {
    gd::Vector4::new(v[0], v[1], v[2], v[3])
}

fn color(v: &[f32; 4]) -> gd::Color {
    gd::Color { r: v[0], g: v[1], b: v[2], a: v[3] }
}

/// From nine floats, column after column.
fn basis(v: &[f32]) -> gd::Basis {
    let column = |i: usize| gd::Vector3::new(v[i], v[i + 1], v[i + 2]);
    gd::Basis::from_cols(column(0), column(3), column(6))
}
