//! Who plays with whom: the matchmaker's engine, pure.
//!
//! A [`Queue`] holds the tickets of one queue and is told what happens and when: [`Queue::add`],
//! [`Queue::cancel`], [`Queue::backfill`], then [`Queue::advance`], which yields the [`Proposal`]s that are due.
//! [`Queue::next_wake`] says when to call again if nothing happens. What a match must be is a [`RuleSet`]
//! (FlexMatch's JSON, as far as supported; what is not is refused by name); what makes one match better than
//! another is in [`Options`]. No I/O, no clock and no randomness of its own: the same calls in the same order
//! give the same proposals.
//!
//! Beside it: [`Eta`] (how long players wait, from those who waited), [`ranker`] (ratings from results) and
//! [`replay`] (what recorded tickets would have met under other rules).

mod engine;
mod eta;
mod prior;
pub mod ranker;
pub mod replay;
mod rules;
mod ticket;

pub use engine::{
    AddError, Backfill, BackfillTeam, Explanation, Kind, Options, Proposal, ProposedTeam, Quality, Queue,
    Reason, Tempo, Weights,
};
pub use eta::{Eta, EtaEstimate};
pub use rules::{Acceptance, BackfillMode, RoomRules, RuleError, RuleSet, Strategy};
pub use ticket::{Attribute, PARTY_MAX, Player, PlayerId, Rating, SkillRange, Ticket, TicketError, TicketId};
