//! Organisations: members and their roles, invitations, teams, roles of their own.

use super::{Permission, shapes};
use crate::endpoint::{None, endpoint};
use crate::ids::{InvitationId, OrgId, PersonId, ProjectId, RoleId, TeamId};
use crate::page::{Page, PageQuery};

shapes! {
    /// An organisation, as one of its members sees it.
    pub struct Organisation {
        /// The organisation's id.
        pub id: OrgId,
        /// Its name.
        pub name: String,
        /// Whether its members need a second factor to act in it.
        pub require_second_factor: bool,
        /// The caller's role: a built-in role's name or a role's id.
        pub role: String,
        /// What the caller may do in the whole of it.
        pub permissions: Vec<Permission>,
        /// When it was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
    }

    /// A change of an organisation; absent fields stay.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct OrganisationChange {
        /// The name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// Whether members need a second factor. Who turns it on needs one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub require_second_factor: Option<bool>,
    }

    /// A person's place in an organisation.
    pub struct Member {
        /// The person's id.
        pub person_id: PersonId,
        /// Their email.
        pub email: String,
        /// Their name.
        pub display_name: String,
        /// Their role: a built-in role's name or a role's id.
        pub role: String,
        /// Whether they have a second factor.
        pub second_factor: bool,
        /// When they joined, milliseconds since 1970 UTC.
        pub joined_at_ms: i64,
    }

    /// Another role for a member.
    #[serde(deny_unknown_fields)]
    pub struct MemberChange {
        /// A built-in role's name or a role's id.
        pub role: String,
    }

    /// An invitation that is open.
    pub struct Invitation {
        /// The invitation's id.
        pub id: InvitationId,
        /// Whom it is for.
        pub email: String,
        /// The role that they will have.
        pub role: String,
        /// When it was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
        /// When it ends.
        pub expires_at_ms: i64,
    }

    /// Someone to invite.
    #[serde(deny_unknown_fields)]
    pub struct NewInvitation {
        /// Their email.
        pub email: String,
        /// The role that they will have.
        pub role: String,
    }

    /// A role that an organisation made.
    pub struct Role {
        /// The role's id.
        pub id: RoleId,
        /// Its name, unique in the organisation.
        pub name: String,
        /// What it may do.
        pub permissions: Vec<Permission>,
    }

    /// A role as it should be.
    #[serde(deny_unknown_fields)]
    pub struct RoleRequest {
        /// Its name.
        pub name: String,
        /// What it may do.
        pub permissions: Vec<Permission>,
    }

    /// A team: its members have its role on its projects, besides their own.
    pub struct Team {
        /// The team's id.
        pub id: TeamId,
        /// Its name, unique in the organisation.
        pub name: String,
        /// What its members are on its projects: a built-in role's name or a role's id.
        pub role: String,
        /// Its members.
        pub members: Vec<PersonId>,
        /// Its projects.
        pub projects: Vec<ProjectId>,
    }

    /// A team as it should be.
    #[serde(deny_unknown_fields)]
    pub struct TeamRequest {
        /// Its name.
        pub name: String,
        /// What its members are on its projects.
        pub role: String,
    }
}

endpoint!(
    /// Lists the caller's organisations.
    ListOrgs, "studio_list_orgs", Get "/api/v1/studio/orgs", Studio, 200, PageQuery, None => Page<Organisation>);
endpoint!(
    /// Reads an organisation.
    GetOrg, "studio_get_org", Get "/api/v1/studio/orgs/{org_id}", Studio, 200, None, None => Organisation);
endpoint!(
    /// Changes an organisation.
    PutOrg, "studio_put_org", Put "/api/v1/studio/orgs/{org_id}", Studio, 200, None, OrganisationChange => Organisation);
endpoint!(
    /// Lists an organisation's members.
    ListMembers, "studio_list_members", Get "/api/v1/studio/orgs/{org_id}/members", Studio, 200, PageQuery, None => Page<Member>);
endpoint!(
    /// Gives a member another role.
    PutMember, "studio_put_member", Put "/api/v1/studio/orgs/{org_id}/members/{person_id}", Studio, 204, None, MemberChange => None);
endpoint!(
    /// Removes a member; anyone may leave.
    RemoveMember, "studio_remove_member", Delete "/api/v1/studio/orgs/{org_id}/members/{person_id}", Studio, 204, None, None => None);
endpoint!(
    /// Lists the invitations that are open.
    ListInvitations, "studio_list_invitations", Get "/api/v1/studio/orgs/{org_id}/invitations", Studio, 200, PageQuery, None => Page<Invitation>);
endpoint!(
    /// Invites someone. The code goes by mail to them and to nobody else.
    CreateInvitation, "studio_create_invitation", Post "/api/v1/studio/orgs/{org_id}/invitations", Studio, 201, None, NewInvitation => Invitation);
endpoint!(
    /// Takes an invitation back.
    RevokeInvitation, "studio_revoke_invitation", Delete "/api/v1/studio/orgs/{org_id}/invitations/{invitation_id}", Studio, 204, None, None => None);
endpoint!(
    /// Lists the roles that the organisation made.
    ListRoles, "studio_list_roles", Get "/api/v1/studio/orgs/{org_id}/roles", Studio, 200, PageQuery, None => Page<Role>);
endpoint!(
    /// Makes a role.
    CreateRole, "studio_create_role", Post "/api/v1/studio/orgs/{org_id}/roles", Studio, 201, None, RoleRequest => Role);
endpoint!(
    /// Changes a role, for all who have it.
    PutRole, "studio_put_role", Put "/api/v1/studio/orgs/{org_id}/roles/{role_id}", Studio, 200, None, RoleRequest => Role);
endpoint!(
    /// Deletes a role that nobody has.
    DeleteRole, "studio_delete_role", Delete "/api/v1/studio/orgs/{org_id}/roles/{role_id}", Studio, 204, None, None => None);
endpoint!(
    /// Lists the teams.
    ListTeams, "studio_list_teams", Get "/api/v1/studio/orgs/{org_id}/teams", Studio, 200, PageQuery, None => Page<Team>);
endpoint!(
    /// Makes a team.
    CreateTeam, "studio_create_team", Post "/api/v1/studio/orgs/{org_id}/teams", Studio, 201, None, TeamRequest => Team);
endpoint!(
    /// Changes a team.
    PutTeam, "studio_put_team", Put "/api/v1/studio/orgs/{org_id}/teams/{team_id}", Studio, 200, None, TeamRequest => Team);
endpoint!(
    /// Deletes a team.
    DeleteTeam, "studio_delete_team", Delete "/api/v1/studio/orgs/{org_id}/teams/{team_id}", Studio, 204, None, None => None);
endpoint!(
    /// Puts a member into a team.
    AddTeamMember, "studio_add_team_member", Put "/api/v1/studio/orgs/{org_id}/teams/{team_id}/members/{person_id}", Studio, 204, None, None => None);
endpoint!(
    /// Takes a member out of a team.
    RemoveTeamMember, "studio_remove_team_member", Delete "/api/v1/studio/orgs/{org_id}/teams/{team_id}/members/{person_id}", Studio, 204, None, None => None);
endpoint!(
    /// Gives a team a project.
    AddTeamProject, "studio_add_team_project", Put "/api/v1/studio/orgs/{org_id}/teams/{team_id}/projects/{project_id}", Studio, 204, None, None => None);
endpoint!(
    /// Takes a project from a team.
    RemoveTeamProject, "studio_remove_team_project", Delete "/api/v1/studio/orgs/{org_id}/teams/{team_id}/projects/{project_id}", Studio, 204, None, None => None);
