//! What results and events of multiplayer lend, and what its options refuse.

use super::{ID, mark, seen, text};
use crate::call::done;
use crate::events::{Listener, aethex_event, aethex_event_kind};
use crate::multiplayer::options::{
    self as parse, aethex_join_options, aethex_message_options, aethex_room_change, aethex_room_options,
    aethex_state_options,
};
use crate::multiplayer::{aethex_ticket_result, lend_ticket_result, tell};
use crate::strings::aethex_str;
use crate::value::{aethex_value, aethex_value_get_int};
use aethex_sdk_core::wire::multiplayer::chat::ChatMessage;
use aethex_sdk_core::wire::multiplayer::frame::LeftReason;
use aethex_sdk_core::wire::multiplayer::matchmaking::{
    MatchInfo, MatchPlayer, QueueTicket, Reason, TicketStatus,
};
use aethex_sdk_core::wire::multiplayer::parties::{Party, PartyPlayer};
use aethex_sdk_core::wire::multiplayer::presence::{Availability, Invite, Presence};
use aethex_sdk_core::wire::multiplayer::{Metadata, Room, Visibility};
use aethex_sdk_core::wire::value::encode;
use aethex_sdk_core::{
    Bytes, Error, ErrorCode, MultiplayerEvent, PlayerId, PlayerState, RoomMember, RoomMessage, Transport,
    Value,
};
use aethex_wire::ids::{InviteId, MatchId, MessageId, PartyId, QueueTicketId, RoomId};
use std::ffi::c_void;
use std::sync::Mutex;

fn player() -> PlayerId {
    PlayerId::parse(ID).unwrap()
}

fn room_id() -> RoomId {
    RoomId::parse(ID).unwrap()
}

fn room() -> Room {
    let metadata: Metadata = serde_json::from_str(r#"{"map":"ice","round":3}"#).unwrap();
    Room {
        id: room_id(),
        code: "ABCDEF".to_owned(),
        name: "Änns".to_owned(),
        mode: "duel".to_owned(),
        region: String::new(),
        host_id: Some(player()),
        player_count: 2,
        max_players: 8,
        visibility: Visibility::Unlisted,
        locked: true,
        has_password: false,
        metadata,
        tick_ms: 33,
        created_at_ms: 5,
        players: Vec::new(),
    }
}

fn member(seat: u8) -> RoomMember {
    RoomMember { player_id: player(), username: format!("p{seat}"), seat, connected: seat == 0 }
}

fn state(data: Bytes) -> MultiplayerEvent {
    let (room_id, player_id) = (room_id(), player());
    let state = PlayerState { room_id, player_id, seat: 3, channel: 2, seq: 9, server_us: 77, data };
    MultiplayerEvent::PlayerStateReceived(state)
}

fn found(is_found: bool) -> Box<MatchInfo> {
    Box::new(MatchInfo {
        match_id: MatchId::parse(ID).unwrap(),
        mode: "duel".to_owned(),
        region: "eu".to_owned(),
        players: vec![MatchPlayer {
            player_id: player(),
            username: "ann".to_owned(),
            team: "red".to_owned(),
        }],
        accept_by_ms: (!is_found).then_some(11),
        room_id: is_found.then(room_id),
        seat: None,
    })
}

/// Tells C of an event.
fn told(heard: unsafe extern "C" fn(*mut c_void, *const aethex_event), event: MultiplayerEvent) {
    seen(|data| tell(Listener::new(heard, data), event));
}

/// The event that is lent.
fn event<'a>(event: *const aethex_event, kind: aethex_event_kind) -> &'a aethex_event {
    // SAFETY: the event is lent for the time of the callback.
    let event = unsafe { &*event };
    assert_eq!(event.struct_size as usize, size_of::<aethex_event>());
    assert_eq!(event.kind, kind as i32);
    // What other kinds name is empty.
    assert!(event.user.is_null() && event.version.is_null() && event.conflict.is_null() && event.value == 0);
    event
}

fn int(handle: aethex_value) -> Result<i64, i32> {
    let mut number = 0;
    // SAFETY: `number` is writable.
    match unsafe { aethex_value_get_int(handle, &mut number) } {
        0 => Ok(number),
        error => Err(error),
    }
}

#[test]
fn a_joined_room_is_lent_with_its_players() {
    static METADATA: Mutex<aethex_value> = Mutex::new(0);
    unsafe extern "C" fn heard(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_ROOM_JOINED);
        // SAFETY: the room is lent for the time of the callback.
        let room = unsafe { &*event.room };
        assert_eq!([text(room.id), text(event.room_id), text(room.host_id)], [ID, ID, ID]);
        assert_eq!([text(room.code), text(room.name), text(room.region)], ["ABCDEF", "Änns", ""]);
        assert_eq!((room.visibility, room.locked, room.has_password), (2, true, false));
        assert_eq!((room.player_count, room.max_players, room.tick_ms), (2, 8, 33));
        assert_eq!(room.member_count, 2);
        for seat in 0..room.member_count {
            // SAFETY: the array has that many pointers.
            let member = unsafe { &**room.members.add(seat) };
            assert_eq!((member.seat as usize, member.connected), (seat, seat == 0));
            assert_eq!(text(member.username), format!("p{seat}"));
        }
        assert_eq!(int(room.metadata), Err(904), "a dictionary");
        *METADATA.lock().unwrap() = room.metadata;
        mark(user_data);
    }
    let players = vec![member(0), member(1)];
    told(heard, MultiplayerEvent::RoomJoined { room: Box::new(room()), players });
    assert_eq!(int(*METADATA.lock().unwrap()), Err(909), "it was lent");
}

