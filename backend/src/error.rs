//! Failures of a request: each becomes a problem document (RFC 9457).
//!
//! The constructors read as sentences. What went wrong inside is logged once, under the request id, and
//! never sent.

use crate::ports::sql::SqlError;
use aethex_wire::{ErrorCode, Problem};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// A request's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    retry_after_s: Option<u64>,
    fault: Option<String>,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// Seconds a shed caller waits: long enough to drain a queue, short enough for a player.
const RETRY_AFTER_OVERLOADED_S: u64 = 2;

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Failure {
        Failure { problem: Box::new(Problem::new(code, detail)), retry_after_s: None, fault: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Failure {
        Failure::new(ErrorCode::InvalidRequest, detail)
    }

    pub(crate) fn not_found() -> Failure {
        Failure::new(ErrorCode::NotFound, "Nothing is here, or it is not yours.")
    }

    pub(crate) fn unauthenticated() -> Failure {
        Failure::new(ErrorCode::Unauthenticated, "Send a valid access token: log in, or refresh the session.")
    }

    pub(crate) fn session_ended() -> Failure {
        Failure::new(ErrorCode::SessionEnded, "This session has ended: log in again.")
    }

    pub(crate) fn overloaded() -> Failure {
        Failure::new(ErrorCode::Overloaded, "The server is at its limit: try again shortly.")
            .retry_after(RETRY_AFTER_OVERLOADED_S)
    }

    pub(crate) fn rate_limited(wait_s: u64) -> Failure {
        Failure::new(ErrorCode::RateLimited, format!("Too many attempts: try again in {wait_s} seconds."))
            .retry_after(wait_s)
    }

    /// The blob store failed. One that cannot be asked now is to be asked again later.
    pub(crate) fn blob(error: &std::io::Error) -> Failure {
        let what = format!("the blob store failed: {error}");
        if !crate::ports::blob::is_unavailable(error) {
            return Failure::internal(what);
        }
        let mut failure = Failure::new(
            ErrorCode::Overloaded,
            "The server's storage does not answer: nothing is lost, try again shortly.",
        )
        .retry_after(RETRY_AFTER_OVERLOADED_S);
        failure.fault = Some(what);
        failure
    }

    /// A fault of ours: `what` is logged, not sent.
    pub(crate) fn internal(what: impl Into<String>) -> Failure {
        let mut failure = Failure::new(ErrorCode::Internal, "The server failed; the fault is logged.");
        failure.fault = Some(what.into());
        failure
    }

    pub(crate) fn conflict(conflict: aethex_wire::saves::Conflict) -> Failure {
        let mut failure = Failure::new(
            ErrorCode::SavesConflict,
            "The slot has a newer version. The version sent is kept beside it: merge both, or choose one.",
        );
        failure.problem.conflict = Some(Box::new(conflict));
        failure
    }

    /// A refusal that brings the challenge to answer: `proof_required`, `invalid_proof`.
    pub(crate) fn challenged(
        code: ErrorCode,
        detail: &'static str,
        challenge: aethex_wire::proof::Challenge,
    ) -> Failure {
        let mut failure = Failure::new(code, detail);
        failure.problem.challenge = Some(Box::new(challenge));
        failure
    }

    /// Both accounts have slots of the same name.
    pub(crate) fn merge_conflict(merge: aethex_wire::auth::identities::MergeConflict) -> Failure {
        let mut failure = Failure::new(
            ErrorCode::MergeConflict,
            "Both accounts have these slots: repeat the request with `slots` saying which to keep.",
        );
        failure.problem.merge = Some(Box::new(merge));
        failure
    }

    /// The same, with the seconds after which asking again makes sense.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Failure {
        self.retry_after_s = Some(seconds);
        self
    }

    /// What a command line says of it.
    pub(crate) fn words(&self) -> &str {
        self.fault.as_deref().unwrap_or(&self.problem.detail)
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.problem.code
    }

    /// The problem, for an answer that tells of several; a fault is logged here.
    pub(crate) fn into_problem(self) -> Problem {
        if let Some(fault) = &self.fault {
            tracing::error!(code = self.problem.code.as_str(), %fault, "a part of a request failed");
        }
        *self.problem
    }

    /// What went wrong inside, for the log.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.fault.as_deref().unwrap_or(&self.problem.detail))
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Failure {
        match error {
            SqlError::Busy => Failure::overloaded(),
            other => Failure::internal(other.to_string()),
        }
    }
}

/// The failure of an answer, for the gateway: it adds the request id and logs the fault.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) problem: Box<Problem>,
    pub(crate) fault: Option<String>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Failed { problem: self.problem, fault: self.fault });
        response
    }
}
