//! The outbox's promises, with real files: nothing acknowledged is lost, sent twice or out of order,
//! whatever step a crash comes at.

mod batches;
mod crashes;

use super::entries::{Base, Entry, EntryMeta, Outcome};
use super::outbox::{ENTRIES_MAX, Outbox, SLOT_ENTRIES_MAX};
use super::rules::{self, Packed, Step};
use super::*;
use crate::disk::Disk;
use aethex_wire::saves::{Compression, Conflict, Encoding, LABEL_CHARS_MAX, SAVE_LEN_MAX};
use aethex_wire::{ErrorCode, Value};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::path::Path;

fn open(dir: &Path) -> Outbox {
    Outbox::new(Disk::default(), dir.to_owned())
}

fn packed(text: &str) -> Packed {
    rules::pack(&Content::Bytes(Bytes::copy_from_slice(text.as_bytes()))).unwrap()
}

fn meta(slot: &str, packed: &Packed) -> EntryMeta {
    EntryMeta {
        slot: slot.to_owned(),
        key: crate::clock::random_id(),
        parents: None,
        shape: packed.shape.clone(),
        ..EntryMeta::default()
    }
}

fn enqueue(outbox: &Outbox, slot: &str, text: &str) -> Result<u64, Error> {
    let packed = packed(text);
    outbox.enqueue(meta(slot, &packed), &packed, Base::Seen, &[])
}

fn next(outbox: &Outbox) -> Option<Entry> {
    outbox.next(&HashSet::new()).unwrap()
}

fn text_of(payload: &Bytes) -> String {
    String::from_utf8(payload.to_vec()).unwrap()
}

fn unsent_text(outbox: &Outbox, slot: &str) -> Option<String> {
    outbox.unsent(slot).unwrap().map(|unsent| text_of(&unsent.payload))
}

/// The server, as far as saves go.
#[derive(Default)]
struct Server {
    slots: HashMap<String, Vec<(SaveVersion, String)>>,
    beside: Vec<(SaveVersion, String)>,
    answers: HashMap<String, (EntryMeta, Result<SaveVersion, Error>)>,
    made: u64,
}

impl Server {
    fn version(&mut self, meta: &EntryMeta, parents: Vec<VersionId>, sequence: Option<i64>) -> SaveVersion {
        self.made += 1;
        let id = VersionId::parse(&format!("00000000-0000-0000-0000-{:012x}", self.made)).unwrap();
        SaveVersion {
            parents,
            sequence,
            encoding: meta.shape.encoding,
            hash: meta.shape.hash.clone(),
            size_bytes: meta.shape.size_bytes,
            stored_at_ms: 1,
            ..SaveVersion::new(&meta.slot, id)
        }
    }

    fn head(&self, slot: &str) -> Option<&(SaveVersion, String)> {
        self.slots.get(slot).and_then(|versions| versions.last())
    }

    fn put(&mut self, meta: &EntryMeta, payload: &Bytes) -> Result<SaveVersion, Error> {
        if let Some((first, answer)) = self.answers.get(&meta.key) {
            let body = |meta: &EntryMeta| EntryMeta { merged: false, ..meta.clone() };
            assert_eq!(body(first), body(meta), "the same key must carry the same body");
            return answer.clone();
        }
        let parents = match &meta.after {
            Some(key) => match self.answers.get(key) {
                Some((_, Ok(version))) => vec![version.version.clone()],
                Some((_, Err(error))) => {
                    let conflict = error.conflict.as_ref().expect("only what was stored is remembered");
                    vec![conflict.kept.version.clone()]
                }
                None => return Err(Error::new(ErrorCode::UnknownParent, "")),
            },
            None => meta.parents.clone().expect("an entry that is sent has its parents"),
        };
        let head = self.head(&meta.slot).map(|(version, _)| version.clone());
        let answer = if parents.first() == head.as_ref().map(|head| &head.version) {
            let sequence = head.and_then(|head| head.sequence).unwrap_or(0) + 1;
            let version = self.version(meta, parents, Some(sequence));
            self.slots.entry(meta.slot.clone()).or_default().push((version.clone(), text_of(payload)));
            Ok(version)
        } else if let Some(head) = head {
            let kept = self.version(meta, parents, None);
            self.beside.push((kept.clone(), text_of(payload)));
            Err(Error::saves_conflict(Conflict { head, ancestor: None, kept }, ""))
        } else {
            return Err(Error::new(ErrorCode::UnknownParent, ""));
        };
        self.answers.insert(meta.key.clone(), (meta.clone(), answer.clone()));
        answer
    }