#[test]
fn a_state_is_lent_as_a_value_and_as_its_bytes() {
    static VALUE: Mutex<aethex_value> = Mutex::new(0);
    unsafe extern "C" fn heard(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_PLAYER_STATE);
        // SAFETY: the state is lent for the time of the callback.
        let state = unsafe { &*event.player_state };
        assert_eq!([text(state.room_id), text(state.player_id), text(event.player_id)], [ID, ID, ID]);
        assert_eq!((state.seat, state.channel, state.sequence, state.server_us), (3, 2, 9, 77));
        // SAFETY: the bytes are lent for the time of the callback.
        let data = unsafe { std::slice::from_raw_parts(state.data, state.data_len) };
        match state.value {
            0 => assert_eq!(data, b"\xffnone"),
            value => {
                assert_eq!(data, encode(&Value::Int(77)).unwrap());
                assert_eq!(int(value), Ok(77));
                *VALUE.lock().unwrap() = value;
            }
        }
        mark(user_data);
    }
    told(heard, state(encode(&Value::Int(77)).unwrap().into()));
    assert_eq!(int(*VALUE.lock().unwrap()), Err(909), "it was lent");
    told(heard, state(Bytes::from_static(b"\xffnone")));
}

#[test]
fn a_message_says_who_sent_it() {
    unsafe extern "C" fn heard(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_ROOM_MESSAGE);
        // SAFETY: the message is lent for the time of the callback.
        let message = unsafe { &*event.room_message };
        assert_eq!((message.seat, message.channel, message.ordered), (1, 255, true));
        assert_eq!((text(message.player_id), int(message.value)), (ID.to_owned(), Ok(5)));
        mark(user_data);
    }
    let data = encode(&Value::Int(5)).unwrap().into();
    let message =
        RoomMessage { room_id: room_id(), player_id: player(), seat: 1, channel: 255, ordered: true, data };
    told(heard, MultiplayerEvent::MessageReceived(message));
}

#[test]
fn the_end_of_a_stay_says_why() {
    unsafe extern "C" fn heard(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_ROOM_LEFT);
        assert_eq!((event.left_reason, event.error), (4, 310));
        assert_eq!(
            [text(event.room_id), text(event.reason), text(event.message)],
            [ID, "refused", "too much"]
        );
        mark(user_data);
    }
    unsafe extern "C" fn gone(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_PLAYER_LEFT);
        assert_eq!((event.left_reason, event.error, text(event.reason)), (2, 0, "kicked".to_owned()));
        assert_eq!(text(event.player_id), ID);
        mark(user_data);
    }
    let error = Some(Error::new(ErrorCode::RelayOverflow, "too much"));
    told(heard, MultiplayerEvent::RoomLeft { room_id: room_id(), reason: LeftReason::Refused, error });
    let (room_id, player_id) = (room_id(), player());
    told(gone, MultiplayerEvent::PlayerLeft { room_id, player_id, seat: 1, reason: LeftReason::Kicked });
}

