use super::rules::{Eyes, Kept, check, seen, shows};
use super::*;
use aethex_wire::multiplayer::Metadata;
use serde_json::json;

fn player(n: u8) -> PlayerId {
    PlayerId::parse(&format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e{n:02x}")).unwrap()
}

fn game() -> GameId {
    GameId::parse("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").unwrap()
}

fn kept(availability: Availability) -> Kept {
    let data = json!({ "map": 3 }).as_object().unwrap().clone();
    Kept { availability, status: "fishing".into(), data, seen_at_ms: 5 }
}

#[test]
fn who_hides_or_blocked_is_seen_as_who_is_not_here() {
    let ann = player(1);
    let busy = kept(Availability::Busy);
    let here = seen(&ann, Some(&busy), true, Eyes::Others, 9);
    assert_eq!(
        (here.availability, here.status.as_str(), here.last_seen_ms),
        (Availability::Busy, "fishing", Some(9))
    );
    let away = seen(&ann, Some(&busy), false, Eyes::Others, 9);
    assert_eq!(
        (away.availability, away.status.as_str(), away.last_seen_ms),
        (Availability::Offline, "", Some(5))
    );
    let hidden = kept(Availability::Invisible);
    let not_here = seen(&ann, Some(&hidden), false, Eyes::Others, 9);
    assert_eq!(seen(&ann, Some(&hidden), true, Eyes::Others, 9), not_here);
    assert_eq!(not_here, away);
    assert_eq!(seen(&ann, Some(&hidden), true, Eyes::Own, 9).availability, Availability::Invisible);
    let never = seen(&ann, None, false, Eyes::Others, 9);
    assert_eq!(seen(&ann, Some(&busy), true, Eyes::Blocked, 9), never);
    assert_eq!(seen(&ann, None, true, Eyes::Others, 9).availability, Availability::Online);
}

#[test]
fn nothing_is_told_of_who_hides() {
    let (hidden, online) = (Some(Availability::Invisible), Some(Availability::Online));
    assert!(!shows(hidden, hidden));
    assert!(shows(hidden, online) && shows(online, hidden) && shows(None, online) && shows(online, online));
}

#[test]
fn what_is_shown_is_checked() {
    let shown = |availability, status: &str, data: Metadata| {
        check(&SetPresenceRequest { availability, status: status.into(), data }).is_ok()
    };
    let large = json!({ "x": "y".repeat(1_100) }).as_object().unwrap().clone();
    assert!(shown(Availability::Invisible, "", Metadata::new()));
    assert!(!shown(Availability::Offline, "", Metadata::new()));
    assert!(!shown(Availability::Online, "a\nb", Metadata::new()));
    assert!(!shown(Availability::Online, &"x".repeat(129), Metadata::new()));
    assert!(!shown(Availability::Online, "", large));
}

#[test]
fn who_watches_is_told_until_it_is_gone() {
    let watchers = Watchers::default();
    let (game, other) = (game(), GameId::parse(&game().as_str().replace("0f", "10")).unwrap());
    assert!(watchers.watch(&game, &player(1), &[player(2), player(3)], 0));
    assert!(watchers.watch(&game, &player(4), &[player(2)], 0));
    assert!(watchers.watch(&other, &player(5), &[player(2)], 0));
    let mut of_two = watchers.of(&game, &player(2));
    of_two.sort();
    assert_eq!(of_two, [player(1), player(4)]);
    watchers.forget(&game, &player(1));
    assert_eq!(watchers.of(&game, &player(2)), [player(4)]);
    assert!(watchers.of(&game, &player(3)).is_empty());
    assert_eq!(watchers.since_before(1).len(), 2);
    let many: Vec<PlayerId> = (0..=255).map(player).collect();
    assert!(watchers.watch(&game, &player(9), &many, 0));
    assert!(watchers.watch(&game, &player(9), &many, 0), "the same again");
}
