//! A slot's past in the player's hands: compare two versions, pin one, make one the head again, begin a new slot with one.
//!
//! Restoring and branching are saves: the content is read, checked by its hash, and stored as `store` stores any other.
//! Nothing is removed by either.

mod db;
mod routes;
mod rules;

pub(super) use routes::{branch_save, diff_saves, get_quota, put_version, restore_save};