#[test]
fn a_match_has_a_room_once_it_is_found() {
    unsafe extern "C" fn proposed(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_MATCH_PROPOSED);
        // SAFETY: the match is lent for the time of the callback.
        let info = unsafe { &*event.match_info };
        assert_eq!((text(info.match_id), text(info.room_id), info.accept_by_ms), (ID.into(), "".into(), 11));
        mark(user_data);
    }
    unsafe extern "C" fn matched(user_data: *mut c_void, it: *const aethex_event) {
        let event = event(it, aethex_event_kind::AETHEX_EVENT_MATCH_FOUND);
        // SAFETY: the match and its player are lent for the time of the callback.
        let (info, player) = unsafe { (&*event.match_info, &**(*event.match_info).players) };
        assert_eq!((text(info.room_id), info.accept_by_ms, info.player_count), (ID.into(), 0, 1));
        assert_eq!([text(player.username), text(player.team)], ["ann", "red"]);
        mark(user_data);
    }
    told(proposed, MultiplayerEvent::MatchProposed(found(false)));
    told(matched, MultiplayerEvent::MatchFound(found(true)));
}

#[test]
fn a_ticket_says_why_it_waits() {
    unsafe extern "C" fn read(user_data: *mut c_void, result: *const aethex_ticket_result) {
        // SAFETY: the result, its ticket and its reason are lent for the time of the callback.
        let (ticket, reason) = unsafe { (&*(*result).ticket, &**(*(*result).ticket).reasons) };
        assert_eq!((ticket.status, ticket.player_count, ticket.reason_count), (0, 2, 1));
        assert_eq!((ticket.wait_p50_ms, ticket.wait_p90_ms), (1200, -1));
        // SAFETY: the array has two texts.
        assert_eq!(text(unsafe { *ticket.players.add(1) }), ID);
        assert_eq!([text(reason.code), text(reason.message)], ["skill", "nobody near"]);
        assert_eq!(reason.eases_in_ms, 500);
        assert!(ticket.match_info.is_null());
        mark(user_data);
    }
    unsafe extern "C" fn none(user_data: *mut c_void, result: *const aethex_ticket_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert!(result.ticket.is_null() && (result.error == 0 || text(result.message) == "full"));
        mark(user_data);
    }
    let reason =
        Reason { code: "skill".to_owned(), message: "nobody near".to_owned(), eases_in_ms: Some(500) };
    let ticket = QueueTicket {
        id: QueueTicketId::parse(ID).unwrap(),
        mode: "duel".to_owned(),
        status: TicketStatus::Queued,
        players: vec![player(), player()],
        created_at_ms: 1,
        wait_p50_ms: Some(1200),
        wait_p90_ms: None,
        reasons: vec![reason],
        match_info: None,
    };
    seen(|data| done(Some(read), data, lend_ticket_result)(1, Ok(Some(ticket))));
    seen(|data| done(Some(none), data, lend_ticket_result)(1, Ok(None)));
    let error = Error::new(ErrorCode::MatchQueueFull, "full");
    seen(|data| done(Some(none), data, lend_ticket_result)(1, Err(error)));
}

#[test]
fn every_event_has_its_words() {
    static KINDS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
    unsafe extern "C" fn heard(user_data: *mut c_void, it: *const aethex_event) {
        // SAFETY: the event and what it names are lent for the time of the callback.
        unsafe {
            let event = &*it;
            KINDS.lock().unwrap().push(event.kind);
            match event.kind {
                31 => assert_eq!(event.messages_lost, 4),
                36 | 67 => assert!(event.connected),
                38 => assert!((event.transport == 1) == event.connected),
                52 => assert!(event.requeued && text(event.match_id) == ID),
                53 => assert_eq!([text(event.ticket_id), text(event.reason)], [ID, "expired"]),
                60 | 61 => assert_eq!(text((*event.chat_message).text), "hallo"),
                62 => assert!((**(*event.party).players).ready && text((*event.party).code) == "PARTY2"),
                64 => assert_eq!([text((*event.invite).room_id), text((*event.invite).party_id)], [ID, ""]),
                65 => assert_eq!(text(event.invite_id), ID),
                66 => assert_eq!(((*event.presence).availability, (*event.presence).last_seen_ms), (2, 0)),
                _ => {}
            }
        }
        mark(user_data);
    }
    use MultiplayerEvent as E;
    let message = ChatMessage {
        id: MessageId::parse(ID).unwrap(),
        channel: format!("room:{ID}"),
        from_id: player(),
        from_username: "ann".to_owned(),
        text: "hallo".to_owned(),
        sent_at_ms: 1,
        edited_at_ms: None,
        deleted: false,
    };
    let ready = PartyPlayer { player_id: player(), username: "ann".to_owned(), ready: true };
    let party_id = PartyId::parse(ID).unwrap();
    let party = Party { id: party_id, code: "PARTY2".to_owned(), leader_id: player(), players: vec![ready] };
    let invite_id = InviteId::parse(ID).unwrap();
    let invite = Invite {
        id: invite_id.clone(),
        from_id: player(),
        from_username: "ann".to_owned(),
        to_id: player(),
        room_id: Some(room_id()),
        party_id: None,
        code: "CODE22".to_owned(),
        created_at_ms: 1,
        expires_at_ms: 2,
    };
    let presence = Presence {
        player_id: player(),
        availability: Availability::Busy,
        status: "hm".to_owned(),
        data: Metadata::new(),
        last_seen_ms: None,
    };
    let events = [
        E::RoomRejoined { room_id: room_id(), messages_lost: 4 },
        E::RoomUpdated { room: Box::new(room()) },
        E::PlayerJoined { room_id: room_id(), player: member(2) },
        E::PlayerConnection { room_id: room_id(), player_id: player(), connected: true },
        E::HostChanged { room_id: room_id(), player_id: player() },
        E::ConnectionChanged { room_id: room_id(), transport: Some(Transport::Quic) },
        E::ConnectionChanged { room_id: room_id(), transport: None },
        E::MatchCancelled { match_id: MatchId::parse(ID).unwrap(), requeued: true },
        E::QueueLeft { ticket_id: QueueTicketId::parse(ID).unwrap(), reason: "expired".to_owned() },
        E::ChatMessage(message.clone()),
        E::ChatEdited(message),
        E::PartyUpdated(party),
        E::PartyLeft,
        E::InviteReceived(invite),
        E::InviteEnded { invite_id },
        E::PresenceChanged(presence),
        E::LiveChanged { connected: true },
    ];
    for event in events {
        told(heard, event);
    }
    let kinds = KINDS.lock().unwrap();
    assert_eq!(*kinds, [31, 33, 34, 36, 37, 38, 38, 52, 53, 60, 61, 62, 63, 64, 65, 66, 67]);
}

