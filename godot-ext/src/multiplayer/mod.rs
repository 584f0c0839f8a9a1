//! `AeThexCloud.multiplayer`: rooms, states, messages; and what is around them.
//!
//! Calls that ask the backend are awaited. What a game calls each frame (`send_state`, `send_message`) answers at
//! once and waits for nothing. What happens is told by signals, once a frame ([`announce`]).

mod announce;
mod args;
mod chat;
mod info;
mod matchmaking;
mod peer;
mod social;
mod social_info;

pub(crate) use announce::{announce_all, forget};

use crate::call::{self, CALL_TIME_MAX};
use crate::convert::to_value;
use crate::optional::Optional;
use crate::result::{AeThexResult, Fields};
use crate::runtime;
use crate::settings::{flag, text};
use crate::user::text as godot_text;
use aethex_sdk_core::wire::ids::RoomId;
use aethex_sdk_core::wire::multiplayer::Room;
use aethex_sdk_core::wire::page::Page;
use aethex_sdk_core::{Cloud, Error, ErrorCode, PlayerId, RoomHandle};
use args::{id, join_options, message_options, request, request_or_default, state_options, transports};
use chat::AeThexChat;
use godot::builtin::{GString, Signal, Variant, Vector2, Vector3};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, Inherits, NewAlloc};
use godot::register::{GodotClass, godot_api};
use info::{AeThexRoom, AeThexRoomPlayer};
use matchmaking::AeThexMatchmaking;
use peer::AeThexMultiplayerPeer;
use social::{AeThexInvites, AeThexParties, AeThexPresence};

/// Multiplayer of the player who is logged in, as `AeThexCloud.multiplayer`.
///
/// A player is in one room at a time. Each player's newest state comes by [signal player_state_received], at the
/// room's pace; messages come once and in order. Every call that is awaited yields an [AeThexResult].
#[derive(Debug, GodotClass)]
#[class(tool, base=Object)]
pub(crate) struct AeThexMultiplayer {
    /// Queues for matches.
    #[var(no_set)]
    matchmaking: Gd<AeThexMatchmaking>,
    /// Text chat, blocks and reports.
    #[var(no_set)]
    chat: Gd<AeThexChat>,
    /// The party that the player is in.
    #[var(no_set)]
    parties: Gd<AeThexParties>,
    /// Who is here.
    #[var(no_set)]
    presence: Gd<AeThexPresence>,
    /// Invitations to rooms and parties.
    #[var(no_set)]
    invites: Gd<AeThexInvites>,
    base: Base<Object>,
}

#[godot_api]
impl godot::classes::IObject for AeThexMultiplayer {
    fn init(base: Base<Object>) -> Self {
        AeThexMultiplayer {
            matchmaking: AeThexMatchmaking::new_alloc(),
            chat: AeThexChat::new_alloc(),
            parties: AeThexParties::new_alloc(),
            presence: AeThexPresence::new_alloc(),
            invites: AeThexInvites::new_alloc(),
            base,
        }
    }
}

#[godot_api]
impl AeThexMultiplayer {
    /// The player is in a room.
    #[signal]
    fn room_joined(room: Gd<AeThexRoom>);

    /// The player is back in a room whose session could not go on: the relay was started again, or the player was
    /// away for more than a minute. `messages_lost` of this player may not have arrived.
    #[signal]
    fn room_rejoined(room_id: GString, messages_lost: i64);

    /// The player is no longer in a room; `reason` is `"left"`, `"timed_out"`, `"kicked"`, `"closed"` or `"refused"`.
    #[signal]
    fn room_left(room_id: GString, reason: GString);

    /// The room's name, lock or metadata changed.
    #[signal]
    fn room_updated(room: Gd<AeThexRoom>);

    /// Another player joined.
    #[signal]
    fn player_joined(player: Gd<AeThexRoomPlayer>);

    /// Another player is gone; reasons as in [signal room_left].
    #[signal]
    fn player_left(player_id: GString, reason: GString);

    /// Another player's connection dropped, or is back. The seat is held for a minute.
    #[signal]
    fn player_connection_changed(player_id: GString, connected: bool);

    /// A player's newest state, on any channel.
    #[signal]
    fn player_state_received(player_id: GString, state: Variant);

    /// The same as [signal player_state_received], with the state's channel and when it left the relay, in
    /// microseconds of [method server_time_us]: for AeThexInterpolator.
    #[signal]
    fn player_state_arrived(player_id: GString, state: Variant, channel: i64, server_us: i64);

    /// A message of a player.
    #[signal]
    fn message_received(player_id: GString, message: Variant, channel: i64);

    /// Another player is the host; may be this one.
    #[signal]
    fn host_changed(player_id: GString);

    /// The host is gone or passed the role on, and another is the host. Every AeThexMultiplayerPeer of the room has
    /// ended: make a fresh one with [method create_peer]; its ids are new.
    #[signal]
    fn host_migrated(new_host_is_me: bool);

    /// What carries the room's connection: `"quic"`, `"websocket"`, or `""` while it is being made again.
    #[signal]
    fn connection_changed(transport: GString);

