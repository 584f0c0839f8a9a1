//! Players from the queue for the free seats of matches that are played.

use crate::matchmaking::{TICKETS, look, matched_all, players, queue, seat_of, until_it_is, with_rules};
use crate::rooms::post;
use aethex_backend::app::now_ms;
use aethex_tests::{App, Live, Player, Reply, on_both_engines, until};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::Room;
use aethex_wire::multiplayer::matchmaking::{Backfill, MatchInfo, QueueTicket, TicketStatus};
use http::Method;
use serde_json::{Value, json};

const ROOMS: &str = "/api/v1/multiplayer/rooms";

fn pairs() -> Value {
    json!({ "mode": "pairs", "players": 4, "teams": 2 })
}

/// Two teams of two, whose rooms are filled in a way.
fn rules(backfill: &str) -> Value {
    let teams = json!([{ "name": "side", "minPlayers": 2, "maxPlayers": 2, "quantity": 2 }]);
    json!({ "teams": teams, "backfillMode": backfill, "room": { "tickMs": 20, "interestRadius": 90 } })
}

async fn fill(player: &Player, room: &Room) -> Reply {
    post(player, &format!("{ROOMS}/{}/backfill", room.id), json!({})).await
}

async fn leave(player: &Player, room: &Room) {
    post(player, &format!("{ROOMS}/{}/leave", room.id), json!({})).await.expect(204);
}

async fn look_at(player: &Player, room: &Room) -> Room {
    player.get(&format!("{ROOMS}/{}", room.id)).send().await.expect(200).json()
}

fn team_of(info: &MatchInfo, player: &Player) -> String {
    info.players.iter().find(|one| one.player_id.as_str() == player.id()).unwrap().team.clone()
}

/// The match of four, its room, its host and the others.
struct Running {
    info: MatchInfo,
    room: Room,
    host: Player,
    others: Vec<Player>,
}

async fn four(app: &App, body: Value) -> Running {
    let all = players(app, ["ann", "bob", "cat", "dan"]).await;
    let seen = matched_all(&all, body).await;
    let (info, room) = (seen[0].match_info.clone().unwrap(), seat_of(&seen[0]).room.clone());
    let is_host = |player: &Player| room.host_id.as_ref().unwrap().as_str() == player.id();
    let (host, others): (Vec<Player>, Vec<Player>) = all.into_iter().partition(is_host);
    Running { info, host: host[0].clone(), others, room }
}

/// Waits until a ticket has its player in a room.
async fn comes_into(player: &Player, ticket: &QueueTicket, room: &Room) -> QueueTicket {
    let seen = until_it_is(player, ticket, TicketStatus::Matched).await;
    assert_eq!(seat_of(&seen).room.id, room.id);
    seen
}

