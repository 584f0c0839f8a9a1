use super::*;
use crate::ticket::{Attribute, Rating};

fn refused(document: Value) -> String {
    RuleSet::from_value(document).unwrap_err().to_string()
}

fn with_rule(rule: Value) -> Value {
    json!({
        "playerAttributes": [
            {"name": "skill", "type": "number", "default": 10},
            {"name": "role", "type": "string", "default": "any"},
            {"name": "maps", "type": "string_list"},
            {"name": "wins", "type": "string_number_map"},
        ],
        "teams": [{"name": "red", "minPlayers": 1, "maxPlayers": 2}, {"name": "blue", "minPlayers": 1, "maxPlayers": 2}],
        "rules": [rule],
    })
}

fn player(id: &str, skill: f64, role: &str, maps: &[&str]) -> Player {
    Player::new(id, Rating { mu: skill, sigma: 50.0 })
        .with("role", Attribute::Text(role.to_owned()))
        .with("maps", Attribute::TextList(maps.iter().map(|map| (*map).to_owned()).collect()))
}

/// What a rule lacks for red against blue.
fn lack(rule: Value, red: &[Player], blue: &[Player]) -> f64 {
    let rules = RuleSet::from_value(with_rule(rule)).unwrap();
    let view = View {
        teams: vec![red.iter().collect(), blue.iter().collect()],
        parties: vec![(red, Some(30)), (blue, Some(90))],
    };
    rules.lack(&rules.stages()[0], &view).map_or(0.0, |(_, lack)| lack)
}

