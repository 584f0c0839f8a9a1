//! The codes of errors as constants, `AeThexCloud.ERROR_…`: the same numbers as in C and on the wire.

use crate::cloud::AeThexCloud;
use aethex_sdk_core::ErrorCode;
use godot::register::godot_api;

/// A code as GDScript sees it.
const fn number(code: ErrorCode) -> i64 {
    code.number() as i64
}

#[godot_api(secondary)]
impl AeThexCloud {
    /// The server failed; the fault is logged there under the request id.
    #[constant]
    const ERROR_INTERNAL: i64 = number(ErrorCode::Internal);
    /// A code that this version does not know (a newer server); the message still says what happened.
    #[constant]
    const ERROR_UNKNOWN: i64 = number(ErrorCode::Unknown);
    /// The request is malformed: the message names the field.
    #[constant]
    const ERROR_INVALID_REQUEST: i64 = number(ErrorCode::InvalidRequest);
    /// Nothing is at this address, or it is not yours.
    #[constant]
    const ERROR_NOT_FOUND: i64 = number(ErrorCode::NotFound);
    /// The address exists but not for this method.
    #[constant]
    const ERROR_METHOD_NOT_ALLOWED: i64 = number(ErrorCode::MethodNotAllowed);
    /// The body or a part of it is larger than the limit in the message.
    #[constant]
    const ERROR_TOO_LARGE: i64 = number(ErrorCode::TooLarge);
    /// The body's media type or encoding is not accepted here.
    #[constant]
    const ERROR_UNSUPPORTED_MEDIA_TYPE: i64 = number(ErrorCode::UnsupportedMediaType);
    /// Too many requests; wait for Retry-After.
    #[constant]
    const ERROR_RATE_LIMITED: i64 = number(ErrorCode::RateLimited);
    /// The server is at its limit; wait for Retry-After.
    #[constant]
    const ERROR_OVERLOADED: i64 = number(ErrorCode::Overloaded);
    /// The request took too long to arrive.
    #[constant]
    const ERROR_REQUEST_TIMEOUT: i64 = number(ErrorCode::RequestTimeout);
    /// The caller is known but may not do this.
    #[constant]
    const ERROR_FORBIDDEN: i64 = number(ErrorCode::Forbidden);
    /// The idempotency key was used before with another request.
    #[constant]
    const ERROR_IDEMPOTENCY_MISMATCH: i64 = number(ErrorCode::IdempotencyMismatch);
    /// The client key belongs to no game.
    #[constant]
    const ERROR_UNKNOWN_CLIENT_KEY: i64 = number(ErrorCode::UnknownClientKey);
    /// No valid access token: log in, or refresh the session.
    #[constant]
    const ERROR_UNAUTHENTICATED: i64 = number(ErrorCode::Unauthenticated);
    /// The email and password do not belong together.
    #[constant]
    const ERROR_INVALID_CREDENTIALS: i64 = number(ErrorCode::InvalidCredentials);
    /// An account with this email exists: log in instead.
    #[constant]
    const ERROR_EMAIL_TAKEN: i64 = number(ErrorCode::EmailTaken);
    /// The username is taken: choose another.
    #[constant]
    const ERROR_USERNAME_TAKEN: i64 = number(ErrorCode::UsernameTaken);
    /// The password is too short, too long or too common.
    #[constant]
    const ERROR_WEAK_PASSWORD: i64 = number(ErrorCode::WeakPassword);
    /// The email address is not valid.
    #[constant]
    const ERROR_INVALID_EMAIL: i64 = number(ErrorCode::InvalidEmail);
    /// The username breaks a rule named in the message.
    #[constant]
    const ERROR_INVALID_USERNAME: i64 = number(ErrorCode::InvalidUsername);
    /// The session has ended (logout, password change, expiry or reuse of a refresh token): log in again.
    #[constant]
    const ERROR_SESSION_ENDED: i64 = number(ErrorCode::SessionEnded);
    /// The profile changed since it was read: read it again, then repeat the change.
    #[constant]
    const ERROR_PROFILE_CONFLICT: i64 = number(ErrorCode::ProfileConflict);
    /// The account's email is not verified: follow the mail, then log in.
    #[constant]
    const ERROR_EMAIL_UNVERIFIED: i64 = number(ErrorCode::EmailUnverified);
    /// A new account must answer the challenge in the answer, then repeat the request with the proof.
    #[constant]
    const ERROR_PROOF_REQUIRED: i64 = number(ErrorCode::ProofRequired);
    /// The proof does not answer its challenge, has expired or was used: answer the new challenge.
    #[constant]
    const ERROR_INVALID_PROOF: i64 = number(ErrorCode::InvalidProof);
    /// The code of a mail is wrong, used or expired: ask for a new one.
    #[constant]
    const ERROR_INVALID_CODE: i64 = number(ErrorCode::InvalidCode);
    /// This way in belongs to another account: log in to that account, then merge this one into it.
    #[constant]
    const ERROR_IDENTITY_TAKEN: i64 = number(ErrorCode::IdentityTaken);
    /// The last way into an account cannot be removed: link another one first.
    #[constant]
    const ERROR_LAST_IDENTITY: i64 = number(ErrorCode::LastIdentity);
    /// An account with this email exists and may be another's: log in to it, then link the provider there.
    #[constant]
    const ERROR_ACCOUNT_EXISTS: i64 = number(ErrorCode::AccountExists);
    /// The provider's answer cannot be trusted, or the flow is over: begin again.
    #[constant]
    const ERROR_OAUTH_REFUSED: i64 = number(ErrorCode::OauthRefused);
    /// The provider cannot be reached.
    #[constant]
    const ERROR_PROVIDER_UNAVAILABLE: i64 = number(ErrorCode::ProviderUnavailable);
    /// No provider of this name is configured.
    #[constant]
    const ERROR_UNKNOWN_PROVIDER: i64 = number(ErrorCode::UnknownProvider);
    /// Both accounts have slots of the same name: choose, with the list in the answer.
    #[constant]
    const ERROR_MERGE_CONFLICT: i64 = number(ErrorCode::MergeConflict);
    /// Too long ago that the player logged in: give the password, or log in again.
    #[constant]
    const ERROR_LOGIN_REQUIRED: i64 = number(ErrorCode::LoginRequired);
    /// The preferences changed since they were read: read them again, then repeat the change.
    #[constant]
    const ERROR_PREFERENCES_CONFLICT: i64 = number(ErrorCode::PreferencesConflict);
    /// The picture cannot be used as an avatar; the message says why.
    #[constant]
    const ERROR_INVALID_AVATAR: i64 = number(ErrorCode::InvalidAvatar);
    /// The account already has a way in of this kind.
    #[constant]
    const ERROR_ALREADY_LINKED: i64 = number(ErrorCode::AlreadyLinked);
    /// The player has not consented to this.
    #[constant]
    const ERROR_CONSENT_REQUIRED: i64 = number(ErrorCode::ConsentRequired);
    /// The player is a child, and no parent has consented.
    #[constant]
    const ERROR_PARENT_REQUIRED: i64 = number(ErrorCode::ParentRequired);
    /// No policy of this name and version is the newest.
    #[constant]
    const ERROR_UNKNOWN_POLICY: i64 = number(ErrorCode::UnknownPolicy);
    /// The export is still being made.
    #[constant]
    const ERROR_EXPORT_PENDING: i64 = number(ErrorCode::ExportPending);
    /// The age was said before; the game's support can correct it.
    #[constant]
    const ERROR_AGE_SAID: i64 = number(ErrorCode::AgeSaid);
    /// A code of the second factor is needed.
    #[constant]
    const ERROR_SECOND_FACTOR_REQUIRED: i64 = number(ErrorCode::SecondFactorRequired);
    /// The code of the second factor is wrong or used.
    #[constant]
    const ERROR_INVALID_SECOND_FACTOR: i64 = number(ErrorCode::InvalidSecondFactor);
    /// An organisation keeps at least one owner.
    #[constant]
    const ERROR_LAST_OWNER: i64 = number(ErrorCode::LastOwner);
    /// The name is taken in this organisation.
    #[constant]
    const ERROR_NAME_TAKEN: i64 = number(ErrorCode::NameTaken);
    /// The server key does not have the scope that the message names.
    #[constant]
    const ERROR_MISSING_SCOPE: i64 = number(ErrorCode::MissingScope);
    /// The server key is wrong, revoked or expired.
    #[constant]
    const ERROR_INVALID_SERVER_KEY: i64 = number(ErrorCode::InvalidServerKey);
    /// The slot moved on since the parent: head and ancestor are in the answer, the sent version is kept.
    #[constant]
    const ERROR_SAVES_CONFLICT: i64 = number(ErrorCode::SavesConflict);
    /// No save in this slot.
    #[constant]
    const ERROR_SAVE_NOT_FOUND: i64 = number(ErrorCode::SaveNotFound);
    /// The slot's name breaks a rule named in the message.
    #[constant]
    const ERROR_INVALID_SLOT: i64 = number(ErrorCode::InvalidSlot);
    /// The content does not match its hash: it was damaged on the way.
    #[constant]
    const ERROR_HASH_MISMATCH: i64 = number(ErrorCode::HashMismatch);
    /// The content is not a value that can be saved; the message says where.
    #[constant]
    const ERROR_INVALID_SAVE: i64 = number(ErrorCode::InvalidSave);
    /// The player has no space or no slot left: delete a save first.
    #[constant]
    const ERROR_QUOTA_EXCEEDED: i64 = number(ErrorCode::QuotaExceeded);
    /// A named parent is not a version of this slot.
    #[constant]
    const ERROR_UNKNOWN_PARENT: i64 = number(ErrorCode::UnknownParent);
    /// No version with this id in the slot's history.
    #[constant]
    const ERROR_VERSION_NOT_FOUND: i64 = number(ErrorCode::VersionNotFound);
    /// The patch's base is not at hand, or the patch does not give what its hash says: send the data in full.
    #[constant]
    const ERROR_UNKNOWN_BASE: i64 = number(ErrorCode::UnknownBase);
    /// A part is named whose content is not stored: send its bytes.
    #[constant]
    const ERROR_UNKNOWN_PART: i64 = number(ErrorCode::UnknownPart);
    /// A part's name breaks a rule named in the message.
    #[constant]
    const ERROR_INVALID_PART: i64 = number(ErrorCode::InvalidPart);
    /// The content is encrypted by the player's devices: the backend cannot read it.
    #[constant]
    const ERROR_SEALED_SAVE: i64 = number(ErrorCode::SealedSave);
    /// A slot of this name exists: choose another name.
    #[constant]
    const ERROR_SLOT_TAKEN: i64 = number(ErrorCode::SlotTaken);
    /// No upload with this id: it was completed, given up or never begun.
    #[constant]
    const ERROR_UPLOAD_NOT_FOUND: i64 = number(ErrorCode::UploadNotFound);
    /// Chunks of the upload are missing or damaged: ask which, and send them.
    #[constant]
    const ERROR_UPLOAD_INCOMPLETE: i64 = number(ErrorCode::UploadIncomplete);
    /// No room here, or it is not open to you.
    #[constant]
    const ERROR_ROOM_NOT_FOUND: i64 = number(ErrorCode::RoomNotFound);
    /// Every seat of the room is taken.
    #[constant]
    const ERROR_ROOM_FULL: i64 = number(ErrorCode::RoomFull);
    /// The room is locked: nobody new comes in.
    #[constant]
    const ERROR_ROOM_LOCKED: i64 = number(ErrorCode::RoomLocked);
    /// The room's password is wrong or missing.
    #[constant]
    const ERROR_ROOM_PASSWORD: i64 = number(ErrorCode::RoomPassword);
    /// The player was sent out of this room and may not come back.
    #[constant]
    const ERROR_ROOM_BANNED: i64 = number(ErrorCode::RoomBanned);
    /// Only the room's host, or the party's leader, may do this.
    #[constant]
    const ERROR_NOT_HOST: i64 = number(ErrorCode::NotHost);
    /// The player has no seat in this room.
    #[constant]
    const ERROR_NOT_IN_ROOM: i64 = number(ErrorCode::NotInRoom);
    /// The player is in as many rooms as the game allows: leave one first.
    #[constant]
    const ERROR_TOO_MANY_ROOMS: i64 = number(ErrorCode::TooManyRooms);
    /// The ticket is not valid here: it is forged, expired, used or for another relay. Join the room again.
    #[constant]
    const ERROR_INVALID_TICKET: i64 = number(ErrorCode::InvalidTicket);
    /// The session is over; join the room again.
    #[constant]
    const ERROR_ROOM_SESSION_ENDED: i64 = number(ErrorCode::RoomSessionEnded);
    /// What the player did not take of reliable messages is more than is kept for it.
    #[constant]
    const ERROR_RELAY_OVERFLOW: i64 = number(ErrorCode::RelayOverflow);
    /// The frame or event is not one that is understood here; the message says why.
    #[constant]
    const ERROR_INVALID_FRAME: i64 = number(ErrorCode::InvalidFrame);
    /// The room is over.
    #[constant]
    const ERROR_ROOM_CLOSED: i64 = number(ErrorCode::RoomClosed);
    /// The player was sent out of the room.
    #[constant]
    const ERROR_ROOM_KICKED: i64 = number(ErrorCode::RoomKicked);
    /// Another connection of the player has taken the seat.
    #[constant]
    const ERROR_SEAT_TAKEN_OVER: i64 = number(ErrorCode::SeatTakenOver);
    /// The player has a ticket in a queue: take it back first.
    #[constant]
    const ERROR_ALREADY_QUEUED: i64 = number(ErrorCode::AlreadyQueued);
    /// No ticket with this id, or it is not yours.
    #[constant]
    const ERROR_TICKET_NOT_FOUND: i64 = number(ErrorCode::TicketNotFound);
    /// The match is decided or gone.
    #[constant]
    const ERROR_MATCH_OVER: i64 = number(ErrorCode::MatchOver);
    /// The rule set cannot be used; the message names what is not understood.
    #[constant]
    const ERROR_INVALID_RULES: i64 = number(ErrorCode::InvalidRules);
    /// The player declined or left matches of late; Retry-After says for how long.
    #[constant]
    const ERROR_QUEUE_PENALTY: i64 = number(ErrorCode::QueuePenalty);
    /// The queue is full; try again.
    #[constant]
    const ERROR_MATCH_QUEUE_FULL: i64 = number(ErrorCode::MatchQueueFull);
    /// No match with this id that you played in.
    #[constant]
    const ERROR_MATCH_NOT_FOUND: i64 = number(ErrorCode::MatchNotFound);
    /// The player is in no party.
    #[constant]
    const ERROR_NOT_IN_PARTY: i64 = number(ErrorCode::NotInParty);
    /// The party is full, or larger than the queue's teams.
    #[constant]
    const ERROR_PARTY_FULL: i64 = number(ErrorCode::PartyFull);
    /// No party has this code.
    #[constant]
    const ERROR_PARTY_NOT_FOUND: i64 = number(ErrorCode::PartyNotFound);
    /// No such channel, or you are not in it.
    #[constant]
    const ERROR_CHANNEL_NOT_FOUND: i64 = number(ErrorCode::ChannelNotFound);
    /// No such message, or it is not yours to change.
    #[constant]
    const ERROR_MESSAGE_NOT_FOUND: i64 = number(ErrorCode::MessageNotFound);
    /// The message was refused by the game's moderation.
    #[constant]
    const ERROR_MESSAGE_REFUSED: i64 = number(ErrorCode::MessageRefused);
    /// One of you blocked the other.
    #[constant]
    const ERROR_BLOCKED: i64 = number(ErrorCode::Blocked);
    /// No invitation with this id that stands.
    #[constant]
    const ERROR_INVITE_NOT_FOUND: i64 = number(ErrorCode::InviteNotFound);
    /// The request was cancelled before it completed.
    #[constant]
    const ERROR_CANCELLED: i64 = number(ErrorCode::Cancelled);
    /// The backend cannot be reached; queued work is sent when it can.
    #[constant]
    const ERROR_OFFLINE: i64 = number(ErrorCode::Offline);
    /// No answer in time.
    #[constant]
    const ERROR_TIMEOUT: i64 = number(ErrorCode::Timeout);
    /// The device's storage refused: full, read-only or gone. Nothing was queued.
    #[constant]
    const ERROR_STORAGE: i64 = number(ErrorCode::Storage);
    /// An argument is not usable; the message says which and why.
    #[constant]
    const ERROR_INVALID_ARGUMENT: i64 = number(ErrorCode::InvalidArgument);
    /// No player is logged in.
    #[constant]
    const ERROR_NOT_LOGGED_IN: i64 = number(ErrorCode::NotLoggedIn);
    /// The SDK has been shut down.
    #[constant]
    const ERROR_SHUT_DOWN: i64 = number(ErrorCode::ShutDown);
    /// The server's answer does not follow the protocol.
    #[constant]
    const ERROR_PROTOCOL: i64 = number(ErrorCode::Protocol);
    /// The queue of unsent work is full; go online or flush first.
    #[constant]
    const ERROR_QUEUE_FULL: i64 = number(ErrorCode::QueueFull);
    /// A handle that is null, freed or of another kind.
    #[constant]
    const ERROR_INVALID_HANDLE: i64 = number(ErrorCode::InvalidHandle);
    /// The SDK itself failed (a panic was caught); please report it.
    #[constant]
    const ERROR_SDK_FAULT: i64 = number(ErrorCode::SdkFault);
    /// The SDK is in a call of this kind already: make this one when that has returned.
    #[constant]
    const ERROR_BUSY: i64 = number(ErrorCode::Busy);
    /// The system's browser cannot be opened, or its answer did not come.
    #[constant]
    const ERROR_BROWSER: i64 = number(ErrorCode::Browser);
    /// The save was written by a newer version of the game: update the game.
    #[constant]
    const ERROR_NEWER_SCHEMA: i64 = number(ErrorCode::NewerSchema);
    /// The merge needs an answer that the game did not give; the message names the paths.
    #[constant]
    const ERROR_MERGE_UNANSWERED: i64 = number(ErrorCode::MergeUnanswered);
    /// The save cannot be decrypted: set the key that it was encrypted with.
    #[constant]
    const ERROR_SAVE_KEY_NEEDED: i64 = number(ErrorCode::SaveKeyNeeded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_constant() {
        for code in ErrorCode::ALL {
            let constant = format!("const ERROR_{}: i64 =", code.as_str().to_uppercase());
            assert!(include_str!("error_codes.rs").contains(&constant), "{constant}");
        }
    }
}
