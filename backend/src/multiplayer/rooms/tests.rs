use super::rules::*;
use crate::multiplayer::config::MultiplayerConfig;
use aethex_matchmaker::BackfillMode;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, RoomId};
use aethex_wire::multiplayer::{CreateRoomRequest, Metadata, RoomsQuery, UpdateRoomRequest, Visibility};
use serde_json::json;

fn player(n: u8) -> PlayerId {
    PlayerId::parse(&format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e{n:02x}")).unwrap()
}

pub(super) fn room() -> RoomRow {
    RoomRow {
        id: RoomId::parse("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").unwrap(),
        code: "ABCDEF".into(),
        name: String::new(),
        mode: String::new(),
        region: String::new(),
        host: Some(player(1)),
        player_count: 1,
        max_players: 2,
        visibility: Visibility::Public,
        locked: false,
        password_hash: None,
        metadata: Metadata::new(),
        tick_ms: 33,
        interest_radius: 0,
        match_id: None,
        backfill: BackfillMode::Off,
        filling_since_ms: None,
        node: "n".into(),
        created_at_ms: 0,
    }
}

const STRANGER: Door = Door { has_seat: false, banned: false, let_in: false, seats: 0 };
const GUEST: Door = Door { let_in: true, ..STRANGER };
const MEMBER: Door = Door { has_seat: true, ..STRANGER };
const BANNED: Door = Door { banned: true, ..STRANGER };

#[test]
fn the_door_opens_to_who_may_come_in() {
    let changed = |change: fn(&mut RoomRow)| {
        let mut room = room();
        change(&mut room);
        room
    };
    let public = room();
    let private = changed(|room| room.visibility = Visibility::Private);
    let unlisted = changed(|room| room.visibility = Visibility::Unlisted);
    let locked = changed(|room| room.locked = true);
    let full = changed(|room| room.player_count = 2);
    let guarded = changed(|room| room.password_hash = Some("x".into()));
    let busy = Door { seats: 8, ..STRANGER };
    for (room, door, password, expected) in [
        (&public, STRANGER, false, Ok(Entry::New)),
        (&public, MEMBER, false, Ok(Entry::Back)),
        (&public, BANNED, false, Err(ErrorCode::RoomBanned)),
        (&public, busy, false, Err(ErrorCode::TooManyRooms)),
        (&unlisted, STRANGER, false, Ok(Entry::New)),
        (&private, STRANGER, true, Err(ErrorCode::RoomNotFound)),
        (&private, GUEST, false, Ok(Entry::New)),
        (&private, Door { banned: true, ..GUEST }, false, Err(ErrorCode::RoomNotFound)),
        (&private, MEMBER, false, Ok(Entry::Back)),
        (&locked, STRANGER, false, Err(ErrorCode::RoomLocked)),
        (&locked, GUEST, false, Err(ErrorCode::RoomLocked)),
        (&locked, MEMBER, false, Ok(Entry::Back)),
        (&full, STRANGER, false, Err(ErrorCode::RoomFull)),
        (&full, MEMBER, false, Ok(Entry::Back)),
        (&guarded, STRANGER, false, Err(ErrorCode::RoomPassword)),
        (&guarded, STRANGER, true, Ok(Entry::New)),
        (&guarded, GUEST, false, Ok(Entry::New)),
    ] {
        assert_eq!(judge(room, door, password, 8), expected, "{room:?} {door:?}");
    }
}

#[test]
fn only_the_host_does_what_is_the_hosts() {
    assert_eq!(judge_host(&room(), MEMBER, &player(1)), Ok(()));
    assert_eq!(judge_host(&room(), MEMBER, &player(2)), Err(ErrorCode::NotHost));
    let private = RoomRow { visibility: Visibility::Private, ..room() };
    assert_eq!(judge_host(&private, STRANGER, &player(2)), Err(ErrorCode::RoomNotFound));
}

#[test]
fn what_a_room_may_be_is_checked() {
    let config =
        MultiplayerConfig { region: "eu".into(), room_players_max: 16, ..MultiplayerConfig::default() };
    let made = check_new(CreateRoomRequest::default(), &config).unwrap();
    assert_eq!((made.max_players, made.tick_ms, made.region.as_str()), (Some(8), Some(33), "eu"));
    let empty = CreateRoomRequest { password: Some(String::new()), ..CreateRoomRequest::default() };
    assert_eq!(check_new(empty, &config).unwrap().password, None);
    let refused = |change: fn(&mut CreateRoomRequest)| {
        let mut request = CreateRoomRequest::default();
        change(&mut request);
        check_new(request, &config).unwrap_err().code()
    };
    for change in [
        (|request| request.name = "x".repeat(65)) as fn(&mut CreateRoomRequest),
        |request| request.name = "a\nb".into(),
        |request| request.mode = "a b".into(),
        |request| request.region = "../x".into(),
        |request| request.max_players = Some(0),
        |request| request.max_players = Some(17),
        |request| request.tick_ms = Some(7),
        |request| request.tick_ms = Some(51),
        |request| request.password = Some("x".repeat(65)),
        |request| {
            request.metadata.insert("x".into(), json!("y".repeat(5_000)));
        },
    ] {
        assert_eq!(refused(change), ErrorCode::InvalidRequest);
    }
}

#[test]
fn seats_that_are_taken_stay() {
    let two = RoomRow { player_count: 2, ..room() };
    let fewer = UpdateRoomRequest { max_players: Some(1), ..UpdateRoomRequest::default() };
    assert!(apply(two.clone(), fewer).is_err());
    let change = UpdateRoomRequest { locked: Some(true), ..UpdateRoomRequest::default() };
    assert_eq!(apply(two.clone(), change).unwrap(), RoomRow { locked: true, ..two });
}

#[test]
fn a_name_is_searched_as_it_is_written() {
    let query = RoomsQuery { name: Some("50%_Off!".into()), ..RoomsQuery::default() };
    assert_eq!(filter(&query).unwrap().name_like.as_deref(), Some("50!%!_off!!%"));
    assert_eq!(filter(&RoomsQuery::default()).unwrap(), Filter::default());
    assert!(filter(&RoomsQuery { mode: Some("a%".into()), ..RoomsQuery::default() }).is_err());
}
