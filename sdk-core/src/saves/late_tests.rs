//! Autosaves in the outbox: the newest takes the place of what was never sent, whatever step a crash comes at, and
//! never that of an awaited save.

use super::entries::{Base, EntryMeta};
use super::outbox::Outbox;
use super::rules::{self, Packed};
use super::*;
use crate::disk::Disk;
use bytes::Bytes;
use std::collections::HashSet;
use std::path::Path;

fn open(dir: &Path) -> Outbox {
    Outbox::new(Disk::default(), dir.to_owned())
}

fn entry(text: &str) -> (EntryMeta, Packed) {
    let packed = rules::pack(&Content::Bytes(Bytes::copy_from_slice(text.as_bytes()))).unwrap();
    let meta = EntryMeta {
        slot: "slot".to_owned(),
        key: crate::clock::random_id(),
        shape: packed.shape.clone(),
        ..EntryMeta::default()
    };
    (meta, packed)
}

fn awaited(outbox: &Outbox, text: &str) -> Result<u64, Error> {
    let (meta, packed) = entry(text);
    outbox.enqueue(meta, &packed, Base::Seen, &[])
}

fn late(outbox: &Outbox, text: &str) -> Result<u64, Error> {
    let (meta, packed) = entry(text);
    outbox.enqueue_late(meta, &packed, Base::Seen, &[])
}

/// What would be sent, in order. Nothing is.
fn waiting(outbox: &Outbox) -> Vec<String> {
    let names = outbox.scan().unwrap();
    let read =
        |name| outbox.disk.read_record::<EntryMeta>(&outbox.entry_path(name), 1 << 20).unwrap().unwrap().1;
    names.iter().map(|name| String::from_utf8(read(name).to_vec()).unwrap()).collect()
}

#[test]
fn the_newest_autosave_takes_the_place_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    for text in ["a", "b", "c"] {
        late(&outbox, text).unwrap();
    }
    assert_eq!(waiting(&outbox), ["c"]);
    let unsent = outbox.unsent("slot").unwrap().unwrap();
    assert_eq!(&unsent.payload[..], b"c", "what is loaded meanwhile");
    awaited(&outbox, "saved").unwrap();
    assert_eq!(waiting(&outbox), ["saved"], "an awaited save is newer");
    late(&outbox, "d").unwrap();
    late(&outbox, "e").unwrap();
    assert_eq!(waiting(&outbox), ["saved", "e"], "and is never replaced");
}

#[test]
fn a_held_autosave_waits_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let held = HashSet::from(["slot".to_owned()]);
    late(&outbox, "a").unwrap();
    assert!(outbox.next_but(&HashSet::new(), &held).unwrap().is_none());
    awaited(&outbox, "b").unwrap();
    let first = outbox.next_but(&HashSet::new(), &held).unwrap().unwrap();
    assert_eq!(&first.payload[..], b"b");
    assert_eq!(first.meta.parents, Some(Vec::new()), "made from nothing: what it replaced never was");
}

#[test]
fn what_was_begun_to_be_sent_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    late(&outbox, "a").unwrap();
    let first = outbox.next(&HashSet::new()).unwrap().unwrap();
    assert_eq!(first.meta.parents, Some(Vec::new()));
    late(&outbox, "b").unwrap();
    assert_eq!(waiting(&outbox), ["a", "b"]);
}

#[test]
fn at_each_step_of_a_crash_an_autosave_is_old_or_new() {
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        late(&open(dir.path()), "old").unwrap();
        let disk = Disk::default();
        disk.fuse.burn_after(steps);
        let result = late(&Outbox::new(disk.clone(), dir.path().to_owned()), "new");
        let after = waiting(&open(dir.path()));
        assert!(after == ["old"] || after == ["new"], "step {steps}: {after:?}");
        assert!(result.is_err() || after == ["new"], "step {steps}: acknowledged but old");
        // Its parents are those of a slot's first save: it is no conflict with the one it replaced.
        let next = open(dir.path()).next(&HashSet::new()).unwrap().unwrap();
        assert_eq!(next.meta.parents, Some(Vec::new()), "step {steps}");
        if !disk.fuse.burnt() {
            break;
        }
    }
}
