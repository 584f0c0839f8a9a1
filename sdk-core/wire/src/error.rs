//! One list of error codes for every surface.
//!
//! The number is the C and GDScript constant, the name is the `code` of a problem document (RFC 9457),
//! the status is its HTTP status. Numbers are never reused; a range belongs to a feature:
//! general 1-99, auth 100-139, privacy 140-159, studio 160-199, saves 200-299, multiplayer 300-399, client-side 900-999.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $code:literal, $status:literal, $retry:literal;)+) => {
        /// What went wrong, as one stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl ErrorCode {
            /// Every code, in the order of its number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)+];

            /// The code's name in a problem document, for example `saves_conflict`.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $code,)+ }
            }

            /// The HTTP status that carries it; 0 for errors that only a client can raise.
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)+ }
            }

            /// Whether the same request may succeed later, unchanged.
            pub const fn retryable(self) -> bool {
                match self { $(ErrorCode::$name => $retry,)+ }
            }

            /// What the code means, in a sentence.
            pub const fn summary(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc),+),)+ }
            }

            /// The code of this name, [`ErrorCode::Unknown`] for any other.
            pub fn from_name(name: &str) -> ErrorCode {
                match name { $($code => ErrorCode::$name,)+ _ => ErrorCode::Unknown }
            }
        }
    };
}

