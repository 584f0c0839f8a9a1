//! Privacy as a studio looks after it: a player's export, erasure and age on the player's behalf, and the
//! policies of an environment. The rules and bounds are those of [`crate::privacy`].

use super::shapes;
use crate::endpoint::{None, endpoint};
use crate::privacy::{AgeBand, Export, Policies, Policy, Receipt};

shapes! {
    /// An erasure of a player on their behalf.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct PlayerErasureRequest {
        /// Seconds until the erasure, in which the player can take it back: 0 to the configured time of grace,
        /// which holds when this is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub grace_s: Option<i64>,
    }

    /// A player's age as it should have been said.
    #[serde(deny_unknown_fields)]
    pub struct PlayerAgeRequest {
        /// The band; with `unknown` the player can say it again.
        pub age: AgeBand,
    }

    /// A version of a policy to publish. A published one never changes.
    #[serde(deny_unknown_fields)]
    pub struct PolicyRequest {
        /// The policy's name, for example `terms`: 1 to 64 letters, digits, `_` and `-`.
        pub policy: String,
        /// Its version: 1 to 64 letters, digits and `_-.+:`.
        pub version: String,
        /// Where it can be read; begins with `https://`.
        pub url: String,
        /// Whether the game cannot be used without accepting it.
        pub required: bool,
    }
}

endpoint!(
    /// Asks for an export of everything that is known of a player, as the player can.
    StartPlayerExport, "studio_start_player_export", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/exports", Studio, 202, None, None => Export);
endpoint!(
    /// Reads how far an export of a player is.
    GetPlayerExport, "studio_get_player_export", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/exports/{export_id}", Studio, 200, None, None => Export);
endpoint!(
    /// Downloads a player's archive (`application/zip`).
    DownloadPlayerExport, "studio_download_player_export", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/exports/{export_id}/archive", Studio, 200, None, None => None);
endpoint!(
    /// Asks for the erasure of a player; one that is under way already stands as it is.
    StartPlayerErasure, "studio_start_player_erasure", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/erasure", Studio, 202, None, PlayerErasureRequest => Receipt);
endpoint!(
    /// Corrects the age that a player said.
    CorrectPlayerAge, "studio_correct_player_age", Put "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/players/{user_id}/age", Studio, 204, None, PlayerAgeRequest => None);
endpoint!(
    /// Lists the newest version of each policy of an environment.
    ListStudioPolicies, "studio_list_policies", Get "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/policies", Studio, 200, None, None => Policies);
endpoint!(
    /// Publishes a version of a policy; players are asked to accept it from now on.
    PublishPolicy, "studio_publish_policy", Post "/api/v1/studio/orgs/{org_id}/projects/{project_id}/{environment}/policies", Studio, 201, None, PolicyRequest => Policy);
