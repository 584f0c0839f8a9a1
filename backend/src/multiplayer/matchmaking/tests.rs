use super::rules::*;
use aethex_matchmaker::{Attribute, BackfillMode, Rating};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, QueueTicketId};
use aethex_wire::multiplayer::matchmaking::{JoinQueueRequest, ReportResultRequest, TeamResult};
use serde_json::json;
use std::collections::BTreeSet;

const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

fn asked(body: serde_json::Value) -> JoinQueueRequest {
    serde_json::from_value(body).unwrap()
}

#[test]
fn what_no_queue_takes_is_refused() {
    assert!(check(&asked(json!({ "mode": "duel", "region": "eu", "skill_range": [1000, 1500] }))).is_ok());
    for wrong in [
        json!({}),
        json!({ "mode": "a b" }),
        json!({ "mode": "m", "region": "a b" }),
        json!({ "mode": "m", "skill_range": [2, 1] }),
        json!({ "mode": "m", "skill_range": [0, 1e300] }),
        json!({ "mode": "m", "skill": 1e300 }),
        json!({ "mode": "m", "latencies": { "eu": 10_001 } }),
        json!({ "mode": "m", "latencies": { "": 10 } }),
        json!({ "mode": "m", "players": 1 }),
        json!({ "mode": "m", "players": 129 }),
        json!({ "mode": "m", "players": 4, "teams": 3 }),
        json!({ "mode": "m", "players": 4, "teams": 0 }),
        json!({ "mode": "m", "players": 4, "teams": 8 }),
    ] {
        let refused = check(&asked(wrong.clone()));
        assert_eq!(refused.unwrap_err().code(), ErrorCode::InvalidRequest, "{wrong}");
    }
}

#[test]
fn a_ticket_has_what_was_asked_and_the_kept_rating_wins() {
    let id = QueueTicketId::parse(ID).unwrap();
    let player = PlayerId::parse(ID).unwrap();
    let request = asked(json!({
        "mode": "duel", "region": "eu", "latencies": { "eu": 20, "us": 90 }, "skill": 1800, "skill_range": [1700, 1900],
        "attributes": { "level": 7, "role": "tank", "maps": ["a", "b"], "likes": { "a": 0.5 } },
    }));
    let made = ticket(&id, &request, &[(player.clone(), None)], 5).unwrap();
    assert_eq!(
        (made.id.as_str(), made.created_at_ms, made.regions.as_slice()),
        (ID, 5, &["eu".to_owned()][..])
    );
    assert_eq!((made.players[0].rating.mu, made.latencies_ms["us"]), (1800.0, 90));
    assert_eq!(made.players[0].attributes["maps"], Attribute::TextList(vec!["a".into(), "b".into()]));
    assert_eq!(players_of(&made), std::slice::from_ref(&player));
    let kept = RatingRow::of(Rating { mu: 1200.5, sigma: 80.25 }, 9);
    let made = ticket(&id, &request, &[(player.clone(), Some(kept))], 5).unwrap();
    assert_eq!(made.players[0].rating, Rating { mu: 1200.5, sigma: 80.25 });
    for wrong in
        [json!({ "x": true }), json!({ "x": null }), json!({ "x": [1] }), json!({ "x": { "y": "z" } })]
    {
        let request = asked(json!({ "mode": "m", "attributes": wrong }));
        assert!(ticket(&id, &request, &[(player.clone(), None)], 5).is_err());
    }
}

#[test]
fn the_default_rules_are_teams_of_one_size() {
    for (players, teams, team_count) in
        [(2, 2, 2), (4, 4, 4), (10, 2, 2), (4, 1, 1), (64, 64, 64), (128, 128, 1)]
    {
        let rules = default_rules(Shape { players, teams });
        let rules = rules.unwrap_or_else(|error| panic!("{players} in {teams}: {error}"));
        assert_eq!((rules.players_max(), rules.team_names().count()), (usize::from(players), team_count));
    }
}