error_codes! {
    /// The server failed; the fault is logged there under the request id.
    Internal = 1, "internal", 500, true;
    /// A code that this version does not know (a newer server); the message still says what happened.
    Unknown = 2, "unknown", 500, false;
    /// The request is malformed: the message names the field.
    InvalidRequest = 3, "invalid_request", 400, false;
    /// Nothing is at this address, or it is not yours.
    NotFound = 4, "not_found", 404, false;
    /// The address exists but not for this method.
    MethodNotAllowed = 5, "method_not_allowed", 405, false;
    /// The body or a part of it is larger than the limit in the message.
    TooLarge = 6, "too_large", 413, false;
    /// The body's media type or encoding is not accepted here.
    UnsupportedMediaType = 7, "unsupported_media_type", 415, false;
    /// Too many requests; wait for Retry-After.
    RateLimited = 8, "rate_limited", 429, true;
    /// The server is at its limit; wait for Retry-After.
    Overloaded = 9, "overloaded", 503, true;
    /// The request took too long to arrive.
    RequestTimeout = 10, "request_timeout", 408, true;
    /// The caller is known but may not do this.
    Forbidden = 11, "forbidden", 403, false;
    /// The idempotency key was used before with another request.
    IdempotencyMismatch = 12, "idempotency_mismatch", 422, false;
    /// The client key belongs to no game.
    UnknownClientKey = 13, "unknown_client_key", 401, false;

    /// No valid access token: log in, or refresh the session.
    Unauthenticated = 100, "unauthenticated", 401, false;
    /// The email and password do not belong together.
    InvalidCredentials = 101, "invalid_credentials", 401, false;
    /// An account with this email exists: log in instead.
    EmailTaken = 102, "email_taken", 409, false;
    /// The username is taken: choose another.
    UsernameTaken = 103, "username_taken", 409, false;
    /// The password is too short, too long or too common.
    WeakPassword = 104, "weak_password", 400, false;
    /// The email address is not valid.
    InvalidEmail = 105, "invalid_email", 400, false;
    /// The username breaks a rule named in the message.
    InvalidUsername = 106, "invalid_username", 400, false;
    /// The session has ended (logout, password change, expiry or reuse of a refresh token): log in again.
    SessionEnded = 107, "session_ended", 401, false;
    /// The profile changed since it was read: read it again, then repeat the change.
    ProfileConflict = 108, "profile_conflict", 412, false;
    /// The account's email is not verified: follow the mail, then log in.
    EmailUnverified = 109, "email_unverified", 403, false;
    /// A new account must answer the challenge in the answer, then repeat the request with the proof.
    ProofRequired = 110, "proof_required", 403, false;
    /// The proof does not answer its challenge, has expired or was used: answer the new challenge.
    InvalidProof = 111, "invalid_proof", 403, false;
    /// The code of a mail is wrong, used or expired: ask for a new one.
    InvalidCode = 112, "invalid_code", 400, false;
    /// This way in belongs to another account: log in to that account, then merge this one into it.
    IdentityTaken = 113, "identity_taken", 409, false;
    /// The last way into an account cannot be removed: link another one first.
    LastIdentity = 114, "last_identity", 409, false;
    /// An account with this email exists and may be another's: log in to it, then link the provider there.
    AccountExists = 115, "account_exists", 409, false;
    /// The provider's answer cannot be trusted, or the flow is over: begin again.
    OauthRefused = 116, "oauth_refused", 400, false;
    /// The provider cannot be reached.
    ProviderUnavailable = 117, "provider_unavailable", 503, true;
    /// No provider of this name is configured.
    UnknownProvider = 118, "unknown_provider", 404, false;
    /// Both accounts have slots of the same name: choose, with the list in the answer.
    MergeConflict = 119, "merge_conflict", 409, false;
    /// Too long ago that the player logged in: give the password, or log in again.
    LoginRequired = 120, "login_required", 403, false;
    /// The preferences changed since they were read: read them again, then repeat the change.
    PreferencesConflict = 121, "preferences_conflict", 412, false;
    /// The picture cannot be used as an avatar; the message says why.
    InvalidAvatar = 122, "invalid_avatar", 400, false;
    /// The account already has a way in of this kind.
    AlreadyLinked = 123, "already_linked", 409, false;

    /// The player has not consented to this.
    ConsentRequired = 140, "consent_required", 403, false;
    /// The player is a child, and no parent has consented.
    ParentRequired = 141, "parent_required", 403, false;
    /// No policy of this name and version is the newest.
    UnknownPolicy = 142, "unknown_policy", 404, false;
    /// The export is still being made.
    ExportPending = 143, "export_pending", 409, true;
    /// The age was said before; the game's support can correct it.
    AgeSaid = 144, "age_said", 409, false;

    /// A code of the second factor is needed.
    SecondFactorRequired = 160, "second_factor_required", 401, false;
    /// The code of the second factor is wrong or used.
    InvalidSecondFactor = 161, "invalid_second_factor", 401, false;
    /// An organisation keeps at least one owner.
    LastOwner = 162, "last_owner", 409, false;
    /// The name is taken in this organisation.
    NameTaken = 163, "name_taken", 409, false;
    /// The server key does not have the scope that the message names.
    MissingScope = 164, "missing_scope", 403, false;
    /// The server key is wrong, revoked or expired.
    InvalidServerKey = 165, "invalid_server_key", 401, false;

    /// The slot moved on since the parent: head and ancestor are in the answer, the sent version is kept.
    SavesConflict = 200, "saves_conflict", 409, false;
    /// No save in this slot.
    SaveNotFound = 201, "save_not_found", 404, false;
    /// The slot's name breaks a rule named in the message.
    InvalidSlot = 202, "invalid_slot", 400, false;
    /// The content does not match its hash: it was damaged on the way.
    HashMismatch = 203, "hash_mismatch", 400, true;
    /// The content is not a value that can be saved; the message says where.
    InvalidSave = 204, "invalid_save", 400, false;
    /// The player has no space or no slot left: delete a save first.
    QuotaExceeded = 205, "quota_exceeded", 403, false;
    /// A named parent is not a version of this slot.
    UnknownParent = 206, "unknown_parent", 409, false;
    /// No version with this id in the slot's history.
    VersionNotFound = 207, "version_not_found", 404, false;
    /// The patch's base is not at hand, or the patch does not give what its hash says: send the data in full.
    UnknownBase = 208, "unknown_base", 409, false;
    /// A part is named whose content is not stored: send its bytes.
    UnknownPart = 209, "unknown_part", 409, false;
    /// A part's name breaks a rule named in the message.
    InvalidPart = 210, "invalid_part", 400, false;
    /// The content is encrypted by the player's devices: the backend cannot read it.
    SealedSave = 211, "sealed_save", 409, false;
    /// A slot of this name exists: choose another name.
    SlotTaken = 212, "slot_taken", 409, false;
    /// No upload with this id: it was completed, given up or never begun.
    UploadNotFound = 213, "upload_not_found", 404, false;
    /// Chunks of the upload are missing or damaged: ask which, and send them.
    UploadIncomplete = 214, "upload_incomplete", 409, false;

    /// No room here, or it is not open to you.
    RoomNotFound = 300, "room_not_found", 404, false;
    /// Every seat of the room is taken.
    RoomFull = 301, "room_full", 409, true;
    /// The room is locked: nobody new comes in.
    RoomLocked = 302, "room_locked", 403, false;
    /// The room's password is wrong or missing.
    RoomPassword = 303, "room_password", 403, false;
    /// The player was sent out of this room and may not come back.
    RoomBanned = 304, "room_banned", 403, false;
    /// Only the room's host, or the party's leader, may do this.
    NotHost = 305, "not_host", 403, false;
    /// The player has no seat in this room.
    NotInRoom = 306, "not_in_room", 409, false;
    /// The player is in as many rooms as the game allows: leave one first.
    TooManyRooms = 307, "too_many_rooms", 409, false;
    /// The ticket is not valid here: it is forged, expired, used or for another relay. Join the room again.
    InvalidTicket = 308, "invalid_ticket", 401, false;
    /// The session is over; join the room again.
    RoomSessionEnded = 309, "room_session_ended", 401, false;
    /// What the player did not take of reliable messages is more than is kept for it.
    RelayOverflow = 310, "relay_overflow", 429, true;
    /// The frame or event is not one that is understood here; the message says why.
    InvalidFrame = 311, "invalid_frame", 400, false;
    /// The room is over.
    RoomClosed = 312, "room_closed", 410, false;
    /// The player was sent out of the room.
    RoomKicked = 313, "room_kicked", 403, false;
    /// Another connection of the player has taken the seat.
    SeatTakenOver = 314, "seat_taken_over", 409, false;
    /// The player has a ticket in a queue: take it back first.
    AlreadyQueued = 320, "already_queued", 409, false;
    /// No ticket with this id, or it is not yours.
    TicketNotFound = 321, "ticket_not_found", 404, false;
    /// The match is decided or gone.
    MatchOver = 322, "match_over", 409, false;
    /// The rule set cannot be used; the message names what is not understood.
    InvalidRules = 323, "invalid_rules", 400, false;
    /// The player declined matches of late; Retry-After says for how long.
    QueuePenalty = 324, "queue_penalty", 403, true;
    /// The queue is full; try again.
    MatchQueueFull = 325, "match_queue_full", 503, true;
    /// No match with this id that you played in.
    MatchNotFound = 326, "match_not_found", 404, false;
    /// The player is in no party.
    NotInParty = 330, "not_in_party", 409, false;
    /// The party is full, or larger than the queue's teams.
    PartyFull = 331, "party_full", 409, false;
    /// No party has this code.
    PartyNotFound = 332, "party_not_found", 404, false;
    /// No such channel, or you are not in it.
    ChannelNotFound = 340, "channel_not_found", 404, false;
    /// No such message, or it is not yours to change.
    MessageNotFound = 341, "message_not_found", 404, false;
    /// The message was refused by the game's moderation.
    MessageRefused = 342, "message_refused", 403, false;
    /// One of you blocked the other.
    Blocked = 343, "blocked", 403, false;
    /// No invitation with this id that stands.
    InviteNotFound = 344, "invite_not_found", 404, false;

    /// The request was cancelled before it completed.
    Cancelled = 900, "cancelled", 0, false;
    /// The backend cannot be reached; queued work is sent when it can.
    Offline = 901, "offline", 0, true;
    /// No answer in time.
    Timeout = 902, "timeout", 0, true;
    /// The device's storage refused: full, read-only or gone. Nothing was queued.
    Storage = 903, "storage", 0, false;
    /// An argument is not usable; the message says which and why.
    InvalidArgument = 904, "invalid_argument", 0, false;
    /// No player is logged in.
    NotLoggedIn = 905, "not_logged_in", 0, false;
    /// The SDK has been shut down.
    ShutDown = 906, "shut_down", 0, false;
    /// The server's answer does not follow the protocol.
    Protocol = 907, "protocol", 0, false;
    /// The queue of unsent work is full; go online or flush first.
    QueueFull = 908, "queue_full", 0, false;
    /// A handle that is null, freed or of another kind.
    InvalidHandle = 909, "invalid_handle", 0, false;
    /// The SDK itself failed (a panic was caught); please report it.
    SdkFault = 910, "sdk_fault", 0, false;
    /// The SDK is in a call of this kind already: make this one when that has returned.
    Busy = 911, "busy", 0, true;
    /// The system's browser cannot be opened, or its answer did not come.
    Browser = 912, "browser", 0, false;
    /// The save was written by a newer version of the game: update the game.
    NewerSchema = 913, "newer_schema", 0, false;
    /// The merge needs an answer that the game did not give; the message names the paths.
    MergeUnanswered = 914, "merge_unanswered", 0, false;
    /// The save cannot be decrypted: set the key that it was encrypted with.
    SaveKeyNeeded = 915, "save_key_needed", 0, false;
}

