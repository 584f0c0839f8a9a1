//! The waiting tickets, and for each region those that could play there, sorted by skill.
//!
//! What a search looks at of every ticket stands in the sorted list itself ([`Place`]); the ticket is looked up
//! only when it is taken.

use super::options::Options;
use crate::prior::Belief;
use crate::ticket::{Ticket, TicketId};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Regions that one queue tells apart; others are not known.
pub(super) const REGIONS_MAX: usize = 64;
/// The list of tickets that neither name nor measured a region, and so play in any.
pub(super) const ANYWHERE: u8 = 0;

/// A ticket as a region's list has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) rating: f32,
    pub(super) scatter: f32,
    pub(super) error: f32,
    pub(super) slot: u32,
    pub(super) created_ms: i64,
    /// Milliseconds over the ticket's best region.
    pub(super) extra_ms: u16,
    pub(super) latency_ms: u16,
    pub(super) size: u8,
    /// Whom it may meet depends on more than numbers here: look the ticket up.
    pub(super) picky: bool,
}

/// A region that a ticket may play in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) region: u8,
    pub(super) extra_ms: u16,
    /// 0 if it was not measured.
    pub(super) latency_ms: u16,
}

/// A waiting ticket.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) ticket: Ticket,
    pub(super) belief: Belief,
    /// The private key, as a number.
    pub(super) key: u64,
    /// Its regions, nearest first.
    pub(super) ways: Vec<Way>,
    /// Tells a slot's tickets apart in the queue of what is due.
    pub(super) generation: u32,
    /// The cost less the price of the best match of its last look; none if there was no match to be made.
    pub(super) short_of: Option<f32>,
    /// Its last look found too few that it could play with.
    pub(super) few: bool,
    /// How often each rule was what stood in the way, by the rule's number.
    pub(super) refused: Vec<u32>,
    /// Its id in the queue's order of arrival.
    pub(super) arrival: u64,
}

impl Entry {
    pub(super) fn size(&self) -> usize {
        self.ticket.players.len()
    }

    pub(super) fn picky(&self) -> bool {
        self.key != 0 || self.ticket.skill_range.is_some()
    }

    /// Its latency to a region, if it was measured.
    pub(super) fn latency_ms(&self, region: u8) -> Option<u16> {
        let way = self.ways.iter().find(|way| way.region == region)?;
        (way.latency_ms > 0).then_some(way.latency_ms)
    }

    /// Whether it would join a public match of this mean rating.
    pub(super) fn accepts_match(&self, rating: f32) -> bool {
        let wish = self.ticket.skill_range;
        self.key == 0 && wish.is_none_or(|range| (range.min..=range.max).contains(&f64::from(rating)))
    }