on_both_engines! {
    async fn the_host_asks_and_somebody_comes(app) {
        let Running { info, room, host, others } = four(app, pairs()).await;
        let [eve, fay] = players(app, ["eve", "fay"]).await;
        fill(&others[0], &room).await.refused(ErrorCode::NotHost);
        fill(&eve, &room).await.refused(ErrorCode::RoomNotFound);
        fill(&host, &room).await.refused(ErrorCode::RoomFull);
        leave(&others[0], &room).await;
        let asked: Backfill = fill(&host, &room).await.expect(200).json();
        assert_eq!((asked.room_id.clone(), asked.mode.as_str(), asked.free_seats), (room.id.clone(), "pairs", 1));
        let again: Backfill = fill(&host, &room).await.expect(200).json();
        assert_eq!(again, asked);
        let mut hears = Live::of(app.url(), &eve).await;
        let ticket = queue(&eve, pairs()).await;
        let found: MatchInfo = serde_json::from_value(hears.until("match_found").await).unwrap();
        assert_eq!((found.room_id.as_ref(), &found.match_id), (Some(&room.id), &info.match_id));
        assert_eq!(team_of(&found, &eve), team_of(&info, &others[0]), "in the place of who left");
        assert!(found.players.len() == 4 && found.players.iter().all(|one| one.player_id.as_str() != others[0].id()));
        let seat = found.seat.unwrap();
        assert_eq!((seat.room.player_count, seat.room.players.len()), (4, 4));
        let mut link = Live::connect(app.url()).await;
        link.send("join_room", json!({ "ticket": seat.ticket })).await;
        assert_eq!(link.until("room_joined").await["player_id"], eve.id());
        let seen = comes_into(&eve, &ticket, &room).await;
        assert_eq!(seen.match_info.unwrap().players.len(), 4);
        // It is full: nobody else comes, and a seat that is free again is not filled unasked.
        fill(&host, &room).await.refused(ErrorCode::RoomFull);
        leave(&others[1], &room).await;
        // Asking ends when it is taken back, and where the room is locked.
        fill(&host, &room).await.expect(200);
        host.call(Method::DELETE, &format!("{ROOMS}/{}/backfill", room.id)).send().await.expect(204);
        let waits = queue(&fay, pairs()).await;
        app.sweep_queues(now_ms()).await;
        until_it_is(&fay, &waits, TicketStatus::Queued).await;
        host.call(Method::PUT, &format!("{ROOMS}/{}", room.id)).json(&json!({ "locked": true })).send().await.expect(200);
        fill(&host, &room).await.refused(ErrorCode::RoomLocked);
        assert_eq!(look_at(&host, &room).await.player_count, 3);
        until_it_is(&fay, &waits, TicketStatus::Queued).await;
    }

    async fn rules_fill_rooms_by_themselves_over_a_restart(app) {
        with_rules(app, "sides", rules("automatic")).await;
        let Running { room, host, others, .. } = four(app, json!({ "mode": "sides" })).await;
        assert_eq!((room.tick_ms, room.max_players), (20, 4));
        let [eve, fay] = players(app, ["eve", "fay"]).await;
        leave(&others[0], &room).await;
        app.stop().await;
        app.start_again().await;
        let ticket = queue(&eve, json!({ "mode": "sides" })).await;
        comes_into(&eve, &ticket, &room).await;
        // Who was sent out does not come back by the queue; others do.
        let kick = json!({ "player_id": eve.id() });
        post(&host, &format!("{ROOMS}/{}/kick", room.id), kick).await.expect(204);
        let back = queue(&eve, json!({ "mode": "sides" })).await;
        let ticket = queue(&fay, json!({ "mode": "sides" })).await;
        comes_into(&fay, &ticket, &room).await;
        until_it_is(&eve, &back, TicketStatus::Queued).await;
        assert_eq!(look_at(&host, &room).await.player_count, 4);
    }

    async fn who_left_may_come_again_and_who_is_blocked_does_not(app) {
        let Running { room, host, others, .. } = four(app, pairs()).await;
        let [eve] = players(app, ["eve"]).await;
        let block = format!("/api/v1/multiplayer/blocks/{}", eve.id());
        host.call(Method::PUT, &block).send().await;
        leave(&others[0], &room).await;
        fill(&host, &room).await.expect(200);
        let waits = queue(&eve, pairs()).await;
        let ticket = queue(&others[0], pairs()).await;
        comes_into(&others[0], &ticket, &room).await;
        until_it_is(&eve, &waits, TicketStatus::Queued).await;
    }

    async fn only_rooms_of_matches_that_run_are_filled(app) {
        with_rules(app, "sides", rules("off")).await;
        let Running { room, host, others, .. } = four(app, json!({ "mode": "sides" })).await;
        leave(&others[0], &room).await;
        fill(&host, &room).await.refused(ErrorCode::InvalidRequest);
        let [eve] = players(app, ["eve"]).await;
        let own = crate::rooms::make(&eve, json!({ "mode": "sides" })).await.room;
        fill(&eve, &own).await.refused(ErrorCode::InvalidRequest);
        for wrong in ["x", eve.id()] {
            post(&eve, &format!("{ROOMS}/{wrong}/backfill"), json!({})).await.refused(ErrorCode::RoomNotFound);
        }
    }

    async fn a_decided_match_gets_nobody(app) {
        let Running { info, room, host, others } = four(app, pairs()).await;
        leave(&others[0], &room).await;
        fill(&host, &room).await.expect(200);
        let (one, other) = (team_of(&info, &host), info.players.iter().find(|p| p.team != team_of(&info, &host)));
        let places = json!({ "teams": [{ "team": one, "place": 1 }, { "team": other.unwrap().team, "place": 2 }] });
        let path = format!("/api/v1/multiplayer/matchmaking/matches/{}/result", info.match_id);
        for player in [&host, &others[0], &others[1]] {
            post(player, &path, places.clone()).await.expect(200);
        }
        fill(&host, &room).await.refused(ErrorCode::MatchOver);
        let [eve] = players(app, ["eve"]).await;
        let ticket: QueueTicket = post(&eve, TICKETS, pairs()).await.expect(201).json();
        app.sweep_queues(now_ms()).await;
        until("an answer", async || (look(&eve, &ticket).await.status == 200).then_some(())).await;
        until_it_is(&eve, &ticket, TicketStatus::Queued).await;
    }
}
