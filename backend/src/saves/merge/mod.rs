//! Moving one player's slots to another, when their accounts become one.
//!
//! A slot that only one has moves with its history. Where both have one, the player has chosen; the versions
//! of both stay in the history whatever the choice.

mod db;

use super::{forget_usage, parts, seal};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::ports::sql::Transaction;
use aethex_wire::ErrorCode;
use aethex_wire::auth::identities::{MergeChoice, MergeSlot};
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::saves::SLOT_LEN_MAX;
use db::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// Slots of an account that can be merged: games have tens.
const SLOTS_MAX: usize = 10_000;

/// Moves everything; returns the slots that both have when no choice was made, and then moved nothing that
/// the caller should keep.
pub(crate) async fn merge(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
    choice: Option<MergeChoice>,
) -> Outcome<Vec<MergeSlot>> {
    let theirs = db::slots(transaction, from, SLOTS_MAX as i64 + 1).await?;
    let mine = db::slots(transaction, to, SLOTS_MAX as i64 + 1).await?;
    if theirs.len() > SLOTS_MAX || mine.len() > SLOTS_MAX {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("An account with over {SLOTS_MAX} slots is not merged."),
        ));
    }
    let mine: BTreeMap<&str, &Slot> = mine.iter().map(|slot| (slot.name.as_str(), slot)).collect();
    let mut names: BTreeSet<String> = mine.keys().map(|name| (*name).to_owned()).collect();
    names.extend(theirs.iter().map(|slot| slot.name.clone()));
    let conflicts = conflicts(&theirs, &mine);
    if choice.is_none() && !conflicts.is_empty() {
        return Ok(conflicts);
    }
    // What the other player's keys sealed is opened by them still.
    seal::adopt(transaction, from, to).await?;
    parts::carry(transaction, from, to).await?;
    for slot in &theirs {
        let Some(own) = mine.get(slot.name.as_str()) else {
            db::move_slot(transaction, from, to, &slot.name, &slot.name).await?;
            continue;
        };
        // What was deleted on one side gives way to what lives on the other.
        let choice = match (slot.deleted, own.deleted) {
            (true, _) => MergeChoice::KeepMine,
            (false, true) => MergeChoice::KeepOther,
            (false, false) => choice.unwrap_or(MergeChoice::KeepBoth),
        };
        match choice {
            MergeChoice::KeepMine => db::move_beside(transaction, from, to, &slot.name).await?,
            MergeChoice::KeepOther => {
                db::move_beside(transaction, from, to, &slot.name).await?;
                db::make_head(transaction, to, &slot.name, &slot.head, &own.head).await?;
            }
            MergeChoice::KeepBoth => {
                let name = free_name(&slot.name, &names);
                db::move_slot(transaction, from, to, &slot.name, &name).await?;
                names.insert(name);
            }
        }
    }
    Ok(Vec::new())
}

fn conflicts(theirs: &[Slot], mine: &BTreeMap<&str, &Slot>) -> Vec<MergeSlot> {
    let both = theirs.iter().filter_map(|other| Some((other, *mine.get(other.name.as_str())?)));
    both.filter(|(other, mine)| !other.deleted && !mine.deleted)
        .map(|(other, mine)| MergeSlot {
            slot: other.name.clone(),
            mine_saved_at_ms: mine.saved_at_ms,
            mine_playtime_ms: mine.playtime_ms,
            other_saved_at_ms: other.saved_at_ms,
            other_playtime_ms: other.playtime_ms,
        })
        .collect()
}

/// `slot1 (2)`, or the next number that is free.
fn free_name(name: &str, taken: &BTreeSet<String>) -> String {
    (2_u64..)
        .map(|number| {
            let suffix = format!(" ({number})");
            let mut base = name;
            while base.len() + suffix.len() > SLOT_LEN_MAX {
                base = &base[..base.floor_char_boundary(base.len() - 1)];
            }
            format!("{}{suffix}", base.trim_end())
        })
        .find(|candidate| !taken.contains(candidate))
        .unwrap_or_default()
}

/// Forgets what is remembered of both players' use, and which keys they write with.
pub(crate) fn forget(app: &App, game: &GameId, from: &PlayerId, to: &PlayerId) {
    forget_usage(app, game, from);
    forget_usage(app, game, to);
    app.seal.forget(game, from);
    app.seal.forget(game, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_kept_beside_gets_a_name_that_is_free_and_fits() {
        let taken = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(free_name("slot1", &taken(&["slot1"])), "slot1 (2)");
        assert_eq!(free_name("slot1", &taken(&["slot1", "slot1 (2)"])), "slot1 (3)");
        let long = "ü".repeat(64);
        let name = free_name(&long, &taken(&[&long]));
        assert!(name.len() <= SLOT_LEN_MAX && aethex_wire::saves::check_slot(&name).is_ok(), "{name}");
    }
}