    /// Whether both accept each other, as far as their own wishes go.
    pub(super) fn accepts(&self, other: &Entry) -> bool {
        let wishes = |one: &Entry, of: &Entry| {
            one.ticket.skill_range.is_none_or(|range| (range.min..=range.max).contains(&of.ticket.mean_mu()))
        };
        let same_key = self.key == other.key && self.ticket.private_key == other.ticket.private_key;
        same_key && wishes(self, other) && wishes(other, self)
    }
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    generation: u32,
    arrivals: u64,
    ids: HashMap<TicketId, u32>,
    regions: Vec<String>,
    lists: Vec<Vec<Place>>,
    players: usize,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { regions: vec![String::new()], lists: vec![Vec::new()], ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn players(&self) -> usize {
        self.players
    }

    pub(super) fn contains(&self, id: &TicketId) -> bool {
        self.ids.contains_key(id)
    }

    pub(super) fn slot(&self, id: &TicketId) -> Option<u32> {
        self.ids.get(id).copied()
    }

    /// The ticket of a slot that is in use.
    pub(super) fn get(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    /// The tickets of a region, by skill.
    pub(super) fn list(&self, region: u8) -> &[Place] {
        self.lists.get(usize::from(region)).map_or(&[], Vec::as_slice)
    }

    /// A region's name; none for tickets that play anywhere.
    pub(super) fn region(&self, region: u8) -> Option<&str> {
        self.regions.get(usize::from(region)).map(String::as_str).filter(|name| !name.is_empty())
    }

    pub(super) fn region_count(&self) -> u8 {
        self.regions.len() as u8
    }

    /// The number of a region, which is made if there is room for it.
    pub(super) fn region_number(&mut self, name: &str) -> Option<u8> {
        if name.is_empty() {
            return None;
        }
        if let Some(known) = self.regions.iter().position(|region| region == name) {
            return Some(known as u8);
        }
        if self.regions.len() > REGIONS_MAX {
            return None;
        }
        self.regions.push(name.to_owned());
        // Whoever plays anywhere plays here as well.
        self.lists.push(self.lists[usize::from(ANYWHERE)].clone());
        let made = (self.regions.len() - 1) as u8;
        for slot in self.lists[usize::from(ANYWHERE)].iter().map(|place| place.slot as usize) {
            if let Some(entry) = self.slots[slot].as_mut() {
                entry.ways.push(Way { region: made, extra_ms: 0, latency_ms: 0 });
            }
        }
        Some(made)
    }

    /// The regions that a ticket may play in, nearest first; none if it names some and can play in none.
    pub(super) fn ways(
        &mut self,
        ticket: &Ticket,
        latency_max_ms: u16,
        options: &Options,
    ) -> Option<Vec<Way>> {
        if ticket.regions.is_empty() && ticket.latencies_ms.is_empty() {
            return Some(
                (0..self.region_count()).map(|region| Way { region, extra_ms: 0, latency_ms: 0 }).collect(),
            );
        }
        let mut wanted: Vec<(&str, u16)> =
            Vec::with_capacity(ticket.latencies_ms.len().max(ticket.regions.len()));
        if ticket.regions.is_empty() {
            wanted.extend(ticket.measured());
        } else {
            wanted.extend(
                ticket.regions.iter().map(|name| (name.as_str(), ticket.latency_ms(name).unwrap_or(0))),
            );
        }
        let best = wanted.iter().map(|(_, latency_ms)| *latency_ms).filter(|ms| *ms > 0).min().unwrap_or(0);
        let mut ways = Vec::with_capacity(wanted.len());
        for (name, latency_ms) in wanted {
            let extra_ms = latency_ms.saturating_sub(best);
            if latency_ms > latency_max_ms || extra_ms > options.latency_extra_max_ms {
                continue;
            }
            // A region beyond the bound is as if it had not been named.
            let Some(region) = self.region_number(name) else { continue };
            if ways.iter().all(|way: &Way| way.region != region) {
                ways.push(Way { region, extra_ms, latency_ms });
            }
        }
        ways.sort_by_key(|way| way.extra_ms);
        (!ways.is_empty()).then_some(ways)
    }

    pub(super) fn insert(&mut self, ticket: Ticket, belief: Belief, ways: Vec<Way>, rules: usize) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.arrivals += 1;
        self.players += ticket.players.len();
        let key = ticket.private_key.as_deref().map_or(0, key_number);
        let entry = Entry {
            belief,
            key,
            ways,
            generation: self.generation,
            short_of: None,
            few: false,
            refused: vec![0; rules],
            arrival: self.arrivals,
            ticket,
        };
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        for way in &entry.ways {
            let place = Place {
                rating: belief.mean,
                scatter: belief.scatter,
                error: belief.error,
                slot,
                created_ms: entry.ticket.created_at_ms,
                extra_ms: way.extra_ms,
                latency_ms: way.latency_ms,
                size: entry.size() as u8,
                picky: entry.picky(),
            };
            let list = &mut self.lists[usize::from(way.region)];
            let at = find(list, belief.mean, slot);
            list.insert(at, place);
        }
        self.ids.insert(entry.ticket.id.clone(), slot);
        if slot as usize == self.slots.len() {
            self.slots.push(Some(entry));
        } else {
            self.slots[slot as usize] = Some(entry);
        }
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        for way in &entry.ways {
            let list = &mut self.lists[usize::from(way.region)];
            let at = find(list, entry.belief.mean, slot);
            if list.get(at).is_some_and(|place| place.slot == slot) {
                list.remove(at);
            }
        }
        self.players -= entry.size();
        self.ids.remove(&entry.ticket.id);
        self.free.push(slot);
        Some(entry)
    }
}

/// Where a ticket is in a list, or belongs.
fn find(list: &[Place], rating: f32, slot: u32) -> usize {
    list.partition_point(|place| match place.rating.total_cmp(&rating) {
        std::cmp::Ordering::Equal => place.slot < slot,
        order => order.is_lt(),
    })
}

/// A key as a number that is not 0: who has the same key has the same number.
fn key_number(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish().max(1)
}
