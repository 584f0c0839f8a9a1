//! What goes together, and what becomes of it.

use super::*;
use crate::saves::batch::BATCH_SAVES_MAX;

fn few(outbox: &Outbox) -> Vec<Entry> {
    outbox.next_few(&HashSet::new(), &HashSet::new(), BATCH_SAVES_MAX).unwrap()
}

fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| text_of(&entry.payload)).collect()
}

fn late(outbox: &Outbox, slot: &str, text: &str) {
    let packed = packed(text);
    outbox.enqueue_late(meta(slot, &packed), &packed, Base::Seen, &[]).unwrap();
}

#[test]
fn waiting_saves_go_together_and_say_what_they_follow() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    for (slot, text) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("a", "a3")] {
        enqueue(&outbox, slot, text).unwrap();
    }
    let entries = few(&outbox);
    assert_eq!(texts(&entries), ["a1", "b1", "a2", "c1", "a3"]);
    let after: Vec<_> = entries.iter().map(|entry| entry.meta.after.as_deref()).collect();
    let key = |at: usize| Some(entries[at].meta.key.as_str());
    assert_eq!(after, [None, None, key(0), None, key(2)]);
    // Asked again, also by another process, it is the same; what is skipped takes what is behind along.
    let again = few(&open(dir.path()));
    assert_eq!(
        again.iter().map(|e| &e.meta).collect::<Vec<_>>(),
        entries.iter().map(|e| &e.meta).collect::<Vec<_>>()
    );
    let skipped = HashSet::from(["a".to_owned()]);
    assert_eq!(texts(&outbox.next_few(&skipped, &HashSet::new(), 9).unwrap()), ["b1", "c1"]);
    assert_eq!(texts(&outbox.next_few(&HashSet::new(), &HashSet::new(), 2).unwrap()), ["a1", "b1"]);
    assert_eq!(send_few(&outbox, &mut server).unwrap(), 5);
    assert_eq!(server.texts("a"), ["a1", "a2", "a3"]);
    assert_eq!(outbox.pending(), 0);
}

#[test]
fn large_ones_do_not_go_behind_another() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let noise = |rounds: u32| -> String {
        (0..rounds).map(|n| blake3::hash(&n.to_le_bytes()).to_hex().to_string()).collect()
    };
    enqueue(&outbox, "a", "a1").unwrap();
    // About 40 KB: alone it may go as a patch.
    enqueue(&outbox, "a", &noise(1_000)).unwrap();
    enqueue(&outbox, "b", "b1").unwrap();
    assert_eq!(texts(&few(&outbox)), ["a1"], "nothing overtakes it");
    let skipped = HashSet::from(["a".to_owned()]);
    assert_eq!(texts(&outbox.next_few(&skipped, &HashSet::new(), 9).unwrap()), ["b1"]);
}

#[test]
fn autosaves_do_not_go_behind_another() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "c", "c1").unwrap();
    late(&outbox, "c", "c2");
    assert_eq!(texts(&few(&outbox)), ["c1"]);
    late(&outbox, "c", "c3");
    send_all(&outbox, &mut server);
    assert_eq!(server.texts("c"), ["c1", "c3"], "the autosave was replaced while it waited");
}

#[test]
fn what_follows_a_refused_save_waits_for_what_becomes_of_that() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "0").unwrap();
    send_all(&outbox, &mut server);
    for text in ["1", "2", "3"] {
        enqueue(&outbox, "a", text).unwrap();
    }
    let entries = few(&outbox);
    // The first is sent again in full; the others found no parent.
    outbox.filled(&entries[0]).unwrap();
    for entry in &entries[1..] {
        let answer = server.put(&entry.meta, &entry.payload);
        assert_eq!(answer.as_ref().unwrap_err().code, ErrorCode::UnknownParent);
        settle(&outbox, entry, answer).unwrap();
    }
    let again = few(&outbox);
    assert_eq!(texts(&again), ["1", "2", "3"]);
    assert!(again[0].meta.full);
    assert_eq!(again[1].meta.after.as_ref(), Some(&again[0].meta.key));
    // Refused for good, the next is made from what this device saw before.
    outbox.refused(&again[0], &Error::new(ErrorCode::QuotaExceeded, "full")).unwrap();
    for entry in &again[1..] {
        settle(&outbox, entry, Err(Error::new(ErrorCode::UnknownParent, ""))).unwrap();
    }
    send_few(&outbox, &mut server).unwrap();
    assert_eq!(server.texts("a"), ["0", "2", "3"]);
}

#[test]
fn a_side_line_goes_in_one_request_and_is_merged_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "base").unwrap();
    send_all(&outbox, &mut server);
    server.write_elsewhere("a", "theirs");
    for (slot, text) in [("a", "1"), ("b", "b1"), ("a", "2"), ("b", "b2")] {
        enqueue(&outbox, slot, text).unwrap();
    }
    assert_eq!(send_few(&outbox, &mut server).unwrap(), 4);
    assert_eq!(server.texts("b"), ["b1", "b2"]);
    assert_eq!(outbox.next_merge(&HashSet::new()).unwrap().as_deref(), Some("a"));
    let conflict = outbox.open_conflict("a").unwrap().unwrap().record.conflict;
    assert_eq!(conflict.head.hash, packed("theirs").shape.hash);
    assert_eq!(conflict.kept.hash, packed("2").shape.hash);
    assert_eq!(server.beside.len(), 2);
}

#[test]
fn what_follows_a_save_that_another_device_made_too_comes_from_that() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    server.write_elsewhere("a", "same");
    enqueue(&outbox, "a", "same").unwrap();
    enqueue(&outbox, "a", "more").unwrap();
    send_few(&outbox, &mut server).unwrap();
    let conflict = outbox.open_conflict("a").unwrap().unwrap().record.conflict;
    assert_eq!(conflict.ancestor.map(|ancestor| ancestor.version), Some(conflict.head.version));
}

#[test]
fn a_save_behind_a_merge_is_not_made_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut server) = (open(dir.path()), Server::default());
    enqueue(&outbox, "a", "base").unwrap();
    send_all(&outbox, &mut server);
    server.write_elsewhere("a", "theirs");
    enqueue(&outbox, "a", "mine").unwrap();
    send_few(&outbox, &mut server).unwrap();
    let open = outbox.open_conflict("a").unwrap().unwrap();
    let merge = packed("merge");
    assert!(outbox.enqueue_merged(&open, meta("a", &merge), &merge, None).unwrap());
    enqueue(&outbox, "a", "next").unwrap();
    assert_eq!(texts(&few(&outbox)), ["merge"]);
}
