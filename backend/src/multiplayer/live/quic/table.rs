//! The connections of a shard: where packets for them go, and when each has to be looked at.

use super::wire::{Agenda, Inner, QuicWire};
use quinn_proto::{ConnectionHandle, Endpoint};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// How late the protocol's times may be. A loop that wakes for each by itself does little else, and an acknowledgement
/// that waits a moment more leaves with the next tick instead of a packet of its own.
const SLACK: Duration = Duration::from_millis(10);

/// Where a connection of this endpoint is.
#[derive(Debug)]
pub(super) enum Route {
    Here(u32),
    Away { shard: usize, waiting: Arc<AtomicUsize> },
}

/// Connections, and how they are found.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) index: usize,
    pub(super) endpoint: Endpoint,
    /// By the endpoint's number for them.
    routes: Vec<Option<Route>>,
    /// Those of other shards' sockets.
    pub(super) guests: HashMap<(usize, ConnectionHandle), u32>,
    slots: Vec<Option<Rc<QuicWire>>>,
    free: Vec<u32>,
    pub(super) due: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl Table {
    pub(super) fn new(index: usize, endpoint: Endpoint) -> Table {
        Table {
            index,
            endpoint,
            routes: Vec::new(),
            guests: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
        }
    }

    pub(super) fn get(&self, slot: u32) -> Option<Rc<QuicWire>> {
        self.slots.get(slot as usize)?.clone()
    }

    pub(super) fn route(&self, handle: ConnectionHandle) -> Option<&Route> {
        self.routes.get(handle.0)?.as_ref()
    }

    pub(super) fn set_route(&mut self, handle: ConnectionHandle, route: Option<Route>) {
        if self.routes.len() <= handle.0 {
            self.routes.resize_with(handle.0 + 1, || None);
        }
        self.routes[handle.0] = route;
    }

    pub(super) fn add(&mut self, inner: Inner, agenda: &Rc<Agenda>) -> Rc<QuicWire> {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        let (home, handle) = (inner.home, inner.handle);
        let wire = Rc::new(QuicWire::new(inner, slot, agenda.clone()));
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = Some(wire.clone()),
            None => self.slots.push(Some(wire.clone())),
        }
        if home == self.index {
            self.set_route(handle, Some(Route::Here(slot)));
        } else {
            self.guests.insert((home, handle), slot);
        }
        wire
    }

    /// A connection is not in the table any more.
    pub(super) fn clear(&mut self, wire: &QuicWire) {
        if let Some(place) = self.slots.get_mut(wire.slot() as usize)
            && place.take().is_some()
        {
            self.free.push(wire.slot());
        }
    }

    pub(super) fn remove(&mut self, wire: &QuicWire) {
        self.clear(wire);
        let (home, handle) = {
            let inner = wire.inner.borrow();
            (inner.home, inner.handle)
        };
        if home == self.index {
            self.set_route(handle, None);
        } else {
            self.guests.remove(&(home, handle));
        }
    }

    /// A connection goes to another shard, where its packets are passed on to.
    pub(super) fn leave_for(&mut self, shard: usize, wire: &QuicWire) {
        self.clear(wire);
        let handle = wire.inner.borrow().handle;
        self.set_route(handle, Some(Route::Away { shard, waiting: Arc::default() }));
    }

    /// Puts a connection's next time on the list, and some slack, if it is earlier than what is there.
    pub(super) fn note(&mut self, slot: u32, inner: &mut Inner) {
        if let Some(due) = inner.due().map(|due| due + SLACK)
            && inner.noted.is_none_or(|noted| due < noted)
        {
            inner.noted = Some(due);
            self.due.push(Reverse((due, slot)));
        }
    }
}
