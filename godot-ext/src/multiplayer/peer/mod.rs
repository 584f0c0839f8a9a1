//! `AeThexMultiplayerPeer`: the engine's multiplayer over a room.

mod link;
mod packet;

use super::args::{PEER_MESSAGES, PEER_STATES};
use aethex_sdk_core::{MultiplayerEvent, RoomHandle};
use godot::classes::multiplayer_peer::{ConnectionStatus, TransferMode};
use godot::classes::{IMultiplayerPeerExtension, MultiplayerPeerExtension};
use godot::global::Error as GodotError;
use godot::meta::ToGodot;
use godot::meta::conv::RawPtr;
use godot::obj::{Base, Gd, NewGd, WithBaseField};
use godot::register::{GodotClass, godot_api};
use link::{Change, HOST_ID, Link, Mode, PACKET_LEN_MAX, Status};
use std::cell::RefCell;
use std::rc::{Rc, Weak};

thread_local! {
    /// The peer that is in use: what arrives is for it.
    static CURRENT: RefCell<Weak<RefCell<Link>>> = RefCell::default();
    /// The number of the last peer, so that an earlier one's packets are known as such.
    static LAST_NUMBER: RefCell<u32> = RefCell::default();
}

/// The engine's multiplayer over the current room: `@rpc`, MultiplayerSpawner, MultiplayerSynchronizer.
///
/// Made by [method AeThexMultiplayer.create_peer]. The room's host has id 1, every other player 2 plus the seat.
/// Everyone is connected to everyone through the relay, and sees those who made a peer, too. Reliable packets arrive
/// once and in order over every change of connections. Unreliable ones travel as states, at the room's pace: when
/// the line is slow the youngest win; those that fit in no state (1,085 bytes) travel as messages.
///
/// When the room's host changes, the peer ends: see [signal AeThexMultiplayer.host_migrated].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=MultiplayerPeerExtension)]
pub(crate) struct AeThexMultiplayerPeer {
    link: Option<Rc<RefCell<Link>>>,
    target: i32,
    channel: i32,
    #[init(val = TransferMode::RELIABLE)]
    mode: TransferMode,
    /// The packet that the engine reads: it stays until the next one.
    taken: Vec<u8>,
    base: Base<MultiplayerPeerExtension>,
}

#[godot_api]
impl AeThexMultiplayerPeer {}

impl AeThexMultiplayerPeer {
    /// A peer over a room; none as long as nobody is its host.
    pub(super) fn over(room: &RoomHandle) -> Option<Gd<AeThexMultiplayerPeer>> {
        close_all();
        let number = LAST_NUMBER.with_borrow_mut(|last| {
            // Another run of the game on the same seat must not look like this one.
            let start = if *last == 0 { std::process::id().rotate_left(16) | 1 } else { *last };
            *last = start.wrapping_add(1);
            *last
        });
        let link = Rc::new(RefCell::new(Link::new(room, number)?));
        CURRENT.set(Rc::downgrade(&link));
        let mut made = AeThexMultiplayerPeer::new_gd();
        made.bind_mut().link = Some(link);
        Some(made)
    }

    fn with<T>(&self, nothing: T, ask: impl FnOnce(&mut Link) -> T) -> T {
        self.link.as_ref().map_or(nothing, |link| ask(&mut link.borrow_mut()))
    }
}

/// Gives the peer what is for it.
pub(super) fn hear(event: &MultiplayerEvent) {
    use MultiplayerEvent as E;
    match event {
        E::MessageReceived(message) if message.channel == PEER_MESSAGES => {
            with_current(&message.room_id, |link| link.hear(message));
        }
        E::PlayerStateReceived(state) if state.channel >= PEER_STATES => {
            with_current(&state.room_id, |link| link.hear_state(state));
        }
        E::PlayerLeft { room_id, seat, .. } => with_current(room_id, |link| link.part(*seat)),
        E::HostChanged { room_id, .. } => with_current(room_id, Link::host_changed),
        // What was sent may not have arrived.
        E::RoomRejoined { room_id, .. } => with_current(room_id, Link::close),
        E::RoomLeft { room_id, .. } => with_current(room_id, Link::end),
        _ => {}
    }
}

/// Ends the peer that is in use.
pub(super) fn close_all() {
    let current = CURRENT.take().upgrade();
    if let Some(link) = current {
        link.borrow_mut().close();
    }
}

fn with_current(room: &aethex_sdk_core::wire::ids::RoomId, act: impl FnOnce(&mut Link)) {
    let current = CURRENT.with_borrow(Weak::upgrade);
    if let Some(link) = current {
        let mut link = link.borrow_mut();
        if link.is_in(room) {
            act(&mut link);
        }
    }
}

