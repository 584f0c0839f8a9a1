//! Links that have not said who they are: so many in all, and so many of one address, so that a flood from one place
//! leaves room for everyone else.

use super::config::{STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// How many there are. An address is here as long as one of its links is: there are no more than strangers.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The strangers of all shards. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Strangers(Arc<Mutex<Counts>>);

/// A stranger's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Stranger {
    strangers: Strangers,
    address: IpAddr,
}

impl Strangers {
    /// Whether one more may come from an address.
    pub(super) fn has_room(&self, address: IpAddr) -> bool {
        self.0.lock().has_room(&network(address))
    }

    /// One more, if there may be.
    pub(super) fn take(&self, address: IpAddr) -> Option<Stranger> {
        let address = network(address);
        let mut counts = self.0.lock();
        if !counts.has_room(&address) {
            return None;
        }
        counts.all += 1;
        *counts.by_address.entry(address).or_default() += 1;
        Some(Stranger { strangers: self.clone(), address })
    }
}

impl Counts {
    fn has_room(&self, address: &IpAddr) -> bool {
        let of_address = self.by_address.get(address).copied().unwrap_or(0);
        self.all < STRANGERS_MAX && of_address < STRANGERS_PER_ADDRESS_MAX
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut counts = self.strangers.0.lock();
        counts.all -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// Of IPv6 the /64, where one host has so many addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let strangers = Strangers::default();
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let mut flood: Vec<Stranger> =
            (0..STRANGERS_PER_ADDRESS_MAX).filter_map(|_| strangers.take(one)).collect();
        assert_eq!(flood.len(), STRANGERS_PER_ADDRESS_MAX);
        assert!(strangers.take(one).is_none() && !strangers.has_room(one));
        assert!(strangers.take("::ffff:192.0.2.1".parse().unwrap()).is_none(), "it is the same");
        assert!(strangers.has_room(other));
        flood.pop();
        assert!(strangers.take(one).is_some());
        drop(flood);
        let counts = strangers.0.lock();
        assert_eq!((counts.all, counts.by_address.len()), (0, 0), "nothing stays");
    }

    #[test]
    fn all_together_are_bounded_and_a_network_is_one_address() {
        let strangers = Strangers::default();
        let of = |n: usize| IpAddr::from([0x2001, 0xdb8, 0, n as u16, 0, 0, 0, (n * 7) as u16]);
        let kept: Vec<Stranger> = (0..2 * STRANGERS_MAX).filter_map(|n| strangers.take(of(n))).collect();
        assert_eq!(kept.len(), STRANGERS_MAX);
        drop(kept);
        let in_one = (0..STRANGERS_MAX)
            .filter_map(|n| strangers.take(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n as u16])));
        assert_eq!(in_one.collect::<Vec<_>>().len(), STRANGERS_PER_ADDRESS_MAX);
    }
}