    fn write_elsewhere(&mut self, slot: &str, text: &str) {
        let packed = packed(text);
        let parents = self.head(slot).map(|(version, _)| version.version.clone());
        let meta = EntryMeta { parents: Some(parents.into_iter().collect()), ..meta(slot, &packed) };
        self.put(&meta, &packed.payload).unwrap();
    }

    fn texts(&self, slot: &str) -> Vec<&str> {
        self.slots.get(slot).into_iter().flatten().map(|(_, text)| text.as_str()).collect()
    }
}

/// Sends the next entry; false when there was none.
fn send_one(outbox: &Outbox, server: &mut Server) -> Result<bool, Error> {
    // Nobody merges here: every conflict needs somebody.
    if let Some(slot) = outbox.next_merge(&HashSet::new())? {
        let open = outbox.open_conflict(&slot)?.expect("it was there");
        outbox.ask(&open, None)?;
        return Ok(true);
    }
    let Some(entry) = outbox.next(&HashSet::new())? else { return Ok(false) };
    let answer = server.put(&entry.meta, &entry.payload);
    settle(outbox, &entry, answer)?;
    Ok(true)
}

fn settle(outbox: &Outbox, entry: &Entry, answer: Result<SaveVersion, Error>) -> Result<(), Error> {
    match rules::after_send(&entry.meta, answer) {
        Step::Acked(version) => outbox.acked(entry, &version),
        Step::Conflict(conflict) => outbox.conflicted(entry, &conflict),
        Step::Rebase => outbox.rebased(entry),
        Step::Unchain => outbox.unchained(entry),
        Step::Fill | Step::Used => outbox.filled(entry),
        Step::Complete => outbox.completed(entry),
        Step::Refused(error) => outbox.refused(entry, &error),
        Step::Later { error, .. } => Err(error),
    }
}

/// Sends the next entries in one request; how many there were.
fn send_few(outbox: &Outbox, server: &mut Server) -> Result<usize, Error> {
    let few = outbox.next_few(&HashSet::new(), &HashSet::new(), super::batch::BATCH_SAVES_MAX)?;
    let answers: Vec<_> = few.iter().map(|entry| server.put(&entry.meta, &entry.payload)).collect();
    for (entry, answer) in few.iter().zip(answers) {
        settle(outbox, entry, answer)?;
    }
    Ok(few.len())
}

fn send_all(outbox: &Outbox, server: &mut Server) {
    while send_one(outbox, server).unwrap() {}
}

#[test]
fn saves_arrive_in_order_and_chain() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "a1").unwrap();
    enqueue(&outbox, "b", "b1").unwrap();
    enqueue(&outbox, "a", "a2").unwrap();
    assert_eq!(outbox.pending(), 3);
    assert_eq!(unsent_text(&outbox, "a").as_deref(), Some("a2"));
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("a"), ["a1", "a2"]);
    assert_eq!(server.texts("b"), ["b1"]);
    assert_eq!(outbox.pending(), 0);
    assert_eq!(unsent_text(&outbox, "a"), None);
    let (version, copy) = outbox.cached("a").unwrap().unwrap();
    assert_eq!(
        (version.version, text_of(&copy.payload)),
        (server.head("a").unwrap().0.version.clone(), "a2".into())
    );
}

