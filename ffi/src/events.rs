//! Events: what happens without being asked for, told to one callback inside the tick.

use crate::auth::{aethex_user, lend_user};
use crate::call::{Lent, UserData, size_for_c};
use crate::cloud::{Entry, aethex_cloud, entry};
use crate::error::{OK, aethex_error, guard, number};
use crate::handle::lock;
use crate::multiplayer::{
    aethex_chat_message, aethex_invite, aethex_match, aethex_party, aethex_player_state, aethex_presence,
    aethex_room, aethex_room_message, aethex_room_player,
};
use crate::saves::{
    LentConflict, LentContent, aethex_conflict, aethex_device, aethex_save_version, lend_device, lend_version,
};
use crate::strings::aethex_str;
use crate::value::aethex_value;
use aethex_sdk_core::Event;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{from_ref, null};

/// What happened. A newer library may have more kinds: ignore those you do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_event_kind {
    /// A player logged in, or the session of the last run was restored: `user`.
    AETHEX_EVENT_LOGGED_IN = 1,
    /// The player logged out on this device.
    AETHEX_EVENT_LOGGED_OUT = 2,
    /// The backend ended the session: ask the player to log in again. Unsent saves stay on this device.
    AETHEX_EVENT_SESSION_EXPIRED = 3,
    /// A save of this device reached the cloud: `slot`, `version`.
    AETHEX_EVENT_SAVE_SYNCED = 4,
    /// The cloud holds a save that this device's was not made from, and somebody has to choose: `slot`, `conflict`, and this
    /// device's content in `encoding` and `value` or `data`. Both are kept until `aethex_saves_resolve`,
    /// `aethex_saves_answer` or `aethex_saves_keep_both`.
    AETHEX_EVENT_SAVE_CONFLICT = 5,
    /// The backend refused a save for good: `slot`, `error`, `message`. Its content stays on this device;
    /// `aethex_saves_resolve` sends it again or drops it.
    AETHEX_EVENT_SAVE_FAILED = 6,
    /// The number of unsent saves changed: `pending`.
    AETHEX_EVENT_SYNC_PROGRESS = 7,
    /// The backend can be reached, or no longer: `online`.
    AETHEX_EVENT_ONLINE = 8,
    /// A page waits to be shown in the player's browser, for a login with a provider: open `url`. Only with
    /// `AETHEX_BROWSER_GAME`.
    AETHEX_EVENT_OPEN_BROWSER = 9,
    /// The cloud held a save that this device's was not made from; both were merged, and the merge is in the cloud: `slot`,
    /// `version`. Load it; what the game saves before is merged in turn.
    AETHEX_EVENT_SAVE_MERGED = 10,
    /// A large part of a save is on its way: `slot`, `sent_bytes`, `total_bytes`.
    AETHEX_EVENT_SAVE_PROGRESS = 11,
    /// The slot is being played on another device, or has saves there that the cloud does not have: `slot`, `device`.
    AETHEX_EVENT_ACTIVE_ELSEWHERE = 12,
    /// A wrapped file was replaced while the game runs, as a conflict ended: `slot`. Read it again.
    AETHEX_EVENT_FILE_REPLACED = 13,
    /// A save of this device reached the cloud, and may be worth less than the one whose place it took, as
    /// `version->suspicions` says: `slot`, `version`. The one before stays in the history, for `aethex_saves_restore`.
    AETHEX_EVENT_SAVE_SUSPICIOUS = 14,
    /// The player is in a room: `room`.
    AETHEX_EVENT_ROOM_JOINED = 30,
    /// The player is back in a room whose session could not go on, because the relay was started again or the player was away
    /// for longer than a seat is held: `room_id`, `messages_lost`.
    AETHEX_EVENT_ROOM_REJOINED = 31,
    /// The player is no longer in a room: `room_id`, `left_reason`, `reason`, and `error` and `message` when something went
    /// wrong.
    AETHEX_EVENT_ROOM_LEFT = 32,
    /// A room's name, lock, metadata or seats changed: `room`, without its players.
    AETHEX_EVENT_ROOM_UPDATED = 33,
    /// Another player joined: `room_id`, `room_player`, `player_id`.
    AETHEX_EVENT_PLAYER_JOINED = 34,
    /// Another player is gone: `room_id`, `player_id`, `left_reason`, `reason`.
    AETHEX_EVENT_PLAYER_LEFT = 35,
    /// Another player's link dropped, or is back: `room_id`, `player_id`, `connected`. The seat is held for a minute.
    AETHEX_EVENT_PLAYER_CONNECTION = 36,
    /// Another player is the host, perhaps this one: `room_id`, `player_id`.
    AETHEX_EVENT_HOST_CHANGED = 37,
    /// This player's link to a room is open, or dropped and being made again: `room_id`, `transport`, `connected`.
    AETHEX_EVENT_ROOM_CONNECTION = 38,
    /// A player's newest state: `player_state`. States come after everything else, and only the newest of each player and
    /// channel.
    AETHEX_EVENT_PLAYER_STATE = 39,
    /// A message of a player: `room_message`. Messages come once, and in order.
    AETHEX_EVENT_ROOM_MESSAGE = 40,
    /// A match is proposed and waits for everyone's word: `match_info`. See `aethex_matchmaking_accept_match`.
    AETHEX_EVENT_MATCH_PROPOSED = 50,
    /// A match is found: `match_info`. Join its `room_id`.
    AETHEX_EVENT_MATCH_FOUND = 51,
    /// A proposed match came to nothing: `match_id`, and whether the player's ticket waits on in `requeued`.
    AETHEX_EVENT_MATCH_CANCELLED = 52,
    /// A ticket ended without a match: `ticket_id`, and `cancelled`, `declined` or `expired` in `reason`.
    AETHEX_EVENT_QUEUE_LEFT = 53,
    /// Something was said in a channel: `chat_message`.
    AETHEX_EVENT_CHAT_MESSAGE = 60,
    /// A message was edited or deleted: `chat_message`.
    AETHEX_EVENT_CHAT_EDITED = 61,
    /// The party changed: who is in it, leads it, is ready: `party`.
    AETHEX_EVENT_PARTY_UPDATED = 62,
    /// The player is out of the party.
    AETHEX_EVENT_PARTY_LEFT = 63,
    /// The player is invited: `invite`.
    AETHEX_EVENT_INVITE_RECEIVED = 64,
    /// An invitation no longer stands: `invite_id`.
    AETHEX_EVENT_INVITE_ENDED = 65,
    /// The presence of a watched player changed: `presence`.
    AETHEX_EVENT_PRESENCE_CHANGED = 66,
    /// The player's own connection, which brings matches, chat, invitations and presence, is open or dropped: `connected`.
    AETHEX_EVENT_LIVE = 67,
}

