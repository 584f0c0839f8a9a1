//! Ids: UUIDs (RFC 9562) in one spelling.
//!
//! An id has exactly one accepted spelling, lower-case with hyphens. Another spelling of the same UUID
//! is refused, so no two strings ever name the same row.

use serde::{Deserialize, Serialize};

/// Length of an id's text.
pub const ID_LEN: usize = 36;

/// Whether `text` is an id in its one accepted spelling.
pub fn is_canonical(text: &str) -> bool {
    text.len() == ID_LEN
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses the one accepted spelling.
            pub fn parse(text: &str) -> Option<Self> {
                is_canonical(text).then(|| Self(text.into()))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!(
                    stringify!($name), " must be a lower-case UUID with hyphens"
                )))
            }
        }
    )+};
}

ids! {
    /// A game: the tenant that every row belongs to.
    GameId;
    /// A player's account within one game.
    PlayerId;
    /// A session: one login on one device.
    SessionId;
    /// One version of a save.
    VersionId;
    /// An export of a player's data.
    ExportId;
    /// The receipt of an erasure.
    ReceiptId;
    /// An organisation: a studio, which has people and games.
    OrgId;
    /// One of a studio's people.
    PersonId;
    /// A team within an organisation.
    TeamId;
    /// A role within an organisation.
    RoleId;
    /// An invitation into an organisation.
    InvitationId;
    /// A project: a game as the studio sees it, with its environments, each a [`GameId`].
    ProjectId;
    /// A secret server key.
    ServerKeyId;
    /// A room: players who hear each other.
    RoomId;
    /// A ticket in a queue for a match.
    QueueTicketId;
    /// A match.
    MatchId;
    /// A party: players who queue together.
    PartyId;
    /// A message of a chat.
    MessageId;
    /// An invitation into a room or party.
    InviteId;
    /// A report to the game's moderators.
    ReportId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_is_accepted() {
        let id = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
        assert_eq!(PlayerId::parse(id).unwrap().as_str(), id);
        for wrong in [
            &id.to_uppercase(),
            &id.replace('-', ""),
            &format!("{{{id}}}"),
            &format!("urn:uuid:{id}"),
            &format!(" {id}"),
            &format!("{id}\0"),
            "",
        ] {
            assert!(PlayerId::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
