use super::rules::{check_report, check_text, ids_before};
use super::*;
use aethex_wire::multiplayer::chat::ReportRequest;

fn player(n: u8) -> PlayerId {
    PlayerId::parse(&format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e{n:02x}")).unwrap()
}

#[test]
fn a_channel_has_one_key_and_each_ones_name() {
    let (ann, bob) = (player(1), player(2));
    let of_ann = Channel::parse(&format!("direct:{bob}"), &ann).unwrap();
    let of_bob = Channel::parse(&format!("direct:{ann}"), &bob).unwrap();
    let key = of_ann.key(&ann);
    assert_eq!(key, of_bob.key(&bob));
    assert_eq!(as_named_by(&key, &ann), format!("direct:{bob}"));
    assert_eq!(as_named_by(&key, &bob), format!("direct:{ann}"));
    assert_eq!(Channel::parse("channel:Trade.EU", &ann), Some(Channel::Named("trade.eu".into())));
    for key in ["channel:trade.eu", &format!("room:{bob}"), &format!("party:{bob}")] {
        assert_eq!(Channel::parse(key, &ann).unwrap().key(&ann), key);
        assert_eq!(as_named_by(key, &ann), key);
    }
    let long = format!("channel:{}", "x".repeat(65));
    let own = format!("direct:{ann}");
    for wrong in [
        "",
        "room",
        "room:",
        "room:7",
        "direct:x",
        "channel:",
        "channel:a b",
        "channel:\u{e9}",
        "x:y",
        &long,
        &own,
    ] {
        assert_eq!(Channel::parse(wrong, &ann), None, "{wrong}");
    }
}

#[test]
fn a_message_says_something_and_not_too_much() {
    for fine in ["a", "two\nlines\tand a tab", "\u{1f600}", &"\u{e9}".repeat(2_000)] {
        assert_eq!(check_text(fine), Ok(()), "{fine}");
    }
    for wrong in ["", " ", "\n\t", "a\0b", "a\rb", "\u{1b}[31m", "\u{85}", &"x".repeat(2_001)] {
        assert!(check_text(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_report_names_another_and_a_reason() {
    let report = |reason: &str, text: &str| {
        let (player_id, reason, text) = (player(2), reason.to_owned(), text.to_owned());
        let request = ReportRequest { player_id, message_id: None, reason, text };
        check_report(&request, &player(1)).and(Ok(request))
    };
    let fine = report("spam", "again\nand again").unwrap();
    assert!(check_report(&fine, &player(2)).is_err());
    assert!(report("dislike", "").is_err());
    assert!(report("other", &"x".repeat(1_001)).is_err());
    assert!(report("other", "\u{7}").is_err());
}

#[test]
fn ids_of_a_time_are_between_its_bounds() {
    let before = now_ms();
    let id = new_id();
    // A busy process borrows milliseconds of the future.
    assert!(*ids_before(before) <= *id && *id < *ids_before(before + 60_000), "{id}");
    assert!(*ids_before(0) < *id);
}