/// An event. Fields that its kind does not name are null, 0 or empty.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_event {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_event_kind`.
    pub kind: i32,
    /// The slot.
    pub slot: aethex_str,
    /// The player.
    pub user: *const aethex_user,
    /// The version.
    pub version: *const aethex_save_version,
    /// What the cloud holds.
    pub conflict: *const aethex_conflict,
    /// The value of this device's save, lent: it is freed after the callback.
    pub value: aethex_value,
    /// The bytes of this device's save.
    pub data: *const u8,
    /// How many bytes.
    pub data_len: usize,
    /// An `aethex_encoding`: whether this device's save is a value or bytes.
    pub encoding: i32,
    /// Why a save failed.
    pub error: aethex_error,
    /// What happened and what to do about it.
    pub message: aethex_str,
    /// Saves that wait to be sent.
    pub pending: usize,
    /// Whether the backend can be reached.
    pub online: bool,
    /// The page's address: `https://…`, or one on this machine.
    pub url: aethex_str,
    /// Bytes of a large part that were sent.
    pub sent_bytes: u64,
    /// Its size in bytes.
    pub total_bytes: u64,
    /// The other device.
    pub device: *const aethex_device,
    /// The room.
    pub room: *const aethex_room,
    /// The room's id.
    pub room_id: aethex_str,
    /// The player in the room.
    pub room_player: *const aethex_room_player,
    /// The player's id.
    pub player_id: aethex_str,
    /// An `aethex_left_reason`.
    pub left_reason: i32,
    /// An `aethex_transport`.
    pub transport: i32,
    /// Why, in one word.
    pub reason: aethex_str,
    /// Whether the connection is open.
    pub connected: bool,
    /// Whether the ticket waits on.
    pub requeued: bool,
    /// Messages of this player that may not have arrived.
    pub messages_lost: usize,
    /// The state.
    pub player_state: *const aethex_player_state,
    /// The message.
    pub room_message: *const aethex_room_message,
    /// The match.
    pub match_info: *const aethex_match,
    /// The match's id.
    pub match_id: aethex_str,
    /// The ticket's id.
    pub ticket_id: aethex_str,
    /// What was said.
    pub chat_message: *const aethex_chat_message,
    /// The party.
    pub party: *const aethex_party,
    /// The invitation.
    pub invite: *const aethex_invite,
    /// The invitation's id.
    pub invite_id: aethex_str,
    /// What the player shows.
    pub presence: *const aethex_presence,
}