#[test]
fn only_what_was_never_sent_gives_way_to_a_newer_save() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    let names: Vec<String> = (0..SLOT_ENTRIES_MAX + 5).map(|n| n.to_string()).collect();
    for text in &names {
        enqueue(&outbox, "a", text).unwrap();
    }
    assert_eq!(outbox.pending(), SLOT_ENTRIES_MAX, "past the limit the newest takes the last one's place");
    let first = next(&outbox).unwrap();
    let again = next(&outbox).unwrap();
    assert_eq!((&first.meta, &first.payload), (&again.meta, &again.payload), "a repeat is identical");
    send_all(&outbox, &mut server);
    let (kept, _) = names.split_at(SLOT_ENTRIES_MAX - 1);
    let newest = names.last().cloned();
    assert_eq!(server.texts("a"), kept.iter().cloned().chain(newest).collect::<Vec<_>>());
}

#[test]
fn a_device_that_never_saw_a_slot_cannot_overwrite_it() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    server.write_elsewhere("a", "hundred hours");
    enqueue(&outbox, "a", "").unwrap();
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("a"), ["hundred hours"]);
    assert!(outbox.has_conflict("a"));
    assert_eq!(unsent_text(&outbox, "a").as_deref(), Some(""));
}

#[test]
fn a_conflict_blocks_its_slot_only_and_ends_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "base").unwrap();
    send_all(&outbox, &mut server);
    server.write_elsewhere("a", "theirs");
    let key = {
        let packed = packed("mine");
        let meta = meta("a", &packed);
        let key = meta.key.clone();
        outbox.enqueue(meta, &packed, Base::Seen, &[]).unwrap();
        key
    };
    enqueue(&outbox, "b", "other").unwrap();
    send_all(&outbox, &mut server);
    assert!(matches!(outbox.outcome("a", &key), Some(Outcome::Conflict(_))));
    enqueue(&outbox, "a", "mine later").unwrap();
    send_all(&outbox, &mut server);
    assert_eq!((server.texts("a"), server.texts("b")), (vec!["base", "theirs"], vec!["other"]));
    assert_eq!((outbox.pending(), outbox.sendable()), (2, 0));
    let unsent = outbox.unsent("a").unwrap().unwrap();
    assert_eq!(text_of(&unsent.payload), "mine later");
    let kept = Packed { shape: unsent.meta.shape.clone(), payload: unsent.payload };
    outbox.enqueue_resolved(meta("a", &kept), &kept, false).unwrap();
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("a"), ["base", "theirs", "mine later"]);
    let parents = &server.head("a").unwrap().0.parents;
    assert_eq!(parents.len(), 2, "a merge of both sides");
    assert_eq!(server.beside[0].1, "mine");
    assert_eq!(outbox.pending(), 0);
}

#[test]
fn the_same_content_from_two_devices_is_no_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    server.write_elsewhere("a", "same");
    enqueue(&outbox, "a", "same").unwrap();
    send_all(&outbox, &mut server);
    assert!(!outbox.has_conflict("a"));
    enqueue(&outbox, "a", "next").unwrap();
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("a"), ["same", "next"]);
}

#[test]
fn a_parent_that_is_gone_makes_a_new_slot_or_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "old").unwrap();
    send_all(&outbox, &mut server);
    server.slots.clear();
    enqueue(&outbox, "a", "new").unwrap();
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("a"), ["new"]);
    assert_eq!(outbox.pending(), 0);
}

#[test]
fn a_refused_save_is_kept_until_a_newer_one_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "too much").unwrap();
    let entry = next(&outbox).unwrap();
    outbox.refused(&entry, &Error::new(ErrorCode::QuotaExceeded, "full")).unwrap();
    assert_eq!(outbox.failure("a").unwrap().unwrap().code, ErrorCode::QuotaExceeded);
    assert_eq!(unsent_text(&outbox, "a").as_deref(), Some("too much"));
    assert!(outbox.any_unresolved().unwrap().is_some());
    enqueue(&outbox, "a", "less").unwrap();
    assert_eq!(unsent_text(&outbox, "a").as_deref(), Some("less"));
    send_all(&outbox, &mut server);
    assert!(outbox.failure("a").unwrap().is_none());
    assert_eq!(server.texts("a"), ["less"]);
}