#[test]
fn options_are_checked_before_anything_is_sent() {
    const NONE: aethex_str = aethex_str::EMPTY;
    let options = |visibility, max_players| aethex_room_options {
        struct_size: size_of::<aethex_room_options>() as u32,
        visibility,
        name: NONE,
        mode: NONE,
        region: NONE,
        password: NONE,
        max_players,
        tick_ms: 0,
        interest_radius: 0,
        reserved: 0,
        metadata: 0,
    };
    let change = |locked| aethex_room_change {
        struct_size: size_of::<aethex_room_change>() as u32,
        visibility: 0,
        locked,
        max_players: 0,
        name: NONE,
        host: NONE,
        metadata: 0,
    };
    let to = |to, player: &'static str, channel| aethex_message_options {
        struct_size: size_of::<aethex_message_options>() as u32,
        to,
        player: aethex_str { data: player.as_ptr().cast(), len: player.len() },
        unordered: 0,
        channel,
    };
    let state = |channel, urgent| aethex_state_options { struct_size: 12, channel, urgent };
    let join = |transport| aethex_join_options {
        struct_size: size_of::<aethex_join_options>() as u32,
        transport,
        password: NONE,
    };
    // SAFETY: every struct is as long as it says, and every text a literal.
    unsafe {
        let (asked, _) = parse::room_options(&options(0, 4)).ok().unwrap();
        assert_eq!((asked.visibility, asked.max_players), (Visibility::Public, Some(4)));
        assert!(parse::room_options(std::ptr::null()).is_ok());
        assert!(parse::room_options(&options(4, 0)).is_err());
        assert!(parse::room_options(&options(1, 65_536)).is_err());
        let locked = [0, 1, 2].map(|lock| parse::room_change(&change(lock)).ok().unwrap().0.locked);
        assert_eq!(locked, [None, Some(true), Some(false)]);
        assert!(parse::room_change(&change(3)).is_err() && parse::room_change(std::ptr::null()).is_err());
        assert!(
            parse::message_options(&to(0, "", 255)).is_ok() && parse::message_options(&to(2, ID, 0)).is_ok()
        );
        for wrong in [to(0, ID, 0), to(2, "", 0), to(3, "nobody", 0), to(4, "", 0), to(0, "", 256)] {
            assert_eq!(parse::message_options(&wrong), Err(ErrorCode::InvalidArgument), "{}", wrong.to);
        }
        assert!(parse::state_options(&state(7, 1)).is_ok_and(|options| options.urgent));
        assert!(parse::state_options(&state(256, 0)).is_err() && parse::state_options(&state(0, 2)).is_err());
        assert!(parse::join_options(&join(2)).is_ok() && parse::join_options(&join(3)).is_err());
    }
}
