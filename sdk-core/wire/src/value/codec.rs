//! The binary encoding: two bytes of header, then a tag and its layout, all little-endian.
//!
//! One value has one encoding: lengths and integers are the shortest varints, nothing may follow the
//! value, keys are unique. So equal bytes mean equal values, and a hash of the bytes is the value's.

use super::{Array, Dictionary, ElementType, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value, ValueError};
use std::collections::HashSet;

/// First byte of every encoded value, and its version.
const HEADER: [u8; 2] = [0xae, 1];
/// Tags from here on carry their length, so that a version that does not know them can keep them.
pub(super) const OPAQUE_TAG_MIN: u8 = 64;
/// Dictionaries up to this size are searched for duplicate keys pair by pair.
const SMALL_DICTIONARY_MAX: usize = 8;

/// Encodes a value. Fails when it is nested too deeply, has too many values in it, a duplicate key, or an
/// opaque tag that is taken: whatever it writes can be decoded.
pub fn encode(value: &Value) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&HEADER);
    write(value, &mut out, 0, &mut Budget(VALUE_ITEMS_MAX))?;
    Ok(out)
}

/// Decodes a value. Whatever it accepts encodes to the same bytes again.
pub fn decode(bytes: &[u8]) -> Result<Value, ValueError> {
    let mut reader = Reader { bytes, at: 0, budget: Budget(VALUE_ITEMS_MAX) };
    if reader.take(2)? != HEADER {
        return Err(ValueError("these bytes are not an encoded value of version 1".into()));
    }
    let value = reader.value(0)?;
    if reader.at != bytes.len() {
        return Err(ValueError(format!("{} bytes follow the value", bytes.len() - reader.at)));
    }
    Ok(value)
}

pub(super) fn same(a: &Value, b: &Value) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        _ => alike(a, &mut left) && alike(b, &mut right) && left == right,
    }
}

/// Appends a value's encoding without the header, as something to look it up by; nothing useful for a value
/// that [`encode`] refuses.
pub(crate) fn encoded_into(value: &Value, out: &mut Vec<u8>) {
    alike(value, out);
}

/// Writes a value to be compared: however large, it equals itself.
fn alike(value: &Value, out: &mut Vec<u8>) -> bool {
    write(value, out, 0, &mut Budget(usize::MAX)).is_ok()
}

/// How many more values, or texts of a packed array, one value may hold. Both directions spend it the same way.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, count: usize) -> Result<(), ValueError> {
        let too_many = || ValueError(format!("a value has at most {VALUE_ITEMS_MAX} values in it"));
        self.0 = self.0.checked_sub(count).ok_or_else(too_many)?;
        Ok(())
    }
}

