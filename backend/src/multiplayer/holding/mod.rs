//! What multiplayer knows of a player, for exports and erasures, and when two accounts become one.
//!
//! An erasure takes the player out of rooms and the party, closes the rooms that the player is host of, and removes
//! both sides of direct conversations: their channel names the player.

mod db;

use super::config::{MATCHES_KEPT_MS, SWEEP_BATCH};
use super::rooms::{self, Which};
use super::{direct_channel, matchmaking, parties};
use crate::app::App;
use crate::context::now_ms;
use crate::error::Outcome;
use crate::ports::sql::{Sql, SqlError, Transaction};
use crate::privacy::{Archive, Holding, Subject};
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;
use serde_json::Value;

/// What multiplayer knows of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "multiplayer",
    tables: &[
        "multiplayer_room",
        "multiplayer_seat",
        "multiplayer_room_pass",
        "multiplayer_party",
        "multiplayer_party_player",
        "multiplayer_ticket",
        "multiplayer_ticket_player",
        "multiplayer_match_player",
        "multiplayer_penalty",
        "multiplayer_rating",
        "multiplayer_message",
        "multiplayer_channel_player",
        "multiplayer_block",
        "multiplayer_report",
        "multiplayer_invite",
        "multiplayer_presence",
    ],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: |app, who| Box::pin(send_home(app, who)),
    shred: None,
    erase: |tx, player| Box::pin(erase(tx, player)),
};

async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    for part in db::PARTS {
        archive.json(part.file, Value::Array(db::read(&app.sql, who, part).await?)).await?;
    }
    archive.list("messages.json").await?;
    let mut after = String::new();
    loop {
        let page = db::messages(&app.sql, who, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        archive.items(page.into_iter().map(|(_, message)| message).collect()).await?;
    }
    archive.end_list().await
}

/// There are no blobs; but whoever is still in a queue or a room is sent out of it before the rows go, and everyone out
/// of the rooms that the player is host of.
async fn send_home(app: &App, who: &Subject) -> Outcome<Vec<String>> {
    matchmaking::send_home(app, &who.game, &who.player).await?;
    rooms::close_hosted(app, &who.game, &who.player).await?;
    for (room, node) in rooms::of_player(&app.sql, &who.game, &who.player).await? {
        rooms::send_away(app, &who.game, &room, &node, &who.player, LeftReason::Left);
    }
    Ok(Vec::new())
}

async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut erased = rooms::remove_hosted(tx, player).await?.len() as u64;
    erased += leave_rooms(tx, player).await?.len() as u64;
    erased += u64::from(parties::take_out(tx, player).await?.is_some());
    Ok(erased + db::erase(tx, player).await?)
}

/// A room that a player is out of, and the server that has it.
pub(crate) type Left = (RoomId, String);

async fn leave_rooms(tx: &mut Transaction, player: &PlayerId) -> Result<Vec<Left>, SqlError> {
    let now = now_ms();
    let mut left = Vec::new();
    for room in db::rooms_with(tx, player).await? {
        let node = rooms::node_of_held(tx, &room).await?;
        if rooms::free_seat(tx, &room, player, Which::Any, now).await? {
            left.extend(node.map(|node| (room, node)));
        }
    }
    Ok(left)
}

/// When one account is merged into another: ratings, messages, blocks and bans of `from` are those of `to`; its
/// seats, its party, its tickets and invitations end. The rooms that it is out of are for [`tell_left`].
pub(crate) async fn merge(
    tx: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<Vec<Left>, SqlError> {
    let left = leave_rooms(tx, from).await?;
    parties::take_out(tx, from).await?;
    for channel in db::direct_channels(tx, from).await? {
        let other = other_of(&channel, from);
        let moved = other.filter(|other| other != to).map(|other| direct_channel(&other, to));
        db::move_channel(tx, &channel, moved.as_deref()).await?;
    }
    db::hand_over(tx, from, to).await?;
    Ok(left)
}

/// The other player of a direct channel.
fn other_of(channel: &str, player: &PlayerId) -> Option<PlayerId> {
    let (one, other) = channel.strip_prefix("direct:")?.split_once(':')?;
    PlayerId::parse(if one == player.as_str() { other } else { one })
}

/// Tells relays that a player is out of rooms, once that is written.
pub(crate) fn tell_left(app: &App, game: &GameId, player: &PlayerId, left: &[Left]) {
    for (room, node) in left {
        rooms::send_away(app, game, room, node, player, LeftReason::Left);
    }
}

/// Forgets tickets and matches that ended long ago.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    db::sweep(sql, now_ms - MATCHES_KEPT_MS, SWEEP_BATCH).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_channel_names_both_in_one_order() {
        let [ann, bob] = ["1", "2"]
            .map(|last| PlayerId::parse(&format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0{last}")).unwrap());
        let channel = direct_channel(&bob, &ann);
        assert_eq!(channel, direct_channel(&ann, &bob));
        assert_eq!(other_of(&channel, &ann), Some(bob.clone()));
        assert_eq!(other_of(&channel, &bob), Some(ann.clone()));
        assert_eq!(other_of("channel:x", &ann), None);
    }
}
