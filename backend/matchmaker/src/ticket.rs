//! What waits: a ticket of one party, as the backend keeps it. Its JSON is what a recording holds, see
//! [`crate::replay`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Players of one ticket: a party never plays in two teams, and no team of ours is larger.
pub const PARTY_MAX: usize = 64;
/// Regions that one ticket may name or measure; a studio has a dozen.
const REGIONS_MAX: usize = 32;
/// Attributes of one player; rules name a handful.
const ATTRIBUTES_MAX: usize = 32;
/// Entries of one attribute that is a list or a map.
const ENTRIES_MAX: usize = 256;
/// Octets of an id, a region, an attribute's name or text.
const TEXT_MAX: usize = 256;
/// Milliseconds that a measured latency is cut to; what is slower cannot be played on.
const LATENCY_MAX_MS: u32 = 60_000;
/// Ratings lie within; what is beyond is an error of whoever computed it.
const RATING_MAX: f64 = 1e6;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a ticket within its queue; a backfill's id is one as well.
    TicketId
}
id! {
    /// Names a player.
    PlayerId
}

/// What is believed of a player's skill: a mean and its standard deviation.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rating {
    /// The mean.
    pub mu: f64,
    /// The standard deviation: how unsure the mean is.
    pub sigma: f64,
}

impl Default for Rating {
    /// Someone of whom nothing is known yet.
    fn default() -> Self {
        Self { mu: 1500.0, sigma: 350.0 }
    }
}

/// A player's attribute, for rules.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// `number`
    Number(f64),
    /// `string`
    Text(String),
    /// `string_list`
    TextList(Vec<String>),
    /// `string_number_map`
    NumberMap(BTreeMap<String, f64>),
}

/// One player of a ticket.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Player {
    /// Who.
    pub id: PlayerId,
    /// How good.
    #[serde(default)]
    pub rating: Rating,
    /// What the rules may ask for: a role, a level, maps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
}

impl Player {
    /// A player with a rating and no attributes.
    #[must_use]
    pub fn new(id: impl Into<PlayerId>, rating: Rating) -> Self {
        Self { id: id.into(), rating, attributes: BTreeMap::new() }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }
}

/// The ratings that a ticket wants to play with, both ends included.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct SkillRange {
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

/// One party that waits for a match; a single player is a party of one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Unique within the queue.
    pub id: TicketId,
    /// The party, 1 to [`PARTY_MAX`].
    pub players: Vec<Player>,
    /// When the party began to wait. A ticket that is put back keeps it and so its place.
    pub created_at_ms: i64,
    /// Regions that it accepts, best liked first; empty: those it has measured, and if it has measured none, any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Measured round trips by region, of the slowest of the party.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latencies_ms: BTreeMap<String, u32>,
    /// The party's own wish: every other party's mean rating lies within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_range: Option<SkillRange>,
    /// Tickets with a key meet only those with the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
}