#[test]
fn the_queue_is_bounded_and_a_full_disk_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    for i in 0..ENTRIES_MAX {
        // Names only: what counts is their number.
        let folder = dir.path().join("queue");
        std::fs::create_dir_all(&folder).unwrap();
        let name = format!("{:016x}-{}-f", i + 1, crate::disk::file_stem(&i.to_string()));
        std::fs::write(folder.join(name), b"").unwrap();
    }
    assert_eq!(enqueue(&outbox, "a", "x").unwrap_err().code, ErrorCode::QueueFull);
    let dir = tempfile::tempdir().unwrap();
    enqueue(&open(dir.path()), "a", "first").unwrap();
    // A failure up to the rename; after it only a crash can keep the entry from being taken back.
    for steps in 0..4 {
        let full = open(dir.path());
        full.disk.fuse.burn_after(steps);
        assert_eq!(enqueue(&full, "a", "second").unwrap_err().code, ErrorCode::Storage, "step {steps}");
        assert_eq!(unsent_text(&open(dir.path()), "a").as_deref(), Some("first"), "step {steps}");
        assert_eq!(open(dir.path()).pending(), 1);
    }
}

#[test]
fn a_damaged_entry_is_set_aside_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "lost to a bad disk").unwrap();
    enqueue(&outbox, "b", "fine").unwrap();
    enqueue(&outbox, "a", "later").unwrap();
    let queue = dir.path().join("queue");
    let mut names: Vec<_> = std::fs::read_dir(&queue).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    std::fs::write(&names[0], b"torn").unwrap();
    std::fs::write(queue.join("0000-unknown"), b"a file of somebody else").unwrap();
    send_all(&outbox, &mut server);
    assert_eq!((server.texts("a"), server.texts("b")), (vec!["later"], vec!["fine"]));
    assert!(
        std::fs::read_dir(&queue).unwrap().count() == 2,
        "the damaged file is kept, for a person to look at"
    );
}

#[test]
fn two_processes_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, mut server) = (open(dir.path()), open(dir.path()), Server::default());
    enqueue(&one, "a", "1").unwrap();
    let right = one.try_send_lock().unwrap().expect("free");
    assert!(two.try_send_lock().unwrap().is_none(), "one sends at a time");
    enqueue(&two, "a", "2").unwrap();
    enqueue(&two, "b", "3").unwrap();
    drop(right);
    let _right = two.try_send_lock().unwrap().expect("free again");
    send_all(&two, &mut server);
    assert_eq!((server.texts("a"), server.texts("b")), (vec!["1", "2"], vec!["3"]));
    assert_eq!(one.pending(), 0);
}

#[test]
fn many_threads_enqueue_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let outbox = open(dir.path());
            scope.spawn(move || {
                for i in 0..10 {
                    enqueue(&outbox, &format!("slot {thread} {i}"), &format!("{thread} {i}")).unwrap();
                }
            });
        }
    });
    let (outbox, mut server) = (open(dir.path()), Server::default());
    send_all(&outbox, &mut server);
    assert_eq!(server.slots.len(), 40);
    assert!(server.slots.iter().all(|(slot, versions)| slot.ends_with(&versions[0].1)));
}

/// Runs one step of a story on a disk whose power is cut after `steps`; returns whether it got through.
fn with_crash<T>(
    dir: &Path,
    steps: usize,
    step: impl FnOnce(&Outbox) -> Result<T, Error>,
) -> (Option<T>, bool) {
    let outbox = open(dir);
    outbox.disk.fuse.burn_after(steps);
    let result = step(&outbox).ok();
    (result, outbox.disk.fuse.burnt())
}

