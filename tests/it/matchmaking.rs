//! Matchmaking: tickets, matches, acceptance, results, and what holds when servers come and go.

use crate::privacy::{database, erased};
use crate::rooms::{of_game, post, second_game};
use crate::studio::{run, with_owner, with_project};
use aethex_backend::app::now_ms;
use aethex_backend::args;
use aethex_tests::app::password_of;
use aethex_tests::{App, Client, Live, Player, Reply, on_both_engines, until};
use aethex_wire::multiplayer::JoinedRoom;
use aethex_wire::multiplayer::matchmaking::{MatchInfo, QueueTicket, Rating, ReportedResult, TicketStatus};
use aethex_wire::multiplayer::parties::Party;
use aethex_wire::privacy::Receipt;
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MATCHMAKING: &str = "/api/v1/multiplayer/matchmaking";
pub(crate) const TICKETS: &str = "/api/v1/multiplayer/matchmaking/tickets";
/// How long a ticket waits none of whose players is here, and a little.
const MINUTE_MS: i64 = 61_000;
/// How long a ticket waits at all.
const HALF_HOUR_MS: i64 = 30 * 60_000;

pub(crate) async fn queue(player: &Player, body: Value) -> QueueTicket {
    post(player, TICKETS, body).await.expect(201).json()
}

pub(crate) async fn look(player: &Player, ticket: &QueueTicket) -> Reply {
    player.get(&format!("{TICKETS}/{}", ticket.id)).send().await
}

async fn leave(player: &Player, ticket: &QueueTicket) -> Reply {
    player.call(Method::DELETE, &format!("{TICKETS}/{}", ticket.id)).send().await
}

/// The ticket, once it is in a state. Asking is limited: a refusal is not an answer.
pub(crate) async fn until_it_is(player: &Player, ticket: &QueueTicket, status: TicketStatus) -> QueueTicket {
    until(&format!("the ticket to be {status:?}"), async || {
        let reply = look(player, ticket).await;
        let seen = (reply.status == 200).then(|| reply.json::<QueueTicket>());
        seen.filter(|seen| seen.status == status)
    })
    .await
}

async fn accept(player: &Player, id: &str, accepts: bool) -> Reply {
    post(player, &format!("{MATCHMAKING}/matches/{id}/accept"), json!({ "accept": accepts })).await
}

async fn report(player: &Player, info: &MatchInfo, places: &[(&str, u32)]) -> Reply {
    let teams: Vec<Value> =
        places.iter().map(|(team, place)| json!({ "team": team, "place": place })).collect();
    let path = format!("{MATCHMAKING}/matches/{}/result", info.match_id);
    post(player, &path, json!({ "teams": teams })).await
}

async fn rating(player: &Player, of: &Player, mode: &str) -> Rating {
    let path = format!("/api/v1/multiplayer/ratings/{}?mode={mode}", of.id());
    player.get(&path).send().await.expect(200).json()
}

/// A queue's rule set, before anyone is in the queue.
pub(crate) async fn with_rules(app: &App, mode: &str, rules: Value) {
    let sql = database(app).await;
    let insert = "INSERT INTO multiplayer_queue (game_id, mode, rules, updated_at_ms)
         SELECT game_id, $1, $2, 1 FROM auth_game WHERE is_default = 1";
    sql.all_games().execute(insert, args![mode, rules.to_string()]).await.unwrap();
    sql.close().await;
}

/// Two against each other, who are asked first.
fn asked_first(seconds: u32) -> Value {
    json!({
        "teams": [{ "name": "red", "minPlayers": 1, "maxPlayers": 1 }, { "name": "blue", "minPlayers": 1, "maxPlayers": 1 }],
        "acceptanceRequired": true, "acceptanceTimeoutSeconds": seconds,
    })
}

pub(crate) async fn players<const N: usize>(app: &App, names: [&str; N]) -> [Player; N] {
    join_all(names.map(|name| app.as_player(name))).await.try_into().unwrap()
}

pub(crate) fn seat_of(ticket: &QueueTicket) -> &JoinedRoom {
    ticket.match_info.as_ref().unwrap().seat.as_ref().unwrap()
}