impl ErrorCode {
    /// The stable number, the same in C (`AETHEX_ERROR_…`) and GDScript.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code with this number; [`ErrorCode::Unknown`] for one that this version does not know.
    pub fn from_number(number: u16) -> ErrorCode {
        Self::ALL.iter().copied().find(|code| code.number() == number).unwrap_or(ErrorCode::Unknown)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(ErrorCode::from_name(&name))
    }
}

/// The body of every error answer: a problem document (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A stable address for this kind of problem: `/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words; the same for every occurrence.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// The stable code to branch on.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub code: ErrorCode,
    /// What happened this time and what to do next.
    pub detail: String,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The id under which the server logged the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For `saves_conflict`: what the slot holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Box<crate::saves::Conflict>>,
    /// For `proof_required` and `invalid_proof`: what to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Box<crate::proof::Challenge>>,
    /// For `merge_conflict`: what both accounts have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Box<crate::auth::identities::MergeConflict>>,
}

impl Problem {
    /// A problem of this kind with a message for this occurrence.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("/errors/{code}"),
            title: code.summary().trim().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            retryable: code.retryable(),
            request_id: None,
            conflict: None,
            challenge: None,
            merge: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_sorted() {
        let numbers: Vec<u16> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let mut names: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn codes_survive_json_and_unknown_ones_do_not_fail() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), *code);
            assert_eq!(ErrorCode::from_number(code.number()), *code);
        }
        assert_eq!(serde_json::from_str::<ErrorCode>("\"from_2031\"").unwrap(), ErrorCode::Unknown);
    }
}