#[test]
fn a_crash_at_every_step_of_saving_and_sending_loses_nothing() {
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::default();
        enqueue(&open(dir.path()), "a", "1").unwrap();
        let (second, crashed) = with_crash(dir.path(), steps, |outbox| {
            let second = enqueue(outbox, "a", "2")?;
            while send_one(outbox, &mut server)? {}
            enqueue(outbox, "a", "3")?;
            while send_one(outbox, &mut server)? {}
            Ok(second)
        });
        send_all(&open(dir.path()), &mut server);
        let texts = server.texts("a");
        assert!(texts.is_sorted() && texts.first() == Some(&"1"), "step {steps}: {texts:?}");
        let unique: HashSet<_> = texts.iter().collect();
        assert_eq!(unique.len(), texts.len(), "step {steps}: once each: {texts:?}");
        assert!(server.beside.is_empty(), "step {steps}: no conflict with oneself");
        assert!(second.is_none() || texts == ["1", "2", "3"], "step {steps}: {texts:?}");
        if !crashed {
            assert!(steps > 20, "only {steps} steps");
            break;
        }
    }
}

#[test]
fn a_crash_at_every_step_of_a_conflict_loses_neither_side() {
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::default();
        server.write_elsewhere("a", "theirs");
        enqueue(&open(dir.path()), "a", "mine").unwrap();
        let (_, crashed) = with_crash(dir.path(), steps, |outbox| {
            while send_one(outbox, &mut server)? {}
            enqueue(outbox, "a", "mine, later")?;
            resolve_mine(outbox)?;
            while send_one(outbox, &mut server)? {}
            Ok(())
        });
        let after = open(dir.path());
        send_all(&after, &mut server);
        if after.has_conflict("a") {
            resolve_mine(&after).unwrap();
            send_all(&after, &mut server);
        }
        let texts = server.texts("a");
        assert_eq!(texts[0], "theirs", "step {steps}");
        assert!(matches!(texts[1..], ["mine"] | ["mine, later"]), "step {steps}: {texts:?}");
        assert_eq!(server.beside.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["mine"]);
        assert_eq!(after.pending(), 0, "step {steps}");
        if !crashed {
            assert_eq!(texts, ["theirs", "mine, later"]);
            assert!(steps > 20, "only {steps} steps");
            break;
        }
    }
}

fn resolve_mine(outbox: &Outbox) -> Result<(), Error> {
    let unsent = outbox.unsent("a")?.expect("the conflict kept it");
    let packed = Packed { shape: unsent.meta.shape.clone(), payload: unsent.payload };
    outbox.enqueue_resolved(meta("a", &packed), &packed, false).map(drop)
}

/// A small generator: a failing seed can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What a player did to one slot, and what was promised.
#[derive(Default)]
struct Told {
    acknowledged: Vec<u64>,
}

#[test]
fn random_lives_with_crashes_lose_and_repeat_nothing() {
    for seed in 1..=150 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::default();
        let mut told: HashMap<String, Told> = HashMap::new();
        let mut outbox = open(dir.path());
        for turn in 0..60_u64 {
            if dice.roll(4) == 0 {
                outbox.disk.fuse.burn_after(usize::try_from(dice.roll(24)).unwrap());
            }
            let slot = format!("slot {}", dice.roll(3));
            if dice.roll(2) == 0 {
                if enqueue(&outbox, &slot, &format!("{turn:04}")).is_ok() {
                    told.entry(slot).or_default().acknowledged.push(turn);
                }
            } else {
                let _ = send_one(&outbox, &mut server);
            }
            if outbox.disk.fuse.burnt() {
                outbox = open(dir.path());
            }
        }
        send_all(&open(dir.path()), &mut server);
        for (slot, told) in told {
            let stored: Vec<u64> = server.texts(&slot).iter().map(|text| text.parse().unwrap()).collect();
            assert!(
                stored.windows(2).all(|pair| pair[0] < pair[1]),
                "seed {seed}: once and in order: {stored:?}"
            );
            let newest = *told.acknowledged.last().unwrap();
            assert!(
                stored.last().is_some_and(|last| *last >= newest),
                "seed {seed}: {newest} was acknowledged, {stored:?} is stored"
            );
        }
        assert!(server.beside.is_empty(), "seed {seed}: no conflict with oneself");
        assert_eq!(open(dir.path()).pending(), 0, "seed {seed}");
    }
}

