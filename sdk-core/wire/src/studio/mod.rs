//! The studio's side: [`people`] (a studio's people, who are no players), [`orgs`] (organisations, members,
//! teams, roles), [`games`] (projects, environments, keys, players as support sees them), [`privacy`] (exports,
//! erasures and ages of players, policies), [`audit`] (who did what) and [`server`] (what a game's own server
//! may ask). All but `server` are served on the studio's own address. What a role may do is a set of [`Permission`]s; this module says which permissions there are and
//! what the roles that every organisation has are made of.

pub mod audit;
pub mod games;
pub mod orgs;
pub mod people;
pub mod privacy;
pub mod server;

use serde::{Deserialize, Serialize};

/// Derives what every type of the contract has.
macro_rules! shapes {
    ($($item:item)+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $item
    )+};
}
/// The same for what carries secrets: it is not shown.
macro_rules! secret_shapes {
    ($($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* })+) => {$(
        #[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $(#[$meta])*
        pub struct $name { $($body)* }
        crate::auth::hidden!($name);
    )+};
}
pub(crate) use {secret_shapes, shapes};

/// Longest name of an organisation, team, role, project or key, in characters.
pub const NAME_CHARS_MAX: usize = 64;

macro_rules! names {
    ($(#[doc = $about:literal])+ $type:ident, $what:literal: $($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[repr(u8)]
        pub enum $type {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl $type {
            #[doc = concat!("Every ", $what, ".")]
            pub const ALL: &'static [$type] = &[$($type::$name,)+];

            /// Its stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$name => $text,)+ }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<$type> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// What a person may do. The first four hold for the whole organisation, the others for its projects.
    Permission, "permission":
    /// Make owners and unmake them.
    OrgOwn = "org.own";
    /// Change the organisation's name and rules, its roles and teams.
    OrgManage = "org.manage";
    /// Invite people, change their roles, remove them.
    MembersManage = "members.manage";
    /// Read the audit log.
    AuditRead = "audit.read";
    /// See projects, environments and client keys.
    GamesRead = "games.read";
    /// Make and change projects, publish policies.
    GamesManage = "games.manage";
    /// Make, rotate and revoke client and server keys.
    KeysManage = "keys.manage";
    /// Look players up.
    PlayersRead = "players.read";
    /// Act on players: end their sessions, export, erase, correct the age.
    PlayersManage = "players.manage";
    /// Look at players' saves.
    SavesRead = "saves.read";
    /// Look at analytics.
    AnalyticsRead = "analytics.read";
}

impl Permission {
    /// Whether it is about one project, so that a team can give it there.
    pub const fn is_of_project(self) -> bool {
        !matches!(
            self,
            Permission::OrgOwn | Permission::OrgManage | Permission::MembersManage | Permission::AuditRead
        )
    }
}

names! {
    /// The roles that every organisation has. Others are sets of permissions that it names itself.
    BuiltinRole, "built-in role":
    /// Everything; the last one stays.
    Owner = "owner";
    /// Everything but making owners.
    Admin = "admin";
    /// Builds the games: reads them and their players, manages keys.
    Developer = "developer";
    /// Reads analytics.
    Analyst = "analyst";
    /// Helps players.
    Support = "support";
    /// Nothing by itself: teams say what.
    Member = "member";
}

impl BuiltinRole {
    /// What the role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            BuiltinRole::Owner => P::ALL,
            BuiltinRole::Admin => &[
                P::OrgManage,
                P::MembersManage,
                P::AuditRead,
                P::GamesRead,
                P::GamesManage,
                P::KeysManage,
                P::PlayersRead,
                P::PlayersManage,
                P::SavesRead,
                P::AnalyticsRead,
            ],
            BuiltinRole::Developer => {
                &[P::GamesRead, P::KeysManage, P::PlayersRead, P::SavesRead, P::AnalyticsRead]
            }
            BuiltinRole::Analyst => &[P::GamesRead, P::AnalyticsRead],
            BuiltinRole::Support => &[P::GamesRead, P::PlayersRead, P::PlayersManage, P::SavesRead],
            BuiltinRole::Member => &[],
        }
    }
}

names! {
    /// What a server key may do.
    Scope, "scope":
    /// Read players.
    PlayersRead = "players:read";
    /// Act on players.
    PlayersWrite = "players:write";
    /// Read queues and their rule sets.
    MultiplayerRead = "multiplayer:read";
    /// Set queues' rule sets, and say how matches ended.
    MultiplayerWrite = "multiplayer:write";
}

impl Scope {
    /// What a person needs to give a key this scope: nobody gives what they do not have.
    pub const fn permission(self) -> Permission {
        match self {
            Scope::PlayersRead => Permission::PlayersRead,
            Scope::PlayersWrite => Permission::PlayersManage,
            Scope::MultiplayerRead => Permission::GamesRead,
            Scope::MultiplayerWrite => Permission::GamesManage,
        }
    }
}

names! {
    /// Which of a project's games.
    EnvironmentKind, "environment":
    /// For trying things out.
    Dev = "dev";
    /// For players.
    Live = "live";
}
