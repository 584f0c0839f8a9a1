//! What changed from one value to another, piece by piece.
//!
//! Dictionaries are compared key by key: their order is no change. Lists are compared place by place, behind what both begin with
//! and before what both end with, so that an item put in or taken out is one change. Everything else, packed arrays included,
//! is one piece. Work, number and size of what comes out are bounded: past a limit pieces are told of as wholes, or
//! values are left out, and [`Changes::truncated`] says when changes are missing.
//!
//! Paths are printed as merge policies read them: keys joined by dots, places of lists in brackets.

use crate::merge::write_key;
use crate::saves::Part;
use crate::saves::history::{
    CHANGE_PATH_LEN_MAX, CHANGE_VALUE_LEN_MAX, CHANGES_MAX, CHANGES_VALUES_LEN_MAX, Change, ChangeKind,
};
use crate::value::{self, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Comparisons of one diff: twice over every item of the two largest values. What is left after them is compared as one
/// piece.
const COMPARISONS_MAX: usize = 4 * VALUE_ITEMS_MAX;

/// What changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// The changes, in the newer value's order; what is gone stands behind the rest of its dictionary or list.
    pub changes: Vec<Change>,
    /// True when there are more than [`CHANGES_MAX`].
    pub truncated: bool,
}

/// What changed from the older value to the newer one.
pub fn diff(from: &Value, to: &Value) -> Changes {
    let mut work = Work { found: Changes::default(), room: CHANGES_VALUES_LEN_MAX, left: COMPARISONS_MAX };
    work.compare(&mut String::new(), from, to, 0);
    work.found
}

/// What changed between two contents that are bytes: the whole, without values, or nothing.
pub fn diff_bytes(from: (&str, i64), to: (&str, i64)) -> Changes {
    let ((from_hash, from_bytes), (to_hash, to_bytes)) = (from, to);
    let whole =
        Change { path: String::new(), kind: ChangeKind::Changed, from: None, to: None, from_bytes, to_bytes };
    let changes = if from_hash == to_hash { Vec::new() } else { vec![whole] };
    Changes { changes, truncated: false }
}

/// Names of the parts that were added, removed or changed, by name.
pub fn diff_parts(from: &[Part], to: &[Part]) -> Vec<String> {
    let of = |parts: &[Part]| -> BTreeMap<String, Part> {
        parts.iter().map(|part| (part.name.clone(), part.clone())).collect()
    };
    let (from, to) = (of(from), of(to));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let content = |part: Option<&Part>| part.map(|part| (part.encoding, part.hash.clone()));
    names.into_iter().filter(|name| content(from.get(*name)) != content(to.get(*name))).cloned().collect()
}

struct Work {
    found: Changes,
    /// Bytes of values and paths that may still go out.
    room: usize,
    /// Comparisons left.
    left: usize,
}

/// A key to look pairs up by: equal when the keys' encodings are.
#[derive(PartialEq, Eq, Hash)]
enum Key<'v> {
    Text(u8, &'v str),
    Int(i64),
    Other(Vec<u8>),
}

fn key_of(key: &Value) -> Key<'_> {
    match key {
        Value::String(text) => Key::Text(0, text),
        Value::StringName(text) => Key::Text(1, text),
        Value::Int(int) => Key::Int(*int),
        other => Key::Other(value::encode(other).unwrap_or_default()),
    }
}

impl Work {
    fn compare(&mut self, path: &mut String, from: &Value, to: &Value, depth: usize) {
        if self.found.truncated {
            return;
        }
        self.left = self.left.saturating_sub(1);
        let deeper = depth < VALUE_DEPTH_MAX && self.left > 0;
        match (from, to) {
            (Value::Dictionary(from), Value::Dictionary(to))
                if deeper && (from.key, from.value) == (to.key, to.value) =>
            {
                self.dictionaries(path, &from.entries, &to.entries, depth);
            }
            (Value::Array(from), Value::Array(to)) if deeper && from.element == to.element => {
                self.lists(path, &from.items, &to.items, depth);
            }
            (from, to) if from == to => {}
            (from, to) => self.push(path, Some(from), Some(to)),
        }
    }