/// The example of FlexMatch's documentation, with the fields that both know.
#[test]
fn a_flexmatch_rule_set_is_read() {
    let rules = RuleSet::parse(
        r#"{
        "name": "aliens_vs_cowboys",
        "ruleLanguageVersion": "1.0",
        "playerAttributes": [{"name": "skill", "type": "number", "default": 10}],
        "teams": [{"name": "cowboys", "maxPlayers": 8, "minPlayers": 4},
                  {"name": "aliens", "maxPlayers": 8, "minPlayers": 4}],
        "rules": [{
            "name": "FairTeamSkill",
            "description": "The average skill of players in each team is within 10 points from the average skill of all players in the match",
            "type": "distance",
            "measurements": ["avg(teams[*].players.attributes[skill])"],
            "referenceValue": "avg(flatten(teams[*].players.attributes[skill]))",
            "maxDistance": 10
        }, {
            "name": "EqualTeamSizes",
            "type": "comparison",
            "measurements": ["count(teams[cowboys].players)"],
            "referenceValue": "count(teams[aliens].players)",
            "operation": "="
        }],
        "expansions": [{
            "target": "rules[FairTeamSkill].maxDistance",
            "steps": [{"waitTimeSeconds": 5, "value": 50}, {"waitTimeSeconds": 10, "value": 100}]
        }, {"target": "teams[aliens].minPlayers", "steps": [{"waitTimeSeconds": 10, "value": 2}]}],
        "acceptanceRequired": true, "acceptanceTimeoutSeconds": 20
    }"#,
    )
    .unwrap();
    assert_eq!(rules.rule_names().collect::<Vec<_>>(), ["FairTeamSkill", "EqualTeamSizes"]);
    assert_eq!(rules.stages().iter().map(|stage| stage.from_ms).collect::<Vec<_>>(), [0, 5_000, 10_000]);
    assert_eq!(rules.stages()[2].teams[1].players_min, 2);
    assert_eq!((rules.stage_number(4_999), rules.stage_number(5_000), rules.stage_number(99_999)), (0, 1, 2));
    assert_eq!((rules.next_step_ms(0), rules.next_step_ms(10_000)), (Some(5_000), None));
    assert_eq!(rules.acceptance(), Acceptance { required: true, timeout_ms: 20_000 });
    let fair = |gap: f64, stage: usize| {
        let (red, blue) = ([player("a", 100.0, "", &[])], [player("b", 100.0 + gap, "", &[])]);
        let view = View { teams: vec![red.iter().collect(), blue.iter().collect()], parties: vec![] };
        rules.lack(&rules.stages()[stage], &view).is_none()
    };
    assert!(fair(20.0, 0) && !fair(21.0, 0) && fair(100.0, 1) && !fair(101.0, 1) && fair(200.0, 2));
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    let rule = |more: Value| {
        let mut rule = json!({"name": "R", "type": "comparison", "operation": "=",
            "measurements": ["flatten(teams[*].players.attributes[role])"]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(with_rule(rule))
    };
    assert_eq!(rule(json!({"type": "compound"})), "rules[R]: the rule type compound is not supported");
    assert_eq!(rule(json!({"colour": 1})), "rules[R].colour: this field is not supported");
    assert_eq!(rule(json!({"operation": "~"})), "rules[R].operation: the operation ~ is not supported");
    assert_eq!(
        rule(json!({"measurements": ["mode(teams[*].players.attributes[skill])"]})),
        "rules[R].measurements: the function mode is not supported"
    );
    assert_eq!(
        rule(json!({"measurements": ["teams[green].players"]})),
        "rules[R].measurements: there is no team green"
    );
    assert_eq!(
        rule(json!({"measurements": ["teams[red].players.attributes[luck]"]})),
        "rules[R].measurements: there is no player attribute luck"
    );
    assert_eq!(
        rule(json!({"measurements": ["avg(teams[red].players.attributes[skill]"]})),
        "rules[R].measurements: cannot read the expression at \"\""
    );
    assert_eq!(
        rule(json!({"measurements": ["teams[red].players.attributes[wins]"]})),
        "rules[R].measurements: the string_number_map wins in an expression is not supported"
    );
    let teams = json!([{"name": "a", "maxPlayers": 2}]);
    assert_eq!(
        refused(json!({"teams": teams, "algorithm": {"batchingPreference": "sorted"}})),
        "algorithm.batchingPreference: sorted is not supported"
    );
    assert_eq!(
        refused(json!({"teams": teams, "matchingPool": 1})),
        "matchingPool: this field is not supported"
    );
    assert_eq!(
        refused(
            json!({"teams": teams, "expansions": [{"target": "algorithm.strategy", "steps": [{"waitTimeSeconds": 1, "value": 1}]}]})
        ),
        "expansions: the target algorithm.strategy is not supported"
    );
    assert!(refused(json!({"teams": []})).starts_with("teams: "));
    assert!(RuleSet::parse("[").is_err() && RuleSet::parse("[]").is_err());
    assert!(RuleSet::teams_of(0, 5).is_err() && RuleSet::teams_of(2, 200).is_err());
}

#[test]
fn comparisons() {
    let roles = |operation: &str| {
        json!({"name": "R", "type": "comparison", "operation": operation,
            "measurements": ["flatten(teams[*].players.attributes[role])"]})
    };
    let (tank, healer) = (player("a", 1.0, "tank", &[]), player("b", 2.0, "healer", &[]));
    let (red, blue) = ([tank.clone()], [healer.clone()]);
    assert_eq!(lack(roles("="), &red, &blue), 1.0);
    assert_eq!(lack(roles("="), &red, &red), 0.0);
    assert_eq!(lack(roles("!="), &red, &blue), 0.0);
    assert_eq!(lack(roles("!="), &red, &red), 1.0);
    let level = json!({"name": "R", "type": "comparison", "operation": ">=", "referenceValue": 2,
        "measurements": ["teams[*].players.attributes[skill]"]});
    assert_eq!(lack(level, &red, &blue), 1.0);
    let text = json!({"name": "R", "type": "comparison", "operation": "!=", "referenceValue": "tank",
        "measurements": ["teams[red].players.attributes[role]"]});
    assert_eq!(lack(text.clone(), &red, &blue), 1.0);
    assert_eq!(lack(text, &blue, &red), 0.0);
}

#[test]
fn distances_and_functions() {
    let (red, blue) = (
        [player("a", 10.0, "", &[]), player("b", 30.0, "", &[])],
        [player("c", 20.0, "", &[]), player("d", 24.0, "", &[])],
    );
    let distance = |what: &str, to: &str, max: f64| json!({"name": "R", "type": "distance", "measurements": [what], "referenceValue": to, "maxDistance": max});
    let skills = |function: &str, team: &str| format!("{function}(teams[{team}].players.attributes[skill])");
    for (function, apart) in
        [("avg", 2.0), ("min", 10.0), ("max", 6.0), ("sum", 4.0), ("median", 2.0), ("stddev", 8.0)]
    {
        let rule = |max| distance(&skills(function, "red"), &skills(function, "blue"), max);
        assert_eq!(lack(rule(apart), &red, &blue), 0.0, "{function}");
        assert_eq!(lack(rule(apart - 0.1), &red, &blue), 1.0, "{function}");
    }
    let batch = |party: &str, max: f64| json!({"name": "R", "type": "batchDistance", "batchAttribute": "skill", "maxDistance": max, "partyAggregation": party});
    assert_eq!((lack(batch("avg", 2.0), &red, &blue), lack(batch("avg", 1.9), &red, &blue)), (0.0, 1.0));
    assert_eq!((lack(batch("min", 10.0), &red, &blue), lack(batch("max", 5.0), &red, &blue)), (0.0, 1.0));
}

#[test]
fn collections_and_latencies() {
    let (red, blue) = (
        [player("a", 1.0, "healer", &["ice", "sand"]), player("b", 1.0, "tank", &["sand"])],
        [player("c", 1.0, "tank", &["sand", "moon"]), player("d", 1.0, "tank", &["moon", "sand"])],
    );
    let collection = |operation: &str, what: &str, more: Value| {
        let mut rule =
            json!({"name": "R", "type": "collection", "operation": operation, "measurements": [what]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let maps = "flatten(teams[*].players.attributes[maps])";
    assert_eq!(lack(collection("intersection", maps, json!({"minCount": 1})), &red, &blue), 0.0);
    assert_eq!(lack(collection("intersection", maps, json!({"minCount": 2})), &red, &blue), 1.0);
    let healer = |max: u32| {
        let more = json!({"referenceValue": "healer", "minCount": 1, "maxCount": max});
        collection("contains", "teams[*].players.attributes[role]", more)
    };
    // Blue has none.
    assert_eq!(lack(healer(1), &red, &blue), 1.0);
    assert_eq!(lack(healer(1), &red, &red), 0.0);
    let shared = json!({"referenceValue": ["moon", "ice"], "minCount": 1});
    let what = "set_intersection(teams[*].players.attributes[maps])";
    assert_eq!(lack(collection("reference_intersection_count", what, shared), &red, &blue), 1.0);
    let slow = |max: u32| json!({"name": "R", "type": "latency", "maxLatency": max});
    assert_eq!((lack(slow(90), &red, &blue), lack(slow(89), &red, &blue)), (0.0, 1.0));
    let apart =
        |max: u32| json!({"name": "R", "type": "latency", "maxDistance": max, "distanceReference": "min"});
    assert_eq!((lack(apart(60), &red, &blue), lack(apart(59), &red, &blue)), (0.0, 1.0));
}

#[test]
fn parties_are_packed_as_long_as_they_fit() {
    let pack = |teams: &[u16], parties: &[u8]| {
        let mut packer = Packer::new(teams.iter().copied());
        parties.iter().all(|party| packer.add(*party))
    };
    assert!(pack(&[5, 5], &[3, 3, 2, 2]) && pack(&[5, 5], &[2, 2, 2, 2, 1, 1]) && pack(&[5, 5], &[5, 1, 4]));
    assert!(!pack(&[5, 5], &[2, 2, 2, 2, 2]) && !pack(&[5, 5], &[3, 3, 3]) && !pack(&[5, 5], &[4, 4, 2]));
    assert!(pack(&[4], &[2, 1, 1]) && !pack(&[4], &[2, 2, 1]));
    assert!(pack(&[2, 2, 2], &[2, 1, 2, 1]) && !pack(&[2, 2, 2], &[1, 1, 1, 1, 1, 1, 1]));
    assert!(pack(&[4, 1], &[4, 1]) && !pack(&[4, 1], &[5]));
}

#[test]
fn unknown_attributes_are_free_and_wrong_ones_are_not() {
    let rules =
        RuleSet::from_value(with_rule(json!({"name": "R", "type": "latency", "maxLatency": 100}))).unwrap();
    let ticket =
        |value: Attribute| Ticket::new("t", vec![Player::new("p", Rating::default()).with("role", value)], 0);
    assert!(rules.check(&ticket(Attribute::Text("tank".to_owned()))).is_ok());
    assert!(rules.check(&ticket(Attribute::Number(1.0))).is_err());
}

#[test]
fn the_room_of_a_match_is_in_the_rule_set() {
    let teams = json!([{"name": "all", "minPlayers": 2, "maxPlayers": 4}]);
    let plain = RuleSet::from_value(json!({"teams": teams})).unwrap();
    assert_eq!(plain.room(), RoomRules::default());
    let room = json!({"tickMs": 20, "interestRadius": 300, "seats": 6});
    let rules = json!({"teams": teams, "room": room, "backfillMode": "AUTOMATIC"});
    let rules = RuleSet::from_value(rules).unwrap().room();
    assert_eq!((rules.tick_ms, rules.interest_radius, rules.seats), (Some(20), Some(300), Some(6)));
    assert_eq!(rules.backfill, BackfillMode::Automatic);
    assert!(refused(json!({"teams": teams, "room": {"colour": 1}})).contains("room.colour"));
    assert!(refused(json!({"teams": teams, "room": {"tickMs": "fast"}})).contains("room.tickMs"));
    assert!(refused(json!({"teams": teams, "backfillMode": "sometimes"})).contains("sometimes"));
}

#[test]
fn a_match_is_as_full_as_its_expansions_make_it() {
    let rules = json!({
        "teams": [{"name": "all", "minPlayers": 2, "maxPlayers": 4, "quantity": 2}],
        "expansions": [{"target": "teams[all].maxPlayers", "steps": [
            {"waitTimeSeconds": 5, "value": 70}, {"waitTimeSeconds": 9, "value": 3}]}],
    });
    assert_eq!(RuleSet::from_value(rules).unwrap().players_max(), 140);
}
