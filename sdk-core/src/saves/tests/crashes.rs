//! Every step of every change of the outbox: the process killed, the power cut, the disk full, a file torn.

use super::*;
use crate::simulation::Chance;
use crate::simulation::disk::{Fuse, SimDisk, SimFiles};

/// Where the outbox lies.
const HOME: &str = "/home/player";
/// What a power cut leaves is chance: so many tries of each step.
const POWER_CUTS: u64 = 12;

fn boot(disk: &SimDisk) -> (Outbox, SimFiles) {
    let files = disk.process(Path::new(HOME));
    (Outbox::new(Disk::on(files.clone()), Path::new(HOME).to_owned()), files)
}

/// A change that is interrupted.
struct Change {
    name: &'static str,
    /// What comes before, in peace.
    before: fn(&Outbox, &mut Server),
    change: fn(&Outbox, &mut Server) -> Result<(), Error>,
    /// Contents that were acknowledged before the change: each must be stored once, in this order.
    acknowledged: &'static [&'static str],
    /// The content that the change acknowledges when it succeeds.
    adds: Option<&'static str>,
}

const CHANGES: &[Change] = &[
    Change {
        name: "first save of a new folder",
        before: |_, _| {},
        change: |outbox, _| enqueue(outbox, "a", "1").map(drop),
        acknowledged: &[],
        adds: Some("1"),
    },
    Change {
        name: "save behind another",
        before: |outbox, _| assert!(enqueue(outbox, "a", "1").is_ok()),
        change: |outbox, _| enqueue(outbox, "a", "2").map(drop),
        acknowledged: &["1"],
        adds: Some("2"),
    },
    Change {
        name: "save in the place of another",
        before: |outbox, _| (0..SLOT_ENTRIES_MAX).for_each(|_| assert!(enqueue(outbox, "a", "same").is_ok())),
        change: |outbox, _| enqueue(outbox, "a", "newest").map(drop),
        acknowledged: &[],
        adds: Some("newest"),
    },
    Change {
        name: "acknowledgement",
        before: |outbox, _| assert!(enqueue(outbox, "a", "1").is_ok()),
        change: |outbox, server| send_one(outbox, server).map(drop),
        acknowledged: &["1"],
        adds: None,
    },
    Change {
        name: "acknowledgement of what followed another",
        before: |outbox, server| {
            enqueue(outbox, "a", "1").unwrap();
            enqueue(outbox, "a", "2").unwrap();
            send_one(outbox, server).unwrap();
        },
        change: |outbox, server| send_one(outbox, server).map(drop),
        acknowledged: &["1", "2"],
        adds: None,
    },
    Change {
        name: "conflict",
        before: |outbox, server| {
            enqueue(outbox, "a", "1").unwrap();
            server.write_elsewhere("a", "theirs");
        },
        change: |outbox, server| send_one(outbox, server).map(drop),
        acknowledged: &["theirs", "1"],
        adds: None,
    },
    Change {
        name: "acknowledgements of a batch",
        before: |outbox, _| {
            for text in ["1", "2", "3"] {
                enqueue(outbox, "a", text).unwrap();
                enqueue(outbox, "b", &format!("b{text}")).unwrap();
            }
        },
        change: |outbox, server| send_few(outbox, server).map(drop),
        acknowledged: &["1", "2", "3"],
        adds: None,
    },
    Change {
        name: "conflict in a batch",
        before: |outbox, server| {
            enqueue(outbox, "b", "b1").unwrap();
            enqueue(outbox, "a", "1").unwrap();
            enqueue(outbox, "a", "2").unwrap();
            server.write_elsewhere("a", "theirs");
        },
        change: |outbox, server| send_few(outbox, server).map(drop),
        acknowledged: &["theirs", "1", "2"],
        adds: None,
    },
    Change {
        name: "rebase in a batch",
        before: |outbox, server| {
            enqueue(outbox, "a", "0").unwrap();
            send_all(outbox, server);
            server.slots.clear();
            enqueue(outbox, "a", "1").unwrap();
            enqueue(outbox, "a", "2").unwrap();
        },
        change: |outbox, server| send_few(outbox, server).map(drop),
        acknowledged: &["1", "2"],
        adds: None,
    },
    Change {
        name: "resolution",
        before: |outbox, server| {
            enqueue(outbox, "a", "1").unwrap();
            server.write_elsewhere("a", "theirs");
            send_one(outbox, server).unwrap();
        },
        change: |outbox, _| {
            let packed = packed("merged");
            outbox.enqueue_resolved(meta("a", &packed), &packed, false).map(drop)
        },
        acknowledged: &["theirs", "1"],
        adds: Some("merged"),
    },
    Change {
        name: "rebase",
        before: |outbox, server| {
            enqueue(outbox, "a", "0").unwrap();
            send_all(outbox, server);
            server.slots.clear();
            enqueue(outbox, "a", "1").unwrap();
        },
        change: |outbox, server| send_one(outbox, server).map(drop),
        acknowledged: &["1"],
        adds: None,
    },
    Change {
        name: "refusal",
        before: |outbox, _| assert!(enqueue(outbox, "a", "1").is_ok()),
        change: |outbox, _| {
            let entry = outbox.next(&HashSet::new())?.expect("it waits");
            outbox.refused(&entry, &Error::new(ErrorCode::QuotaExceeded, "full"))
        },
        acknowledged: &["1"],
        adds: None,
    },
];