fn write_uint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn write_len(n: usize, out: &mut Vec<u8>) {
    write_uint(n as u64, out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn write_floats(floats: &[f32], out: &mut Vec<u8>) {
    for float in floats {
        out.extend_from_slice(&float.to_bits().to_le_bytes());
    }
}

fn write_ints(ints: &[i32], out: &mut Vec<u8>) {
    for int in ints {
        out.extend_from_slice(&int.to_le_bytes());
    }
}

fn write_vectors<const N: usize>(vectors: &[[f32; N]], out: &mut Vec<u8>) {
    write_len(vectors.len(), out);
    for vector in vectors {
        write_floats(vector, out);
    }
}

pub(super) fn tag_of(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Float(_) => 3,
        Value::String(_) => 4,
        Value::StringName(_) => 5,
        Value::NodePath(_) => 6,
        Value::Vector2(_) => 7,
        Value::Vector2i(_) => 8,
        Value::Rect2(_) => 9,
        Value::Rect2i(_) => 10,
        Value::Vector3(_) => 11,
        Value::Vector3i(_) => 12,
        Value::Transform2D(_) => 13,
        Value::Vector4(_) => 14,
        Value::Vector4i(_) => 15,
        Value::Plane(_) => 16,
        Value::Quaternion(_) => 17,
        Value::Aabb(_) => 18,
        Value::Basis(_) => 19,
        Value::Transform3D(_) => 20,
        Value::Projection(_) => 21,
        Value::Color(_) => 22,
        Value::Array(_) => 23,
        Value::Dictionary(_) => 24,
        Value::PackedByteArray(_) => 25,
        Value::PackedInt32Array(_) => 26,
        Value::PackedInt64Array(_) => 27,
        Value::PackedFloat32Array(_) => 28,
        Value::PackedFloat64Array(_) => 29,
        Value::PackedStringArray(_) => 30,
        Value::PackedVector2Array(_) => 31,
        Value::PackedVector3Array(_) => 32,
        Value::PackedColorArray(_) => 33,
        Value::PackedVector4Array(_) => 34,
        Value::Opaque { tag, .. } => *tag,
    }
}

fn write(value: &Value, out: &mut Vec<u8>, depth: usize, budget: &mut Budget) -> Result<(), ValueError> {
    if depth > VALUE_DEPTH_MAX {
        return Err(too_deep());
    }
    budget.spend(1)?;
    out.push(tag_of(value));
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push(u8::from(*flag)),
        Value::Int(int) => write_uint(zigzag(*int), out),
        Value::Float(float) => out.extend_from_slice(&float.to_bits().to_le_bytes()),
        Value::String(text) | Value::StringName(text) | Value::NodePath(text) => {
            write_bytes(text.as_bytes(), out)
        }
        Value::Vector2(v) => write_floats(v, out),
        Value::Vector2i(v) => write_ints(v, out),
        Value::Rect2(v) | Value::Vector4(v) | Value::Plane(v) | Value::Quaternion(v) | Value::Color(v) => {
            write_floats(v, out);
        }
        Value::Rect2i(v) | Value::Vector4i(v) => write_ints(v, out),
        Value::Vector3(v) => write_floats(v, out),
        Value::Vector3i(v) => write_ints(v, out),
        Value::Transform2D(v) | Value::Aabb(v) => write_floats(v, out),
        Value::Basis(v) => write_floats(v.as_slice(), out),
        Value::Transform3D(v) => write_floats(v.as_slice(), out),
        Value::Projection(v) => write_floats(v.as_slice(), out),
        Value::Array(array) => {
            out.push(array.element.0);
            write_len(array.items.len(), out);
            for item in &array.items {
                write(item, out, depth + 1, budget)?;
            }
        }
        Value::Dictionary(dictionary) => write_dictionary(dictionary, out, depth, budget)?,
        Value::PackedByteArray(bytes) => write_bytes(bytes, out),
        Value::PackedInt32Array(ints) => {
            write_len(ints.len(), out);
            write_ints(ints, out);
        }
        Value::PackedInt64Array(ints) => {
            write_len(ints.len(), out);
            ints.iter().for_each(|int| out.extend_from_slice(&int.to_le_bytes()));
        }
        Value::PackedFloat32Array(floats) => {
            write_len(floats.len(), out);
            write_floats(floats, out);
        }
        Value::PackedFloat64Array(floats) => {
            write_len(floats.len(), out);
            floats.iter().for_each(|float| out.extend_from_slice(&float.to_bits().to_le_bytes()));
        }
        Value::PackedStringArray(texts) => {
            budget.spend(texts.len())?;
            write_len(texts.len(), out);
            texts.iter().for_each(|text| write_bytes(text.as_bytes(), out));
        }
        Value::PackedVector2Array(vectors) => write_vectors(vectors, out),
        Value::PackedVector3Array(vectors) => write_vectors(vectors, out),
        Value::PackedColorArray(vectors) | Value::PackedVector4Array(vectors) => write_vectors(vectors, out),
        Value::Opaque { tag, bytes } => {
            if *tag < OPAQUE_TAG_MIN {
                return Err(ValueError(format!("an opaque value cannot have tag {tag}")));
            }
            write_bytes(bytes, out);
        }
    }
    Ok(())
}

fn write_dictionary(
    dictionary: &Dictionary,
    out: &mut Vec<u8>,
    depth: usize,
    budget: &mut Budget,
) -> Result<(), ValueError> {
    out.extend_from_slice(&[dictionary.key.0, dictionary.value.0]);
    write_len(dictionary.entries.len(), out);
    let mut keys = Vec::with_capacity(dictionary.entries.len());
    for (key, value) in &dictionary.entries {
        let start = out.len();
        write(key, out, depth + 1, budget)?;
        keys.push(start..out.len());
        write(value, out, depth + 1, budget)?;
    }
    check_unique(keys.iter().map(|range| &out[range.clone()]))
}

fn check_unique<'k>(keys: impl ExactSizeIterator<Item = &'k [u8]> + Clone) -> Result<(), ValueError> {
    let twice = if keys.len() <= SMALL_DICTIONARY_MAX {
        let mut rest = keys;
        let mut twice = false;
        while let Some(key) = rest.next() {
            twice |= rest.clone().any(|other| other == key);
        }
        twice
    } else {
        let mut seen = HashSet::with_capacity(keys.len());
        !keys.into_iter().all(|key| seen.insert(key))
    };
    if twice { Err(ValueError("a dictionary has the same key twice".into())) } else { Ok(()) }
}

fn too_deep() -> ValueError {
    ValueError(format!("values are nested at most {VALUE_DEPTH_MAX} deep; does one contain itself?"))
}

fn zigzag(int: i64) -> u64 {
    ((int << 1) ^ (int >> 63)).cast_unsigned()
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    budget: Budget,
}

