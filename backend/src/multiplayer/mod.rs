//! Players meet: rooms and their relay, matchmaking, parties, chat, presence.
//!
//! `rooms`, `matchmaking`, `parties`, `chat` and `presence` are asked over REST and keep what must outlive a
//! process in the database. `live` holds the connections: the relay of the rooms that this node has, which
//! never touches SQL, and the players' personal connections, over which the others tell what happened. They meet
//! in [`live::Command`], which the relay is told, and [`live::Report`], which it tells; nodes meet on the bus.

pub(crate) mod live;
