//! What an attacker tries, by the thing attacked.
//!
//! `tokens` forges them, `guessing` tries passwords and looks for accounts, `others` reaches for another
//! player's things, `takeover` for the account itself, `bodies` sends what should break a parser, `memory` what should fill the memory, `protocol`
//! abuses HTTP itself. Each says: refused, without a word that helps, and the server goes on.

mod bodies;
mod guessing;
mod memory;
mod others;
mod protocol;
mod takeover;
mod tokens;