    fn dictionaries(
        &mut self,
        path: &mut String,
        from: &[(Value, Value)],
        to: &[(Value, Value)],
        depth: usize,
    ) {
        let mut older: HashMap<Key<'_>, &Value> = from.iter().map(|(key, v)| (key_of(key), v)).collect();
        for (key, newer) in to {
            let before = older.remove(&key_of(key));
            under_key(path, key, |path| match before {
                Some(older) => self.compare(path, older, newer, depth + 1),
                None => self.push(path, None, Some(newer)),
            });
        }
        if older.is_empty() {
            return;
        }
        for (key, value) in from.iter().filter(|(key, _)| older.contains_key(&key_of(key))) {
            under_key(path, key, |path| self.push(path, Some(value), None));
        }
    }

    fn lists(&mut self, path: &mut String, from: &[Value], to: &[Value], depth: usize) {
        // In lists of one length, what is equal at both ends costs nothing: it is compared place by place anyway.
        let (head, tail) = if from.len() == to.len() { (0, 0) } else { self.common_ends(from, to) };
        let (from, to) = (&from[head..from.len() - tail], &to[head..to.len() - tail]);
        for place in 0..from.len().max(to.len()) {
            under_place(path, head + place, |path| match (from.get(place), to.get(place)) {
                (Some(older), Some(newer)) => self.compare(path, older, newer, depth + 1),
                (older, newer) => self.push(path, older, newer),
            });
            if self.found.truncated {
                return;
            }
        }
    }

    /// How many items both lists begin with, and how many of the rest both end with.
    fn common_ends(&mut self, from: &[Value], to: &[Value]) -> (usize, usize) {
        let head = from.iter().zip(to).take_while(|(a, b)| self.same(a, b)).count();
        let (from, to) = (&from[head..], &to[head..]);
        let tail = from.iter().rev().zip(to.iter().rev()).take_while(|(a, b)| self.same(a, b)).count();
        (head, tail)
    }

    /// Whether nothing would be told of two values; without their encodings, and over at the first difference.
    fn same(&mut self, a: &Value, b: &Value) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => {
                a.element == b.element
                    && a.items.len() == b.items.len()
                    && a.items.iter().zip(&b.items).all(|(a, b)| self.same(a, b))
            }
            (Value::Dictionary(a), Value::Dictionary(b)) => {
                if (a.key, a.value, a.entries.len()) != (b.key, b.value, b.entries.len()) {
                    return false;
                }
                let older: HashMap<Key<'_>, &Value> = a.entries.iter().map(|(k, v)| (key_of(k), v)).collect();
                b.entries.iter().all(|(key, b)| older.get(&key_of(key)).is_some_and(|a| self.same(a, b)))
            }
            (a, b) => a == b,
        }
    }

    fn push(&mut self, path: &str, from: Option<&Value>, to: Option<&Value>) {
        if self.found.changes.len() == CHANGES_MAX {
            self.found.truncated = true;
            return;
        }
        let kind = match (from, to) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        let path = shortened(path);
        self.room = self.room.saturating_sub(path.len());
        let (from, from_bytes) = self.shown(from);
        let (to, to_bytes) = self.shown(to);
        self.found.changes.push(Change { path, kind, from, to, from_bytes, to_bytes });
    }

    /// The value when it is short and room is left, and its length.
    fn shown(&mut self, value: Option<&Value>) -> (Option<Value>, i64) {
        let Some(value) = value else { return (None, 0) };
        let Ok(len) = value::encode(value).map(|bytes| bytes.len()) else { return (None, 0) };
        let shown = len <= CHANGE_VALUE_LEN_MAX && len <= self.room;
        if shown {
            self.room -= len;
        }
        (shown.then(|| value.clone()), i64::try_from(len).unwrap_or(i64::MAX))
    }
}

/// The path, cut where it is too long: keys may be as long as a save.
fn shortened(path: &str) -> String {
    if path.len() <= CHANGE_PATH_LEN_MAX {
        return path.to_owned();
    }
    format!("{}…", &path[..path.floor_char_boundary(CHANGE_PATH_LEN_MAX)])
}

fn under_key(path: &mut String, key: &Value, work: impl FnOnce(&mut String)) {
    let len = path.len();
    // Past the limit nothing more is shown of it.
    if len <= CHANGE_PATH_LEN_MAX {
        if len > 0 {
            path.push('.');
        }
        // An error is the end of what is shown.
        let _ = write_key(key, &mut Shown(path));
    }
    work(path);
    path.truncate(len);
}

