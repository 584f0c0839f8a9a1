use super::*;
use crate::ticket::{Attribute, Player, Rating, SkillRange};
use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};

/// Long enough for any price.
const LATE_MS: i64 = 600_000;

fn solo(id: &str, mu: f64, at_ms: i64) -> Ticket {
    party(id, &[mu], at_ms)
}

fn party(id: &str, mus: &[f64], at_ms: i64) -> Ticket {
    let players = mus.iter().enumerate();
    let players = players.map(|(n, mu)| Player::new(format!("{id}.{n}"), Rating { mu: *mu, sigma: 60.0 }));
    Ticket::new(id, players.collect(), at_ms)
}

fn queue(rules: RuleSet) -> Queue {
    Queue::new(rules, Options::default())
}

fn duels() -> Queue {
    queue(RuleSet::teams_of(2, 1).unwrap())
}

fn ids(proposal: &Proposal) -> Vec<&str> {
    let mut ids: Vec<&str> = proposal.tickets().map(|ticket| ticket.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// Runs the queue until a time, as a server would.
fn run(queue: &mut Queue, until_ms: i64) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    while let Some(wake) = queue.next_wake().filter(|wake| *wake <= until_ms) {
        proposals.extend(queue.advance(wake));
    }
    proposals
}

#[test]
fn equals_meet_at_once_and_others_after_a_while() {
    let mut queue = duels();
    queue.add(solo("a", 1500.0, 0), 0).unwrap();
    queue.add(solo("b", 1510.0, 0), 0).unwrap();
    queue.add(solo("c", 1900.0, 0), 0).unwrap();
    let now = queue.advance(0);
    assert_eq!(now.iter().map(ids).collect::<Vec<_>>(), [["a", "b"]]);
    queue.add(solo("d", 1500.0, 1_000), 1_000).unwrap();
    assert!(queue.advance(1_000).is_empty());
    let later = run(&mut queue, LATE_MS);
    assert_eq!(later.iter().map(ids).collect::<Vec<_>>(), [["c", "d"]]);
    assert!(later[0].at_ms > 2_000, "{later:?}");
    assert!(queue.is_empty() && queue.next_wake().is_none());
}

#[test]
fn a_thousand_of_a_party_of_four_are_matched_in_one_call() {
    let mut queue = queue(RuleSet::together(4, 4).unwrap());
    for n in 0..4_000 {
        queue.add(solo(&n.to_string(), f64::from(n), 0), 0).unwrap();
    }
    let proposals = queue.advance(0);
    assert_eq!(proposals.len(), 1_000);
    assert!(proposals.iter().all(|proposal| proposal.tickets().count() == 4));
    assert!(queue.is_empty());
}

#[test]
fn four_in_two_teams_or_alone_with_the_rating_of_newcomers_are_matched_in_one_call() {
    for rules in [RuleSet::teams_of(2, 2).unwrap(), RuleSet::free_for_all(4, 4).unwrap()] {
        let mut queue = queue(rules);
        for n in 0..1_000 {
            let ticket = Ticket::new(n.to_string(), vec![Player::new(n.to_string(), Rating::default())], 0);
            queue.add(ticket, 0).unwrap();
        }
        assert_eq!(queue.advance(0).len(), 250);
    }
}

#[test]
fn work_of_one_call_is_bounded_and_the_rest_is_due_at_once() {
    let options = Options { attempts_max: 10, ..Options::default() };
    let mut queue = Queue::new(RuleSet::teams_of(2, 1).unwrap(), options);
    for n in 0..100 {
        queue.add(solo(&n.to_string(), 1500.0, 0), 0).unwrap();
    }
    assert!(queue.advance(0).len() <= 10);
    assert_eq!(queue.next_wake(), Some(0));
    while queue.next_wake() == Some(0) {
        queue.advance(0);
    }
    assert!(queue.is_empty());
}

#[test]
fn tickets_that_cannot_be_are_refused_and_change_nothing() {
    let options = Options { tickets_max: 2, ..Options::default() };
    let mut queue = Queue::new(RuleSet::teams_of(2, 2).unwrap(), options);
    queue.add(solo("a", 1500.0, 0), 0).unwrap();
    assert_eq!(queue.add(solo("a", 1500.0, 0), 0), Err(AddError::Exists("a".into())));
    let large = queue.add(party("b", &[1.0, 2.0, 3.0], 0), 0);
    assert_eq!(large, Err(TicketError::PartyTooLarge { size: 3, max: 2 }.into()));
    assert_eq!(queue.add(party("b", &[], 0), 0), Err(TicketError::PartySize(0).into()));
    assert_eq!(queue.add(solo("b", f64::NAN, 0), 0), Err(TicketError::Number("rating").into()));
    queue.add(solo("b", 1500.0, 0), 0).unwrap();
    assert_eq!(queue.add(solo("c", 1500.0, 0), 0), Err(AddError::Full(2)));
    assert_eq!((queue.len(), queue.players()), (2, 2));
}

#[test]
fn who_is_cancelled_is_gone_and_who_is_put_back_keeps_his_place() {
    let mut queue = duels();
    queue.add(solo("a", 1500.0, 0), 0).unwrap();
    assert_eq!(queue.cancel(&"a".into()).unwrap().id, "a".into());
    assert_eq!(queue.cancel(&"a".into()), None);
    queue.add(solo("b", 1500.0, 0), 0).unwrap();
    assert!(queue.advance(0).is_empty());
    queue.add(solo("a", 1500.0, 0), 40_000).unwrap();
    let proposals = queue.advance(40_000);
    assert_eq!(ids(&proposals[0]), ["a", "b"]);
    assert_eq!(proposals[0].tickets().map(|ticket| ticket.created_at_ms).max(), Some(0));
}

#[test]
fn private_keys_and_ranges_are_kept_between_all_members() {
    let mut queue = queue(RuleSet::free_for_all(3, 3).unwrap());
    let range = |id: &str, mu: f64, min: f64, max: f64| {
        let mut ticket = solo(id, mu, 0);
        ticket.skill_range = Some(SkillRange { min, max });
        ticket
    };
    // The first accepts both; those do not accept each other.
    queue.add(solo("a", 1500.0, 0), 0).unwrap();
    queue.add(range("b", 1400.0, 1300.0, 1550.0), 0).unwrap();
    queue.add(solo("c", 1600.0, 0), 0).unwrap();
    assert!(run(&mut queue, LATE_MS).is_empty());
    queue.add(solo("d", 1500.0, 0), LATE_MS).unwrap();
    let proposals = queue.advance(LATE_MS);
    assert!(!ids(&proposals[0]).contains(&"c") || !ids(&proposals[0]).contains(&"b"), "{proposals:?}");

    let mut queue = duels();
    let private =
        |id: &str, key: Option<&str>| Ticket { private_key: key.map(str::to_owned), ..solo(id, 1500.0, 0) };
    queue.add(private("a", Some("x")), 0).unwrap();
    queue.add(private("b", None), 0).unwrap();
    queue.add(private("c", Some("y")), 0).unwrap();
    assert!(run(&mut queue, LATE_MS).is_empty());
    queue.add(private("d", Some("x")), LATE_MS).unwrap();
    assert_eq!(ids(&queue.advance(LATE_MS)[0]), ["a", "d"]);
}

#[test]
fn a_match_is_where_all_of_it_may_play() {
    let from = |id: &str, latencies: &[(&str, u32)]| {
        let latencies_ms = latencies.iter().map(|(region, ms)| ((*region).to_owned(), *ms)).collect();
        Ticket { latencies_ms, ..solo(id, 1500.0, 0) }
    };
    let mut queue = duels();
    queue.add(from("a", &[("eu", 20), ("us", 95)]), 0).unwrap();
    queue.add(from("b", &[("us", 20), ("asia", 150)]), 0).unwrap();
    let proposals = run(&mut queue, LATE_MS);
    assert_eq!(proposals[0].region.as_deref(), Some("us"));
    let wish = |id: &str, regions: &[&str]| Ticket {
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        ..solo(id, 1500.0, LATE_MS)
    };
    queue.add(wish("c", &["eu"]), LATE_MS).unwrap();
    queue.add(wish("d", &["us"]), LATE_MS).unwrap();
    assert!(run(&mut queue, 2 * LATE_MS).is_empty());
    // Who has no wish plays anywhere.
    queue.add(solo("e", 1500.0, 2 * LATE_MS), 2 * LATE_MS).unwrap();
    assert_eq!(queue.advance(2 * LATE_MS).len(), 1);
}

#[test]
fn whole_teams_meet_whole_teams() {
    let mut queue = queue(RuleSet::teams_of(2, 3).unwrap());
    queue.add(party("trio 1", &[1500.0; 3], 0), 0).unwrap();
    for n in 0..3 {
        queue.add(solo(&format!("solo {n}"), 1500.0, 0), 0).unwrap();
    }
    queue.add(party("trio 2", &[1520.0; 3], 0), 0).unwrap();
    let proposals = queue.advance(0);
    assert_eq!(ids(&proposals[0]), ["trio 1", "trio 2"]);
    assert_eq!(proposals[0].quality.premade, 0);
}

#[test]
fn roles_are_found_even_if_the_nearest_do_not_have_them() {
    let rules = RuleSet::from_value(json!({
        "playerAttributes": [{"name": "role", "type": "string"}],
        "teams": [{"name": "team", "maxPlayers": 3, "quantity": 2}],
        "rules": [{"name": "OneHealer", "type": "collection", "operation": "contains", "referenceValue": "healer",
            "measurements": ["teams[*].players.attributes[role]"], "minCount": 1, "maxCount": 1}],
    }))
    .unwrap();
    let mut queue = queue(rules);
    let with = |id: &str, role: &str, mu: f64| {
        let mut ticket = solo(id, mu, 0);
        ticket.players[0] = ticket.players[0].clone().with("role", Attribute::Text(role.to_owned()));
        ticket
    };
    for n in 0..8 {
        queue.add(with(&format!("dps {n}"), "dps", 1500.0), 0).unwrap();
    }
    assert!(run(&mut queue, 5_000).is_empty());
    let told = queue.explain(&"dps 0".into(), 5_000).unwrap();
    assert!(
        matches!(&told.reasons[0], Reason::Rule { name, times } if name == "OneHealer" && *times > 0),
        "{told:?}"
    );
    queue.add(with("healer 1", "healer", 1520.0), 5_000).unwrap();
    queue.add(with("healer 2", "healer", 1530.0), 5_000).unwrap();
    let proposals = queue.advance(5_000);
    assert_eq!(proposals.len(), 1);
    for team in &proposals[0].teams {
        let healers = team.players().filter(|player| player.id.as_str().starts_with("healer")).count();
        assert_eq!((healers, team.players().count()), (1, 3));
    }
}

#[test]
fn rules_give_way_with_the_age_of_the_newest() {
    let rules = |age: &str| {
        RuleSet::from_value(json!({
            "teams": [{"name": "team", "maxPlayers": 1, "quantity": 2}],
            "algorithm": {"expansionAgeSelection": age},
            "rules": [{"name": "Near", "type": "batchDistance", "batchAttribute": "skill", "maxDistance": 10}],
            "expansions": [{"target": "rules[Near].maxDistance", "steps": [{"waitTimeSeconds": 30, "value": 1000}]}],
        }))
        .unwrap()
    };
    for (age, expected) in [("newest", 50_000), ("oldest", 30_000)] {
        let mut queue = queue(rules(age));
        queue.add(solo("a", 1500.0, 0), 0).unwrap();
        run(&mut queue, 20_000);
        queue.add(solo("b", 1530.0, 20_000), 20_000).unwrap();
        assert_eq!(queue.explain(&"b".into(), 20_000).unwrap().next_expansion_in_ms, Some(30_000));
        let proposals = run(&mut queue, LATE_MS);
        assert_eq!(proposals[0].at_ms, expected, "{age}");
    }
}

#[test]
fn a_running_match_is_filled() {
    let mut queue = queue(RuleSet::teams_of(2, 2).unwrap());
    let here = |id: &str| Player::new(id, Rating { mu: 1500.0, sigma: 60.0 });
    let request = |id: &str, team: &str| Backfill {
        id: id.into(),
        region: None,
        teams: vec![
            BackfillTeam { name: team.to_owned(), players: vec![here("x"), here("y")] },
            BackfillTeam { name: "team_2".to_owned(), players: vec![here("z")] },
        ],
        created_at_ms: 0,
        avoid: Vec::new(),
    };
    assert_eq!(queue.backfill(request("m", "green"), 0), Err(AddError::Team("green".to_owned())));
    queue.backfill(request("m", "team_1"), 0).unwrap();
    assert_eq!(queue.backfill(request("m", "team_1"), 0), Err(AddError::Exists("m".into())));
    assert!(queue.advance(0).is_empty());
    queue.add(party("pair", &[1500.0, 1500.0], 500), 500).unwrap();
    queue.add(solo("one", 1510.0, 600), 600).unwrap();
    let proposals = run(&mut queue, 30_000);
    assert_eq!(proposals[0].kind, Kind::Backfill("m".into()));
    assert_eq!(ids(&proposals[0]), ["one"]);
    assert_eq!((proposals[0].teams[0].tickets.len(), proposals[0].teams[1].tickets.len()), (0, 1));
    assert_eq!(queue.backfills().count(), 0);
    assert_eq!(queue.cancel_backfill(&"m".into()), None);
    // Whom it avoids does not come, also where nobody else is there.
    queue.add(solo("two", 1500.0, 30_000), 30_000).unwrap();
    let avoiding = Backfill { avoid: vec!["two.0".into()], ..request("n", "team_1") };
    queue.backfill(avoiding, 30_000).unwrap();
    assert!(run(&mut queue, 60_000).iter().all(|made| made.kind == Kind::Match));
}

#[test]
fn a_match_whose_teams_grow_is_filled() {
    let rules = json!({
        "teams": [{ "name": "all", "minPlayers": 2, "maxPlayers": 2 }],
        "expansions": [{ "target": "teams[all].maxPlayers", "steps": [{ "waitTimeSeconds": 5, "value": 3 }] }],
    });
    let mut queue = queue(RuleSet::from_value(rules).unwrap());
    let here = |id: &str| Player::new(id, Rating { mu: 1500.0, sigma: 60.0 });
    let teams = vec![BackfillTeam { name: "all".to_owned(), players: vec![here("x"), here("y")] }];
    let request = Backfill { id: "m".into(), region: None, teams, created_at_ms: 0, avoid: Vec::new() };
    queue.backfill(request, 0).unwrap();
    queue.add(solo("one", 1500.0, 0), 0).unwrap();
    let proposals = run(&mut queue, 60_000);
    assert_eq!((&proposals[0].kind, proposals.len()), (&Kind::Backfill("m".into()), 1));
    assert!(proposals[0].at_ms >= 5_000);
}

#[test]
fn a_ticket_is_told_what_it_waits_for() {
    let mut queue = queue(RuleSet::teams_of(2, 2).unwrap());
    queue.add(solo("a", 1500.0, 0), 0).unwrap();
    assert_eq!(queue.explain(&"b".into(), 0), None);
    queue.advance(0);
    let told = queue.explain(&"a".into(), 2_000).unwrap();
    assert_eq!(told.reasons, [Reason::TooFewPlayers { needed: 4, there: 1 }]);
    for (id, mu) in [("b", 1900.0), ("c", 2300.0), ("d", 1100.0)] {
        queue.add(solo(id, mu, 2_000), 2_000).unwrap();
    }
    assert!(queue.advance(2_000).is_empty());
    let told = queue.explain(&"d".into(), 2_000).unwrap();
    assert_eq!((told.players_waiting, told.players_in_reach, told.tickets_before), (4, 3, 1));
    let [Reason::WaitingForBetter { short_of, acceptable_in_ms }] = told.reasons[..] else {
        panic!("{told:?}")
    };
    assert!(short_of > 0.0 && acceptable_in_ms > 0);
    assert_eq!(told.players_alike, 0);
}

#[test]
fn nobody_starves_beside_newcomers_who_fit_better() {
    let mut queue = queue(RuleSet::teams_of(2, 2).unwrap());
    queue.add(solo("odd", 2600.0, 0), 0).unwrap();
    let mut matched = None;
    for n in 0..400_i64 {
        queue.add(solo(&n.to_string(), 1500.0, n * 500), n * 500).unwrap();
        let proposals = run(&mut queue, n * 500);
        let found = proposals.iter().find(|proposal| ids(proposal).contains(&"odd"));
        matched = matched.or(found.map(|proposal| proposal.at_ms));
    }
    assert!(matched.is_some_and(|at_ms| at_ms <= 120_000), "{matched:?}");
}

#[test]
fn a_ticket_is_told_of_those_elsewhere_and_of_parties_that_do_not_fit() {
    let mut queue = queue(RuleSet::teams_of(2, 2).unwrap());
    let here = |id: &str, ms: &[(&str, u32)]| Ticket {
        latencies_ms: ms.iter().map(|(region, ms)| ((*region).to_owned(), *ms)).collect(),
        ..solo(id, 1500.0, 0)
    };
    queue.add(here("far", &[("asia", 20)]), 0).unwrap();
    queue.add(here("near", &[("eu", 20)]), 0).unwrap();
    queue.add(Ticket { regions: vec!["us".to_owned()], ..solo("wish", 1500.0, 0) }, 0).unwrap();
    queue.advance(0);
    let reasons = |queue: &Queue, id: &str| queue.explain(&id.into(), 1_000).unwrap().reasons;
    let few = Reason::TooFewPlayers { needed: 4, there: 1 };
    assert_eq!(reasons(&queue, "near"), [few.clone(), Reason::Latency { left_out: 2 }]);
    assert_eq!(reasons(&queue, "wish"), [few, Reason::Region { left_out: 2 }]);

    let mut queue = super::tests::queue(RuleSet::teams_of(2, 3).unwrap());
    for id in ["a", "b", "c"] {
        queue.add(party(id, &[1500.0; 2], 0), 0).unwrap();
    }
    queue.advance(0);
    assert_eq!(reasons(&queue, "c"), [Reason::PartySize { size: 2 }]);
}

/// What happens to a queue in a property test.
#[derive(Clone, Debug)]
enum Event {
    Add { size: usize, mu: f64, near: u8, map: u8, range: Option<f64> },
    Cancel(usize),
    Wait(i64),
}

fn events() -> impl proptest::strategy::Strategy<Value = Vec<Event>> {
    let add =
        (1_usize..=3, 1000.0..2000.0_f64, 0_u8..3, 0_u8..3, prop::option::weighted(0.2, 50.0..400.0_f64))
            .prop_map(|(size, mu, near, map, range)| Event::Add { size, mu, near, map, range });
    let event = prop_oneof![6 => add, 1 => (0_usize..200).prop_map(Event::Cancel), 3 => (0_i64..20_000).prop_map(Event::Wait)];
    prop::collection::vec(event, 1..120)
}

/// Teams, how many, of how many players at least and at most.
const SHAPES: [(usize, u16, u16); 4] = [(2, 3, 3), (1, 4, 4), (3, 3, 3), (2, 3, 5)];

fn shaped(shape: (usize, u16, u16)) -> RuleSet {
    RuleSet::from_value(json!({
        "playerAttributes": [{"name": "map", "type": "string_list"}],
        "teams": [{"name": "team", "minPlayers": shape.1, "maxPlayers": shape.2, "quantity": shape.0}],
        "rules": [
            {"name": "Near", "type": "batchDistance", "batchAttribute": "skill", "maxDistance": 300},
            {"name": "Map", "type": "collection", "operation": "intersection",
                "measurements": ["flatten(teams[*].players.attributes[map])"], "minCount": 1},
            {"name": "Slow", "type": "latency", "maxLatency": 120},
        ],
    }))
    .unwrap()
}

fn play(events: &[Event], shape: (usize, u16, u16)) -> (Vec<Proposal>, HashSet<TicketId>, Vec<Ticket>) {
    let mut queue = queue(shaped(shape));
    let (mut now_ms, mut proposals, mut cancelled, mut added) = (0, Vec::new(), HashSet::new(), Vec::new());
    for event in events {
        match event {
            Event::Add { size, mu, near, map, range } => {
                let id = format!("t{}", added.len());
                let mut ticket = party(&id, &vec![*mu; *size], now_ms);
                let maps = vec![format!("m{}", map % 3), format!("m{}", (map + 1) % 3)];
                for player in &mut ticket.players {
                    player.attributes.insert("map".to_owned(), Attribute::TextList(maps.clone()));
                }
                let ms = |region: u8| 20 + 70 * u32::from((region + near) % 3);
                ticket.latencies_ms =
                    BTreeMap::from([0, 1, 2].map(|region| (format!("r{region}"), ms(region))));
                ticket.skill_range = range.map(|range| SkillRange { min: mu - range, max: mu + range });
                added.push(ticket.clone());
                queue.add(ticket, now_ms).unwrap();
            }
            Event::Cancel(n) => {
                let id = TicketId::from(format!("t{n}"));
                if queue.cancel(&id).is_some() {
                    cancelled.insert(id);
                }
            }
            Event::Wait(ms) => now_ms += ms,
        }
        proposals.extend(run(&mut queue, now_ms));
    }
    proposals.extend(run(&mut queue, now_ms + LATE_MS));
    let left: Vec<Ticket> = queue.tickets().cloned().collect();
    let matched: usize = proposals.iter().map(|proposal| proposal.tickets().count()).sum();
    assert_eq!(matched + left.len() + cancelled.len(), added.len());
    (proposals, cancelled, added)
}

/// The rules of `shaped`, read from its text by hand and checked the plain way.
fn holds(proposal: &Proposal, shape: (usize, u16, u16)) {
    assert_eq!(proposal.teams.len(), shape.0);
    for team in &proposal.teams {
        let size = team.players().count();
        assert!((usize::from(shape.1)..=usize::from(shape.2)).contains(&size), "{size}");
    }
    let tickets: Vec<&Ticket> = proposal.tickets().collect();
    let region = proposal.region.as_deref().unwrap();
    for one in &tickets {
        assert!(one.latencies_ms[region] <= 120);
        for other in &tickets {
            assert!((one.mean_mu() - other.mean_mu()).abs() <= 300.0);
            if let Some(range) = one.skill_range {
                assert!((range.min..=range.max).contains(&other.mean_mu()) || one.id == other.id);
            }
        }
    }
    let plays = |ticket: &Ticket, map: &str| {
        ticket.players.iter().all(|player| match &player.attributes["map"] {
            Attribute::TextList(maps) => maps.iter().any(|own| own == map),
            _ => false,
        })
    };
    assert!(["m0", "m1", "m2"].iter().any(|map| tickets.iter().all(|ticket| plays(ticket, map))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matches_are_what_the_rules_say(events in events(), shape in 0..SHAPES.len()) {
        let shape = SHAPES[shape];
        let (proposals, cancelled, added) = play(&events, shape);
        let mut seen = HashSet::new();
        for proposal in &proposals {
            holds(proposal, shape);
            prop_assert!(proposal.quality.cost <= proposal.quality.price);
            for ticket in proposal.tickets() {
                prop_assert!(seen.insert(ticket.id.clone()), "{} plays twice", ticket.id);
                prop_assert!(!cancelled.contains(&ticket.id), "{} was cancelled", ticket.id);
                let whole = added.iter().find(|other| other.id == ticket.id);
                prop_assert_eq!(whole, Some(ticket), "a party is as it came");
                prop_assert!(proposal.at_ms >= ticket.created_at_ms);
            }
        }
        // The same events, the same matches.
        prop_assert_eq!(play(&events, shape).0, proposals);
    }
}