impl<'b> Reader<'b> {
    fn wrong(&self, what: &str) -> ValueError {
        ValueError(format!("{what} at byte {}", self.at))
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], ValueError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("the value is cut off"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn byte(&mut self) -> Result<u8, ValueError> {
        Ok(self.array::<1>()?[0])
    }

    /// The shortest varint of at most 64 bits.
    fn uint(&mut self) -> Result<u64, ValueError> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(self.wrong("an integer has more than 64 bits"));
            }
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                if byte == 0 && shift > 0 {
                    return Err(self.wrong("an integer is not in its shortest form"));
                }
                return Ok(n);
            }
        }
        Err(self.wrong("an integer has more than 64 bits"))
    }

    /// A count of things that take at least `size` bytes each: never more than the bytes that are left.
    fn count(&mut self, size: usize) -> Result<usize, ValueError> {
        let count = usize::try_from(self.uint()?).unwrap_or(usize::MAX);
        let left = self.bytes.len() - self.at;
        if count > left / size {
            return Err(self.wrong("a length is larger than what follows"));
        }
        Ok(count)
    }

    fn bytes(&mut self) -> Result<&'b [u8], ValueError> {
        let len = self.count(1)?;
        self.take(len)
    }

    fn text(&mut self) -> Result<String, ValueError> {
        let bytes = self.bytes()?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| self.wrong("a text is not UTF-8 before the end"))?;
        Ok(text.to_owned())
    }

    fn floats<const N: usize>(&mut self) -> Result<[f32; N], ValueError> {
        let mut out = [0.0; N];
        for float in &mut out {
            *float = f32::from_bits(u32::from_le_bytes(self.array()?));
        }
        Ok(out)
    }

    fn ints<const N: usize>(&mut self) -> Result<[i32; N], ValueError> {
        let mut out = [0; N];
        for int in &mut out {
            *int = i32::from_le_bytes(self.array()?);
        }
        Ok(out)
    }

    fn many<T>(
        &mut self,
        size: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, ValueError>,
    ) -> Result<Vec<T>, ValueError> {
        let count = self.count(size)?;
        (0..count).map(|_| one(self)).collect()
    }

    fn element_type(&mut self) -> Result<ElementType, ValueError> {
        self.byte().map(ElementType)
    }

    fn value(&mut self, depth: usize) -> Result<Value, ValueError> {
        if depth > VALUE_DEPTH_MAX {
            return Err(too_deep());
        }
        self.budget.spend(1)?;
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => match self.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(self.wrong("a boolean is neither 0 nor 1 before the end")),
            },
            2 => Value::Int(unzigzag(self.uint()?)),
            3 => Value::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            4 => Value::String(self.text()?),
            5 => Value::StringName(self.text()?),
            6 => Value::NodePath(self.text()?),
            7 => Value::Vector2(self.floats()?),
            8 => Value::Vector2i(self.ints()?),
            9 => Value::Rect2(self.floats()?),
            10 => Value::Rect2i(self.ints()?),
            11 => Value::Vector3(self.floats()?),
            12 => Value::Vector3i(self.ints()?),
            13 => Value::Transform2D(self.floats()?),
            14 => Value::Vector4(self.floats()?),
            15 => Value::Vector4i(self.ints()?),
            16 => Value::Plane(self.floats()?),
            17 => Value::Quaternion(self.floats()?),
            18 => Value::Aabb(self.floats()?),
            19 => Value::Basis(Box::new(self.floats()?)),
            20 => Value::Transform3D(Box::new(self.floats()?)),
            21 => Value::Projection(Box::new(self.floats()?)),
            22 => Value::Color(self.floats()?),
            23 => {
                let element = self.element_type()?;
                Value::Array(Array { element, items: self.many(1, |reader| reader.value(depth + 1))? })
            }
            24 => Value::Dictionary(self.dictionary(depth)?),
            25 => Value::PackedByteArray(self.bytes()?.to_vec()),
            26 => Value::PackedInt32Array(self.many(4, |reader| Ok(i32::from_le_bytes(reader.array()?)))?),
            27 => Value::PackedInt64Array(self.many(8, |reader| Ok(i64::from_le_bytes(reader.array()?)))?),
            28 => Value::PackedFloat32Array(
                self.many(4, |reader| Ok(f32::from_bits(u32::from_le_bytes(reader.array()?))))?,
            ),
            29 => Value::PackedFloat64Array(
                self.many(8, |reader| Ok(f64::from_bits(u64::from_le_bytes(reader.array()?))))?,
            ),
            30 => Value::PackedStringArray(self.many(1, |reader| {
                reader.budget.spend(1)?;
                reader.text()
            })?),
            31 => Value::PackedVector2Array(self.many(8, Reader::floats)?),
            32 => Value::PackedVector3Array(self.many(12, Reader::floats)?),
            33 => Value::PackedColorArray(self.many(16, Reader::floats)?),
            34 => Value::PackedVector4Array(self.many(16, Reader::floats)?),
            tag if tag >= OPAQUE_TAG_MIN => Value::Opaque { tag, bytes: self.bytes()?.to_vec() },
            tag => return Err(self.wrong(&format!("tag {tag} is not known before the end"))),
        })
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary, ValueError> {
        let (key, value) = (self.element_type()?, self.element_type()?);
        let count = self.count(2)?;
        let mut entries = Vec::new();
        let mut keys = Vec::new();
        for _ in 0..count {
            let start = self.at;
            let key = self.value(depth + 1)?;
            keys.push(&self.bytes[start..self.at]);
            entries.push((key, self.value(depth + 1)?));
        }
        check_unique(keys.iter().copied())?;
        Ok(Dictionary { key, value, entries })
    }
}