impl aethex_event {
    /// An event of this kind, that names nothing yet.
    pub(crate) fn of(kind: aethex_event_kind) -> aethex_event {
        aethex_event {
            struct_size: size_for_c::<aethex_event>(),
            kind: kind as i32,
            slot: aethex_str::EMPTY,
            user: null(),
            version: null(),
            conflict: null(),
            value: 0,
            data: null(),
            data_len: 0,
            encoding: 0,
            error: OK,
            message: aethex_str::EMPTY,
            pending: 0,
            online: false,
            url: aethex_str::EMPTY,
            sent_bytes: 0,
            total_bytes: 0,
            device: null(),
            room: null(),
            room_id: aethex_str::EMPTY,
            room_player: null(),
            player_id: aethex_str::EMPTY,
            left_reason: 0,
            transport: 0,
            reason: aethex_str::EMPTY,
            connected: false,
            requeued: false,
            messages_lost: 0,
            player_state: null(),
            room_message: null(),
            match_info: null(),
            match_id: aethex_str::EMPTY,
            ticket_id: aethex_str::EMPTY,
            chat_message: null(),
            party: null(),
            invite: null(),
            invite_id: aethex_str::EMPTY,
            presence: null(),
        }
    }
}

/// Called for each event. The event is lent for the time of the call.
pub type aethex_event_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const aethex_event)>;

/// Who is told of events.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    callback: unsafe extern "C" fn(*mut c_void, *const aethex_event),
    user_data: UserData,
}

impl Listener {
    pub(crate) fn new(
        callback: unsafe extern "C" fn(*mut c_void, *const aethex_event),
        user_data: *mut c_void,
    ) -> Listener {
        Listener { callback, user_data: UserData(user_data) }
    }

    /// Calls the callback.
    pub(crate) fn hear(self, event: &aethex_event) {
        // SAFETY: the header asks for a callback that can be called with its user data until it is replaced.
        unsafe { (self.callback)(self.user_data.get(), event) };
    }
}

/// Sets the callback for events, instead of the one before; null for none. Events wait for the next tick;
/// with no callback they are dropped there. A tick that runs on another thread may still be calling the
/// one before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_set_event_callback(
    cloud: aethex_cloud,
    callback: aethex_event_callback,
    user_data: *mut c_void,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        *lock(&entry.listener) = callback.map(|callback| Listener::new(callback, user_data));
        Ok(())
    })
}

/// Tells the callback of an event, if there is one. A callback may set another: so it is looked up each time.
pub(crate) fn deliver(entry: &Entry, tell: impl FnOnce(Listener)) {
    let listener = *lock(&entry.listener);
    if let Some(listener) = listener
        && let Err(payload) = catch_unwind(AssertUnwindSafe(|| tell(listener)))
    {
        // Dropping a payload may panic once more.
        std::mem::forget(payload);
    }
}

