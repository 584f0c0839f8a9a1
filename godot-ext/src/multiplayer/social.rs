//! `AeThexCloud.multiplayer.parties`, `.presence` and `.invites`.

use super::args::{id, page, players, request};
use super::social_info::{AeThexInvite, AeThexParty, AeThexPlayerPresence};
use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::{flag, text};
use crate::user::text as godot_text;
use aethex_sdk_core::wire::ids::{InviteId, PartyId, RoomId};
use aethex_sdk_core::wire::multiplayer::parties::Party;
use aethex_sdk_core::wire::multiplayer::presence::{Invite, Presence};
use aethex_sdk_core::wire::page::Page;
use aethex_sdk_core::{Error, PlayerId};
use godot::builtin::{GString, Signal, VarArray, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};

/// The party that the player is in, as `AeThexCloud.multiplayer.parties`: players who queue together.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexParties {
    base: Base<Object>,
}

#[godot_api]
impl AeThexParties {
    /// The party changed: who is in it, leads it, is ready.
    #[signal]
    fn party_updated(party: Gd<AeThexParty>);

    /// The player is out of the party.
    #[signal]
    fn party_left();

    /// Makes a party and leads it; leaves the one before. Yields `result.party`.
    #[func]
    fn create(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.multiplayer().parties().create()), with_party)
    }

    /// The party that the player is in. Yields `result.party`; null without one.
    #[func]
    fn current(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().parties().current()),
            |party: Option<Party>| Ok(Fields::default().with("party", party.as_ref().map(AeThexParty::of))),
        )
    }

    /// Joins the party that has this code. Yields `result.party`.
    #[func]
    fn join(&self, code: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().parties().join(&text(&code, "code")?)),
            with_party,
        )
    }

    /// Leaves the party. Its leader passes the lead on.
    #[func]
    fn leave(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.multiplayer().parties().leave()), super::nothing)
    }

    /// Says whether one is ready. Yields `result.party`.
    #[func]
    fn set_ready(&self, ready: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().parties().set_ready(flag(&ready, "ready")?)),
            with_party,
        )
    }

    /// Sends a player out of the party: its leader may. Yields `result.party`.
    #[func]
    fn kick(&self, player_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().parties().kick(id(&player_id, "player_id", PlayerId::parse)?)),
            with_party,
        )
    }

    /// Passes the lead on: the leader may. Yields `result.party`.
    #[func]
    fn set_leader(&self, player_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                Ok(cloud.multiplayer().parties().set_leader(id(&player_id, "player_id", PlayerId::parse)?))
            },
            with_party,
        )
    }
}

/// Who is here, as `AeThexCloud.multiplayer.presence`.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexPresence {
    base: Base<Object>,
}

#[godot_api]
impl AeThexPresence {
    /// The presence of a watched player changed.
    #[signal]
    fn presence_changed(presence: Gd<AeThexPlayerPresence>);

    /// Says what to show of oneself while the game runs: `availability` (`"online"`, `"away"`, `"busy"`,
    /// `"invisible"`), `status` (own words), `data` (the game's own). Yields `result.presence`.
    #[func(rename = set_presence)]
    fn show(&self, presence: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().presence().set(request(&presence, "set_presence()")?)),
            |presence: Presence| Ok(Fields::default().with("presence", AeThexPlayerPresence::of(&presence))),
        )
    }

    /// Asks who is here: up to 100 players, answered in their order. The result can be iterated; the array is also
    /// `result.presences`.
    #[func(rename = get_presences)]
    fn look(&self, player_ids: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().presence().get(players(&player_ids)?)),
            with_presences,
        )
    }

    /// As [method get_presences], and tells of changes from now on by [signal presence_changed]. Who was
    /// watched before still is: up to 1,000 players in all, until the player logs out.
    #[func]
    fn watch(&self, player_ids: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().presence().watch(players(&player_ids)?)),
            with_presences,
        )
    }
}

/// Invitations to rooms and parties, as `AeThexCloud.multiplayer.invites`.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexInvites {
    base: Base<Object>,
}

#[godot_api]
impl AeThexInvites {
    /// The player is invited. Its `code` opens the room or party.
    #[signal]
    fn invite_received(invite: Gd<AeThexInvite>);

    /// An invitation no longer stands.
    #[signal]
    fn invite_ended(invite_id: GString);

    /// Invites a player to a room that one is in; the current one when none is named. Yields `result.invite`.
    #[func]
    fn invite_to_room(
        &self,
        player_id: Variant,
        #[opt(default = Optional::default())] room_id: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let player = id(&player_id, "player_id", PlayerId::parse)?;
                let room = match room_id.given() {
                    Some(given) => id(given, "room_id", RoomId::parse)?,
                    None => super::current(cloud)?.id().clone(),
                };
                Ok(cloud.multiplayer().invites().invite_to_room(player, room))
            },
            with_invite,
        )
    }

    /// Invites a player to one's party. Yields `result.invite`.
    #[func]
    fn invite_to_party(&self, player_id: Variant, party_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let player = id(&player_id, "player_id", PlayerId::parse)?;
                let party = id(&party_id, "party_id", PartyId::parse)?;
                Ok(cloud.multiplayer().invites().invite_to_party(player, party))
            },
            with_invite,
        )
    }

    /// Invitations to oneself that stand, newest first. The result can be iterated; the array is also
    /// `result.invites`.
    #[func]
    fn list(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().invites().list(page(&options)?)),
            |page: Page<Invite>| {
                let items = page.items.iter().map(|item| AeThexInvite::of(item).to_variant()).collect();
                Ok(Fields::default()
                    .list("invites", items)
                    .with("next_cursor", godot_text(&page.next_cursor.unwrap_or_default())))
            },
        )
    }

    /// Declines an invitation, or takes one's own back.
    #[func]
    fn delete(&self, invite_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().invites().delete(id(&invite_id, "invite_id", InviteId::parse)?)),
            super::nothing,
        )
    }
}

fn with_party(party: Party) -> Result<Fields, Error> {
    Ok(Fields::default().with("party", AeThexParty::of(&party)))
}

fn with_presences(presences: Vec<Presence>) -> Result<Fields, Error> {
    let items: VarArray =
        presences.iter().map(|presence| AeThexPlayerPresence::of(presence).to_variant()).collect();
    Ok(Fields::default().list("presences", items))
}

fn with_invite(invite: Invite) -> Result<Fields, Error> {
    Ok(Fields::default().with("invite", AeThexInvite::of(&invite)))
}
