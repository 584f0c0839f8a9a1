//! The bus: what one node tells the others at once, and nobody keeps.
//!
//! A subject is a plain name. Who subscribes gets what is published afterwards; who falls behind by more than
//! [`BACKLOG_MAX`] messages loses the oldest and is told how many. What must not be lost is in the database, and
//! the bus only says where to look.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Messages that wait for a subscriber: seconds of the busiest subject.
pub const BACKLOG_MAX: usize = 4_096;

/// The engines.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Within this process.
    Local(Arc<Local>),
}

/// Subjects within this process.
#[derive(Debug, Default)]
pub struct Local {
    subjects: Mutex<HashMap<String, broadcast::Sender<Bytes>>>,
}

/// What a subscriber takes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// A message.
    Message(Bytes),
    /// So many messages came too fast and are lost.
    Lost(u64),
}

/// A subscription. It ends when it is dropped.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Bytes>);

impl Bus {
    /// A bus within this process. Clones are the same bus.
    pub fn local() -> Bus {
        Bus::Local(Arc::default())
    }

    /// Tells everyone who subscribes to a subject now.
    pub fn publish(&self, subject: &str, message: Bytes) {
        let Bus::Local(local) = self;
        let mut subjects = local.subjects.lock();
        if let Some(sender) = subjects.get(subject)
            && sender.send(message).is_err()
        {
            // Nobody subscribes any more.
            subjects.remove(subject);
        }
    }

    /// Subscribes to a subject.
    pub fn subscribe(&self, subject: &str) -> Subscription {
        let Bus::Local(local) = self;
        let mut subjects = local.subjects.lock();
        let sender = subjects.entry(subject.to_owned()).or_insert_with(|| broadcast::channel(BACKLOG_MAX).0);
        Subscription(sender.subscribe())
    }
}

impl Subscription {
    /// The next message; `None` when the bus is gone.
    pub async fn take(&mut self) -> Option<Taken> {
        match self.0.recv().await {
            Ok(message) => Some(Taken::Message(message)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Taken::Lost(lost)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn subscribers_get_what_is_published_and_learn_what_they_lost() {
        let bus = Bus::local();
        bus.publish("a", Bytes::from_static(b"to nobody"));
        let mut one = bus.subscribe("a");
        let mut two = bus.clone().subscribe("a");
        let mut other = bus.subscribe("b");
        bus.publish("a", Bytes::from_static(b"x"));
        bus.publish("b", Bytes::from_static(b"y"));
        assert_eq!(one.take().await, Some(Taken::Message(Bytes::from_static(b"x"))));
        assert_eq!(two.take().await, Some(Taken::Message(Bytes::from_static(b"x"))));
        assert_eq!(other.take().await, Some(Taken::Message(Bytes::from_static(b"y"))));
        for n in 0..BACKLOG_MAX + 3 {
            bus.publish("a", n.to_string().into());
        }
        assert_eq!(one.take().await, Some(Taken::Lost(3)));
        assert_eq!(one.take().await, Some(Taken::Message("3".into())));
        drop((one, two));
        bus.publish("a", Bytes::from_static(b"z"));
        let Bus::Local(local) = &bus;
        assert_eq!(local.subjects.lock().len(), 1, "a subject without subscribers is forgotten");
    }
}