#[test]
fn declining_costs_more_each_time_within_a_day() {
    let (mut before, mut waits) = (None, Vec::new());
    let mut now = 1_000_000_000;
    for _ in 0..5 {
        let (count, until_ms) = penalty(before, now);
        waits.push((count, until_ms - now));
        before = Some((count, until_ms));
        now = until_ms + 1_000;
    }
    assert_eq!(waits, [(1, 0), (2, 30_000), (3, 120_000), (4, 300_000), (5, 300_000)]);
    now += 24 * 3600 * 1000;
    assert_eq!(penalty(before, now), (1, now));
}

#[test]
fn a_result_names_every_team_once() {
    let teams: BTreeSet<String> = ["blue", "green", "red"].map(str::to_owned).into();
    let of = |places: &[(&str, u32)]| {
        let teams_told =
            places.iter().map(|(team, place)| TeamResult { team: (*team).into(), place: *place }).collect();
        result(ReportResultRequest { teams: teams_told }, &teams)
    };
    let one = of(&[("red", 3), ("blue", 1), ("green", 3)]).unwrap();
    assert_eq!(one, of(&[("green", 2), ("red", 2), ("blue", 1)]).unwrap(), "gaps say nothing");
    assert_eq!(one.iter().map(|result| result.place).collect::<Vec<_>>(), [1, 2, 2]);
    for wrong in [
        &[("red", 1), ("blue", 2)][..],
        &[("red", 1), ("blue", 2), ("green", 0)],
        &[("red", 1), ("blue", 2), ("green", 3), ("green", 3)],
        &[("red", 1), ("blue", 2), ("grey", 3)],
        &[],
    ] {
        assert_eq!(of(wrong).unwrap_err().code(), ErrorCode::InvalidRequest);
    }
}

#[test]
fn a_rule_set_that_is_not_understood_is_refused_by_name() {
    let teams = json!([{ "name": "red", "minPlayers": 1, "maxPlayers": 1, "quantity": 2 }]);
    assert!(parse_rules(json!({ "teams": teams })).is_ok());
    let refused = parse_rules(
        json!({ "teams": teams, "rules": [{ "name": "x", "type": "compound", "statement": "a" }] }),
    );
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidRules);
    assert!(refused.words().contains("compound"), "{}", refused.words());
}

#[test]
fn the_rules_say_what_the_room_is_like() {
    let teams = json!([{ "name": "red", "minPlayers": 1, "maxPlayers": 2, "quantity": 2 }]);
    let settings = |room: serde_json::Value| {
        let rules = parse_rules(json!({ "teams": teams, "room": room, "backfillMode": "automatic" }));
        rules.map(|rules| room_settings(&rules)).map_err(|failure| failure.words().to_owned())
    };
    let plain = settings(json!({})).unwrap();
    assert_eq!((plain.max_players, plain.tick_ms, plain.interest_radius), (4, 33, 0));
    assert_eq!(plain.backfill, BackfillMode::Automatic);
    let own = settings(json!({ "tickMs": 8, "interestRadius": 300, "seats": 6 })).unwrap();
    assert_eq!((own.max_players, own.tick_ms, own.interest_radius), (6, 8, 300));
    for (wrong, named) in [
        (json!({ "tickMs": 7 }), "tickMs"),
        (json!({ "tickMs": 51 }), "tickMs"),
        (json!({ "seats": 3 }), "seats"),
        (json!({ "seats": 129 }), "seats"),
        (json!({ "interestRadius": 5_000_000_000_u64 }), "interestRadius"),
    ] {
        assert!(settings(wrong).unwrap_err().contains(named));
    }
}

#[test]
fn no_expansion_makes_a_match_larger_than_a_room() {
    let rules = |most: u16| {
        parse_rules(json!({
            "teams": [{ "name": "all", "minPlayers": 2, "maxPlayers": 4 }],
            "expansions": [{ "target": "teams[all].maxPlayers", "steps": [{ "waitTimeSeconds": 5, "value": most }] }],
        }))
    };
    assert_eq!(room_settings(&rules(128).unwrap()).max_players, 128);
    assert_eq!(rules(129).unwrap_err().code(), ErrorCode::InvalidRules);
}