/// Why a ticket cannot wait at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicketError {
    /// No players, or more than a party has.
    #[error("a party has 1 to {PARTY_MAX} players, this one has {0}")]
    PartySize(usize),
    /// Larger than the largest team of the rule set.
    #[error("a party of {size} does not fit a team of {max}")]
    PartyTooLarge {
        /// Players of the party.
        size: usize,
        /// Players of the largest team.
        max: usize,
    },
    /// A player is named twice.
    #[error("player {0} is named twice")]
    PlayerTwice(PlayerId),
    /// A number is not finite or beyond all measure.
    #[error("{0} is not a usable number")]
    Number(&'static str),
    /// The lower end of `skill_range` is above the upper one, or the party's own rating is not within.
    #[error("skill_range: {0}")]
    SkillRange(&'static str),
    /// Too many or too long.
    #[error("{what}: at most {max}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// An attribute's value does not have the type that the rule set declares.
    #[error("attribute {name} is a {expected}")]
    AttributeType {
        /// The attribute.
        name: String,
        /// The declared type.
        expected: &'static str,
    },
    /// None of its regions has been measured as reachable within the rules.
    #[error("no region is left to play in")]
    NoRegion,
}

impl Ticket {
    /// A ticket without wishes.
    #[must_use]
    pub fn new(id: impl Into<TicketId>, players: Vec<Player>, created_at_ms: i64) -> Self {
        Self {
            id: id.into(),
            players,
            created_at_ms,
            regions: Vec::new(),
            latencies_ms: BTreeMap::new(),
            skill_range: None,
            private_key: None,
        }
    }

    /// The party's mean rating.
    #[must_use]
    pub fn mean_mu(&self) -> f64 {
        self.players.iter().map(|player| player.rating.mu).sum::<f64>() / self.players.len().max(1) as f64
    }

    /// What is wrong with it whatever the rules are.
    pub fn check(&self) -> Result<(), TicketError> {
        if self.players.is_empty() || self.players.len() > PARTY_MAX {
            return Err(TicketError::PartySize(self.players.len()));
        }
        let texts = [self.id.as_str(), self.private_key.as_deref().unwrap_or_default()];
        check_texts(texts.into_iter().chain(self.regions.iter().map(String::as_str)), "octets of a text")?;
        check_texts(self.latencies_ms.keys().map(String::as_str), "octets of a region")?;
        if self.regions.len() > REGIONS_MAX || self.latencies_ms.len() > REGIONS_MAX {
            return Err(TicketError::TooMany { what: "regions", max: REGIONS_MAX });
        }
        check_players(&self.players)?;
        if let Some(range) = self.skill_range {
            let own = self.mean_mu();
            if !range.min.is_finite() || !range.max.is_finite() || range.min > range.max {
                return Err(TicketError::SkillRange("min and max are numbers, min is not above max"));
            }
            if own < range.min - f64::from(OWN_RATING_MARGIN)
                || own > range.max + f64::from(OWN_RATING_MARGIN)
            {
                return Err(TicketError::SkillRange("the party's own rating is too far outside"));
            }
        }
        Ok(())
    }

    /// Its latency to a region, cut to what can be told apart.
    pub(crate) fn latency_ms(&self, region: &str) -> Option<u16> {
        self.latencies_ms.get(region).map(|ms| cut(*ms))
    }

    /// The regions that it has measured.
    pub(crate) fn measured(&self) -> impl Iterator<Item = (&str, u16)> {
        self.latencies_ms.iter().map(|(region, ms)| (region.as_str(), cut(*ms)))
    }
}

/// A latency that was measured is never 0, which stands for none.
fn cut(ms: u32) -> u16 {
    u16::try_from(ms.clamp(1, LATENCY_MAX_MS)).unwrap_or(u16::MAX)
}

/// How far a party's own rating may lie outside of the range it wishes. A wish for stronger or weaker players is
/// fine; one for a different league is a way to play against beginners.
const OWN_RATING_MARGIN: u16 = 500;

/// What is wrong with players, of a ticket or a backfill.
pub(crate) fn check_players(players: &[Player]) -> Result<(), TicketError> {
    for (n, player) in players.iter().enumerate() {
        if players[..n].iter().any(|other| other.id == player.id) {
            return Err(TicketError::PlayerTwice(player.id.clone()));
        }
        let Rating { mu, sigma } = player.rating;
        if !mu.is_finite()
            || mu.abs() > RATING_MAX
            || !sigma.is_finite()
            || !(0.0..=RATING_MAX).contains(&sigma)
        {
            return Err(TicketError::Number("rating"));
        }
        if player.attributes.len() > ATTRIBUTES_MAX {
            return Err(TicketError::TooMany { what: "attributes", max: ATTRIBUTES_MAX });
        }
        check_texts(
            [player.id.as_str()].into_iter().chain(player.attributes.keys().map(String::as_str)),
            "octets of a text",
        )?;
        player.attributes.values().try_for_each(check_attribute)?;
    }
    Ok(())
}

fn check_attribute(attribute: &Attribute) -> Result<(), TicketError> {
    let too_many = TicketError::TooMany { what: "entries of an attribute", max: ENTRIES_MAX };
    match attribute {
        Attribute::Number(number) if !number.is_finite() => Err(TicketError::Number("attribute")),
        Attribute::Number(_) => Ok(()),
        Attribute::Text(text) => check_texts([text.as_str()], "octets of a text"),
        Attribute::TextList(list) if list.len() > ENTRIES_MAX => Err(too_many),
        Attribute::TextList(list) => check_texts(list.iter().map(String::as_str), "octets of a text"),
        Attribute::NumberMap(map) if map.len() > ENTRIES_MAX => Err(too_many),
        Attribute::NumberMap(map) if map.values().any(|number| !number.is_finite()) => {
            Err(TicketError::Number("attribute"))
        }
        Attribute::NumberMap(map) => check_texts(map.keys().map(String::as_str), "octets of a text"),
    }
}

fn check_texts<'t>(texts: impl IntoIterator<Item = &'t str>, what: &'static str) -> Result<(), TicketError> {
    if texts.into_iter().any(|text| text.len() > TEXT_MAX) {
        return Err(TicketError::TooMany { what, max: TEXT_MAX });
    }
    Ok(())
}