    /// The player's own connection, which brings matches, chat, invitations and presence, is open or dropped.
    #[signal]
    fn live_changed(connected: bool);

    /// Makes a room and joins it as its host. Options: `name`, `mode`, `region`, `max_players` (8), `visibility`
    /// (`"public"`, `"unlisted"`, `"private"`), `password`, `metadata` (Dictionary), `tick_ms` (33),
    /// `interest_radius`. Yields `result.room`.
    #[func]
    fn create_room(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().create_room(request_or_default(&options, "create_room()")?)),
            joined,
        )
    }

    /// Joins a room and makes it the current one; the one before is left. Options: `password`, `transport` (`"any"`,
    /// `"quic"`, `"websocket"`). Yields `result.room`.
    #[func]
    fn join_room(&self, room_id: Variant, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let room = id(&room_id, "room_id", RoomId::parse)?;
                Ok(cloud.multiplayer().join_room(room, join_options(&options)?))
            },
            joined,
        )
    }

    /// Joins the room that has this code, of a room or an invitation. As [method join_room].
    #[func]
    fn join_by_code(&self, code: Variant, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().join_by_code(&text(&code, "code")?, join_options(&options)?)),
            joined,
        )
    }

    /// Lists public rooms, newest first. Options: `mode`, `region`, `name` (how it begins), `open` (true: with a free
    /// seat), `limit`, `cursor`. The result can be iterated; the array is also `result.rooms`. Yields
    /// `result.next_cursor`, empty at the end.
    #[func]
    fn list_rooms(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().list_rooms(request_or_default(&options, "list_rooms()")?)),
            |page: Page<Room>| {
                let items = page.items.iter().map(|room| AeThexRoom::of(room).to_variant()).collect();
                Ok(Fields::default()
                    .list("rooms", items)
                    .with("next_cursor", godot_text(&page.next_cursor.unwrap_or_default())))
            },
        )
    }

    /// Looks at a room. Yields `result.room`.
    #[func]
    fn get_room(&self, room_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().get_room(id(&room_id, "room_id", RoomId::parse)?)),
            |room: Room| Ok(Fields::default().with("room", AeThexRoom::of(&room))),
        )
    }

    /// Changes the current room: its host may. Keys: `name`, `max_players`, `visibility`, `locked`, `metadata` (whole),
    /// `host_id`. Yields `result.room`.
    #[func]
    fn update(&self, changes: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let room = current(cloud)?.id().clone();
                Ok(cloud.multiplayer().update_room(room, request(&changes, "update()")?))
            },
            |room: Room| Ok(Fields::default().with("room", AeThexRoom::of(&room))),
        )
    }

    /// Closes the current room and sends everyone home: its host may.
    #[func]
    fn close_room(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().close_room(current(cloud)?.id().clone())),
            nothing,
        )
    }

    /// Leaves the current room, for good. Without one nothing happens.
    #[func]
    fn leave_room(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.multiplayer().leave_room()), nothing)
    }

    /// Sends a player out of the current room: its host may. With `ban` the player may not come back.
    #[func]
    fn kick(&self, player_id: Variant, #[opt(default = Optional::default())] ban: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let room = current(cloud)?.id().clone();
                let ban = ban.given().map_or(Ok(false), |ban| flag(ban, "ban"))?;
                Ok(cloud.multiplayer().kick(room, id(&player_id, "player_id", PlayerId::parse)?, ban))
            },
            nothing,
        )
    }

    /// Opens the player's own connection, over which matches, chat, invitations and presence come. Using any of these
    /// does so too.
    #[func]
    fn go_live(&self) {
        if let Ok(cloud) = runtime::cloud() {
            cloud.multiplayer().go_live();
        }
    }

    /// Sends this player's state to everyone in the room: for what is true now, like a position, as often as you like.
    /// The newest goes out at the room's pace and older ones are dropped; up to 1,100 bytes. Options: `channel` (0 to
    /// 3: the newest of each is kept), `urgent` (does not wait for the room's pace). Answers at once.
    #[func]
    fn send_state(
        &self,
        state: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Gd<AeThexResult> {
        at_once(|room| room.send_state(&to_value(&state)?, state_options(&options)?))
    }

    /// Sends a message: for what happened, like a shot. It arrives once and in order, over every change of
    /// connections; up to 64 KiB. Options: `to` (a player's id, `"host"` or `"others"`), `except` (a player's id),
    /// `unordered` (true: as soon as it can), `channel` (0 to 254). Answers at once.
    #[func]
    fn send_message(
        &self,
        message: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Gd<AeThexResult> {
        at_once(|room| room.send_message(&to_value(&message)?, &message_options(&options)?))
    }

    /// The current room with who is in it; null without one.
    #[func]
    fn get_current_room(&self) -> Option<Gd<AeThexRoom>> {
        current_room().as_ref().map(AeThexRoom::of_handle)
    }

    /// Whether this player is the current room's host.
    #[func]
    fn is_host(&self) -> bool {
        current_room().is_some_and(|room| room.is_host())
    }

    /// The relay's time in microseconds, the same for everyone in the room within half a round trip; 0 without a room.
    #[func]
    fn server_time_us(&self) -> i64 {
        current_room().map_or(0, |room| room.server_time_us().try_into().unwrap_or(i64::MAX))
    }

    /// The round trip to the relay in milliseconds; 0 when unknown.
    #[func]
    fn ping_ms(&self) -> f64 {
        current_room().map_or(0.0, |room| room.stats().rtt_us as f64 / 1000.0)
    }

    /// What carries the room's connection: `"quic"`, `"websocket"`, or `""` while there is none.
    #[func]
    fn transport(&self) -> GString {
        let transport = current_room().and_then(|room| room.transport());
        transport.map(|transport| GString::from(transport.as_str())).unwrap_or_default()
    }

    /// Moves the room's connection to `"quic"` or `"websocket"` while it carries on. For tests and menus: the addon
    /// chooses by itself.
    #[func]
    fn switch_transport(&self, transport: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(current(cloud)?.switch_transport(transports(&text(&transport, "transport")?)?)),
            nothing,
        )
    }

    /// Says where the player is (Vector2 or Vector3), for rooms with an `interest_radius`.
    #[func]
    fn set_position(&self, position: Variant) -> Gd<AeThexResult> {
        at_once(|room| {
            let place = position
                .try_to::<Vector3>()
                .or_else(|_| position.try_to::<Vector2>().map(|flat| Vector3::new(flat.x, flat.y, 0.0)))
                .map_err(|_| crate::error::argument("position must be a Vector2 or a Vector3"))?;
            room.set_position([place.x, place.y, place.z]);
            Ok(())
        })
    }

    /// Says whose states are wanted (an array of the players' ids), for rooms of many: others' are not sent to this
    /// player, nor are those of who joins later, until it is said anew. [method clear_interest] ends it.
    #[func]
    fn set_interest(&self, player_ids: Variant) -> Gd<AeThexResult> {
        at_once(|room| {
            room.set_interest(&args::players(&player_ids)?);
            Ok(())
        })
    }

    /// Everyone's states are wanted again.
    #[func]
    fn clear_interest(&self) -> Gd<AeThexResult> {
        at_once(|room| {
            room.clear_interest();
            Ok(())
        })
    }

    /// A peer for `multiplayer.multiplayer_peer` over the current room: then `@rpc`, MultiplayerSpawner and
    /// MultiplayerSynchronizer work. The room's host has id 1. Null without a room.
    ///
    /// When the host changes, the peer ends (the engine tells `server_disconnected`) and [signal host_migrated] asks
    /// for a fresh one. A new peer takes the place of the one before.
    #[func]
    fn create_peer(&self) -> Option<Gd<AeThexMultiplayerPeer>> {
        current_room().as_ref().and_then(AeThexMultiplayerPeer::over)
    }
}

