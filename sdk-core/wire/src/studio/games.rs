//! Projects: a game as its studio sees it. Each has the environments `dev` and `live`, games of their own with
//! players of their own, and those have client keys, server keys and the players that support looks after.

use super::{EnvironmentKind, Permission, Scope, secret_shapes, shapes};
use crate::auth::User;
use crate::endpoint::{None, endpoint};
use crate::ids::{GameId, ProjectId, ServerKeyId};
use crate::page::{Page, PageQuery};

/// Server keys that an environment may have at once; revoked ones do not count.
pub const SERVER_KEYS_MAX: i64 = 50;
/// Client keys that an environment may have at once; revoked ones do not count.
pub const CLIENT_KEYS_MAX: i64 = 50;
/// Seconds that a secret holds on after its successor was made, when nothing else is said.
pub const ROTATION_OVERLAP_DEFAULT_S: i64 = 24 * 3600;
/// Most seconds that it may hold on.
pub const ROTATION_OVERLAP_MAX_S: i64 = 30 * 24 * 3600;

shapes! {
    /// A project.
    pub struct Project {
        /// The project's id.
        pub id: ProjectId,
        /// Its name, unique in the organisation.
        pub name: String,
        /// Its environments.
        pub environments: Vec<Environment>,
        /// What the caller may do here.
        pub permissions: Vec<Permission>,
        /// When it was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
    }

    /// One of a project's games.
    pub struct Environment {
        /// Which.
        pub kind: EnvironmentKind,
        /// The game's id: the audience of its access tokens.
        pub game_id: GameId,
    }

    /// A project as it should be.
    #[serde(deny_unknown_fields)]
    pub struct ProjectRequest {
        /// Its name.
        pub name: String,
    }

    /// A publishable client key: it names the game and is no secret.
    pub struct ClientKey {
        /// The key, `pk_…`.
        pub key: String,
        /// What it is for.
        pub name: String,
        /// When it was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
        /// When it was revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub revoked_at_ms: Option<i64>,
    }

    /// A client key to make.
    #[serde(deny_unknown_fields)]
    pub struct NewClientKey {
        /// What it is for.
        pub name: String,
    }

    /// A server key, without its secret.
    pub struct ServerKey {
        /// The key's id.
        pub id: ServerKeyId,
        /// What it is for.
        pub name: String,
        /// What it may do.
        pub scopes: Vec<Scope>,
        /// When it was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
        /// When it was last used, to the hour.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_used_at_ms: Option<i64>,
        /// When it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at_ms: Option<i64>,
        /// Until when the secret before the last rotation holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous_until_ms: Option<i64>,
        /// When it was revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub revoked_at_ms: Option<i64>,
    }

    /// A server key to make.
    #[serde(deny_unknown_fields)]
    pub struct NewServerKey {
        /// What it is for.
        pub name: String,
        /// What it may do: each scope needs the permission that it stands for.
        pub scopes: Vec<Scope>,
        /// When it ends, milliseconds since 1970 UTC; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at_ms: Option<i64>,
    }

    /// A new secret for a key.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct RotateRequest {
        /// Seconds that the old secret holds on: 0 to 30 days, a day when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub overlap_s: Option<i64>,
    }

    /// Which player is looked for.
    #[serde(deny_unknown_fields)]
    pub struct PlayerQuery {
        /// An id, an email or a username, whole.
        pub query: String,
    }

    /// Players that were found.
    pub struct FoundPlayers {
        /// None or one.
        pub items: Vec<User>,
    }

    /// How many sessions ended.
    pub struct SessionsEnded {
        /// So many.
        pub ended: i64,
    }
}

secret_shapes! {
    /// A server key with its secret, which is not shown again.
    pub struct ServerKeySecret {
        /// The key.
        pub key: ServerKey,
        /// `sk_<id>.<secret>`, for the `Authorization: Bearer` header.
        pub secret: String,
    }
}

endpoint!(
    /// Lists the projects that the caller may see.
    ListProjects, "studio_list_projects", Get "/api/v1/studio/orgs/{org_id}/projects", Studio, 200, PageQuery, None => Page<Project>);
endpoint!(
    /// Makes a project with its environments, each with a first client key.
    CreateProject, "studio_create_project", Post "/api/v1/studio/orgs/{org_id}/projects", Studio, 201, None, ProjectRequest => Project);
endpoint!(
    /// Reads a project.
    GetProject, "studio_get_project", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}", Studio, 200, None, None => Project);
endpoint!(
    /// Changes a project.
    PutProject, "studio_put_project", Put "/api/v1/studio/orgs/{org_id}/projects/{project_id}", Studio, 200, None, ProjectRequest => Project);
endpoint!(
    /// Lists client keys, newest first.
    ListClientKeys, "studio_list_client_keys", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/client-keys", Studio, 200, PageQuery, None => Page<ClientKey>);
endpoint!(
    /// Makes a client key.
    CreateClientKey, "studio_create_client_key", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/client-keys", Studio, 201, None, NewClientKey => ClientKey);
endpoint!(
    /// Revokes a client key: within five seconds no server takes it.
    RevokeClientKey, "studio_revoke_client_key", Delete "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/client-keys/{client_key}", Studio, 204, None, None => None);
endpoint!(
    /// Lists server keys, newest first.
    ListServerKeys, "studio_list_server_keys", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/server-keys", Studio, 200, PageQuery, None => Page<ServerKey>);
endpoint!(
    /// Makes a server key.
    CreateServerKey, "studio_create_server_key", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/server-keys", Studio, 201, None, NewServerKey => ServerKeySecret);
endpoint!(
    /// Gives a server key a new secret; the old one holds on for a while.
    RotateServerKey, "studio_rotate_server_key", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/server-keys/{key_id}/rotate", Studio, 200, None, RotateRequest => ServerKeySecret);
endpoint!(
    /// Revokes a server key: within five seconds no server takes it.
    RevokeServerKey, "studio_revoke_server_key", Delete "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/server-keys/{key_id}", Studio, 204, None, None => None);
endpoint!(
    /// Looks a player up by id, email or username.
    FindPlayers, "studio_find_players", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players", Studio, 200, PlayerQuery, None => FoundPlayers);
endpoint!(
    /// Reads a player.
    GetStudioPlayer, "studio_get_player", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}", Studio, 200, None, None => User);
endpoint!(
    /// Ends every session of a player.
    EndStudioPlayerSessions, "studio_end_player_sessions", Delete "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/sessions", Studio, 200, None, None => SessionsEnded);