pub(crate) fn tell(listener: Listener, event: Event) {
    use aethex_event_kind as Kind;
    let mut lent = Lent::default();
    let (mut user, mut version, mut conflict, mut content) = (None, None, None, LentContent::none());
    let (mut slot, mut message, mut url) = (aethex_str::EMPTY, aethex_str::EMPTY, aethex_str::EMPTY);
    let (mut error, mut pending, mut online) = (OK, 0, false);
    let (mut sent_bytes, mut total_bytes, mut device) = (0, 0, null());
    let kind = match event {
        Event::LoggedIn(who) => {
            user = Some(lend_user(&mut lent, &who));
            Kind::AETHEX_EVENT_LOGGED_IN
        }
        Event::LoggedOut => Kind::AETHEX_EVENT_LOGGED_OUT,
        Event::SessionExpired => Kind::AETHEX_EVENT_SESSION_EXPIRED,
        Event::SaveSynced { slot: name, version: stored } => {
            slot = lent.text(&name);
            version = Some(lend_version(&mut lent, &stored));
            Kind::AETHEX_EVENT_SAVE_SYNCED
        }
        Event::SaveSuspicious { slot: name, version: stored } => {
            slot = lent.text(&name);
            version = Some(lend_version(&mut lent, &stored));
            Kind::AETHEX_EVENT_SAVE_SUSPICIOUS
        }
        Event::SaveConflict(info) => {
            slot = lent.text(&info.slot);
            conflict = Some(LentConflict::whole(&mut lent, &info));
            content = LentContent::of(info.local);
            Kind::AETHEX_EVENT_SAVE_CONFLICT
        }
        Event::SaveMerged { slot: name, version: merged } => {
            slot = lent.text(&name);
            version = Some(lend_version(&mut lent, &merged));
            Kind::AETHEX_EVENT_SAVE_MERGED
        }
        Event::SaveProgress { slot: name, sent, total } => {
            slot = lent.text(&name);
            (sent_bytes, total_bytes) = (sent, total);
            Kind::AETHEX_EVENT_SAVE_PROGRESS
        }
        Event::ActiveElsewhere { slot: name, device: other } => {
            slot = lent.text(&name);
            let other = lend_device(&mut lent, &other);
            device = lent.one(other);
            Kind::AETHEX_EVENT_ACTIVE_ELSEWHERE
        }
        Event::FileReplaced { slot: name } => {
            slot = lent.text(&name);
            Kind::AETHEX_EVENT_FILE_REPLACED
        }
        Event::SaveFailed { slot: name, error: why } => {
            slot = lent.text(&name);
            error = number(why.code);
            message = lent.text(&why.message);
            Kind::AETHEX_EVENT_SAVE_FAILED
        }
        Event::SyncProgress { pending: waiting } => {
            pending = waiting;
            Kind::AETHEX_EVENT_SYNC_PROGRESS
        }
        Event::Online(reached) => {
            online = reached;
            Kind::AETHEX_EVENT_ONLINE
        }
        Event::OpenBrowser { url: page } => {
            url = lent.text(&page);
            Kind::AETHEX_EVENT_OPEN_BROWSER
        }
        // An event that this interface has no words for yet.
        _ => return,
    };
    let conflict_for_c = conflict.as_ref().map(LentConflict::as_c);
    let (data, data_len) = content.data();
    let event = aethex_event {
        slot,
        user: user.as_ref().map_or(null(), from_ref),
        version: version.as_ref().map_or(null(), from_ref),
        conflict: conflict_for_c.as_ref().map_or(null(), from_ref),
        value: content.value,
        data,
        data_len,
        encoding: content.encoding as i32,
        error,
        message,
        pending,
        online,
        url,
        sent_bytes,
        total_bytes,
        device,
        ..aethex_event::of(kind)
    };
    listener.hear(&event);
}