#[test]
fn contents_are_packed_and_unpacked_bit_by_bit() {
    for content in [
        Content::Bytes(Bytes::new()),
        Content::Bytes(Bytes::from(vec![7; 100_000])),
        Content::Bytes(Bytes::from_static(b"\0\xff short")),
        Content::Value(Value::Array(aethex_wire::value::Array {
            items: vec![Value::Int(i64::MIN), Value::Vector3([1.0, -0.0, 3.5]), Value::Null],
            ..Default::default()
        })),
    ] {
        let packed = rules::pack(&content).unwrap();
        assert_eq!(rules::unpack(&packed).unwrap(), content);
        let mut bad = packed.clone();
        bad.shape.hash = blake3::hash(b"another").to_hex().to_string();
        assert_eq!(rules::unpack(&bad).unwrap_err().code, ErrorCode::HashMismatch);
    }
    let large = rules::pack(&Content::Bytes(Bytes::from(vec![7; 100_000]))).unwrap();
    assert_eq!(large.shape.compression, Compression::Zstd);
    assert!(large.payload.len() < 1000);
    let mut bomb = large.clone();
    bomb.shape.size_bytes = 10;
    assert!(rules::unpack(&bomb).is_err(), "more than it says");
    bomb.shape.size_bytes = i64::MAX;
    assert_eq!(rules::unpack(&bomb).unwrap_err().code, ErrorCode::Protocol);
    let small = rules::pack(&Content::Bytes(Bytes::from(vec![7; 100]))).unwrap();
    assert_eq!((small.shape.compression, small.shape.encoding), (Compression::None, Encoding::Bytes));
    let over = Content::Bytes(Bytes::from(vec![0; SAVE_LEN_MAX + 1]));
    assert_eq!(rules::pack(&over).unwrap_err().code, ErrorCode::TooLarge);
}

#[test]
fn arguments_are_checked_before_anything_is_kept() {
    assert_eq!(rules::check_name("history").unwrap_err().code, ErrorCode::InvalidSlot);
    assert!(rules::check_name("日本語 🎮").is_ok());
    let options =
        |label: &str, playtime_ms| SaveOptions { label: label.to_owned(), playtime_ms, parts: Vec::new() };
    assert!(rules::check_options(&options(&"ü".repeat(LABEL_CHARS_MAX), 0)).is_ok());
    for bad in [options(&"x".repeat(LABEL_CHARS_MAX + 1), 0), options("a\nb", 0), options("", -1)] {
        assert_eq!(rules::check_options(&bad).unwrap_err().code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn every_answer_has_its_meaning() {
    let mut entry = meta("a", &packed("x"));
    entry.parents = VersionId::parse("00000000-0000-0000-0000-000000000001").map(|parent| vec![parent]);
    let step = |code: ErrorCode| rules::after_send(&entry, Err(Error::new(code, "")));
    for code in ErrorCode::ALL {
        let step = step(*code);
        match code {
            ErrorCode::UnknownParent => assert_eq!(step, Step::Rebase),
            ErrorCode::UnknownBase => assert_eq!(step, Step::Fill),
            ErrorCode::UnknownPart => assert_eq!(step, Step::Complete),
            ErrorCode::IdempotencyMismatch => assert_eq!(step, Step::Used),
            ErrorCode::QuotaExceeded
            | ErrorCode::InvalidSave
            | ErrorCode::TooLarge
            | ErrorCode::Forbidden => {
                assert!(matches!(step, Step::Refused(_)), "{code}");
            }
            ErrorCode::Offline | ErrorCode::SessionEnded | ErrorCode::Overloaded | ErrorCode::NotLoggedIn => {
                assert!(matches!(step, Step::Later { everything: true, .. }), "{code}");
            }
            ErrorCode::Internal | ErrorCode::Protocol | ErrorCode::HashMismatch => {
                assert!(matches!(step, Step::Later { everything: false, .. }), "{code}");
            }
            _ => assert!(!matches!(step, Step::Acked(_) | Step::Conflict(_)), "{code}"),
        }
    }
    let mut server = Server::default();
    let other = packed("another content");
    let wrong = server.version(&meta("a", &other), Vec::new(), Some(1));
    assert!(matches!(rules::after_send(&entry, Ok(wrong)), Step::Later { .. }));
}
