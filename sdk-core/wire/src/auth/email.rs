//! Email addresses and passwords: verification, change, reset.
//!
//! A mail carries one single-use code, 16 letters and digits in groups of four, in a link and in its text,
//! so that it can be typed into a game that has no browser.

use super::{LoggedIn, hidden};
use crate::endpoint::{None, endpoint};
use serde::{Deserialize, Serialize};

/// Characters of a mailed code, hyphens and spaces aside (Crockford's base 32, 80 bits).
pub const MAIL_CODE_CHARS: usize = 16;

/// The code of a verification or confirmation mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailRequest {
    /// The code; case, spaces and hyphens do not matter.
    pub code: String,
}

/// A new address for the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeEmailRequest {
    /// The new address. It counts once the code sent to it is given.
    pub email: String,
    /// The account's password; not needed when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A new password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordRequest {
    /// The password until now; not needed when the account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// 8 to 256 characters.
    pub new_password: String,
}

/// A request for a mail that resets the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgotPasswordRequest {
    /// The account's address.
    pub email: String,
}

/// A new password, by the code of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetPasswordRequest {
    /// The code; case, spaces and hyphens do not matter.
    pub code: String,
    /// 8 to 256 characters.
    pub new_password: String,
}

hidden!(
    VerifyEmailRequest,
    ChangeEmailRequest,
    ChangePasswordRequest,
    ForgotPasswordRequest,
    ResetPasswordRequest,
);

endpoint!(
    /// Sends the caller's verification mail again.
    SendVerification, "send_verification", Post "/api/v1/auth/email/send", Player, 204, None, None => None);
endpoint!(
    /// Confirms an address with the code of a mail.
    VerifyEmail, "verify_email", Post "/api/v1/auth/email/verify", Public, 204, None, VerifyEmailRequest => None);
endpoint!(
    /// Begins a change of the caller's address: a code goes to the new one, a notice to the old one.
    ChangeEmail, "change_email", Post "/api/v1/auth/email/change", Player, 204, None, ChangeEmailRequest => None);
endpoint!(
    /// Changes the caller's password, ends every session and answers with a new one.
    ChangePassword, "change_password", Post "/api/v1/auth/password/change", Player, 200, None, ChangePasswordRequest => LoggedIn);
endpoint!(
    /// Sends a mail that resets the password, if the address has an account; the answer is the same if not.
    ForgotPassword, "forgot_password", Post "/api/v1/auth/password/forgot", Public, 204, None, ForgotPasswordRequest => None);
endpoint!(
    /// Sets a new password by the code of a mail, and ends every session.
    ResetPassword, "reset_password", Post "/api/v1/auth/password/reset", Public, 204, None, ResetPasswordRequest => None);