/// How often each content is on the server, in the line or beside it.
fn stored(server: &Server, text: &str) -> usize {
    let line = server.slots.values().flatten().map(|(_, text)| text);
    line.chain(server.beside.iter().map(|(_, text)| text)).filter(|stored| *stored == text).count()
}

/// After the change, whatever became of it: the device starts again, sends all it has, settles what is open.
fn start_again(disk: &SimDisk, server: &mut Server) {
    let (outbox, _) = boot(disk);
    for _ in 0..3 {
        send_all(&outbox, server);
        let Some(unsent) = outbox.unsent("a").unwrap() else { break };
        // Already beside the head, or refused: what the player would choose here is to keep it.
        let kept = Packed { shape: unsent.meta.shape.clone(), payload: unsent.payload };
        if outbox.has_failed("a") {
            outbox.enqueue_resolved(meta("a", &kept), &kept, false).unwrap();
        } else {
            let merged = packed(&format!("merge of {}", text_of(&kept.payload)));
            outbox.enqueue_resolved(meta("a", &merged), &merged, false).unwrap();
        }
    }
    assert_eq!(outbox.pending(), 0);
}

/// Runs a change that ends after `steps`; false when it had fewer steps.
fn interrupted(change: &Change, steps: usize, fuse: Fuse, seed: u64) -> bool {
    let (disk, mut server) = (SimDisk::default(), Server::default());
    (change.before)(&boot(&disk).0, &mut server);
    let (outbox, files) = boot(&disk);
    files.burn_after(steps, fuse);
    let done = (change.change)(&outbox, &mut server);
    let burnt = !files.is_alive();
    if burnt && fuse == Fuse::PowerCut {
        disk.power_on(&mut Chance::new(seed));
    }
    start_again(&disk, &mut server);
    let what = format!("{} with {fuse:?} after {steps} steps, seed {seed}", change.name);
    for text in change.acknowledged {
        assert_eq!(stored(&server, text), 1, "{what}: {text:?} {:?}", server.texts("a"));
    }
    if let Some(text) = change.adds {
        let most = stored(&server, text);
        assert!(most <= 1, "{what}: {text:?} is there {most} times");
        assert!(most == 1 || done.is_err(), "{what}: {text:?} was acknowledged and is lost");
    }
    let line = server.texts("a");
    let places: Vec<_> =
        change.acknowledged.iter().filter_map(|text| line.iter().position(|there| there == text)).collect();
    assert!(places.is_sorted(), "{what}: {line:?}");
    burnt
}

#[test]
fn a_kill_at_every_step_of_every_change_loses_nothing() {
    for change in CHANGES {
        let steps = (0..).take_while(|steps| interrupted(change, *steps, Fuse::Kill, 0)).count();
        assert!(steps >= 5, "{} has {steps} steps only", change.name);
    }
}

#[test]
fn a_power_cut_at_every_step_of_every_change_loses_nothing() {
    for change in CHANGES {
        for seed in 0..POWER_CUTS {
            let steps = (0..).take_while(|steps| interrupted(change, *steps, Fuse::PowerCut, seed)).count();
            assert!(steps >= 5, "{} has {steps} steps only", change.name);
        }
    }
}

