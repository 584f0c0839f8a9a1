//! A studio's people: made by invitation, log in with email, password and, when it is set up, a second factor.

use super::{secret_shapes, shapes};
use crate::endpoint::{None, endpoint};
use crate::ids::{OrgId, PersonId, SessionId};
use crate::page::{Page, PageQuery};

/// Recovery codes given out at once.
pub const RECOVERY_CODES: usize = 10;

shapes! {
    /// One of a studio's people, as they see themselves.
    pub struct Person {
        /// The person's id.
        pub id: PersonId,
        /// The email that they log in with.
        pub email: String,
        /// The name to show.
        pub display_name: String,
        /// Whether a second factor is set up.
        pub second_factor: bool,
        /// Recovery codes that are left.
        pub recovery_codes_left: i64,
        /// When the person was made, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
    }

    /// One login of a person.
    pub struct StudioSession {
        /// The session's id.
        pub id: SessionId,
        /// Name of the device, as it gave it.
        pub device_name: String,
        /// Whether the second factor was given.
        pub second_factor: bool,
        /// When it began, milliseconds since 1970 UTC.
        pub created_at_ms: i64,
        /// When it was last used, to five minutes.
        pub last_seen_at_ms: i64,
        /// When it ends if it is not used.
        pub expires_at_ms: i64,
        /// Whether it is the session that asks.
        pub current: bool,
    }

    /// Answer to an invitation that was accepted.
    pub struct Accepted {
        /// Who is a member now.
        pub person: Person,
        /// Of which organisation.
        pub org_id: OrgId,
        /// A first session, for a person who is new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub session: Option<StudioToken>,
    }

    /// Answer to a login.
    pub struct StudioLoggedIn {
        /// Who logged in.
        pub person: Person,
        /// The session.
        pub session: StudioToken,
    }
}

secret_shapes! {
    /// A session's token.
    pub struct StudioToken {
        /// `st_…`, for the `Authorization: Bearer` header.
        pub token: String,
        /// The session it belongs to.
        pub session_id: SessionId,
        /// When it ends if it is not used, milliseconds since 1970 UTC. Use moves it on.
        pub expires_at_ms: i64,
    }

    /// A login.
    #[serde(deny_unknown_fields)]
    pub struct StudioLoginRequest {
        /// The person's email.
        pub email: String,
        /// The person's password.
        pub password: String,
        /// The second factor's code, or a recovery code; asked for by `second_factor_required`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<String>,
        /// Name of the device, shown in the list of sessions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device_name: Option<String>,
    }

    /// The acceptance of an invitation. A person who exists sends their token and no password.
    #[serde(deny_unknown_fields)]
    pub struct AcceptInvitationRequest {
        /// The invitation's code; case, spaces and hyphens do not matter.
        pub code: String,
        /// For a new person: 8 to 256 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password: Option<String>,
        /// For a new person: the name to show; the email's first part when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub display_name: Option<String>,
    }

    /// A new password. Every other session ends.
    #[serde(deny_unknown_fields)]
    pub struct ChangeStudioPasswordRequest {
        /// The password so far.
        pub password: String,
        /// The new one: 8 to 256 characters.
        pub new_password: String,
        /// The second factor's code, when one is set up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<String>,
    }

    /// The password again, before something that a stolen token must not do.
    #[serde(deny_unknown_fields)]
    pub struct ConfirmedRequest {
        /// The person's password.
        pub password: String,
        /// The second factor's code, when one is set up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<String>,
    }

    /// A second factor in the making: nothing holds before it is confirmed.
    pub struct TotpSecret {
        /// The secret in base32, for typing in.
        pub secret: String,
        /// The same as an `otpauth://` address, for a QR code.
        pub uri: String,
    }

    /// A code of the second factor.
    #[serde(deny_unknown_fields)]
    pub struct TotpCode {
        /// Six digits.
        pub code: String,
    }

    /// Codes that stand in for the second factor, each once. They are not shown again.
    pub struct RecoveryCodes {
        /// The codes.
        pub codes: Vec<String>,
    }
}

endpoint!(
    /// Accepts an invitation, making the person when they are new.
    AcceptInvitation, "studio_accept_invitation", Post "/api/v1/studio/invitations/accept", StudioPublic, 201, None, AcceptInvitationRequest => Accepted);
endpoint!(
    /// Logs one of the studio's people in.
    StudioLogin, "studio_login", Post "/api/v1/studio/auth/login", StudioPublic, 200, None, StudioLoginRequest => StudioLoggedIn);
endpoint!(
    /// Ends the caller's session.
    StudioLogout, "studio_logout", Post "/api/v1/studio/auth/logout", Studio, 204, None, None => None);
endpoint!(
    /// Reads who calls.
    GetMe, "studio_get_me", Get "/api/v1/studio/me", Studio, 200, None, None => Person);
endpoint!(
    /// Changes the caller's password and ends every other session.
    ChangeStudioPassword, "studio_change_password", Put "/api/v1/studio/me/password", Studio, 204, None, ChangeStudioPasswordRequest => None);
endpoint!(
    /// Lists the caller's sessions, last seen first.
    ListStudioSessions, "studio_list_sessions", Get "/api/v1/studio/me/sessions", Studio, 200, PageQuery, None => Page<StudioSession>);
endpoint!(
    /// Ends one session of the caller.
    EndStudioSession, "studio_end_session", Delete "/api/v1/studio/me/sessions/{session_id}", Studio, 204, None, None => None);
endpoint!(
    /// Begins to set up a second factor (RFC 6238).
    StartTotp, "studio_start_totp", Post "/api/v1/studio/me/totp", Studio, 200, None, ConfirmedRequest => TotpSecret);
endpoint!(
    /// Confirms the second factor with its first code; it is asked for from now on. Other sessions end.
    ConfirmTotp, "studio_confirm_totp", Post "/api/v1/studio/me/totp/confirm", Studio, 200, None, TotpCode => RecoveryCodes);
endpoint!(
    /// Gives up the second factor.
    RemoveTotp, "studio_remove_totp", Post "/api/v1/studio/me/totp/remove", Studio, 204, None, ConfirmedRequest => None);
endpoint!(
    /// Makes new recovery codes; the old ones no longer hold.
    RenewRecoveryCodes, "studio_renew_recovery_codes", Post "/api/v1/studio/me/recovery-codes", Studio, 200, None, ConfirmedRequest => RecoveryCodes);
