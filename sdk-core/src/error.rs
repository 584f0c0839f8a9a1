//! The one error type of the SDK.

use aethex_wire::auth::identities::MergeConflict;
use aethex_wire::proof::Challenge;
use aethex_wire::saves::Conflict;
use aethex_wire::{ErrorCode, Problem};
use std::time::Duration;

/// Why something did not happen, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The stable code to branch on.
    pub code: ErrorCode,
    /// What happened and what to do next, in words for a developer's log.
    pub message: String,
    /// Whether the same call may succeed later, unchanged.
    pub retryable: bool,
    /// How long to wait before that, when the server said so.
    pub retry_after: Option<Duration>,
    /// The id under which the server logged the request.
    pub request_id: Option<String>,
    /// For [`ErrorCode::SavesConflict`]: what the cloud holds.
    pub conflict: Option<Box<Conflict>>,
    /// For [`ErrorCode::MergeConflict`]: the slots that both accounts have.
    pub merge: Option<Box<MergeConflict>>,
    /// For [`ErrorCode::ProofRequired`] and [`ErrorCode::InvalidProof`]: what the backend wants answered.
    pub challenge: Option<Box<Challenge>>,
}

impl Error {
    /// An error of this kind, with words for this occurrence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            retryable: code.retryable(),
            retry_after: None,
            request_id: None,
            conflict: None,
            merge: None,
            challenge: None,
        }
    }

    pub(crate) fn not_logged_in() -> Error {
        Error::new(ErrorCode::NotLoggedIn, "no player is logged in: log in first")
    }

    pub(crate) fn shut_down() -> Error {
        Error::new(ErrorCode::ShutDown, "the SDK has been shut down")
    }

    pub(crate) fn cancelled() -> Error {
        Error::new(ErrorCode::Cancelled, "the request was cancelled")
    }

    pub(crate) fn fault() -> Error {
        Error::new(ErrorCode::SdkFault, "the SDK failed inside (a panic was caught): please report it")
    }

    pub(crate) fn argument(message: impl Into<String>) -> Error {
        Error::new(ErrorCode::InvalidArgument, message)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Error {
        Error::new(ErrorCode::Protocol, message)
    }

    /// Storage refused; `doing` completes "while …". The path stays out of the message: it may name the user.
    pub(crate) fn storage(doing: &str, error: &std::io::Error) -> Error {
        Error::new(ErrorCode::Storage, format!("this device's storage failed while {doing}: {error}"))
    }

    pub(crate) fn saves_conflict(conflict: Conflict, message: impl Into<String>) -> Error {
        Error { conflict: Some(Box::new(conflict)), ..Error::new(ErrorCode::SavesConflict, message) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error {
            code: problem.code,
            message: problem.detail,
            retryable: problem.retryable,
            retry_after: None,
            request_id: problem.request_id,
            conflict: problem.conflict,
            merge: problem.merge,
            challenge: problem.challenge,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}