#[godot_api]
impl IMultiplayerPeerExtension for AeThexMultiplayerPeer {
    unsafe fn get_packet_rawptr(
        &mut self,
        r_buffer: RawPtr<*mut RawPtr<*const u8>>,
        r_buffer_size: RawPtr<*mut i32>,
    ) -> GodotError {
        let Some(packet) = self.with(None, Link::next_packet) else { return GodotError::ERR_UNAVAILABLE };
        self.taken = packet.data;
        // SAFETY: the engine passes two places to write to. The bytes stay where they are until the next packet
        // is taken, or this object is dropped; the engine reads them before.
        unsafe {
            r_buffer.ptr().cast::<*const u8>().write(self.taken.as_ptr());
            r_buffer_size.ptr().write(i32::try_from(self.taken.len()).unwrap_or(0));
        }
        GodotError::OK
    }

    unsafe fn put_packet_rawptr(&mut self, p_buffer: RawPtr<*const u8>, p_buffer_size: i32) -> GodotError {
        let Ok(len) = usize::try_from(p_buffer_size) else { return GodotError::ERR_INVALID_PARAMETER };
        if len > PACKET_LEN_MAX || (len > 0 && p_buffer.ptr().is_null()) {
            return GodotError::ERR_INVALID_PARAMETER;
        }
        let data = match len {
            0 => &[],
            // SAFETY: the engine passes that many bytes, which it keeps during the call.
            len => unsafe { std::slice::from_raw_parts(p_buffer.ptr(), len) },
        };
        let mode = match self.mode {
            TransferMode::UNRELIABLE => Mode::Unreliable,
            TransferMode::UNRELIABLE_ORDERED => Mode::Ordered,
            _ => Mode::Reliable,
        };
        // Channels are told apart modulo 256: the engine's projects use a handful.
        let (target, channel) = (self.target, self.channel as u8);
        let sent = self.with(None, |link| {
            (link.status() == Status::Connected).then(|| link.send(target, mode, channel, data))
        });
        match sent {
            Some(Ok(())) => GodotError::OK,
            Some(Err(error)) if error.code == aethex_sdk_core::ErrorCode::RelayOverflow => {
                GodotError::ERR_BUSY
            }
            Some(Err(_)) => GodotError::ERR_INVALID_PARAMETER,
            None => GodotError::ERR_UNCONFIGURED,
        }
    }

    fn get_available_packet_count(&self) -> i32 {
        self.with(0, |link| link.waiting().try_into().unwrap_or(i32::MAX))
    }

    fn get_max_packet_size(&self) -> i32 {
        PACKET_LEN_MAX as i32
    }

    fn get_packet_channel(&self) -> i32 {
        self.with(0, |link| link.front().map_or(0, |packet| i32::from(packet.channel)))
    }

    fn get_packet_mode(&self) -> TransferMode {
        let mode =
            self.with(Mode::Reliable, |link| link.front().map_or(Mode::Reliable, |packet| packet.mode));
        match mode {
            Mode::Reliable => TransferMode::RELIABLE,
            Mode::Unreliable => TransferMode::UNRELIABLE,
            Mode::Ordered => TransferMode::UNRELIABLE_ORDERED,
        }
    }

    fn set_transfer_channel(&mut self, p_channel: i32) {
        self.channel = p_channel;
    }

    fn get_transfer_channel(&self) -> i32 {
        self.channel
    }

    fn set_transfer_mode(&mut self, p_mode: TransferMode) {
        self.mode = p_mode;
    }

    fn get_transfer_mode(&self) -> TransferMode {
        self.mode
    }

    fn set_target_peer(&mut self, p_peer: i32) {
        self.target = p_peer;
    }

    fn get_packet_peer(&self) -> i32 {
        self.with(0, |link| link.front().map_or(0, |packet| packet.from))
    }

    fn is_server(&self) -> bool {
        self.get_unique_id() == HOST_ID
    }

    fn poll(&mut self) {
        // The engine's handlers run in here, and call this object: nothing of it is borrowed meanwhile.
        while let Some(change) = self.with(None, Link::next_change) {
            let (signal, id) = match change {
                Change::Connected(id) => ("peer_connected", id),
                Change::Disconnected(id) => ("peer_disconnected", id),
            };
            self.base_mut().emit_signal(signal, &[id.to_variant()]);
            if matches!(change, Change::Connected(_)) {
                self.with((), |link| link.introduce(id));
            }
        }
    }

    fn close(&mut self) {
        self.with((), Link::close);
    }

    fn disconnect_peer(&mut self, p_peer: i32, p_force: bool) {
        self.with((), |link| link.disconnect(p_peer, p_force));
    }

    fn get_unique_id(&self) -> i32 {
        self.with(0, |link| link.id())
    }

    fn set_refuse_new_connections(&mut self, p_enable: bool) {
        self.with((), |link| link.refuse(p_enable));
    }

    fn is_refusing_new_connections(&self) -> bool {
        self.with(false, |link| link.refuses())
    }

    /// Everyone is connected to everyone: the engine relays nothing.
    fn is_server_relay_supported(&self) -> bool {
        false
    }

    fn get_connection_status(&self) -> ConnectionStatus {
        match self.with(Status::Ended, |link| link.status()) {
            Status::Connecting => ConnectionStatus::CONNECTING,
            Status::Connected => ConnectionStatus::CONNECTED,
            Status::Ended => ConnectionStatus::DISCONNECTED,
        }
    }
}