/// All queue; their tickets, once they are matched.
pub(crate) async fn matched_all(players: &[Player], body: Value) -> Vec<QueueTicket> {
    let tickets = join_all(players.iter().map(|player| queue(player, body.clone()))).await;
    let pairs = players.iter().zip(&tickets);
    join_all(pairs.map(|(player, ticket)| until_it_is(player, ticket, TicketStatus::Matched))).await
}

/// Both queue; the match that they are in.
async fn matched(one: &Player, other: &Player, body: Value) -> (QueueTicket, QueueTicket) {
    let (first, second) = (queue(one, body.clone()).await, queue(other, body).await);
    let first = until_it_is(one, &first, TicketStatus::Matched).await;
    (first, until_it_is(other, &second, TicketStatus::Matched).await)
}

/// Both queue where they are asked first; the match that is proposed.
async fn proposed(
    app: &App,
    one: &Player,
    other: &Player,
    mode: &str,
) -> (QueueTicket, QueueTicket, MatchInfo) {
    let mut live = Live::of(app.url(), one).await;
    let first = queue(one, json!({ "mode": mode })).await;
    let second = queue(other, json!({ "mode": mode })).await;
    let info: MatchInfo = serde_json::from_value(live.until("match_proposed").await).unwrap();
    assert!(info.accept_by_ms.is_some() && info.room_id.is_none() && info.seat.is_none());
    (first, second, info)
}