/// The files but for those that are taken as not there.
fn files_of(disk: &SimDisk) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = disk.files();
    files.retain(|path, _| path.extension().is_none_or(|ending| ending != "tmp" && ending != "lock"));
    // Numbers that were reserved for nothing are no save.
    files.retain(|path, _| !path.ends_with("lock") && !path.ends_with("device"));
    files
}

#[test]
fn a_disk_that_fills_up_at_any_step_refuses_and_changes_nothing() {
    for change in CHANGES {
        for steps in 0.. {
            let (disk, mut server) = (SimDisk::default(), Server::default());
            (change.before)(&boot(&disk).0, &mut server);
            let before = files_of(&disk);
            let (outbox, files) = boot(&disk);
            files.burn_after(steps, Fuse::FullDisk);
            let done = (change.change)(&outbox, &mut server);
            let what = format!("{} on a disk full after {steps} steps", change.name);
            if let Err(error) = &done {
                assert_eq!(error.code, ErrorCode::Storage, "{what}");
            }
            if done.is_err() && change.adds.is_some() {
                assert_eq!(files_of(&disk), before, "{what}");
            }
            disk.set_full(false);
            start_again(&disk, &mut server);
            for text in change.acknowledged {
                assert_eq!(stored(&server, text), 1, "{what}: {text:?}");
            }
            if let Some(text) = change.adds {
                assert_eq!(stored(&server, text), usize::from(done.is_ok()), "{what}: {text:?}");
            }
            if files.is_whole() {
                break;
            }
        }
    }
}

#[test]
fn a_torn_or_changed_file_costs_no_other_save() {
    for folder in ["queue", "slots", "conflicts", "failed"] {
        for seed in 0..200 {
            let (disk, mut server, mut chance) = (SimDisk::default(), Server::default(), Chance::new(seed));
            let (outbox, _) = boot(&disk);
            enqueue(&outbox, "a", "a1").unwrap();
            enqueue(&outbox, "b", "b1").unwrap();
            send_all(&outbox, &mut server);
            enqueue(&outbox, "a", "a2").unwrap();
            server.write_elsewhere("a", "theirs");
            enqueue(&outbox, "c", "c1").unwrap();
            let refused = outbox.next(&HashSet::from(["a".to_owned()])).unwrap().unwrap();
            outbox.refused(&refused, &Error::new(ErrorCode::QuotaExceeded, "full")).unwrap();
            send_one(&outbox, &mut server).unwrap();
            enqueue(&outbox, "b", "b2").unwrap();
            enqueue(&outbox, "d", "d1").unwrap();
            assert!(disk.damage(&Path::new(HOME).join(folder), &mut chance), "{folder}");
            let (outbox, _) = boot(&disk);
            send_all(&outbox, &mut server);
            let there = |text: &str| stored(&server, text) == 1;
            assert!(["a1", "b1", "a2", "theirs"].into_iter().all(there), "{folder} {seed}");
            let lost = ["b2", "d1"].into_iter().filter(|text| !there(text)).count();
            // A damaged record of what was seen makes the next save of its slot a conflict, which keeps it.
            assert!(lost == 0 || folder == "queue" && lost == 1, "{folder} {seed}: {lost} lost");
        }
    }
}

#[test]
fn folders_that_a_killed_process_made_are_durable_once_something_is_saved_in_them() {
    for steps in 0.. {
        let mut is_whole = false;
        for seed in 0..POWER_CUTS {
            let (disk, mut server) = (SimDisk::default(), Server::default());
            let (outbox, files) = boot(&disk);
            files.burn_after(steps, Fuse::Kill);
            let _ = enqueue(&outbox, "a", "1");
            is_whole = files.is_whole();
            files.kill();
            enqueue(&boot(&disk).0, "a", "2").unwrap();
            disk.cut_power();
            disk.power_on(&mut Chance::new(seed));
            start_again(&disk, &mut server);
            assert_eq!(stored(&server, "2"), 1, "killed after {steps} steps, power cut {seed}");
        }
        if is_whole {
            break;
        }
    }
}