impl Drop for AeThexMultiplayer {
    /// The engine makes one to learn its defaults, and what is not counted goes with who made it.
    fn drop(&mut self) {
        free(&self.matchmaking);
        free(&self.chat);
        free(&self.parties);
        free(&self.presence);
        free(&self.invites);
    }
}

/// Frees an object, unless a script has.
fn free<T: godot::obj::GodotClass + Inherits<Object>>(object: &Gd<T>) {
    if object.is_instance_valid() {
        object.clone().upcast::<Object>().free();
    }
}

impl AeThexMultiplayer {
    /// This object and those in it that no script has freed.
    pub(crate) fn services(this: &Gd<AeThexMultiplayer>) -> Vec<Gd<Object>> {
        let mut services = vec![this.clone().upcast::<Object>()];
        let inner = this.bind();
        services.extend(inner.matchmaking.is_instance_valid().then(|| inner.matchmaking.clone().upcast()));
        services.extend(inner.chat.is_instance_valid().then(|| inner.chat.clone().upcast()));
        services.extend(inner.parties.is_instance_valid().then(|| inner.parties.clone().upcast()));
        services.extend(inner.presence.is_instance_valid().then(|| inner.presence.clone().upcast()));
        services.extend(inner.invites.is_instance_valid().then(|| inner.invites.clone().upcast()));
        services
    }
}

fn current_room() -> Option<RoomHandle> {
    runtime::running()?.multiplayer().current_room()
}

fn current(cloud: &Cloud) -> Result<RoomHandle, Error> {
    let none = || Error::new(ErrorCode::NotInRoom, "the player is in no room: join one first");
    cloud.multiplayer().current_room().ok_or_else(none)
}

/// Does something with the current room, now.
fn at_once(act: impl FnOnce(&RoomHandle) -> Result<(), Error>) -> Gd<AeThexResult> {
    let outcome = runtime::cloud().and_then(|cloud| act(&current(&cloud)?));
    AeThexResult::of(outcome.map(|()| Fields::default()))
}

fn joined(room: RoomHandle) -> Result<Fields, Error> {
    Ok(Fields::default().with("room", AeThexRoom::of_handle(&room)))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}