fn under_place(path: &mut String, place: usize, work: impl FnOnce(&mut String)) {
    let len = path.len();
    if len <= CHANGE_PATH_LEN_MAX {
        path.push_str(&format!("[{place}]"));
    }
    work(path);
    path.truncate(len);
}

/// Text that ends where no more of a path is shown.
struct Shown<'p>(&'p mut String);

impl fmt::Write for Shown<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        // A little more than is shown, so that the cut is seen.
        if self.0.len() > CHANGE_PATH_LEN_MAX { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saves::Encoding;
    use ChangeKind::{Added, Changed, Removed};
    use proptest::prelude::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn found(from: &str, to: &str) -> Vec<(String, ChangeKind)> {
        let found = diff(&json(from), &json(to));
        assert!(!found.truncated);
        found.changes.into_iter().map(|change| (change.path, change.kind)).collect()
    }

    fn list(expected: &[(&str, ChangeKind)]) -> Vec<(String, ChangeKind)> {
        expected.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect()
    }

    #[test]
    fn dictionaries_are_compared_by_key_in_the_newer_ones_order() {
        let before = r#"{"a": 1, "b": {"x": 1, "y": 2}, "gone": true}"#;
        assert_eq!(found(before, r#"{"gone": true, "b": {"y": 2, "x": 1}, "a": 1}"#), []);
        let after = r#"{"new": 1, "b": {"x": 1, "y": 3}, "a": 1.0}"#;
        assert_eq!(
            found(before, after),
            list(&[("new", Added), ("b.y", Changed), ("a", Changed), ("gone", Removed)])
        );
    }

    #[test]
    fn what_is_put_in_or_taken_out_of_a_list_is_one_change() {
        assert_eq!(found("[1, 2, 3]", "[1, 9, 2, 3]"), list(&[("[1]", Added)]));
        assert_eq!(found("[1, 9, 2, 3]", "[1, 2, 3]"), list(&[("[1]", Removed)]));
        assert_eq!(found("[1, 2]", "[1, 2, 3, 4]"), list(&[("[2]", Added), ("[3]", Added)]));
        assert_eq!(found("[1, 1, 1]", "[1, 1]"), list(&[("[2]", Removed)]));
        assert_eq!(found(r#"[{"n": 1}, {"n": 2}]"#, r#"[{"n": 1}, {"n": 3}]"#), list(&[("[1].n", Changed)]));
        assert_eq!(found("[]", "[]"), []);
    }

    #[test]
    fn values_stand_in_changes_while_they_are_short() {
        let long = "x".repeat(CHANGE_VALUE_LEN_MAX);
        let from = Value::dictionary([("a", Value::from(1_i64)), ("b", Value::from(long.as_str()))]);
        let to = Value::dictionary([("a", Value::from(2_i64)), ("b", Value::Null)]);
        let found = diff(&from, &to).changes;
        assert_eq!((&found[0].from, &found[0].to), (&Some(Value::from(1_i64)), &Some(Value::from(2_i64))));
        assert_eq!((found[0].from_bytes, found[0].to_bytes), (4, 4));
        // A null that is there is not a value that is missing.
        assert_eq!((&found[1].from, &found[1].to), (&None, &Some(Value::Null)));
        assert!(found[1].from_bytes > CHANGE_VALUE_LEN_MAX as i64);
    }

    #[test]
    fn paths_are_those_of_merge_policies() {
        let entries = [
            (Value::from("a.b"), r"a\.b"),
            (Value::from("*[x],\\"), r"\*\[x\]\,\\"),
            (Value::from("7"), r"\7"),
            (Value::from(7_i64), "7"),
            (Value::from(""), "\"\""),
            (Value::StringName("n".into()), "n"),
            (Value::Vector2i([1, 2]), ""),
        ];
        for (key, path) in entries {
            let with = |value: i64| {
                let entries = vec![(key.clone(), Value::from(value))];
                Value::Dictionary(value::Dictionary { entries, ..Default::default() })
            };
            let found = diff(&with(1), &with(2)).changes;
            assert_eq!(found.len(), 1);
            assert!(path.is_empty() || found[0].path == path, "{:?}", found[0]);
        }
    }

    #[test]
    fn what_comes_out_is_bounded() {
        let many = |n: i64| Value::from((0..3000).map(|_| Value::from(n)).collect::<Vec<_>>());
        let found = diff(&many(1), &many(2));
        assert_eq!((found.changes.len(), found.truncated), (CHANGES_MAX, true));
        let fat = |c: &str| {
            let items = (0..CHANGES_MAX).map(|_| Value::from(c.repeat(4000))).collect::<Vec<_>>();
            Value::from(items)
        };
        let found = diff(&fat("a"), &fat("b"));
        assert!(!found.truncated);
        let shown = found.changes.iter().filter(|change| change.from.is_some()).count();
        assert!(shown > 100 && shown < 200, "{shown}");
        let key = "ö".repeat(100_000);
        let found = diff(&Value::Null, &Value::dictionary([(key.as_str(), Value::Null)]));
        assert_eq!(found.changes.len(), 1);
        let found = diff(
            &Value::dictionary([(key.as_str(), 1_i64)].map(|(k, v)| (k, Value::from(v)))),
            &Value::dictionary([(key.as_str(), Value::Null)]),
        );
        assert!(
            found.changes[0].path.len() <= CHANGE_PATH_LEN_MAX + 3 && found.changes[0].path.ends_with('…')
        );
    }

    #[test]
    fn without_comparisons_left_pieces_are_told_of_as_wholes() {
        let list = |last: i64| Value::from((0..100).chain([last]).map(Value::from).collect::<Vec<_>>());
        let of = |last: i64| Value::dictionary([("a", list(last)), ("b", list(last)), ("c", list(0))]);
        let mut work = Work { found: Changes::default(), room: CHANGES_VALUES_LEN_MAX, left: 50 };
        work.compare(&mut String::new(), &of(1), &of(2), 0);
        let paths: Vec<&str> = work.found.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!((work.left, paths), (0, vec!["a[100]", "b"]));
    }

    #[test]
    fn packed_arrays_types_and_bits_are_told_apart() {
        let change = |from: Value, to: Value| diff(&from, &to).changes.len();
        assert_eq!(change(Value::PackedByteArray(vec![1; 9]), Value::PackedByteArray(vec![1; 9])), 0);
        assert_eq!(change(Value::PackedByteArray(vec![1; 9]), Value::PackedByteArray(vec![2; 9])), 1);
        assert_eq!(change(Value::Float(0.0), Value::Float(-0.0)), 1);
        assert_eq!(change(Value::Float(f64::NAN), Value::Float(f64::NAN)), 0);
        assert_eq!(change(Value::from("a"), Value::StringName("a".into())), 1);
        let typed = value::Array { element: value::ElementType(2), items: vec![] };
        assert_eq!(change(Value::Array(typed), Value::from(Vec::new())), 1);
    }

    #[test]
    fn parts_and_bytes_are_compared_by_hash() {
        let part = |name: &str, hash: &str| Part {
            name: name.into(),
            encoding: Encoding::Bytes,
            hash: hash.into(),
            size_bytes: 1,
        };
        let from = [part("a", "1"), part("b", "1"), part("c", "1")];
        let to = [part("d", "1"), part("b", "2"), part("a", "1")];
        assert_eq!(diff_parts(&from, &to), ["b", "c", "d"]);
        assert_eq!(diff_bytes(("x", 1), ("x", 1)).changes, []);
        assert_eq!(diff_bytes(("x", 1), ("y", 2)).changes[0].to_bytes, 2);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0..4_i64).prop_map(Value::from),
            "[ab.]{0,2}".prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[ab.]{0,2}", inner, 0..6).prop_map(Value::dictionary),
            ]
        })
    }

    proptest! {
        #[test]
        fn equal_values_have_no_changes_and_others_some(from in values(), to in values()) {
            prop_assert!(diff(&from, &from).changes.is_empty());
            let mut work = Work { found: Changes::default(), room: 0, left: COMPARISONS_MAX };
            let same = work.same(&from, &to);
            prop_assert_eq!(diff(&from, &to).changes.is_empty(), same);
            // Both ways there are as many, of the other kind.
            let back = diff(&to, &from).changes;
            let there = diff(&from, &to).changes;
            let count = |changes: &[Change], kind| changes.iter().filter(|change| change.kind == kind).count();
            prop_assert_eq!(count(&there, Added), count(&back, Removed));
            prop_assert_eq!(count(&there, Changed), count(&back, Changed));
        }
    }
}