on_both_engines! {
    async fn two_who_queue_play_together(app) {
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        let [mut ann_hears, mut bob_hears] = [Live::of(app.url(), &ann).await, Live::of(app.url(), &bob).await];
        let body = json!({ "mode": "deathmatch", "region": "us-east", "skill_range": [1000, 1500] });
        let ticket = queue(&ann, body.clone()).await;
        assert_eq!((ticket.status, ticket.players[0].as_str(), ticket.players.len()), (TicketStatus::Queued, ann.id(), 1));
        let seen: QueueTicket = look(&ann, &ticket).await.expect(200).json();
        assert_eq!(seen.reasons[0].code, "few_players", "{seen:?}");
        assert_eq!(ann.get(&format!("{MATCHMAKING}/ticket")).send().await.expect(200).json::<QueueTicket>().id, ticket.id);
        queue(&bob, body).await;
        for (live, player) in [(&mut ann_hears, &ann), (&mut bob_hears, &bob)] {
            let info: MatchInfo = serde_json::from_value(live.until("match_found").await).unwrap();
            assert_eq!((info.mode.as_str(), info.region.as_str(), info.players.len()), ("deathmatch", "us-east", 2));
            assert_ne!(info.players[0].team, info.players[1].team);
            assert!(info.players.iter().any(|one| one.username == player.user.username));
            let seat = info.seat.unwrap();
            assert_eq!((Some(&seat.room.id), seat.room.player_count), (info.room_id.as_ref(), 2));
            // The ticket of the event opens the room's relay.
            let mut link = Live::connect(app.url()).await;
            link.send("join_room", json!({ "ticket": seat.ticket })).await;
            assert_eq!(link.until("room_joined").await["player_id"], player.id());
        }
        // Who did not hear it is told the same, with a new ticket for the same seat.
        let seen = until_it_is(&ann, &ticket, TicketStatus::Matched).await;
        assert_eq!(seat_of(&seen).room.players.len(), 2);
        assert_eq!(ann.get(&format!("{MATCHMAKING}/ticket")).send().await.expect(200).json::<QueueTicket>().id, ticket.id);
        leave(&ann, &ticket).await.refused(ErrorCode::MatchOver);
        // Who left the room has no seat in it, and may queue again.
        post(&ann, &format!("/api/v1/multiplayer/rooms/{}/leave", seat_of(&seen).room.id), json!({})).await.expect(204);
        let seen: QueueTicket = look(&ann, &ticket).await.expect(200).json();
        assert!(seen.match_info.unwrap().seat.is_none());
        let again = queue(&ann, json!({ "mode": "deathmatch" })).await;
        assert_ne!(again.id, ticket.id);
    }

    async fn many_at_once_are_in_rooms_of_four(app) {
        let mut names = Vec::new();
        for n in 0..24 {
            names.push(format!("player{n}"));
        }
        let all = join_all(names.iter().map(|name| app.as_player(name))).await;
        let body = json!({ "mode": "four", "players": 4 });
        let tickets = join_all(all.iter().map(|player| queue(player, body.clone()))).await;
        let pairs = all.iter().zip(&tickets);
        let seen = join_all(pairs.map(|(player, ticket)| until_it_is(player, ticket, TicketStatus::Matched))).await;
        let mut rooms: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (player, ticket) in all.iter().zip(&seen) {
            rooms.entry(seat_of(ticket).room.id.to_string()).or_default().insert(player.id());
        }
        assert_eq!(rooms.len(), 6);
        assert!(rooms.values().all(|players| players.len() == 4), "{rooms:?}");
    }

    async fn a_party_plays_in_one_team(app) {
        let [ann, bob, cat, dan] = players(app, ["ann", "bob", "cat", "dan"]).await;
        let body = json!({ "mode": "pairs", "players": 4, "teams": 2, "party": true });
        post(&ann, TICKETS, body.clone()).await.refused(ErrorCode::NotInParty);
        let party: Party = ann.call(Method::POST, "/api/v1/multiplayer/party").send().await.expect(201).json();
        bob.call(Method::POST, &format!("/api/v1/multiplayer/party/codes/{}", party.code)).send().await.expect(200);
        post(&bob, TICKETS, body.clone()).await.refused(ErrorCode::NotHost);
        let duel = json!({ "mode": "duel", "party": true });
        post(&ann, TICKETS, duel).await.refused(ErrorCode::PartyFull);
        let ticket = queue(&ann, body.clone()).await;
        assert_eq!(ticket.players.iter().map(|id| id.as_str()).collect::<Vec<_>>(), [ann.id(), bob.id()]);
        post(&bob, TICKETS, json!({ "mode": "duel" })).await.refused(ErrorCode::AlreadyQueued);
        assert_eq!(bob.get(&format!("{MATCHMAKING}/ticket")).send().await.expect(200).json::<QueueTicket>().id, ticket.id);
        look(&cat, &ticket).await.refused(ErrorCode::TicketNotFound);
        let alone = json!({ "mode": "pairs", "players": 4, "teams": 2 });
        queue(&cat, alone.clone()).await;
        queue(&dan, alone).await;
        let seen = until_it_is(&bob, &ticket, TicketStatus::Matched).await;
        let info = seen.match_info.unwrap();
        let team = |player: &Player| info.players.iter().find(|one| one.player_id.as_str() == player.id()).unwrap().team.clone();
        assert_eq!(team(&ann), team(&bob));
        assert_eq!(team(&cat), team(&dan));
        assert_ne!(team(&ann), team(&cat));
    }

    async fn asking_again_is_the_same_ticket(app) {
        let [ann] = players(app, ["ann"]).await;
        let body = json!({ "mode": "duel", "latencies": { "eu": 20, "us": 120 }, "attributes": { "level": 3 } });
        let replies = join_all((0..8).map(|_| queue(&ann, body.clone()))).await;
        assert!(replies.iter().all(|ticket| ticket.id == replies[0].id));
        post(&ann, TICKETS, json!({ "mode": "duel" })).await.refused(ErrorCode::AlreadyQueued);
        leave(&ann, &replies[0]).await.expect(204);
        leave(&ann, &replies[0]).await.expect(204);
        let seen: QueueTicket = look(&ann, &replies[0]).await.expect(200).json();
        assert_eq!(seen.status, TicketStatus::Cancelled);
        ann.get(&format!("{MATCHMAKING}/ticket")).send().await.refused(ErrorCode::TicketNotFound);
        for wrong in [json!({}), json!({ "mode": "a/b" }), json!({ "mode": "m", "players": 5, "teams": 2 }), json!({ "mode": "m", "skill_range": [5000, 6000] }), json!({ "mode": "m", "unknown": 1 })] {
            post(&ann, TICKETS, wrong).await.refused(ErrorCode::InvalidRequest);
        }
        for wrong in ["x", ann.id()] {
            ann.get(&format!("{TICKETS}/{wrong}")).send().await.refused(ErrorCode::TicketNotFound);
        }
    }

    async fn a_ticket_is_taken_back_or_matched_and_never_both(app) {
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        for round in 0..6 {
            let body = json!({ "mode": format!("round{round}") });
            let ticket = queue(&ann, body.clone()).await;
            let (other, left) = tokio::join!(queue(&bob, body), leave(&ann, &ticket));
            if left.status == 204 {
                let seen: QueueTicket = look(&ann, &ticket).await.expect(200).json();
                assert_eq!(seen.status, TicketStatus::Cancelled);
                let seen: QueueTicket = look(&bob, &other).await.expect(200).json();
                assert_eq!(seen.status, TicketStatus::Queued, "nobody is matched with who is gone");
                leave(&bob, &other).await.expect(204);
            } else {
                left.refused(ErrorCode::MatchOver);
                until_it_is(&ann, &ticket, TicketStatus::Matched).await;
                until_it_is(&bob, &other, TicketStatus::Matched).await;
            }
        }
    }

    async fn everyone_accepts_and_there_is_a_room(app) {
        with_rules(app, "ranked", asked_first(60)).await;
        let [ann, bob, eve] = players(app, ["ann", "bob", "eve"]).await;
        let (first, second, info) = proposed(app, &ann, &bob, "ranked").await;
        let id = info.match_id.as_str();
        accept(&eve, id, true).await.refused(ErrorCode::MatchNotFound);
        accept(&ann, eve.id(), true).await.refused(ErrorCode::MatchNotFound);
        for _ in 0..2 {
            let seen: QueueTicket = accept(&ann, id, true).await.expect(200).json();
            assert_eq!(seen.status, TicketStatus::Proposed);
        }
        // The first word counts.
        let seen: QueueTicket = accept(&ann, id, false).await.expect(200).json();
        assert_eq!((seen.status, &seen.id), (TicketStatus::Proposed, &first.id));
        report(&ann, &info, &[("red", 1), ("blue", 2)]).await.refused(ErrorCode::MatchOver);
        let mut live = Live::of(app.url(), &ann).await;
        let seen: QueueTicket = accept(&bob, id, true).await.expect(200).json();
        assert_eq!((seen.status, &seen.id), (TicketStatus::Matched, &second.id));
        let found: MatchInfo = serde_json::from_value(live.until("match_found").await).unwrap();
        assert_eq!(found.room_id.as_ref(), Some(&seat_of(&seen).room.id));
        let teams: BTreeSet<&str> = found.players.iter().map(|one| one.team.as_str()).collect();
        assert_eq!(teams, ["blue", "red"].into());
        accept(&bob, id, true).await.expect(200);
    }

    async fn who_declines_is_out_and_waits_the_longer_the_more_often(app) {
        with_rules(app, "ranked", asked_first(60)).await;
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        let (first, second, info) = proposed(app, &ann, &bob, "ranked").await;
        let mut live = Live::of(app.url(), &bob).await;
        accept(&bob, info.match_id.as_str(), true).await.expect(200);
        let seen: QueueTicket = accept(&ann, info.match_id.as_str(), false).await.expect(200).json();
        assert_eq!((seen.status, &seen.id), (TicketStatus::Cancelled, &first.id));
        let told = live.until("match_cancelled").await;
        assert_eq!((told["requeued"].as_bool(), told["match_id"].as_str()), (Some(true), Some(info.match_id.as_str())));
        let seen = until_it_is(&bob, &second, TicketStatus::Queued).await;
        assert_eq!(seen.created_at_ms, second.created_at_ms, "with its age");
        accept(&bob, info.match_id.as_str(), true).await.expect(200);
        // The first time costs nothing. To leave is to decline.
        let again = queue(&ann, json!({ "mode": "ranked" })).await;
        until_it_is(&ann, &again, TicketStatus::Proposed).await;
        leave(&ann, &again).await.expect(204);
        let refused = post(&ann, TICKETS, json!({ "mode": "ranked" })).await;
        refused.refused(ErrorCode::QueuePenalty);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((25..=30).contains(&wait), "{wait}");
        until_it_is(&bob, &second, TicketStatus::Queued).await;
        let [cat] = players(app, ["cat"]).await;
        queue(&cat, json!({ "mode": "ranked" })).await;
        until_it_is(&bob, &second, TicketStatus::Proposed).await;
    }

    async fn who_says_nothing_is_out(app) {
        with_rules(app, "ranked", asked_first(1)).await;
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        let (first, second, info) = proposed(app, &ann, &bob, "ranked").await;
        accept(&bob, info.match_id.as_str(), true).await.expect(200);
        until_it_is(&ann, &first, TicketStatus::Cancelled).await;
        until_it_is(&bob, &second, TicketStatus::Queued).await;
        accept(&ann, info.match_id.as_str(), true).await.refused(ErrorCode::MatchOver);
    }

    async fn tickets_outlive_the_server(app) {
        with_rules(app, "ranked", asked_first(60)).await;
        let [ann, bob, cat, dan] = players(app, ["ann", "bob", "cat", "dan"]).await;
        let ticket = queue(&ann, json!({ "mode": "duel" })).await;
        let (first, _, info) = proposed(app, &cat, &dan, "ranked").await;
        app.stop().await;
        app.start_again().await;
        let seen: QueueTicket = look(&ann, &ticket).await.expect(200).json();
        assert_eq!((seen.status, seen.created_at_ms), (TicketStatus::Queued, ticket.created_at_ms));
        let other = queue(&bob, json!({ "mode": "duel" })).await;
        until_it_is(&ann, &ticket, TicketStatus::Matched).await;
        until_it_is(&bob, &other, TicketStatus::Matched).await;
        // A proposed match too.
        accept(&cat, info.match_id.as_str(), true).await.expect(200);
        accept(&dan, info.match_id.as_str(), true).await.expect(200);
        until_it_is(&cat, &first, TicketStatus::Matched).await;
    }

    async fn tickets_end_when_they_are_old_or_nobody_is_there(app) {
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        let mut live = Live::of(app.url(), &bob).await;
        let gone = queue(&ann, json!({ "mode": "one" })).await;
        let here = queue(&bob, json!({ "mode": "two" })).await;
        app.sweep_queues(now_ms()).await;
        until_it_is(&ann, &gone, TicketStatus::Queued).await;
        app.sweep_queues(now_ms() + MINUTE_MS).await;
        until_it_is(&ann, &gone, TicketStatus::Cancelled).await;
        until_it_is(&bob, &here, TicketStatus::Queued).await;
        app.sweep_queues(now_ms() + HALF_HOUR_MS).await;
        until_it_is(&bob, &here, TicketStatus::Expired).await;
        let told = live.until("queue_left").await;
        assert_eq!((told["reason"].as_str(), told["ticket_id"].as_str()), (Some("expired"), Some(here.id.as_str())));
    }

    async fn who_blocked_somebody_plays_with_others(app) {
        let [ann, bob, cat] = players(app, ["ann", "bob", "cat"]).await;
        let sql = database(app).await;
        let insert = "INSERT INTO multiplayer_block (game_id, player_id, blocked_id, since_ms)
             SELECT game_id, player_id, $2, 1 FROM auth_account WHERE player_id = $1";
        sql.all_games().execute(insert, args![bob.id(), ann.id()]).await.unwrap();
        sql.close().await;
        let first = queue(&ann, json!({ "mode": "duel" })).await;
        let second = queue(&bob, json!({ "mode": "duel" })).await;
        let third = queue(&cat, json!({ "mode": "duel" })).await;
        let seen = until_it_is(&cat, &third, TicketStatus::Matched).await;
        let players: BTreeSet<String> = seen.match_info.unwrap().players.iter().map(|one| one.player_id.to_string()).collect();
        assert!(!(players.contains(ann.id()) && players.contains(bob.id())));
        let left = if players.contains(ann.id()) { (&bob, &second) } else { (&ann, &first) };
        until_it_is(left.0, left.1, TicketStatus::Queued).await;
    }

    async fn ratings_come_of_results_that_are_agreed(app) {
        let [ann, bob, eve] = players(app, ["ann", "bob", "eve"]).await;
        let (first, _) = matched(&ann, &bob, json!({ "mode": "duel" })).await;
        let info = first.match_info.unwrap();
        let team = |player: &Player| info.players.iter().find(|one| one.player_id.as_str() == player.id()).unwrap().team.clone();
        let (anns, bobs) = (team(&ann), team(&bob));
        let before = rating(&eve, &ann, "duel").await;
        assert_eq!((before.rating, before.deviation, before.matches), (1500.0, 350.0, 0));
        let won = [(anns.as_str(), 1), (bobs.as_str(), 2)];
        let lost = [(anns.as_str(), 2), (bobs.as_str(), 1)];
        // Forged: by who did not play, of teams that did not, by one alone.
        report(&eve, &info, &won).await.refused(ErrorCode::MatchNotFound);
        report(&ann, &info, &[("other", 1), (bobs.as_str(), 2)]).await.refused(ErrorCode::InvalidRequest);
        report(&ann, &info, &[(anns.as_str(), 1)]).await.refused(ErrorCode::InvalidRequest);
        for _ in 0..2 {
            let told: ReportedResult = report(&bob, &info, &lost).await.expect(200).json();
            assert_eq!(told, ReportedResult { settled: false, agreeing: 1, needed: 2 });
        }
        let told: ReportedResult = report(&ann, &info, &won).await.expect(200).json();
        assert!(!told.settled, "they do not agree");
        assert_eq!(rating(&ann, &ann, "duel").await.matches, 0);
        let told: ReportedResult = report(&bob, &info, &won).await.expect(200).json();
        assert_eq!(told, ReportedResult { settled: true, agreeing: 2, needed: 2 });
        let (winner, loser) = (rating(&eve, &ann, "duel").await, rating(&eve, &bob, "duel").await);
        assert!(winner.rating > 1550.0 && loser.rating < 1450.0 && winner.deviation < 350.0, "{winner:?} {loser:?}");
        assert_eq!((winner.matches, loser.matches), (1, 1));
        // It counts once.
        let told: ReportedResult = report(&ann, &info, &won).await.expect(200).json();
        assert!(told.settled);
        report(&ann, &info, &lost).await.refused(ErrorCode::MatchOver);
        assert_eq!(rating(&eve, &ann, "duel").await, winner);
        assert_eq!(rating(&eve, &ann, "other").await.matches, 0, "each queue has its own");
    }

    async fn another_games_player_learns_nothing(app) {
        let key = second_game(app).await;
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        let eve = of_game(app, &key, "eve").await;
        let as_eve = |method: Method, path: String| eve.call(method, &path).header(CLIENT_KEY_HEADER, &key);
        let ticket = queue(&ann, json!({ "mode": "duel" })).await;
        let own: QueueTicket = as_eve(Method::POST, TICKETS.into()).json(&json!({ "mode": "duel" })).send().await.expect(201).json();
        assert_ne!(own.id, ticket.id);
        let at = format!("{TICKETS}/{}", ticket.id);
        for method in [Method::GET, Method::DELETE] {
            as_eve(method, at.clone()).send().await.refused(ErrorCode::TicketNotFound);
        }
        let other = queue(&bob, json!({ "mode": "duel" })).await;
        let seen = until_it_is(&bob, &other, TicketStatus::Matched).await;
        let info = seen.match_info.unwrap();
        let result = json!({ "teams": info.players.iter().map(|one| json!({ "team": one.team, "place": 1 })).collect::<Vec<_>>() });
        let at = format!("{MATCHMAKING}/matches/{}", info.match_id);
        as_eve(Method::POST, format!("{at}/accept")).json(&json!({ "accept": true })).send().await.refused(ErrorCode::MatchNotFound);
        as_eve(Method::POST, format!("{at}/result")).json(&result).send().await.refused(ErrorCode::MatchNotFound);
        let still: QueueTicket = as_eve(Method::GET, format!("{TICKETS}/{}", own.id)).send().await.expect(200).json();
        assert_eq!(still.status, TicketStatus::Queued, "queues of two games have nothing to do with each other");
        app.post(TICKETS).json(&json!({ "mode": "duel" })).send().await.refused(ErrorCode::Unauthenticated);
    }

    async fn servers_set_rules_and_say_how_matches_end(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let live = format!("/orgs/{org}/projects/{project}/live");
        let keys: Value = owner.get(&format!("{live}/client-keys")).send().await.expect(200).json();
        let client_key = keys["items"][0]["key"].as_str().unwrap().to_owned();
        let mut secrets = Vec::new();
        for scope in ["multiplayer:read", "multiplayer:write"] {
            let body = json!({ "name": scope, "scopes": [scope] });
            let made: Value = owner.post(&format!("{live}/server-keys"), &body).send().await.expect(201).json();
            secrets.push(made["secret"].as_str().unwrap().to_owned());
        }
        let [reads, writes] = [&secrets[0], &secrets[1]];
        let server = |method: Method, path: &str, key: &str| app.client().request(method, &format!("/api/v1/server/multiplayer{path}")).bearer(key);
        server(Method::GET, "/queues/ranked", reads).send().await.refused(ErrorCode::NotFound);
        let teams = json!([{ "name": "side", "minPlayers": 1, "maxPlayers": 1, "quantity": 2 }]);
        let rules = json!({ "rules": { "name": "r", "teams": teams } });
        server(Method::PUT, "/queues/ranked", reads).json(&rules).send().await.refused(ErrorCode::MissingScope);
        server(Method::GET, "/queues/ranked", writes).send().await.refused(ErrorCode::MissingScope);
        let wrong = json!({ "rules": { "teams": teams, "rules": [{ "name": "x", "type": "compound", "statement": "and" }] } });
        let problem = server(Method::PUT, "/queues/ranked", writes).json(&wrong).send().await.refused(ErrorCode::InvalidRules);
        assert!(problem.detail.contains("compound"), "{}", problem.detail);
        let large = json!({ "rules": { "teams": [{ "name": "all", "minPlayers": 200, "maxPlayers": 200 }] } });
        server(Method::PUT, "/queues/ranked", writes).json(&large).send().await.refused(ErrorCode::InvalidRules);
        let [ann, bob] = [of_game(app, &client_key, "ann").await, of_game(app, &client_key, "bob").await];
        let call = |player: &Player, method: Method, path: &str| {
            app.client().request(method, path).bearer(&player.tokens.access_token).header(CLIENT_KEY_HEADER, &client_key)
        };
        // Who waits already waits under the new rules.
        let body = json!({ "mode": "ranked", "players": 8 });
        let ticket: QueueTicket = call(&ann, Method::POST, TICKETS).json(&body).send().await.expect(201).json();
        server(Method::PUT, "/queues/ranked", writes).json(&rules).send().await.expect(200);
        let kept: Value = server(Method::GET, "/queues/ranked", reads).send().await.expect(200).json();
        assert_eq!(kept, rules);
        call(&bob, Method::POST, TICKETS).json(&json!({ "mode": "ranked" })).send().await.expect(201);
        let at = format!("{TICKETS}/{}", ticket.id);
        let info = until("the match", async || {
            let reply = call(&ann, Method::GET, &at).send().await;
            (reply.status == 200).then(|| reply.json::<QueueTicket>().match_info).flatten()
        }).await;
        let team = |player: &Player| info.players.iter().find(|one| one.player_id.as_str() == player.id()).unwrap().team.clone();
        let result = json!({ "teams": [{ "team": team(&ann), "place": 2 }, { "team": team(&bob), "place": 1 }] });
        let fill = format!("/rooms/{}/backfill", info.room_id.as_ref().unwrap());
        server(Method::POST, &fill, reads).send().await.refused(ErrorCode::MissingScope);
        server(Method::POST, &fill, writes).send().await.refused(ErrorCode::RoomFull);
        server(Method::DELETE, &fill, writes).send().await.expect(204);
        let path = format!("/matches/{}/result", info.match_id);
        server(Method::POST, &path, reads).json(&result).send().await.refused(ErrorCode::MissingScope);
        let told: ReportedResult = server(Method::POST, &path, writes).json(&result).send().await.expect(200).json();
        assert!(told.settled);
        server(Method::POST, &path, writes).json(&result).send().await.refused(ErrorCode::MatchOver);
        let at = format!("/api/v1/multiplayer/ratings/{}?mode=ranked", bob.id());
        let rated: Rating = call(&ann, Method::GET, &at).send().await.expect(200).json();
        assert!(rated.rating > 1500.0 && rated.matches == 1);
        server(Method::DELETE, "/queues/ranked", writes).send().await.expect(204);
        server(Method::DELETE, "/queues/ranked", writes).send().await.refused(ErrorCode::NotFound);
        // A player's token is no server key.
        server(Method::GET, "/queues/ranked", &ann.tokens.access_token).send().await.refused(ErrorCode::InvalidServerKey);
    }

    async fn two_servers_share_a_queue(app) {
        let [ann, bob, cat, dan] = players(app, ["ann", "bob", "cat", "dan"]).await;
        // The first server leads the queue, for there is no other yet: the other, when it comes, passes tickets,
        // questions and cancellations on.
        let first = queue(&ann, json!({ "mode": "duel" })).await;
        until("the queue to be led", async || {
            let reply = look(&ann, &first).await;
            (reply.status == 200 && !reply.json::<QueueTicket>().reasons.is_empty()).then_some(())
        }).await;
        let other = app.start_beside().await;
        let there = |player: &Player| Player { client: Client::new(&other.url()), ..player.clone() };
        let (bob_there, dan_there) = (there(&bob), there(&dan));
        let mut live = Live::of(&other.url(), &bob_there).await;
        let second = queue(&bob_there, json!({ "mode": "duel" })).await;
        let info: MatchInfo = serde_json::from_value(live.until("match_found").await).unwrap();
        assert_eq!(info.players.len(), 2);
        until_it_is(&ann, &first, TicketStatus::Matched).await;
        let seen = until_it_is(&bob_there, &second, TicketStatus::Matched).await;
        let here = app.url().trim_start_matches("http://");
        assert!(seat_of(&seen).relay.websocket.contains(here), "{:?}", seat_of(&seen).relay);
        let waiting = queue(&dan_there, json!({ "mode": "duel" })).await;
        until("its leader's answer", async || {
            let reply = look(&dan_there, &waiting).await;
            (reply.status == 200 && !reply.json::<QueueTicket>().reasons.is_empty()).then_some(())
        }).await;
        leave(&dan_there, &waiting).await.expect(204);
        // The other server leads one; when it is gone, this one does.
        let waiting = queue(&dan_there, json!({ "mode": "trio", "players": 2 })).await;
        other.stop().await;
        let last = queue(&cat, json!({ "mode": "trio", "players": 2 })).await;
        until_it_is(&cat, &last, TicketStatus::Matched).await;
        until_it_is(&dan, &waiting, TicketStatus::Matched).await;
    }

    async fn whose_account_goes_is_out_of_the_queue(app, |config| {
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 500;
    }) {
        let [ann, bob] = players(app, ["ann", "bob"]).await;
        queue(&ann, json!({ "mode": "duel" })).await;
        let asked: Receipt = post(&ann, "/api/v1/privacy/erasure", json!({ "password": password_of("ann") })).await.expect(202).json();
        erased(app, &asked).await;
        let ticket = queue(&bob, json!({ "mode": "duel" })).await;
        app.sweep_queues(now_ms()).await;
        until_it_is(&bob, &ticket, TicketStatus::Queued).await;
    }

    async fn a_queue_is_recorded_and_replayed(app) {
        let [ann, bob, cat] = players(app, ["ann", "bob", "cat"]).await;
        matched(&ann, &bob, json!({ "mode": "duel" })).await;
        let ticket = queue(&cat, json!({ "mode": "duel" })).await;
        leave(&cat, &ticket).await.expect(204);
        let folder = app.folder("recordings");
        std::fs::create_dir_all(&folder).unwrap();
        let (file, rules) = (folder.join("duel.jsonl"), folder.join("rules.json"));
        let [file, rules] = [file.to_str().unwrap(), rules.to_str().unwrap()];
        let done = run(app, &["matchmaking", "record", "--game", "default", "--mode", "duel", "--out", file], "").unwrap();
        assert_eq!(done, json!({ "tickets": 3, "players": 3 }));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains(ann.id()) && text.lines().count() == 6, "{text}");
        let teams = json!([{ "name": "team", "minPlayers": 1, "maxPlayers": 1, "quantity": 2 }]);
        std::fs::write(rules, json!({ "teams": teams }).to_string()).unwrap();
        let found = run(app, &["matchmaking", "replay", file, "--rules", rules], "").unwrap();
        assert_eq!((found["tickets"].as_i64(), found["matches"].as_i64(), found["cancelled"].as_i64()), (Some(3), Some(1), Some(1)));
        std::fs::write(rules, json!({ "teams": teams, "rules": [{ "name": "x", "type": "wish" }] }).to_string()).unwrap();
        let refused = run(app, &["matchmaking", "replay", file, "--rules", rules], "").unwrap_err();
        assert!(refused.contains("wish"), "{refused}");
    }
}
