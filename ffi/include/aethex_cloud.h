/*
 * AeThex Cloud: accounts, privacy, cloud saves and multiplayer for any engine.
 *
 * GENERATED from the Rust sources by cbindgen. Do not edit: change the sources and renew it.
 *
 * Ten lines
 *
 *     aethex_cloud_options options = {0};
 *     options.struct_size = sizeof options;
 *     options.server_url = aethex_string("https://cloud.example.com");
 *     options.data_dir = aethex_string("/home/ann/.local/share/my-game");
 *     aethex_cloud cloud = 0;
 *     if (aethex_cloud_create(&options, &cloud) != AETHEX_OK) return 1;
 *     aethex_auth_login(cloud, aethex_string("ann@example.com"), aethex_string("secret"),
 *                       on_login, my_game, NULL);
 *     while (running) { aethex_tick(cloud); draw_frame(); }
 *     aethex_cloud_destroy(cloud);
 *
 * How it works
 *
 * - A call checks its arguments, hands the request to the library's own thread and returns at once.
 *   Any thread may call. AETHEX_OK means "under way": then the callback runs exactly once. Any other code
 *   means "not begun": then it never runs. A null callback is allowed when the result does not matter.
 * - Callbacks run only inside aethex_tick and aethex_cloud_destroy, on the thread that calls those. So a
 *   game that ticks on its main thread needs no locks. A callback may call everything except
 *   aethex_tick and aethex_cloud_destroy of its own cloud, which answer AETHEX_ERROR_BUSY.
 *   A callback must return: no C++ exception and no longjmp may leave it.
 * - What a callback is given (texts, versions, values) is lent: it ends when the callback returns.
 *   Copy what you keep; aethex_value_copy keeps a value.
 * - Handles are 64-bit numbers and 0 is none. A freed, foreign or invented handle is
 *   AETHEX_ERROR_INVALID_HANDLE, never a crash. Handles are never reused.
 * - Texts are UTF-8 with a length. Null with a length, too long, or not UTF-8 is
 *   AETHEX_ERROR_INVALID_ARGUMENT or AETHEX_ERROR_TOO_LARGE. Null or misaligned pointers are found out too.
 *   A pointer to memory that is not yours, or a length beyond your memory, cannot be: that stays C.
 * - A struct that you fill in begins with struct_size: set everything to zero first, then struct_size to
 *   its sizeof. That is how a program built with an older or newer header keeps working. A struct that
 *   you are given begins with struct_size as well: fields beyond it do not exist in the library you run.
 * - The library uses no errno, installs no signal handler and prints nothing, unless it fails inside
 *   (AETHEX_ERROR_SDK_FAULT). After fork, only the parent may go on using it.
 */


#ifndef AETHEX_CLOUD_H
#define AETHEX_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define AETHEX_VERSION_MAJOR 0
#define AETHEX_VERSION_MINOR 1
#define AETHEX_VERSION_PATCH 0

/**
 * Error codes. Numbers are stable and never reused.
 */
enum {
    /**
     * Success.
     */
    AETHEX_OK = 0,
    /**
     * The server failed; the fault is logged there under the request id.
     */
    AETHEX_ERROR_INTERNAL = 1,
    /**
     * A code that this version does not know (a newer server); the message still says what happened.
     */
    AETHEX_ERROR_UNKNOWN = 2,
    /**
     * The request is malformed: the message names the field.
     */
    AETHEX_ERROR_INVALID_REQUEST = 3,
    /**
     * Nothing is at this address, or it is not yours.
     */
    AETHEX_ERROR_NOT_FOUND = 4,
    /**
     * The address exists but not for this method.
     */
    AETHEX_ERROR_METHOD_NOT_ALLOWED = 5,
    /**
     * The body or a part of it is larger than the limit in the message.
     */
    AETHEX_ERROR_TOO_LARGE = 6,
    /**
     * The body's media type or encoding is not accepted here.
     */
    AETHEX_ERROR_UNSUPPORTED_MEDIA_TYPE = 7,
    /**
     * Too many requests; wait for Retry-After.
     */
    AETHEX_ERROR_RATE_LIMITED = 8,
    /**
     * The server is at its limit; wait for Retry-After.
     */
    AETHEX_ERROR_OVERLOADED = 9,
    /**
     * The request took too long to arrive.
     */
    AETHEX_ERROR_REQUEST_TIMEOUT = 10,
    /**
     * The caller is known but may not do this.
     */
    AETHEX_ERROR_FORBIDDEN = 11,
    /**
     * The idempotency key was used before with another request.
     */
    AETHEX_ERROR_IDEMPOTENCY_MISMATCH = 12,
    /**
     * The client key belongs to no game.
     */
    AETHEX_ERROR_UNKNOWN_CLIENT_KEY = 13,
    /**
     * No valid access token: log in, or refresh the session.
     */
    AETHEX_ERROR_UNAUTHENTICATED = 100,
    /**
     * The email and password do not belong together.
     */
    AETHEX_ERROR_INVALID_CREDENTIALS = 101,
    /**
     * An account with this email exists: log in instead.
     */
    AETHEX_ERROR_EMAIL_TAKEN = 102,
    /**
     * The username is taken: choose another.
     */
    AETHEX_ERROR_USERNAME_TAKEN = 103,
    /**
     * The password is too short, too long or too common.
     */
    AETHEX_ERROR_WEAK_PASSWORD = 104,
    /**
     * The email address is not valid.
     */
    AETHEX_ERROR_INVALID_EMAIL = 105,
    /**
     * The username breaks a rule named in the message.
     */
    AETHEX_ERROR_INVALID_USERNAME = 106,
    /**
     * The session has ended (logout, password change, expiry or reuse of a refresh token): log in again.
     */
    AETHEX_ERROR_SESSION_ENDED = 107,
    /**
     * The profile changed since it was read: read it again, then repeat the change.
     */
    AETHEX_ERROR_PROFILE_CONFLICT = 108,
    /**
     * The account's email is not verified: follow the mail, then log in.
     */
    AETHEX_ERROR_EMAIL_UNVERIFIED = 109,
    /**
     * A new account must answer the challenge in the answer, then repeat the request with the proof.
     */
    AETHEX_ERROR_PROOF_REQUIRED = 110,
    /**
     * The proof does not answer its challenge, has expired or was used: answer the new challenge.
     */
    AETHEX_ERROR_INVALID_PROOF = 111,
    /**
     * The code of a mail is wrong, used or expired: ask for a new one.
     */
    AETHEX_ERROR_INVALID_CODE = 112,
    /**
     * This way in belongs to another account: log in to that account, then merge this one into it.
     */
    AETHEX_ERROR_IDENTITY_TAKEN = 113,
    /**
     * The last way into an account cannot be removed: link another one first.
     */
    AETHEX_ERROR_LAST_IDENTITY = 114,
    /**
     * An account with this email exists and may be another's: log in to it, then link the provider there.
     */
    AETHEX_ERROR_ACCOUNT_EXISTS = 115,
    /**
     * The provider's answer cannot be trusted, or the flow is over: begin again.
     */
    AETHEX_ERROR_OAUTH_REFUSED = 116,
    /**
     * The provider cannot be reached.
     */
    AETHEX_ERROR_PROVIDER_UNAVAILABLE = 117,
    /**
     * No provider of this name is configured.
     */
    AETHEX_ERROR_UNKNOWN_PROVIDER = 118,
    /**
     * Both accounts have slots of the same name: choose, with the list in the answer.
     */
    AETHEX_ERROR_MERGE_CONFLICT = 119,
    /**
     * Too long ago that the player logged in: give the password, or log in again.
     */
    AETHEX_ERROR_LOGIN_REQUIRED = 120,
    /**
     * The preferences changed since they were read: read them again, then repeat the change.
     */
    AETHEX_ERROR_PREFERENCES_CONFLICT = 121,
    /**
     * The picture cannot be used as an avatar; the message says why.
     */
    AETHEX_ERROR_INVALID_AVATAR = 122,
    /**
     * The account already has a way in of this kind.
     */
    AETHEX_ERROR_ALREADY_LINKED = 123,
    /**
     * The player has not consented to this.
     */
    AETHEX_ERROR_CONSENT_REQUIRED = 140,
    /**
     * The player is a child, and no parent has consented.
     */
    AETHEX_ERROR_PARENT_REQUIRED = 141,
    /**
     * No policy of this name and version is the newest.
     */
    AETHEX_ERROR_UNKNOWN_POLICY = 142,
    /**
     * The export is still being made.
     */
    AETHEX_ERROR_EXPORT_PENDING = 143,
    /**
     * The age was said before; the game's support can correct it.
     */
    AETHEX_ERROR_AGE_SAID = 144,
    /**
     * A code of the second factor is needed.
     */
    AETHEX_ERROR_SECOND_FACTOR_REQUIRED = 160,
    /**
     * The code of the second factor is wrong or used.
     */
    AETHEX_ERROR_INVALID_SECOND_FACTOR = 161,
    /**
     * An organisation keeps at least one owner.
     */
    AETHEX_ERROR_LAST_OWNER = 162,
    /**
     * The name is taken in this organisation.
     */
    AETHEX_ERROR_NAME_TAKEN = 163,
    /**
     * The server key does not have the scope that the message names.
     */
    AETHEX_ERROR_MISSING_SCOPE = 164,
    /**
     * The server key is wrong, revoked or expired.
     */
    AETHEX_ERROR_INVALID_SERVER_KEY = 165,
    /**
     * The slot moved on since the parent: head and ancestor are in the answer, the sent version is kept.
     */
    AETHEX_ERROR_SAVES_CONFLICT = 200,
    /**
     * No save in this slot.
     */
    AETHEX_ERROR_SAVE_NOT_FOUND = 201,
    /**
     * The slot's name breaks a rule named in the message.
     */
    AETHEX_ERROR_INVALID_SLOT = 202,
    /**
     * The content does not match its hash: it was damaged on the way.
     */
    AETHEX_ERROR_HASH_MISMATCH = 203,
    /**
     * The content is not a value that can be saved; the message says where.
     */
    AETHEX_ERROR_INVALID_SAVE = 204,
    /**
     * The player has no space or no slot left: delete a save first.
     */
    AETHEX_ERROR_QUOTA_EXCEEDED = 205,
    /**
     * A named parent is not a version of this slot.
     */
    AETHEX_ERROR_UNKNOWN_PARENT = 206,
    /**
     * No version with this id in the slot's history.
     */
    AETHEX_ERROR_VERSION_NOT_FOUND = 207,
    /**
     * The patch's base is not at hand, or the patch does not give what its hash says: send the data in full.
     */
    AETHEX_ERROR_UNKNOWN_BASE = 208,
    /**
     * A part is named whose content is not stored: send its bytes.
     */
    AETHEX_ERROR_UNKNOWN_PART = 209,
    /**
     * A part's name breaks a rule named in the message.
     */
    AETHEX_ERROR_INVALID_PART = 210,
    /**
     * The content is encrypted by the player's devices: the backend cannot read it.
     */
    AETHEX_ERROR_SEALED_SAVE = 211,
    /**
     * A slot of this name exists: choose another name.
     */
    AETHEX_ERROR_SLOT_TAKEN = 212,
    /**
     * No upload with this id: it was completed, given up or never begun.
     */
    AETHEX_ERROR_UPLOAD_NOT_FOUND = 213,
    /**
     * Chunks of the upload are missing or damaged: ask which, and send them.
     */
    AETHEX_ERROR_UPLOAD_INCOMPLETE = 214,
    /**
     * No room here, or it is not open to you.
     */
    AETHEX_ERROR_ROOM_NOT_FOUND = 300,
    /**
     * Every seat of the room is taken.
     */
    AETHEX_ERROR_ROOM_FULL = 301,
    /**
     * The room is locked: nobody new comes in.
     */
    AETHEX_ERROR_ROOM_LOCKED = 302,
    /**
     * The room's password is wrong or missing.
     */
    AETHEX_ERROR_ROOM_PASSWORD = 303,
    /**
     * The player was sent out of this room and may not come back.
     */
    AETHEX_ERROR_ROOM_BANNED = 304,
    /**
     * Only the room's host, or the party's leader, may do this.
     */
    AETHEX_ERROR_NOT_HOST = 305,
    /**
     * The player has no seat in this room.
     */
    AETHEX_ERROR_NOT_IN_ROOM = 306,
    /**
     * The player is in as many rooms as the game allows: leave one first.
     */
    AETHEX_ERROR_TOO_MANY_ROOMS = 307,
    /**
     * The ticket is not valid here: it is forged, expired, used or for another relay. Join the room again.
     */
    AETHEX_ERROR_INVALID_TICKET = 308,
    /**
     * The session is over; join the room again.
     */
    AETHEX_ERROR_ROOM_SESSION_ENDED = 309,
    /**
     * What the player did not take of reliable messages is more than is kept for it.
     */
    AETHEX_ERROR_RELAY_OVERFLOW = 310,
    /**
     * The frame or event is not one that is understood here; the message says why.
     */
    AETHEX_ERROR_INVALID_FRAME = 311,
    /**
     * The room is over.
     */
    AETHEX_ERROR_ROOM_CLOSED = 312,
    /**
     * The player was sent out of the room.
     */
    AETHEX_ERROR_ROOM_KICKED = 313,
    /**
     * Another connection of the player has taken the seat.
     */
    AETHEX_ERROR_SEAT_TAKEN_OVER = 314,
    /**
     * The player has a ticket in a queue: take it back first.
     */
    AETHEX_ERROR_ALREADY_QUEUED = 320,
    /**
     * No ticket with this id, or it is not yours.
     */
    AETHEX_ERROR_TICKET_NOT_FOUND = 321,
    /**
     * The match is decided or gone.
     */
    AETHEX_ERROR_MATCH_OVER = 322,
    /**
     * The rule set cannot be used; the message names what is not understood.
     */
    AETHEX_ERROR_INVALID_RULES = 323,
    /**
     * The player declined matches of late; Retry-After says for how long.
     */
    AETHEX_ERROR_QUEUE_PENALTY = 324,
    /**
     * The queue is full; try again.
     */
    AETHEX_ERROR_MATCH_QUEUE_FULL = 325,
    /**
     * No match with this id that you played in.
     */
    AETHEX_ERROR_MATCH_NOT_FOUND = 326,
    /**
     * The player is in no party.
     */
    AETHEX_ERROR_NOT_IN_PARTY = 330,
    /**
     * The party is full, or larger than the queue's teams.
     */
    AETHEX_ERROR_PARTY_FULL = 331,
    /**
     * No party has this code.
     */
    AETHEX_ERROR_PARTY_NOT_FOUND = 332,
    /**
     * No such channel, or you are not in it.
     */
    AETHEX_ERROR_CHANNEL_NOT_FOUND = 340,
    /**
     * No such message, or it is not yours to change.
     */
    AETHEX_ERROR_MESSAGE_NOT_FOUND = 341,
    /**
     * The message was refused by the game's moderation.
     */
    AETHEX_ERROR_MESSAGE_REFUSED = 342,
    /**
     * One of you blocked the other.
     */
    AETHEX_ERROR_BLOCKED = 343,
    /**
     * No invitation with this id that stands.
     */
    AETHEX_ERROR_INVITE_NOT_FOUND = 344,
    /**
     * The request was cancelled before it completed.
     */
    AETHEX_ERROR_CANCELLED = 900,
    /**
     * The backend cannot be reached; queued work is sent when it can.
     */
    AETHEX_ERROR_OFFLINE = 901,
    /**
     * No answer in time.
     */
    AETHEX_ERROR_TIMEOUT = 902,
    /**
     * The device's storage refused: full, read-only or gone. Nothing was queued.
     */
    AETHEX_ERROR_STORAGE = 903,
    /**
     * An argument is not usable; the message says which and why.
     */
    AETHEX_ERROR_INVALID_ARGUMENT = 904,
    /**
     * No player is logged in.
     */
    AETHEX_ERROR_NOT_LOGGED_IN = 905,
    /**
     * The SDK has been shut down.
     */
    AETHEX_ERROR_SHUT_DOWN = 906,
    /**
     * The server's answer does not follow the protocol.
     */
    AETHEX_ERROR_PROTOCOL = 907,
    /**
     * The queue of unsent work is full; go online or flush first.
     */
    AETHEX_ERROR_QUEUE_FULL = 908,
    /**
     * A handle that is null, freed or of another kind.
     */
    AETHEX_ERROR_INVALID_HANDLE = 909,
    /**
     * The SDK itself failed (a panic was caught); please report it.
     */
    AETHEX_ERROR_SDK_FAULT = 910,
    /**
     * The SDK is in a call of this kind already: make this one when that has returned.
     */
    AETHEX_ERROR_BUSY = 911,
    /**
     * The system's browser cannot be opened, or its answer did not come.
     */
    AETHEX_ERROR_BROWSER = 912,
    /**
     * The save was written by a newer version of the game: update the game.
     */
    AETHEX_ERROR_NEWER_SCHEMA = 913,
    /**
     * The merge needs an answer that the game did not give; the message names the paths.
     */
    AETHEX_ERROR_MERGE_UNANSWERED = 914,
    /**
     * The save cannot be decrypted: set the key that it was encrypted with.
     */
    AETHEX_ERROR_SAVE_KEY_NEEDED = 915
};


/**
 * Room that `aethex_auth_current_user` needs for the texts of any user whose avatar address has up to
 * 2,000 bytes.
 */
#define AETHEX_USER_TEXT_SIZE 4096

/**
 * How old a player is, as far as it matters.
 */
enum aethex_age_band
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not asked.
     */
    AETHEX_AGE_UNKNOWN = 0,
    /**
     * Under the age of consent.
     */
    AETHEX_AGE_CHILD = 1,
    /**
     * Old enough.
     */
    AETHEX_AGE_ADULT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_age_band aethex_age_band;
#else
typedef int32_t aethex_age_band;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a player shows.
 */
enum aethex_availability
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Here.
     */
    AETHEX_AVAILABILITY_ONLINE = 0,
    /**
     * Here, not at the keys.
     */
    AETHEX_AVAILABILITY_AWAY = 1,
    /**
     * Not to be disturbed.
     */
    AETHEX_AVAILABILITY_BUSY = 2,
    /**
     * Shown as offline.
     */
    AETHEX_AVAILABILITY_INVISIBLE = 3,
    /**
     * Not here. Said by the backend alone.
     */
    AETHEX_AVAILABILITY_OFFLINE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_availability aethex_availability;
#else
typedef int32_t aethex_availability;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who opens the player's browser for a login with a provider.
 */
enum aethex_browser
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The library, as the operating system does it.
     */
    AETHEX_BROWSER_SYSTEM = 0,
    /**
     * The game: `AETHEX_EVENT_OPEN_BROWSER` brings the page's address.
     */
    AETHEX_BROWSER_GAME = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_browser aethex_browser;
#else
typedef int32_t aethex_browser;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a challenge asks for.
 */
enum aethex_challenge_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A proof of work. The library finds it by itself.
     */
    AETHEX_CHALLENGE_ARGON2ID = 1,
    /**
     * A token of Cloudflare Turnstile.
     */
    AETHEX_CHALLENGE_TURNSTILE = 2,
    /**
     * A token of hCaptcha.
     */
    AETHEX_CHALLENGE_HCAPTCHA = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_challenge_kind aethex_challenge_kind;
#else
typedef int32_t aethex_challenge_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of change it is.
 */
enum aethex_change_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Only the newer version has it.
     */
    AETHEX_CHANGE_ADDED = 0,
    /**
     * Only the older version has it.
     */
    AETHEX_CHANGE_REMOVED = 1,
    /**
     * Both have it, with different values.
     */
    AETHEX_CHANGE_CHANGED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_change_kind aethex_change_kind;
#else
typedef int32_t aethex_change_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the session's tokens are kept.
 */
enum aethex_credentials
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The operating system's keyring where there is one, else an encrypted file in the data folder.
     */
    AETHEX_CREDENTIALS_AUTO = 0,
    /**
     * An encrypted file in the data folder.
     */
    AETHEX_CREDENTIALS_FILE = 1,
    /**
     * Nowhere: the player logs in each time.
     */
    AETHEX_CREDENTIALS_MEMORY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_credentials aethex_credentials;
#else
typedef int32_t aethex_credentials;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who decides where both sides changed the same.
 */
enum aethex_decider
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The default: the later save for parts, the player for contents that are bytes.
     */
    AETHEX_DECIDER_DEFAULT = 0,
    /**
     * The side that was saved later.
     */
    AETHEX_DECIDER_LATEST = 1,
    /**
     * The side with more played time.
     */
    AETHEX_DECIDER_PLAYTIME = 2,
    /**
     * This device.
     */
    AETHEX_DECIDER_LOCAL = 3,
    /**
     * The cloud.
     */
    AETHEX_DECIDER_CLOUD = 4,
    /**
     * The player; not for parts.
     */
    AETHEX_DECIDER_ASK = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_decider aethex_decider;
#else
typedef int32_t aethex_decider;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a save holds.
 */
enum aethex_encoding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * An engine value.
     */
    AETHEX_ENCODING_VALUE = 0,
    /**
     * Bytes that only the game understands.
     */
    AETHEX_ENCODING_BYTES = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_encoding aethex_encoding;
#else
typedef int32_t aethex_encoding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happened. A newer library may have more kinds: ignore those you do not know.
 */
enum aethex_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A player logged in, or the session of the last run was restored: `user`.
     */
    AETHEX_EVENT_LOGGED_IN = 1,
    /**
     * The player logged out on this device.
     */
    AETHEX_EVENT_LOGGED_OUT = 2,
    /**
     * The backend ended the session: ask the player to log in again. Unsent saves stay on this device.
     */
    AETHEX_EVENT_SESSION_EXPIRED = 3,
    /**
     * A save of this device reached the cloud: `slot`, `version`.
     */
    AETHEX_EVENT_SAVE_SYNCED = 4,
    /**
     * The cloud holds a save that this device's was not made from, and somebody has to choose: `slot`, `conflict`, and this
     * device's content in `encoding` and `value` or `data`. Both are kept until `aethex_saves_resolve`,
     * `aethex_saves_answer` or `aethex_saves_keep_both`.
     */
    AETHEX_EVENT_SAVE_CONFLICT = 5,
    /**
     * The backend refused a save for good: `slot`, `error`, `message`. Its content stays on this device;
     * `aethex_saves_resolve` sends it again or drops it.
     */
    AETHEX_EVENT_SAVE_FAILED = 6,
    /**
     * The number of unsent saves changed: `pending`.
     */
    AETHEX_EVENT_SYNC_PROGRESS = 7,
    /**
     * The backend can be reached, or no longer: `online`.
     */
    AETHEX_EVENT_ONLINE = 8,
    /**
     * A page waits to be shown in the player's browser, for a login with a provider: open `url`. Only with
     * `AETHEX_BROWSER_GAME`.
     */
    AETHEX_EVENT_OPEN_BROWSER = 9,
    /**
     * The cloud held a save that this device's was not made from; both were merged, and the merge is in the cloud: `slot`,
     * `version`. Load it; what the game saves before is merged in turn.
     */
    AETHEX_EVENT_SAVE_MERGED = 10,
    /**
     * A large part of a save is on its way: `slot`, `sent_bytes`, `total_bytes`.
     */
    AETHEX_EVENT_SAVE_PROGRESS = 11,
    /**
     * The slot is being played on another device, or has saves there that the cloud does not have: `slot`, `device`.
     */
    AETHEX_EVENT_ACTIVE_ELSEWHERE = 12,
    /**
     * A wrapped file was replaced while the game runs, as a conflict ended: `slot`. Read it again.
     */
    AETHEX_EVENT_FILE_REPLACED = 13,
    /**
     * A save of this device reached the cloud, and may be worth less than the one whose place it took, as
     * `version->suspicions` says: `slot`, `version`. The one before stays in the history, for `aethex_saves_restore`.
     */
    AETHEX_EVENT_SAVE_SUSPICIOUS = 14,
    /**
     * The player is in a room: `room`.
     */
    AETHEX_EVENT_ROOM_JOINED = 30,
    /**
     * The player is back in a room whose session could not go on, because the relay was started again or the player was away
     * for longer than a seat is held: `room_id`, `messages_lost`.
     */
    AETHEX_EVENT_ROOM_REJOINED = 31,
    /**
     * The player is no longer in a room: `room_id`, `left_reason`, `reason`, and `error` and `message` when something went
     * wrong.
     */
    AETHEX_EVENT_ROOM_LEFT = 32,
    /**
     * A room's name, lock, metadata or seats changed: `room`, without its players.
     */
    AETHEX_EVENT_ROOM_UPDATED = 33,
    /**
     * Another player joined: `room_id`, `room_player`, `player_id`.
     */
    AETHEX_EVENT_PLAYER_JOINED = 34,
    /**
     * Another player is gone: `room_id`, `player_id`, `left_reason`, `reason`.
     */
    AETHEX_EVENT_PLAYER_LEFT = 35,
    /**
     * Another player's link dropped, or is back: `room_id`, `player_id`, `connected`. The seat is held for a minute.
     */
    AETHEX_EVENT_PLAYER_CONNECTION = 36,
    /**
     * Another player is the host, perhaps this one: `room_id`, `player_id`.
     */
    AETHEX_EVENT_HOST_CHANGED = 37,
    /**
     * This player's link to a room is open, or dropped and being made again: `room_id`, `transport`, `connected`.
     */
    AETHEX_EVENT_ROOM_CONNECTION = 38,
    /**
     * A player's newest state: `player_state`. States come after everything else, and only the newest of each player and
     * channel.
     */
    AETHEX_EVENT_PLAYER_STATE = 39,
    /**
     * A message of a player: `room_message`. Messages come once, and in order.
     */
    AETHEX_EVENT_ROOM_MESSAGE = 40,
    /**
     * A match is proposed and waits for everyone's word: `match_info`. See `aethex_matchmaking_accept_match`.
     */
    AETHEX_EVENT_MATCH_PROPOSED = 50,
    /**
     * A match is found: `match_info`. Join its `room_id`.
     */
    AETHEX_EVENT_MATCH_FOUND = 51,
    /**
     * A proposed match came to nothing: `match_id`, and whether the player's ticket waits on in `requeued`.
     */
    AETHEX_EVENT_MATCH_CANCELLED = 52,
    /**
     * A ticket ended without a match: `ticket_id`, and `cancelled`, `declined` or `expired` in `reason`.
     */
    AETHEX_EVENT_QUEUE_LEFT = 53,
    /**
     * Something was said in a channel: `chat_message`.
     */
    AETHEX_EVENT_CHAT_MESSAGE = 60,
    /**
     * A message was edited or deleted: `chat_message`.
     */
    AETHEX_EVENT_CHAT_EDITED = 61,
    /**
     * The party changed: who is in it, leads it, is ready: `party`.
     */
    AETHEX_EVENT_PARTY_UPDATED = 62,
    /**
     * The player is out of the party.
     */
    AETHEX_EVENT_PARTY_LEFT = 63,
    /**
     * The player is invited: `invite`.
     */
    AETHEX_EVENT_INVITE_RECEIVED = 64,
    /**
     * An invitation no longer stands: `invite_id`.
     */
    AETHEX_EVENT_INVITE_ENDED = 65,
    /**
     * The presence of a watched player changed: `presence`.
     */
    AETHEX_EVENT_PRESENCE_CHANGED = 66,
    /**
     * The player's own connection, which brings matches, chat, invitations and presence, is open or dropped: `connected`.
     */
    AETHEX_EVENT_LIVE = 67,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_event_kind aethex_event_kind;
#else
typedef int32_t aethex_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How far an export is.
 */
enum aethex_export_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Being made.
     */
    AETHEX_EXPORT_PENDING = 0,
    /**
     * Can be downloaded.
     */
    AETHEX_EXPORT_READY = 1,
    /**
     * Could not be made: ask again.
     */
    AETHEX_EXPORT_FAILED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_export_status aethex_export_status;
#else
typedef int32_t aethex_export_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a player is no longer in a room.
 */
enum aethex_left_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Left.
     */
    AETHEX_LEFT_BY_ITSELF = 0,
    /**
     * Did not come back within the minute that a seat is held.
     */
    AETHEX_LEFT_TIMED_OUT = 1,
    /**
     * Was sent away.
     */
    AETHEX_LEFT_KICKED = 2,
    /**
     * The room was closed.
     */
    AETHEX_LEFT_CLOSED = 3,
    /**
     * Broke a rule or a limit.
     */
    AETHEX_LEFT_REFUSED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_left_reason aethex_left_reason;
#else
typedef int32_t aethex_left_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a slot that both accounts of a merge have.
 */
enum aethex_merge_choice
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing: the merge is refused with `AETHEX_ERROR_MERGE_CONFLICT`, and the result names the slots.
     */
    AETHEX_MERGE_ASK = 0,
    /**
     * The player's own save stays the newest; the guest's versions are in the history.
     */
    AETHEX_MERGE_KEEP_MINE = 1,
    /**
     * The guest's save becomes the newest; the versions of both are in the history.
     */
    AETHEX_MERGE_KEEP_OTHER = 2,
    /**
     * The guest's slot is kept beside, under a name of its own.
     */
    AETHEX_MERGE_KEEP_BOTH = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_merge_choice aethex_merge_choice;
#else
typedef int32_t aethex_merge_choice;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * To whom a message goes.
 */
enum aethex_message_target
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Everyone else in the room.
     */
    AETHEX_TO_OTHERS = 0,
    /**
     * The room's host.
     */
    AETHEX_TO_HOST = 1,
    /**
     * The player `player`.
     */
    AETHEX_TO_PLAYER = 2,
    /**
     * Everyone else but the player `player`.
     */
    AETHEX_TO_ALL_EXCEPT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_message_target aethex_message_target;
#else
typedef int32_t aethex_message_target;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is sent by itself over a network that costs by the byte, see `aethex_saves_set_metered`.
 */
enum aethex_metered
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Small saves.
     */
    AETHEX_METERED_ALLOW_SMALL = 0,
    /**
     * Nothing: saves wait for another network, or for `aethex_saves_flush`.
     */
    AETHEX_METERED_NEVER = 1,
    /**
     * Everything.
     */
    AETHEX_METERED_ALWAYS = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_metered aethex_metered;
#else
typedef int32_t aethex_metered;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a parent's consent stands.
 */
enum aethex_parent_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not asked.
     */
    AETHEX_PARENT_NONE = 0,
    /**
     * A mail was sent.
     */
    AETHEX_PARENT_ASKED = 1,
    /**
     * The parent agreed.
     */
    AETHEX_PARENT_GRANTED = 2,
    /**
     * The parent refused, or took it back.
     */
    AETHEX_PARENT_REFUSED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_parent_state aethex_parent_state;
#else
typedef int32_t aethex_parent_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a consent is for. Nothing of it happens without one. A newer library may have more.
 */
enum aethex_purpose
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Events, metrics and crash reports.
     */
    AETHEX_PURPOSE_ANALYTICS = 1,
    /**
     * Voice chat.
     */
    AETHEX_PURPOSE_VOICE = 2,
    /**
     * Sharing with third parties, such as login providers and stores.
     */
    AETHEX_PURPOSE_THIRD_PARTY = 3,
    /**
     * Mails about the game.
     */
    AETHEX_PURPOSE_MARKETING = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_purpose aethex_purpose;
#else
typedef int32_t aethex_purpose;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How to settle a conflict.
 */
enum aethex_resolution
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * This device's save becomes the head.
     */
    AETHEX_RESOLUTION_KEEP_LOCAL = 0,
    /**
     * The cloud's save stays the head.
     */
    AETHEX_RESOLUTION_KEEP_CLOUD = 1,
    /**
     * The content given becomes the head.
     */
    AETHEX_RESOLUTION_MERGED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_resolution aethex_resolution;
#else
typedef int32_t aethex_resolution;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether somebody new comes in.
 */
enum aethex_room_lock
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * As it is.
     */
    AETHEX_ROOM_LOCK_KEEP = 0,
    /**
     * Nobody new comes in from now on.
     */
    AETHEX_ROOM_LOCK_CLOSED = 1,
    /**
     * Players may come in again.
     */
    AETHEX_ROOM_LOCK_OPEN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_room_lock aethex_room_lock;
#else
typedef int32_t aethex_room_lock;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who finds a room.
 */
enum aethex_room_visibility
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * In lists, and open to who has its id or code.
     */
    AETHEX_ROOM_PUBLIC = 1,
    /**
     * Not in lists: open to who has its id or code.
     */
    AETHEX_ROOM_UNLISTED = 2,
    /**
     * Open to those who were let in: by a match, a party or an invitation.
     */
    AETHEX_ROOM_PRIVATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_room_visibility aethex_room_visibility;
#else
typedef int32_t aethex_room_visibility;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a slot stands on this device.
 */
enum aethex_slot_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * This device knows nothing of the slot, or nobody is logged in.
     */
    AETHEX_SLOT_UNKNOWN = 0,
    /**
     * The last save or load of this device is in the cloud.
     */
    AETHEX_SLOT_SYNCED = 1,
    /**
     * A save waits to be sent.
     */
    AETHEX_SLOT_QUEUED = 2,
    /**
     * The cloud moved on: `aethex_saves_resolve` is needed.
     */
    AETHEX_SLOT_CONFLICT = 3,
    /**
     * The backend refused the last save: `aethex_saves_resolve` sends it again or drops it.
     */
    AETHEX_SLOT_FAILED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_slot_status aethex_slot_status;
#else
typedef int32_t aethex_slot_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How far a ticket is.
 */
enum aethex_ticket_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Waits for a match.
     */
    AETHEX_TICKET_QUEUED = 0,
    /**
     * A match waits for everyone's word.
     */
    AETHEX_TICKET_PROPOSED = 1,
    /**
     * There is a room.
     */
    AETHEX_TICKET_MATCHED = 2,
    /**
     * Was taken back, or declined.
     */
    AETHEX_TICKET_CANCELLED = 3,
    /**
     * Waited for too long.
     */
    AETHEX_TICKET_EXPIRED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_ticket_status aethex_ticket_status;
#else
typedef int32_t aethex_ticket_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What carries a room's link.
 */
enum aethex_transport
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * As an option: the library chooses. As an answer: none, the link is being made.
     */
    AETHEX_TRANSPORT_ANY = 0,
    /**
     * QUIC: states are datagrams.
     */
    AETHEX_TRANSPORT_QUIC = 1,
    /**
     * WebSocket: passes where only web traffic does.
     */
    AETHEX_TRANSPORT_WEBSOCKET = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_transport aethex_transport;
#else
typedef int32_t aethex_transport;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The kinds of values: Godot's, without those that cannot be saved.
 */
enum aethex_value_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    AETHEX_VALUE_NULL = 0,
    /**
     * True or false.
     */
    AETHEX_VALUE_BOOL = 1,
    /**
     * A signed 64-bit integer.
     */
    AETHEX_VALUE_INT = 2,
    /**
     * A 64-bit float.
     */
    AETHEX_VALUE_FLOAT = 3,
    /**
     * UTF-8 text.
     */
    AETHEX_VALUE_STRING = 4,
    /**
     * Interned text (Godot's StringName).
     */
    AETHEX_VALUE_STRING_NAME = 5,
    /**
     * Path to a node.
     */
    AETHEX_VALUE_NODE_PATH = 6,
    /**
     * 2 floats: x, y.
     */
    AETHEX_VALUE_VECTOR2 = 7,
    /**
     * 2 ints: x, y.
     */
    AETHEX_VALUE_VECTOR2I = 8,
    /**
     * 4 floats: position, size.
     */
    AETHEX_VALUE_RECT2 = 9,
    /**
     * 4 ints: position, size.
     */
    AETHEX_VALUE_RECT2I = 10,
    /**
     * 3 floats: x, y, z.
     */
    AETHEX_VALUE_VECTOR3 = 11,
    /**
     * 3 ints: x, y, z.
     */
    AETHEX_VALUE_VECTOR3I = 12,
    /**
     * 6 floats: columns x, y, origin.
     */
    AETHEX_VALUE_TRANSFORM2D = 13,
    /**
     * 4 floats: x, y, z, w.
     */
    AETHEX_VALUE_VECTOR4 = 14,
    /**
     * 4 ints: x, y, z, w.
     */
    AETHEX_VALUE_VECTOR4I = 15,
    /**
     * 4 floats: normal, distance.
     */
    AETHEX_VALUE_PLANE = 16,
    /**
     * 4 floats: x, y, z, w.
     */
    AETHEX_VALUE_QUATERNION = 17,
    /**
     * 6 floats: position, size.
     */
    AETHEX_VALUE_AABB = 18,
    /**
     * 9 floats: columns x, y, z.
     */
    AETHEX_VALUE_BASIS = 19,
    /**
     * 12 floats: basis columns, origin.
     */
    AETHEX_VALUE_TRANSFORM3D = 20,
    /**
     * 16 floats: columns x, y, z, w.
     */
    AETHEX_VALUE_PROJECTION = 21,
    /**
     * 4 floats: red, green, blue, alpha.
     */
    AETHEX_VALUE_COLOR = 22,
    /**
     * A list of values.
     */
    AETHEX_VALUE_ARRAY = 23,
    /**
     * Pairs of key and value, in their order.
     */
    AETHEX_VALUE_DICTIONARY = 24,
    /**
     * Bytes.
     */
    AETHEX_VALUE_PACKED_BYTE_ARRAY = 25,
    /**
     * 32-bit integers.
     */
    AETHEX_VALUE_PACKED_INT32_ARRAY = 26,
    /**
     * 64-bit integers.
     */
    AETHEX_VALUE_PACKED_INT64_ARRAY = 27,
    /**
     * 32-bit floats.
     */
    AETHEX_VALUE_PACKED_FLOAT32_ARRAY = 28,
    /**
     * 64-bit floats.
     */
    AETHEX_VALUE_PACKED_FLOAT64_ARRAY = 29,
    /**
     * Texts.
     */
    AETHEX_VALUE_PACKED_STRING_ARRAY = 30,
    /**
     * 2 floats an element.
     */
    AETHEX_VALUE_PACKED_VECTOR2_ARRAY = 31,
    /**
     * 3 floats an element.
     */
    AETHEX_VALUE_PACKED_VECTOR3_ARRAY = 32,
    /**
     * 4 floats an element.
     */
    AETHEX_VALUE_PACKED_COLOR_ARRAY = 33,
    /**
     * 4 floats an element.
     */
    AETHEX_VALUE_PACKED_VECTOR4_ARRAY = 34,
    /**
     * A kind that this version of the library does not know: it can be kept and saved, not read.
     */
    AETHEX_VALUE_OPAQUE = 255,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_value_type aethex_value_type;
#else
typedef int32_t aethex_value_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who may see a profile.
 */
enum aethex_visibility
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Every player of the game.
     */
    AETHEX_VISIBILITY_PUBLIC = 1,
    /**
     * Friends only.
     */
    AETHEX_VISIBILITY_FRIENDS = 2,
    /**
     * The player alone.
     */
    AETHEX_VISIBILITY_PRIVATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_visibility aethex_visibility;
#else
typedef int32_t aethex_visibility;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A text: UTF-8 and its length in bytes.
 *
 * Passed to the library: `data` may be null when `len` is 0; no NUL is needed; the text is copied before
 * the call returns. Handed out by the library: a NUL follows the last byte, so `data` also works as a C
 * string when the text itself holds no NUL.
 */
typedef struct aethex_str {
    /**
     * The first byte.
     */
    const char *data;
    /**
     * Bytes, without the NUL.
     */
    size_t len;
} aethex_str;

/**
 * What a call came to: `AETHEX_OK` (0) or one of the `AETHEX_ERROR_…` codes. A newer library may answer
 * with codes that this header does not list; treat those like `AETHEX_ERROR_UNKNOWN`.
 */
typedef int32_t aethex_error;

/**
 * How to make a cloud. Set everything to zero, then `struct_size` and what differs from the defaults.
 */
typedef struct aethex_cloud_options {
    /**
     * `sizeof(aethex_cloud_options)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_credentials`.
     */
    int32_t credentials;
    /**
     * Folder for the session, unsent saves and caches; made when missing. Needed.
     */
    struct aethex_str data_dir;
    /**
     * Address of the backend, `https://…`; empty: the backend on this machine.
     */
    struct aethex_str server_url;
    /**
     * The game's publishable key, `pk_…`; empty: the backend's default game.
     */
    struct aethex_str client_key;
    /**
     * Name of the device for the player's eyes; empty: the operating system's.
     */
    struct aethex_str device_name;
    /**
     * Version of the game; empty: unknown.
     */
    struct aethex_str app_version;
    /**
     * Time limit of one request in milliseconds, at most an hour; 0: the default.
     */
    uint32_t request_timeout_ms;
    /**
     * 1: unsent saves wait for `aethex_saves_flush`; 0: they are sent as soon as possible.
     */
    uint32_t no_auto_sync;
    /**
     * Time that `aethex_cloud_destroy` gives running requests in milliseconds, at most a minute; 0: 2 seconds.
     */
    uint32_t shutdown_grace_ms;
    /**
     * An `aethex_browser`.
     */
    int32_t browser;
    /**
     * The player's language as a BCP 47 tag (`de`, `pt-BR`), for mails to a new account; empty: unknown.
     */
    struct aethex_str locale;
    /**
     * How long autosaves and wrapped files rest before they are sent, in milliseconds, at most a minute; 0: 2 seconds.
     */
    uint32_t save_debounce_ms;
    /**
     * An `aethex_metered`: what may be sent over a metered network.
     */
    int32_t metered;
    /**
     * With `AETHEX_METERED_ALLOW_SMALL` the most bytes of one save; 0: 64 KiB.
     */
    uint64_t metered_bytes_max;
} aethex_cloud_options;

/**
 * A cloud: a 64-bit handle, 0 for none.
 */
typedef uint64_t aethex_cloud;

/**
 * A request under way: a 64-bit number, for `aethex_cancel`. It is never given out twice.
 */
typedef uint64_t aethex_op;

/**
 * A player as the player sees it.
 */
typedef struct aethex_user {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * The player's id.
     */
    struct aethex_str id;
    /**
     * The login name others see.
     */
    struct aethex_str username;
    /**
     * The account's email; empty when it has none.
     */
    struct aethex_str email;
    /**
     * The name to show.
     */
    struct aethex_str display_name;
    /**
     * Address of the avatar picture; empty when there is none.
     */
    struct aethex_str avatar_url;
    /**
     * When the account was made, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * An `aethex_visibility`: who may see the profile.
     */
    int32_t visibility;
    /**
     * Whether the player has shown that the mailbox is theirs.
     */
    bool email_verified;
    /**
     * Whether the only way in is this device: nothing is linked yet.
     */
    bool is_guest;
    /**
     * Language of mails and dialogs, as a BCP 47 tag; empty until it is set.
     */
    struct aethex_str locale;
} aethex_user;

/**
 * One version of a slot, as the backend keeps it.
 */
typedef struct aethex_save_version {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_encoding`.
     */
    int32_t encoding;
    /**
     * The slot.
     */
    struct aethex_str slot;
    /**
     * This version's id.
     */
    struct aethex_str version;
    /**
     * Ids of the versions it was made from; null when there are none.
     */
    const struct aethex_str *parents;
    /**
     * How many parents.
     */
    size_t parent_count;
    /**
     * Place in the slot's line of heads, from 1; 0 for a version that lost a conflict and is kept beside it.
     */
    int64_t sequence;
    /**
     * BLAKE3 of the content, 64 hexadecimal digits.
     */
    struct aethex_str hash;
    /**
     * Size of the content in bytes.
     */
    int64_t size_bytes;
    /**
     * The player's words for it.
     */
    struct aethex_str label;
    /**
     * The device that made it; empty when unknown.
     */
    struct aethex_str device_name;
    /**
     * Played time in milliseconds; 0 when unknown.
     */
    int64_t playtime_ms;
    /**
     * When the device made it, by its own clock, milliseconds since 1970 UTC: for display only.
     */
    int64_t saved_at_ms;
    /**
     * When the backend stored it, milliseconds since 1970 UTC.
     */
    int64_t stored_at_ms;
    /**
     * Whether it is the mark that a delete left.
     */
    bool deleted;
    /**
     * Whether it stays in the history for ever.
     */
    bool pinned;
    /**
     * Whether its content was removed for its age: it can be listed, and not loaded any more.
     */
    bool pruned;
    /**
     * Names of what it holds beside its content; null when there is nothing.
     */
    const struct aethex_str *parts;
    /**
     * How many parts.
     */
    size_t part_count;
    /**
     * Version of the game's data layout that it was saved with; 0 when the game does not count them.
     */
    int64_t schema;
    /**
     * The game's version; empty when unknown.
     */
    struct aethex_str app_version;
    /**
     * What is odd about it, beside the head whose place it took: `empty`, `much_smaller`, `less_playtime`, `older_schema`;
     * null when nothing is.
     */
    const struct aethex_str *suspicions;
    /**
     * How many of them.
     */
    size_t suspicion_count;
} aethex_save_version;

/**
 * A value: a 64-bit handle, 0 for none. Free it with `aethex_value_free`.
 */
typedef uint64_t aethex_value;

/**
 * A field that needs an answer.
 */
typedef struct aethex_ask {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Where it is: keys joined by dots, list items in brackets; empty for the whole save.
     */
    struct aethex_str path;
    /**
     * The other fields that the same answer is for; null when there are none.
     */
    const struct aethex_str *also;
    /**
     * How many of them.
     */
    size_t also_count;
    /**
     * What both sides come from has there, lent; 0 when nothing.
     */
    aethex_value base;
    /**
     * What this device has there, lent; 0 when nothing.
     */
    aethex_value local;
    /**
     * What the cloud has there, lent; 0 when nothing.
     */
    aethex_value cloud;
} aethex_ask;

/**
 * Why a save did not become the newest: somebody else's did, and this one was not made from it.
 */
typedef struct aethex_conflict {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * What the slot holds in the cloud; it may be a delete's mark.
     */
    const struct aethex_save_version *head;
    /**
     * The newest version both sides come from; null when they share none.
     */
    const struct aethex_save_version *ancestor;
    /**
     * This device's save, as the cloud keeps it beside the head.
     */
    const struct aethex_save_version *kept;
    /**
     * The data that both sides come from, lent; 0 when it is unknown or bytes. This and what follows is there in the
     * event and in `aethex_conflict_result`, not in the results of saves.
     */
    aethex_value base;
    /**
     * The data that this device saved, lent; 0 when it is bytes.
     */
    aethex_value local;
    /**
     * The data that the cloud holds, lent; 0 when it is bytes, or the slot was deleted there.
     */
    aethex_value cloud;
    /**
     * The data merged, with the cloud's at each path that needs an answer, lent; 0 when there is no merge.
     */
    aethex_value merged;
    /**
     * The fields that need an answer, as an array of pointers; null when there is no merge: then a side is to be picked.
     */
    const struct aethex_ask *const *asks;
    /**
     * How many fields.
     */
    size_t ask_count;
} aethex_conflict;

/**
 * A device of the player, as it last told of itself.
 */
typedef struct aethex_device {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Whether saves wait on it that the cloud does not have.
     */
    bool unsent;
    /**
     * Whether a slot is being played on it right now.
     */
    bool active;
    /**
     * Its id.
     */
    struct aethex_str device_id;
    /**
     * Its name.
     */
    struct aethex_str device_name;
    /**
     * The slot that is played on it; empty when none is.
     */
    struct aethex_str slot;
    /**
     * When it last told so, milliseconds since 1970 UTC.
     */
    int64_t seen_at_ms;
} aethex_device;

/**
 * A player in a room.
 */
typedef struct aethex_room_player {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The place in the room while the player has it: 0 to 127. Another player may have it later. -1 when it is not
     * known: of a room that the player is not in.
     */
    int32_t seat;
    /**
     * Whether the player's link is open; false of a room that the player is not in.
     */
    bool connected;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The player's name.
     */
    struct aethex_str username;
    /**
     * Since when, milliseconds since 1970 UTC; 0 when it is not known: of a room that the player is in.
     */
    int64_t joined_at_ms;
} aethex_room_player;

/**
 * A room, as it was last told.
 */
typedef struct aethex_room {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_room_visibility`.
     */
    int32_t visibility;
    /**
     * Seats taken.
     */
    uint32_t player_count;
    /**
     * Seats there are.
     */
    uint32_t max_players;
    /**
     * How often states leave, in milliseconds.
     */
    uint32_t tick_ms;
    /**
     * Nobody new comes in.
     */
    bool locked;
    /**
     * Joining needs the password.
     */
    bool has_password;
    /**
     * Its id.
     */
    struct aethex_str id;
    /**
     * Its join code.
     */
    struct aethex_str code;
    /**
     * Its name; empty when it has none.
     */
    struct aethex_str name;
    /**
     * The game mode; empty when it has none.
     */
    struct aethex_str mode;
    /**
     * The region; empty when it has none.
     */
    struct aethex_str region;
    /**
     * The host's id: who may change, lock and close it. Passes on when the host is gone. Empty when there is none.
     */
    struct aethex_str host_id;
    /**
     * The game's own data, a dictionary, lent: it is freed after the callback.
     */
    aethex_value metadata;
    /**
     * When it was made, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * Who is in it, as an array of pointers; null in lists and changes.
     */
    const struct aethex_room_player *const *members;
    /**
     * How many members.
     */
    size_t member_count;
} aethex_room;

/**
 * A player's newest state on a channel.
 */
typedef struct aethex_player_state {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The player's place in the room.
     */
    int32_t seat;
    /**
     * Its channel, below 8.
     */
    uint32_t channel;
    /**
     * Must be ignored.
     */
    uint32_t reserved;
    /**
     * The room's id.
     */
    struct aethex_str room_id;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * Its number among the player's states on this channel; there are gaps.
     */
    uint64_t sequence;
    /**
     * When it left the relay, in microseconds of `aethex_multiplayer_server_time_us`.
     */
    uint64_t server_us;
    /**
     * The state, lent: it is freed after the callback. 0 when it was sent as bytes that are no value.
     */
    aethex_value value;
    /**
     * The state's bytes as they were sent: the value's encoding, or the game's own.
     */
    const uint8_t *data;
    /**
     * How many bytes.
     */
    size_t data_len;
} aethex_player_state;

/**
 * A message of a player in a room.
 */
typedef struct aethex_room_message {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The sender's place in the room.
     */
    int32_t seat;
    /**
     * The game's own channel.
     */
    uint32_t channel;
    /**
     * Whether it came in order.
     */
    bool ordered;
    /**
     * The room's id.
     */
    struct aethex_str room_id;
    /**
     * Who sent it, as the relay knows.
     */
    struct aethex_str player_id;
    /**
     * The message, lent: it is freed after the callback. 0 when it was sent as bytes that are no value.
     */
    aethex_value value;
    /**
     * The message's bytes as they were sent: the value's encoding, or the game's own.
     */
    const uint8_t *data;
    /**
     * How many bytes.
     */
    size_t data_len;
} aethex_room_message;

/**
 * A player of a match.
 */
typedef struct aethex_match_player {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The player's name.
     */
    struct aethex_str username;
    /**
     * The team's name.
     */
    struct aethex_str team;
} aethex_match_player;

/**
 * A match that was proposed or found.
 */
typedef struct aethex_match {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Its id.
     */
    struct aethex_str match_id;
    /**
     * The room to join; empty while the match is only proposed.
     */
    struct aethex_str room_id;
    /**
     * The queue.
     */
    struct aethex_str mode;
    /**
     * The region that it is played in; empty when the tickets named none.
     */
    struct aethex_str region;
    /**
     * Who plays, team by team, as an array of pointers.
     */
    const struct aethex_match_player *const *players;
    /**
     * How many players.
     */
    size_t player_count;
    /**
     * Until when everyone must accept, milliseconds since 1970 UTC; 0 once found.
     */
    int64_t accept_by_ms;
} aethex_match;

/**
 * A message in a channel.
 */
typedef struct aethex_chat_message {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Whether it was deleted.
     */
    bool deleted;
    /**
     * Its id; ids sort by time.
     */
    struct aethex_str id;
    /**
     * The channel, as the reader names it.
     */
    struct aethex_str channel;
    /**
     * Id of who wrote it.
     */
    struct aethex_str from_id;
    /**
     * The writer's name.
     */
    struct aethex_str from_username;
    /**
     * What it says; empty when deleted.
     */
    struct aethex_str text;
    /**
     * When, milliseconds since 1970 UTC.
     */
    int64_t sent_at_ms;
    /**
     * When it was last edited; 0 when it was not.
     */
    int64_t edited_at_ms;
} aethex_chat_message;

/**
 * A player of a party.
 */
typedef struct aethex_party_player {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Says to be ready.
     */
    bool ready;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The player's name.
     */
    struct aethex_str username;
} aethex_party_player;

/**
 * A party. A player is in one at a time.
 */
typedef struct aethex_party {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Its id.
     */
    struct aethex_str id;
    /**
     * Its join code.
     */
    struct aethex_str code;
    /**
     * Id of who leads: queues, sends away.
     */
    struct aethex_str leader_id;
    /**
     * Who is in it, as an array of pointers.
     */
    const struct aethex_party_player *const *players;
    /**
     * How many players.
     */
    size_t player_count;
} aethex_party;

/**
 * An invitation to a room or a party.
 */
typedef struct aethex_invite {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Its id.
     */
    struct aethex_str id;
    /**
     * Id of who invites.
     */
    struct aethex_str from_id;
    /**
     * The inviter's name.
     */
    struct aethex_str from_username;
    /**
     * Id of who is invited.
     */
    struct aethex_str to_id;
    /**
     * The room; empty when it is to a party.
     */
    struct aethex_str room_id;
    /**
     * The party; empty when it is to a room.
     */
    struct aethex_str party_id;
    /**
     * What opens the door, for the invited one: for `aethex_multiplayer_join_by_code` or `aethex_parties_join`.
     */
    struct aethex_str code;
    /**
     * When, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * Until when it stands.
     */
    int64_t expires_at_ms;
} aethex_invite;

/**
 * A player's presence, as others see it.
 */
typedef struct aethex_presence {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_availability`.
     */
    int32_t availability;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The player's own words.
     */
    struct aethex_str status;
    /**
     * The game's own data, a dictionary, lent: it is freed after the callback.
     */
    aethex_value data;
    /**
     * When last here, milliseconds since 1970 UTC; 0 when never, or not to be known.
     */
    int64_t last_seen_ms;
} aethex_presence;

/**
 * An event. Fields that its kind does not name are null, 0 or empty.
 */
typedef struct aethex_event {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_event_kind`.
     */
    int32_t kind;
    /**
     * The slot.
     */
    struct aethex_str slot;
    /**
     * The player.
     */
    const struct aethex_user *user;
    /**
     * The version.
     */
    const struct aethex_save_version *version;
    /**
     * What the cloud holds.
     */
    const struct aethex_conflict *conflict;
    /**
     * The value of this device's save, lent: it is freed after the callback.
     */
    aethex_value value;
    /**
     * The bytes of this device's save.
     */
    const uint8_t *data;
    /**
     * How many bytes.
     */
    size_t data_len;
    /**
     * An `aethex_encoding`: whether this device's save is a value or bytes.
     */
    int32_t encoding;
    /**
     * Why a save failed.
     */
    aethex_error error;
    /**
     * What happened and what to do about it.
     */
    struct aethex_str message;
    /**
     * Saves that wait to be sent.
     */
    size_t pending;
    /**
     * Whether the backend can be reached.
     */
    bool online;
    /**
     * The page's address: `https://…`, or one on this machine.
     */
    struct aethex_str url;
    /**
     * Bytes of a large part that were sent.
     */
    uint64_t sent_bytes;
    /**
     * Its size in bytes.
     */
    uint64_t total_bytes;
    /**
     * The other device.
     */
    const struct aethex_device *device;
    /**
     * The room.
     */
    const struct aethex_room *room;
    /**
     * The room's id.
     */
    struct aethex_str room_id;
    /**
     * The player in the room.
     */
    const struct aethex_room_player *room_player;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * An `aethex_left_reason`.
     */
    int32_t left_reason;
    /**
     * An `aethex_transport`.
     */
    int32_t transport;
    /**
     * Why, in one word.
     */
    struct aethex_str reason;
    /**
     * Whether the connection is open.
     */
    bool connected;
    /**
     * Whether the ticket waits on.
     */
    bool requeued;
    /**
     * Messages of this player that may not have arrived.
     */
    size_t messages_lost;
    /**
     * The state.
     */
    const struct aethex_player_state *player_state;
    /**
     * The message.
     */
    const struct aethex_room_message *room_message;
    /**
     * The match.
     */
    const struct aethex_match *match_info;
    /**
     * The match's id.
     */
    struct aethex_str match_id;
    /**
     * The ticket's id.
     */
    struct aethex_str ticket_id;
    /**
     * What was said.
     */
    const struct aethex_chat_message *chat_message;
    /**
     * The party.
     */
    const struct aethex_party *party;
    /**
     * The invitation.
     */
    const struct aethex_invite *invite;
    /**
     * The invitation's id.
     */
    struct aethex_str invite_id;
    /**
     * What the player shows.
     */
    const struct aethex_presence *presence;
} aethex_event;

/**
 * Called for each event. The event is lent for the time of the call.
 */
typedef void (*aethex_event_callback)(void *user_data, const struct aethex_event *event);

/**
 * Result of a request that has nothing to tell but how it ended. Every other result begins with the same
 * fields.
 */
typedef struct aethex_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
} aethex_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_callback)(void *user_data, const struct aethex_result *result);

/**
 * Result of `aethex_auth_providers`.
 */
typedef struct aethex_providers_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Names of the providers; null when there are none, and on failure.
     */
    const struct aethex_str *providers;
    /**
     * How many providers.
     */
    size_t provider_count;
} aethex_providers_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_providers_callback)(void *user_data,
                                          const struct aethex_providers_result *result);

/**
 * How a login with a provider goes. Set everything to zero, then `struct_size` and what differs from the
 * defaults.
 */
typedef struct aethex_oauth_options {
    /**
     * `sizeof(aethex_oauth_options)`.
     */
    uint32_t struct_size;
    /**
     * As in `aethex_login_options`; not used for linking.
     */
    uint32_t no_remember;
    /**
     * As in `aethex_login_options`; not used for linking.
     */
    uint32_t keep_guest;
    /**
     * How long the player may take in the browser in milliseconds, at most half an hour; 0: five minutes.
     */
    uint32_t timeout_ms;
    /**
     * As in `aethex_login_options`; not used for linking.
     */
    struct aethex_str proof_token;
} aethex_oauth_options;

/**
 * What the backend wants answered before it makes an account: show the CAPTCHA on a web page, and repeat the
 * call with its token as the option `proof_token`.
 */
typedef struct aethex_challenge {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_challenge_kind`.
     */
    int32_t kind;
    /**
     * The site key of the CAPTCHA; empty for a proof of work.
     */
    struct aethex_str site_key;
} aethex_challenge;

/**
 * A slot that both accounts of a merge have.
 */
typedef struct aethex_merge_slot {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The slot.
     */
    struct aethex_str slot;
    /**
     * When the newest save of the player's own account was made, milliseconds since 1970 UTC.
     */
    int64_t mine_saved_at_ms;
    /**
     * Its played time in milliseconds; 0 when unknown.
     */
    int64_t mine_playtime_ms;
    /**
     * When the guest's newest save was made, milliseconds since 1970 UTC.
     */
    int64_t other_saved_at_ms;
    /**
     * Its played time in milliseconds; 0 when unknown.
     */
    int64_t other_playtime_ms;
} aethex_merge_slot;

/**
 * Why a merge needs a choice.
 */
typedef struct aethex_merge_conflict {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The guest's id.
     */
    struct aethex_str other;
    /**
     * Slots that both have, by name, as an array of pointers.
     */
    const struct aethex_merge_slot *const *slots;
    /**
     * How many slots.
     */
    size_t slot_count;
} aethex_merge_conflict;

/**
 * Result of a request that ends with a player.
 */
typedef struct aethex_user_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The player; null on failure.
     */
    const struct aethex_user *user;
    /**
     * With `AETHEX_ERROR_PROOF_REQUIRED` and `AETHEX_ERROR_INVALID_PROOF`: what to answer; null otherwise.
     */
    const struct aethex_challenge *challenge;
    /**
     * With `AETHEX_ERROR_MERGE_CONFLICT`: what both accounts have; null otherwise.
     */
    const struct aethex_merge_conflict *merge;
} aethex_user_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_user_callback)(void *user_data, const struct aethex_user_result *result);

/**
 * A way into an account.
 */
typedef struct aethex_identity {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `password`, `device`, or a provider's name.
     */
    struct aethex_str provider;
    /**
     * What the player knows it by: the address, the device's or the provider's name for the player.
     */
    struct aethex_str label;
    /**
     * When it was linked, milliseconds since 1970 UTC.
     */
    int64_t linked_at_ms;
} aethex_identity;

/**
 * Result of `aethex_auth_identities`.
 */
typedef struct aethex_identities_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The ways in, oldest first, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_identity *const *identities;
    /**
     * How many ways in.
     */
    size_t identity_count;
} aethex_identities_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_identities_callback)(void *user_data,
                                           const struct aethex_identities_result *result);

/**
 * How an account is made. Set everything to zero, then `struct_size` and what differs from the defaults.
 */
typedef struct aethex_register_options {
    /**
     * `sizeof(aethex_register_options)`.
     */
    uint32_t struct_size;
    /**
     * As in `aethex_login_options`.
     */
    uint32_t no_remember;
    /**
     * As in `aethex_login_options`.
     */
    uint32_t keep_guest;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The username; empty: made from the email.
     */
    struct aethex_str username;
    /**
     * As in `aethex_login_options`.
     */
    struct aethex_str proof_token;
} aethex_register_options;

/**
 * How a login is kept. Set everything to zero, then `struct_size` and what differs from the defaults.
 */
typedef struct aethex_login_options {
    /**
     * `sizeof(aethex_login_options)`.
     */
    uint32_t struct_size;
    /**
     * 1: nothing of the session is written to this device, it ends with the process. For shared machines.
     */
    uint32_t no_remember;
    /**
     * 1: when a guest is logged in, keeps the guest's session for `aethex_auth_merge_guest`; 0: the guest is
     * logged out.
     */
    uint32_t keep_guest;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The token of a CAPTCHA, where the backend asks new accounts for one: see `aethex_challenge`. For logins
     * that make an account.
     */
    struct aethex_str proof_token;
} aethex_login_options;

/**
 * A change of the profile. Set everything to zero, then `struct_size` and what changes: empty texts and zeros
 * leave their fields as they are.
 */
typedef struct aethex_profile_change {
    /**
     * `sizeof(aethex_profile_change)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_visibility`; 0: as it is.
     */
    int32_t visibility;
    /**
     * The login name others see.
     */
    struct aethex_str username;
    /**
     * The name to show.
     */
    struct aethex_str display_name;
    /**
     * Language of mails and dialogs, as a BCP 47 tag.
     */
    struct aethex_str locale;
} aethex_profile_change;

/**
 * What other players see of a player.
 */
typedef struct aethex_public_profile {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The player's id.
     */
    struct aethex_str id;
    /**
     * The login name.
     */
    struct aethex_str username;
    /**
     * The name to show.
     */
    struct aethex_str display_name;
    /**
     * Address of the avatar picture; empty when there is none.
     */
    struct aethex_str avatar_url;
} aethex_public_profile;

/**
 * Result of `aethex_auth_public_profile`.
 */
typedef struct aethex_public_profile_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The profile; null on failure.
     */
    const struct aethex_public_profile *profile;
} aethex_public_profile_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_public_profile_callback)(void *user_data,
                                               const struct aethex_public_profile_result *result);

/**
 * Result of a request that ends with the player's preferences.
 */
typedef struct aethex_preferences_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * All preferences, a dictionary by key, lent: it is freed after the callback. Copy it with
     * `aethex_value_copy` to keep it. 0 on failure.
     */
    aethex_value values;
    /**
     * Grows by one with each change; 0 before the first.
     */
    int64_t version;
} aethex_preferences_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_preferences_callback)(void *user_data,
                                            const struct aethex_preferences_result *result);

/**
 * One login on one device.
 */
typedef struct aethex_session {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Whether it is the session of this device.
     */
    bool current;
    /**
     * The session's id.
     */
    struct aethex_str id;
    /**
     * Name of the device, as it gave it.
     */
    struct aethex_str device_name;
    /**
     * How the session began: `password`, `device`, or a provider's name.
     */
    struct aethex_str method;
    /**
     * When it began, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * When it was last refreshed, milliseconds since 1970 UTC.
     */
    int64_t last_seen_at_ms;
    /**
     * When it ends if it is not used, milliseconds since 1970 UTC.
     */
    int64_t expires_at_ms;
} aethex_session;

/**
 * Result of `aethex_auth_sessions`.
 */
typedef struct aethex_sessions_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The sessions, last seen first, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_session *const *sessions;
    /**
     * How many sessions.
     */
    size_t session_count;
    /**
     * The `cursor` for the page behind this one; empty on the last.
     */
    struct aethex_str next_cursor;
} aethex_sessions_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_sessions_callback)(void *user_data,
                                         const struct aethex_sessions_result *result);

/**
 * A policy that the game asks players to accept.
 */
typedef struct aethex_policy {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Whether the game cannot be used without accepting it.
     */
    bool required;
    /**
     * Its name, for example `terms` or `privacy`.
     */
    struct aethex_str policy;
    /**
     * Its version, as the game names it.
     */
    struct aethex_str version;
    /**
     * Where it can be read.
     */
    struct aethex_str url;
    /**
     * When it was published, milliseconds since 1970 UTC.
     */
    int64_t published_at_ms;
} aethex_policy;

/**
 * A consent as it stands.
 */
typedef struct aethex_consent {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_purpose`.
     */
    int32_t purpose;
    /**
     * Whether it was given.
     */
    bool granted;
    /**
     * Who said so: `player` or `parent`.
     */
    struct aethex_str by;
    /**
     * When, milliseconds since 1970 UTC.
     */
    int64_t at_ms;
} aethex_consent;

/**
 * Where a player's privacy stands.
 */
typedef struct aethex_privacy {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_age_band`.
     */
    int32_t age;
    /**
     * An `aethex_parent_state`; it matters for a child.
     */
    int32_t parent;
    /**
     * Required policies whose newest version the player has not accepted, as an array of pointers; null when
     * there are none.
     */
    const struct aethex_policy *const *policies_to_accept;
    /**
     * How many policies.
     */
    size_t policy_count;
    /**
     * Consents as they stand, as an array of pointers; null when there are none. A purpose that is absent was
     * never consented to.
     */
    const struct aethex_consent *const *consents;
    /**
     * How many consents.
     */
    size_t consent_count;
    /**
     * What is allowed now, each an `aethex_purpose`: consents, less what a child may not do. Null when nothing is.
     */
    const int32_t *allowed;
    /**
     * How many purposes.
     */
    size_t allowed_count;
    /**
     * When the account will be erased, milliseconds since 1970 UTC; 0 when that was not asked for.
     */
    int64_t erasure_at_ms;
} aethex_privacy;

/**
 * Result of a request that ends with where the player's privacy stands.
 */
typedef struct aethex_privacy_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Where it stands; null on failure.
     */
    const struct aethex_privacy *state;
} aethex_privacy_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_privacy_callback)(void *user_data, const struct aethex_privacy_result *result);

/**
 * Result of `aethex_privacy_policies`.
 */
typedef struct aethex_policies_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The newest version of each policy, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_policy *const *policies;
    /**
     * How many policies.
     */
    size_t policy_count;
} aethex_policies_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_policies_callback)(void *user_data,
                                         const struct aethex_policies_result *result);

/**
 * An export of everything that is known of a player: one ZIP archive of JSON files and pictures.
 */
typedef struct aethex_export {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_export_status`.
     */
    int32_t status;
    /**
     * The export's id.
     */
    struct aethex_str id;
    /**
     * The archive's size in bytes, once it is ready.
     */
    int64_t size_bytes;
    /**
     * When it was asked for, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * When it is thrown away, milliseconds since 1970 UTC.
     */
    int64_t expires_at_ms;
} aethex_export;

/**
 * Result of a request that ends with an export.
 */
typedef struct aethex_export_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The export; null on failure. (`export` is a word of C++.)
     */
    const struct aethex_export *archive;
} aethex_export_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_export_callback)(void *user_data, const struct aethex_export_result *result);

/**
 * How much of one service was erased.
 */
typedef struct aethex_erased {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The service.
     */
    struct aethex_str service;
    /**
     * Rows and files.
     */
    int64_t count;
} aethex_erased;

/**
 * An erasure that is under way or done. Says nothing of whom.
 */
typedef struct aethex_receipt {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The receipt's id: whoever has it can look at it, also when the account is gone.
     */
    struct aethex_str id;
    /**
     * When it was asked for, milliseconds since 1970 UTC.
     */
    int64_t requested_at_ms;
    /**
     * When everything is erased, milliseconds since 1970 UTC; until then it can be taken back.
     */
    int64_t erasure_at_ms;
    /**
     * When it was done, milliseconds since 1970 UTC; 0 until then.
     */
    int64_t erased_at_ms;
    /**
     * What was erased, by service, as an array of pointers; null until then.
     */
    const struct aethex_erased *const *erased;
    /**
     * How many services.
     */
    size_t erased_count;
} aethex_receipt;

/**
 * Result of a request that ends with a receipt.
 */
typedef struct aethex_receipt_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The receipt; null on failure.
     */
    const struct aethex_receipt *receipt;
} aethex_receipt_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_receipt_callback)(void *user_data, const struct aethex_receipt_result *result);

/**
 * A named content of a save, beside the main one.
 */
typedef struct aethex_part {
    /**
     * Its name: 1 to 64 bytes, not `data`.
     */
    struct aethex_str name;
    /**
     * Its bytes; null when it is a value.
     */
    const uint8_t *data;
    /**
     * How many bytes.
     */
    size_t len;
    /**
     * Its value when it is no bytes; it stays yours. Neither bytes nor a value remove the part.
     */
    aethex_value value;
} aethex_part;

/**
 * What to note with a save. Set everything to zero, then `struct_size` and what you know.
 */
typedef struct aethex_save_options {
    /**
     * `sizeof(aethex_save_options)`.
     */
    uint32_t struct_size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The player's words for this save, at most 128 characters.
     */
    struct aethex_str label;
    /**
     * Played time in milliseconds; 0: unknown.
     */
    int64_t playtime_ms;
    /**
     * Named contents that change together with the main one: a thumbnail, screenshots, files; null for none. Parts that are
     * not named stay as they are.
     */
    const struct aethex_part *parts;
    /**
     * How many parts; at most 16.
     */
    size_t part_count;
} aethex_save_options;

/**
 * Result of a save.
 */
typedef struct aethex_save_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Whether the save is durable on this device only and still to be sent; an event tells when it was.
     */
    bool queued;
    /**
     * The slot; empty on failure.
     */
    struct aethex_str slot;
    /**
     * The version that the backend stored; null while the save is queued, and on failure.
     */
    const struct aethex_save_version *version;
    /**
     * With `AETHEX_ERROR_SAVES_CONFLICT`: what the cloud holds; null otherwise. The save is kept on this
     * device until `aethex_saves_resolve`.
     */
    const struct aethex_conflict *conflict;
} aethex_save_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_save_callback)(void *user_data, const struct aethex_save_result *result);

/**
 * Result of a load.
 */
typedef struct aethex_load_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Whether it comes from this device: offline, or newer than what was sent.
     */
    bool from_cache;
    /**
     * An `aethex_encoding`: which of the fields below holds the content.
     */
    int32_t encoding;
    /**
     * The value, lent: it is freed after the callback. Copy it with `aethex_value_copy` to keep it. 0 when
     * the content is bytes, and on failure.
     */
    aethex_value value;
    /**
     * The bytes; null when the content is a value, and on failure.
     */
    const uint8_t *data;
    /**
     * How many bytes.
     */
    size_t data_len;
    /**
     * The version; null when it was not sent yet, and on failure.
     */
    const struct aethex_save_version *version;
} aethex_load_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_load_callback)(void *user_data, const struct aethex_load_result *result);

/**
 * Result of a list or history.
 */
typedef struct aethex_versions_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The versions, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_save_version *const *versions;
    /**
     * How many versions.
     */
    size_t version_count;
} aethex_versions_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_versions_callback)(void *user_data,
                                         const struct aethex_versions_result *result);

/**
 * Result of a question for a conflict.
 */
typedef struct aethex_conflict_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The conflict; null when there is none that needs somebody, and on failure.
     */
    const struct aethex_conflict *conflict;
} aethex_conflict_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_conflict_callback)(void *user_data,
                                         const struct aethex_conflict_result *result);

/**
 * An answer for a field of a conflict.
 */
typedef struct aethex_answer {
    /**
     * The `path` of an `aethex_ask`.
     */
    struct aethex_str path;
    /**
     * An `aethex_resolution`: this device's, the cloud's, or `value`.
     */
    int32_t choice;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * With `AETHEX_RESOLUTION_MERGED` what to take; otherwise 0. It stays yours.
     */
    aethex_value value;
} aethex_answer;

/**
 * Brings a value of the given schema up to the present one. Called inside `aethex_tick`. `value` is lent for the time of the
 * call. Returns a new value, which the library takes; 0 when it cannot: the load then fails.
 */
typedef aethex_value (*aethex_migrate_callback)(void *user_data, aethex_value value, int64_t schema);

/**
 * Decides about a field with a custom policy. Called inside `aethex_tick`. Everything is lent for the time of the call; a side
 * that has nothing there is 0. Returns a new value, which the library takes; 0: the player is asked. For the same
 * question it must give the same answer on every device.
 */
typedef aethex_value (*aethex_merge_callback)(void *user_data,
                                              struct aethex_str name,
                                              struct aethex_str path,
                                              aethex_value base,
                                              aethex_value local,
                                              aethex_value cloud);

/**
 * What a game says about its slots. Set everything to zero, then `struct_size` and what you need.
 */
typedef struct aethex_define_options {
    /**
     * `sizeof(aethex_define_options)`.
     */
    uint32_t struct_size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * Version of the game's data layout; 0 when the game does not count them.
     */
    int64_t schema;
    /**
     * Brings values of older schemas up; null: they are taken as they are.
     */
    aethex_migrate_callback migrate;
    /**
     * Decides about fields with the policy `custom`; null: the player is asked.
     */
    aethex_merge_callback merge;
    /**
     * Passed to both. It must stay usable until the definition is replaced or the cloud destroyed.
     */
    void *user_data;
    /**
     * An `aethex_decider`: who decides about parts that both sides changed.
     */
    int32_t parts;
    /**
     * An `aethex_decider`: who decides about contents that are bytes.
     */
    int32_t bytes;
} aethex_define_options;

/**
 * Result of a question for devices.
 */
typedef struct aethex_devices_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The devices, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_device *const *devices;
    /**
     * How many devices.
     */
    size_t device_count;
} aethex_devices_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_devices_callback)(void *user_data, const struct aethex_devices_result *result);

/**
 * Everything that this device knows of a slot. Set `struct_size` before it is filled.
 */
typedef struct aethex_slot_info {
    /**
     * `sizeof(aethex_slot_info)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_slot_status`.
     */
    int32_t status;
    /**
     * How many saves of it the cloud does not have.
     */
    size_t unsent;
    /**
     * Their bytes, compressed.
     */
    uint64_t unsent_bytes;
    /**
     * Place of the version that this device last saw in the cloud, from 1; 0 when it saw none.
     */
    int64_t sequence;
    /**
     * Milliseconds until the next attempt to send; -1 when none is planned.
     */
    int64_t next_attempt_ms;
    /**
     * Why the last save was refused, or why sending stopped; `AETHEX_OK` when neither.
     */
    aethex_error error;
} aethex_slot_info;

/**
 * Result of a comparison of a wrapped file with the cloud.
 */
typedef struct aethex_file_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Whether a newer save of the cloud was put into the file: read it again.
     */
    bool replaced;
    /**
     * Whether the file's content waits to be sent.
     */
    bool queued;
    /**
     * The version that the file is; null when the cloud has none, or is not known.
     */
    const struct aethex_save_version *version;
} aethex_file_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_file_callback)(void *user_data, const struct aethex_file_result *result);

/**
 * Result of an export.
 */
typedef struct aethex_archive_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * How many versions were written.
     */
    size_t version_count;
} aethex_archive_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_archive_callback)(void *user_data, const struct aethex_archive_result *result);

/**
 * What became of a slot of an archive.
 */
typedef struct aethex_imported_slot {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why this slot was not brought back.
     */
    aethex_error error;
    /**
     * The slot's name in the archive.
     */
    struct aethex_str slot;
    /**
     * The slot that it became; empty when the save was there already, and on failure.
     */
    struct aethex_str saved_as;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
} aethex_imported_slot;

/**
 * Result of an import.
 */
typedef struct aethex_import_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The slots, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_imported_slot *const *slots;
    /**
     * How many slots.
     */
    size_t slot_count;
} aethex_import_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_import_callback)(void *user_data, const struct aethex_import_result *result);

/**
 * One difference between two versions.
 */
typedef struct aethex_change {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_change_kind`.
     */
    int32_t kind;
    /**
     * Where it is: keys joined by dots, list items in brackets; empty for the whole save.
     */
    struct aethex_str path;
    /**
     * The older value, lent; 0 when there is none, or when it is over 4 KiB.
     */
    aethex_value from;
    /**
     * The newer value, lent; 0 when there is none, or when it is over 4 KiB.
     */
    aethex_value to;
    /**
     * Size of the older value in bytes.
     */
    int64_t from_bytes;
    /**
     * Size of the newer value in bytes.
     */
    int64_t to_bytes;
} aethex_change;

/**
 * Result of a comparison.
 */
typedef struct aethex_diff_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Whether there are more changes than the 1,000 that are told.
     */
    bool truncated;
    /**
     * The older version; null on failure.
     */
    const struct aethex_save_version *from;
    /**
     * The newer version; null on failure.
     */
    const struct aethex_save_version *to;
    /**
     * The changes, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_change *const *changes;
    /**
     * How many changes.
     */
    size_t change_count;
    /**
     * Names of the parts that changed; null when there are none.
     */
    const struct aethex_str *parts;
    /**
     * How many parts.
     */
    size_t part_count;
} aethex_diff_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_diff_callback)(void *user_data, const struct aethex_diff_result *result);

/**
 * Result of a change to a version, or of a new slot's beginning.
 */
typedef struct aethex_version_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The version; null on failure.
     */
    const struct aethex_save_version *version;
} aethex_version_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_version_callback)(void *user_data, const struct aethex_version_result *result);

/**
 * Result of a question for the quota.
 */
typedef struct aethex_quota_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Bytes that the player's versions and parts take.
     */
    int64_t used_bytes;
    /**
     * Bytes that they may take.
     */
    int64_t max_bytes;
    /**
     * Versions stored.
     */
    int64_t versions;
    /**
     * Versions that may be stored.
     */
    int64_t versions_max;
} aethex_quota_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_quota_callback)(void *user_data, const struct aethex_quota_result *result);

/**
 * A room to make. Set everything to zero, then `struct_size` and what differs from the defaults.
 */
typedef struct aethex_room_options {
    /**
     * `sizeof(aethex_room_options)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_room_visibility`; 0: public.
     */
    int32_t visibility;
    /**
     * Its name, at most 64 characters.
     */
    struct aethex_str name;
    /**
     * The game mode.
     */
    struct aethex_str mode;
    /**
     * The region.
     */
    struct aethex_str region;
    /**
     * What joining needs; empty: nothing.
     */
    struct aethex_str password;
    /**
     * Seats, at most 128; 0: 8.
     */
    uint32_t max_players;
    /**
     * How often states leave, in milliseconds: 8 to 50; 0: 33.
     */
    uint32_t tick_ms;
    /**
     * Radius of the area of interest in the game's units: states of players farther away leave eight times as seldom.
     * 0: everyone hears everyone.
     */
    uint32_t interest_radius;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The game's own data, a dictionary of plain JSON, at most 4 KiB; 0: none. It stays yours.
     */
    aethex_value metadata;
} aethex_room_options;

/**
 * Result of a request that ends with a room.
 */
typedef struct aethex_room_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The room; null on failure, and when there is none.
     */
    const struct aethex_room *room;
} aethex_room_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_room_callback)(void *user_data, const struct aethex_room_result *result);

/**
 * How to join a room. Set everything to zero, then `struct_size` and what you know.
 */
typedef struct aethex_join_options {
    /**
     * `sizeof(aethex_join_options)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_transport`.
     */
    int32_t transport;
    /**
     * The room's password; empty: none.
     */
    struct aethex_str password;
} aethex_join_options;

/**
 * Which rooms to list. Set everything to zero, then `struct_size` and what you look for.
 */
typedef struct aethex_rooms_query {
    /**
     * `sizeof(aethex_rooms_query)`.
     */
    uint32_t struct_size;
    /**
     * 1: only with a free seat and not locked.
     */
    uint32_t open;
    /**
     * Of this mode; empty: of any.
     */
    struct aethex_str mode;
    /**
     * Of this region; empty: of any.
     */
    struct aethex_str region;
    /**
     * Whose name begins so, in any case; empty: all.
     */
    struct aethex_str name;
    /**
     * `next_cursor` of the page before; empty: the first page.
     */
    struct aethex_str cursor;
    /**
     * Most rooms wanted, at most 200; 0: 50.
     */
    uint32_t limit;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} aethex_rooms_query;

/**
 * Result of a list of rooms.
 */
typedef struct aethex_rooms_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The rooms, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_room *const *rooms;
    /**
     * How many rooms.
     */
    size_t room_count;
    /**
     * Cursor of the next page; empty on the last one.
     */
    struct aethex_str next_cursor;
} aethex_rooms_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_rooms_callback)(void *user_data, const struct aethex_rooms_result *result);

/**
 * A change of a room. Set everything to zero, then `struct_size` and what changes: empty texts and zeros leave their fields
 * as they are.
 */
typedef struct aethex_room_change {
    /**
     * `sizeof(aethex_room_change)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_room_visibility`; 0: as it is.
     */
    int32_t visibility;
    /**
     * An `aethex_room_lock`.
     */
    int32_t locked;
    /**
     * Seats; not under those taken.
     */
    uint32_t max_players;
    /**
     * Its name.
     */
    struct aethex_str name;
    /**
     * Id of the new host: a player in the room.
     */
    struct aethex_str host;
    /**
     * The game's own data, whole: a dictionary of plain JSON. It stays yours.
     */
    aethex_value metadata;
} aethex_room_change;

/**
 * Result of a request that ends with a message.
 */
typedef struct aethex_chat_message_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The message; null on failure.
     */
    const struct aethex_chat_message *said;
} aethex_chat_message_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_chat_message_callback)(void *user_data,
                                             const struct aethex_chat_message_result *result);

/**
 * Result of a question for a history.
 */
typedef struct aethex_chat_history_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * What was said, newest first, as an array of pointers; null when there is nothing, and on failure.
     */
    const struct aethex_chat_message *const *messages;
    /**
     * How many messages.
     */
    size_t message_count;
    /**
     * Cursor of the next page; empty on the last one.
     */
    struct aethex_str next_cursor;
} aethex_chat_history_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_chat_history_callback)(void *user_data,
                                             const struct aethex_chat_history_result *result);

/**
 * A channel with something in it.
 */
typedef struct aethex_conversation {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * Messages of others since the read mark, at most 100.
     */
    uint32_t unread;
    /**
     * The channel, as the reader names it.
     */
    struct aethex_str channel;
    /**
     * Its newest message.
     */
    const struct aethex_chat_message *last;
} aethex_conversation;

/**
 * Result of a list of conversations.
 */
typedef struct aethex_conversations_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The conversations, the newest first, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_conversation *const *conversations;
    /**
     * How many conversations.
     */
    size_t conversation_count;
    /**
     * Cursor of the next page; empty on the last one.
     */
    struct aethex_str next_cursor;
} aethex_conversations_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_conversations_callback)(void *user_data,
                                              const struct aethex_conversations_result *result);

/**
 * A player who is blocked.
 */
typedef struct aethex_block {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The player's name.
     */
    struct aethex_str username;
    /**
     * Since when, milliseconds since 1970 UTC.
     */
    int64_t since_ms;
} aethex_block;

/**
 * Result of a list of blocked players.
 */
typedef struct aethex_blocks_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The players, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_block *const *blocks;
    /**
     * How many players.
     */
    size_t block_count;
    /**
     * Cursor of the next page; empty on the last one.
     */
    struct aethex_str next_cursor;
} aethex_blocks_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_blocks_callback)(void *user_data, const struct aethex_blocks_result *result);

/**
 * Why a player or a message is reported. Set everything to zero, then `struct_size` and what you know.
 */
typedef struct aethex_player_report {
    /**
     * `sizeof(aethex_player_report)`.
     */
    uint32_t struct_size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The player's id. Needed.
     */
    struct aethex_str player;
    /**
     * In one word: `abuse`, `spam`, `cheating`, `name`, `other`. Needed.
     */
    struct aethex_str reason;
    /**
     * The message, when it is about one.
     */
    struct aethex_str message_id;
    /**
     * In the player's words, at most 1,000 characters.
     */
    struct aethex_str text;
} aethex_player_report;

/**
 * Result of a report.
 */
typedef struct aethex_report_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The report's id; empty on failure.
     */
    struct aethex_str report_id;
} aethex_report_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_report_callback)(void *user_data, const struct aethex_report_result *result);

/**
 * Result of an invitation.
 */
typedef struct aethex_invite_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The invitation; null on failure.
     */
    const struct aethex_invite *invite;
} aethex_invite_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_invite_callback)(void *user_data, const struct aethex_invite_result *result);

/**
 * Result of a list of invitations.
 */
typedef struct aethex_invites_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The invitations, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_invite *const *invites;
    /**
     * How many invitations.
     */
    size_t invite_count;
    /**
     * Cursor of the next page; empty on the last one.
     */
    struct aethex_str next_cursor;
} aethex_invites_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_invites_callback)(void *user_data, const struct aethex_invites_result *result);

/**
 * Why a ticket is not matched yet.
 */
typedef struct aethex_wait_reason {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * In one word: `few_players`, `skill`, `latency`, `rule`, `party_size`, `region`.
     */
    struct aethex_str code;
    /**
     * In words.
     */
    struct aethex_str message;
    /**
     * Milliseconds until this gets wider; -1 when it does not.
     */
    int64_t eases_in_ms;
} aethex_wait_reason;

/**
 * A ticket in a queue.
 */
typedef struct aethex_queue_ticket {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * An `aethex_ticket_status`.
     */
    int32_t status;
    /**
     * Its id.
     */
    struct aethex_str id;
    /**
     * The queue.
     */
    struct aethex_str mode;
    /**
     * Ids of who is on it.
     */
    const struct aethex_str *players;
    /**
     * How many players.
     */
    size_t player_count;
    /**
     * Since when, milliseconds since 1970 UTC.
     */
    int64_t created_at_ms;
    /**
     * How long half of such tickets waited of late, in milliseconds; -1 when too few did.
     */
    int64_t wait_p50_ms;
    /**
     * How long nine in ten waited at most; -1 when too few did.
     */
    int64_t wait_p90_ms;
    /**
     * Why it is not matched yet, as an array of pointers; null when it is.
     */
    const struct aethex_wait_reason *const *reasons;
    /**
     * How many reasons.
     */
    size_t reason_count;
    /**
     * The match that was proposed or found; null before.
     */
    const struct aethex_match *match_info;
} aethex_queue_ticket;

/**
 * Result of a request that ends with a ticket.
 */
typedef struct aethex_ticket_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The ticket; null on failure, and when the player has none.
     */
    const struct aethex_queue_ticket *ticket;
} aethex_ticket_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_ticket_callback)(void *user_data, const struct aethex_ticket_result *result);

/**
 * Result of a report of how a match ended.
 */
typedef struct aethex_reported_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * Whether the result counts now.
     */
    bool settled;
    /**
     * Players who reported the same.
     */
    uint32_t agreeing;
    /**
     * Players whose word is needed.
     */
    uint32_t needed;
} aethex_reported_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_reported_callback)(void *user_data,
                                         const struct aethex_reported_result *result);

/**
 * How good a player is, as results tell it.
 */
typedef struct aethex_rating {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * The player's id.
     */
    struct aethex_str player_id;
    /**
     * The queue.
     */
    struct aethex_str mode;
    /**
     * The estimate; 1,500 for who never played.
     */
    double rating;
    /**
     * Its standard deviation.
     */
    double deviation;
    /**
     * Results that it is made of.
     */
    int64_t matches;
} aethex_rating;

/**
 * Result of a question for a rating.
 */
typedef struct aethex_rating_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The rating; null on failure.
     */
    const struct aethex_rating *rating;
} aethex_rating_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_rating_callback)(void *user_data, const struct aethex_rating_result *result);

/**
 * Result of a request that ends with a party.
 */
typedef struct aethex_party_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The party; null on failure, and when the player is in none.
     */
    const struct aethex_party *party;
} aethex_party_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_party_callback)(void *user_data, const struct aethex_party_result *result);

/**
 * What to show of oneself. Set everything to zero, then `struct_size` and what differs.
 */
typedef struct aethex_presence_options {
    /**
     * `sizeof(aethex_presence_options)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_availability`; not offline.
     */
    int32_t availability;
    /**
     * Own words, at most 128 characters.
     */
    struct aethex_str status;
    /**
     * The game's own data, a dictionary of plain JSON, at most 1 KiB; 0: none. It stays yours.
     */
    aethex_value data;
} aethex_presence_options;

/**
 * Result of `aethex_presence_set`.
 */
typedef struct aethex_presence_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * What is shown; null on failure.
     */
    const struct aethex_presence *presence;
} aethex_presence_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_presence_callback)(void *user_data,
                                         const struct aethex_presence_result *result);

/**
 * Result of a question for presences.
 */
typedef struct aethex_presences_result {
    /**
     * Size of this struct in the library that runs.
     */
    uint32_t struct_size;
    /**
     * `AETHEX_OK`, or why the request failed.
     */
    aethex_error error;
    /**
     * The request.
     */
    aethex_op op;
    /**
     * What happened and what to do about it; empty on success.
     */
    struct aethex_str message;
    /**
     * Whether the same request may succeed later, unchanged.
     */
    bool retryable;
    /**
     * The presences in the order asked, as an array of pointers; null when there are none, and on failure.
     */
    const struct aethex_presence *const *presences;
    /**
     * How many presences.
     */
    size_t presence_count;
} aethex_presences_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_presences_callback)(void *user_data,
                                          const struct aethex_presences_result *result);

/**
 * How to send a state. Set everything to zero, then `struct_size` and what differs.
 */
typedef struct aethex_state_options {
    /**
     * `sizeof(aethex_state_options)`.
     */
    uint32_t struct_size;
    /**
     * Its channel, below 8: the newest of each is kept. A game that also plays with Godot's peers leaves 4 to 7 to them.
     */
    uint32_t channel;
    /**
     * 1: does not wait for the room's tick. For what cannot wait, a few times a second.
     */
    uint32_t urgent;
} aethex_state_options;

/**
 * How to send a message. Set everything to zero, then `struct_size` and what differs.
 */
typedef struct aethex_message_options {
    /**
     * `sizeof(aethex_message_options)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_message_target`.
     */
    int32_t to;
    /**
     * The player's id, for the targets that name one; empty for the others.
     */
    struct aethex_str player;
    /**
     * 1: arrives as soon as it can, not after everything sent before it.
     */
    uint32_t unordered;
    /**
     * The game's own channel, below 256. A game that also plays with Godot's peers leaves 255 to them.
     */
    uint32_t channel;
} aethex_message_options;

/**
 * How this player and the link to the current room do. Set `struct_size` before it is filled.
 */
typedef struct aethex_room_info {
    /**
     * `sizeof(aethex_room_info)`.
     */
    uint32_t struct_size;
    /**
     * An `aethex_transport`: what carries the link.
     */
    int32_t transport;
    /**
     * The player's own place in the room; -1 without a room.
     */
    int32_t seat;
    /**
     * The host's place in the room; -1 while it is not known.
     */
    int32_t host_seat;
    /**
     * Players in the room, this one too.
     */
    uint32_t player_count;
    /**
     * Whether the player is in a room.
     */
    bool in_room;
    /**
     * Whether this player is its host.
     */
    bool is_host;
    /**
     * The round trip to the relay in microseconds, smoothed; 0 before the first.
     */
    uint64_t rtt_us;
    /**
     * The relay's time, see `aethex_multiplayer_server_time_us`.
     */
    uint64_t server_time_us;
    /**
     * Messages that the relay does not have yet.
     */
    size_t messages_waiting;
} aethex_room_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The code's name, for example `saves_conflict`; `unknown` for a number that is no code.
 * The text lives as long as the library.
 */
struct aethex_str aethex_error_name(aethex_error error);

/**
 * What the code means, in one English sentence. The text lives as long as the library.
 */
struct aethex_str aethex_error_summary(aethex_error error);

/**
 * The library's version, for example `0.1.0`. The text lives as long as the library.
 */
struct aethex_str aethex_version(void);

/**
 * Makes a cloud and starts its thread. Works offline; nothing is sent before the first request.
 *
 * `AETHEX_ERROR_INVALID_ARGUMENT`: an option is not usable. `AETHEX_ERROR_STORAGE`: the data folder
 * cannot be used.
 */
aethex_error aethex_cloud_create(const struct aethex_cloud_options *options, aethex_cloud *out);

/**
 * Runs what has completed since the last tick: callbacks of requests, then events. Call it once a frame.
 *
 * `AETHEX_ERROR_BUSY` inside a callback of this cloud, or while another thread ticks or
 * destroys it: nothing was done.
 */
aethex_error aethex_tick(aethex_cloud cloud);

/**
 * Ends a cloud. Running requests get the grace of the options; then those still open complete with
 * `AETHEX_ERROR_CANCELLED` or `AETHEX_ERROR_SHUT_DOWN`, inside this call. No events. Saves that are
 * queued stay on disk and are sent by the next cloud on the same data folder. Values stay valid.
 *
 * `AETHEX_ERROR_BUSY` inside a callback of this cloud, or while another thread ticks or
 * destroys it: nothing was done, destroy it later. A second time is `AETHEX_ERROR_INVALID_HANDLE`.
 */
aethex_error aethex_cloud_destroy(aethex_cloud cloud);

/**
 * Asks a request to stop. Its callback still runs once, in a later tick: with `AETHEX_ERROR_CANCELLED`,
 * or with its result when it was already done. `AETHEX_ERROR_INVALID_HANDLE` when the callback has run.
 */
aethex_error aethex_cancel(aethex_cloud cloud,
                           aethex_op op);

/**
 * Sets the callback for events, instead of the one before; null for none. Events wait for the next tick;
 * with no callback they are dropped there. A tick that runs on another thread may still be calling the
 * one before.
 */
aethex_error aethex_set_event_callback(aethex_cloud cloud,
                                       aethex_event_callback callback,
                                       void *user_data);

/**
 * Who is logged in, as known on this device; works offline and needs no tick.
 *
 * Set `user->struct_size` first. The texts are written into `buffer`, each with a NUL behind it, and
 * `user` points to them there; `AETHEX_USER_TEXT_SIZE` bytes are enough. `AETHEX_ERROR_NOT_LOGGED_IN`
 * when nobody is; `AETHEX_ERROR_TOO_LARGE` when the buffer is too small.
 */
aethex_error aethex_auth_current_user(aethex_cloud cloud,
                                      struct aethex_user *user,
                                      char *buffer,
                                      size_t capacity);

/**
 * Changes the password. Every session of the account ends; this device gets a new one at once. `old_password`
 * is empty for an account that has none yet.
 */
aethex_error aethex_auth_change_password(aethex_cloud cloud,
                                         struct aethex_str old_password,
                                         struct aethex_str new_password,
                                         aethex_callback callback,
                                         void *user_data,
                                         aethex_op *op);

/**
 * Begins a change of the address: a code goes to the new one, a notice to the old one. It counts once
 * `aethex_auth_verify_email` gets the code. `password` is empty for an account that has none.
 */
aethex_error aethex_auth_change_email(aethex_cloud cloud,
                                      struct aethex_str email,
                                      struct aethex_str password,
                                      aethex_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Sends the mail that verifies the account's address again.
 */
aethex_error aethex_auth_send_verification(aethex_cloud cloud,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Confirms an address with the code of a mail; case, spaces and hyphens do not matter. Nobody needs to be
 * logged in.
 */
aethex_error aethex_auth_verify_email(aethex_cloud cloud,
                                      struct aethex_str code,
                                      aethex_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Asks for a mail that resets the password. Succeeds as well when no account has the address: nobody learns
 * who plays.
 */
aethex_error aethex_auth_forgot_password(aethex_cloud cloud,
                                         struct aethex_str email,
                                         aethex_callback callback,
                                         void *user_data,
                                         aethex_op *op);

/**
 * Sets a new password by the code of a mail. Every session of the account ends: log in again.
 */
aethex_error aethex_auth_reset_password(aethex_cloud cloud,
                                        struct aethex_str code,
                                        struct aethex_str new_password,
                                        aethex_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * Lists the providers that players of this game can log in with: `google`, `github`, `discord`, `oidc`.
 */
aethex_error aethex_auth_providers(aethex_cloud cloud,
                                   aethex_providers_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * Logs in with a provider, in the player's browser; the first time an account is made. `options` may be null.
 * The browser is opened by the library, or by the game when the cloud's options say so (`aethex_browser`).
 *
 * The library listens on a port of this device until the browser brings the answer. A second login with a
 * provider takes the place of one that waits, which ends with `AETHEX_ERROR_CANCELLED`; `aethex_cancel` ends it,
 * too. `AETHEX_ERROR_BROWSER` in the result when no browser opens, or no answer comes in time.
 */
aethex_error aethex_auth_login_oauth(aethex_cloud cloud,
                                     struct aethex_str provider,
                                     const struct aethex_oauth_options *options,
                                     aethex_user_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Links a provider to the player's account, in the browser; otherwise as `aethex_auth_login_oauth`.
 *
 * `AETHEX_ERROR_IDENTITY_TAKEN` in the result when it belongs to another account: log in to that one with
 * `keep_guest`, then `aethex_auth_merge_guest`.
 */
aethex_error aethex_auth_link_oauth(aethex_cloud cloud,
                                    struct aethex_str provider,
                                    const struct aethex_oauth_options *options,
                                    aethex_user_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Lists the ways into the player's account.
 */
aethex_error aethex_auth_identities(aethex_cloud cloud,
                                    aethex_identities_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Gives the player's account an email and a password: a guest's account can then be opened from anywhere. With
 * an empty `username` the one it has stays.
 *
 * `AETHEX_ERROR_IDENTITY_TAKEN` in the result when the email has an account: log in to that one with `keep_guest`,
 * then `aethex_auth_merge_guest`.
 */
aethex_error aethex_auth_link_email(aethex_cloud cloud,
                                    struct aethex_str email,
                                    struct aethex_str password,
                                    struct aethex_str username,
                                    aethex_user_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Removes a way into the player's account, never the last one: `password`, `device` or a provider's name.
 */
aethex_error aethex_auth_unlink(aethex_cloud cloud,
                                struct aethex_str provider,
                                aethex_user_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * The guest that a login with `keep_guest` kept; works as `aethex_auth_current_user`.
 * `AETHEX_ERROR_NOT_LOGGED_IN` when none is kept.
 */
aethex_error aethex_auth_kept_guest(aethex_cloud cloud,
                                    struct aethex_user *user,
                                    char *buffer,
                                    size_t capacity);

/**
 * Moves everything that the kept guest has into the account of the player who is logged in; then the guest is
 * gone. `choice` is an `aethex_merge_choice`. The guest's unsent saves are sent first.
 *
 * `AETHEX_ERROR_MERGE_CONFLICT` in the result when both have slots of the same name and `choice` is
 * `AETHEX_MERGE_ASK`: nothing has changed, `merge` names the slots, call again with a choice.
 */
aethex_error aethex_auth_merge_guest(aethex_cloud cloud,
                                     int32_t choice,
                                     aethex_user_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Lets the kept guest go without a merge: its session ends. It stays an account of its own, which
 * `aethex_auth_login_guest` opens.
 */
aethex_error aethex_auth_release_guest(aethex_cloud cloud,
                                       aethex_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Makes an account and logs it in. An empty `username` is made from the email.
 */
aethex_error aethex_auth_register(aethex_cloud cloud,
                                  struct aethex_str email,
                                  struct aethex_str password,
                                  struct aethex_str username,
                                  aethex_user_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Makes an account and logs it in. `options` may be null. Where the backend asks for a proof of work, the
 * library finds it; that takes a phone some seconds.
 */
aethex_error aethex_auth_register_with(aethex_cloud cloud,
                                       struct aethex_str email,
                                       struct aethex_str password,
                                       const struct aethex_register_options *options,
                                       aethex_user_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Logs in with email and password. A player who was logged in before is logged out.
 */
aethex_error aethex_auth_login(aethex_cloud cloud,
                               struct aethex_str email,
                               struct aethex_str password,
                               aethex_user_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Logs in with email and password. `options` may be null. A player who was logged in before is logged out; a
 * guest may be kept.
 */
aethex_error aethex_auth_login_with(aethex_cloud cloud,
                                    struct aethex_str email,
                                    struct aethex_str password,
                                    const struct aethex_login_options *options,
                                    aethex_user_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Logs in as this device's guest, without any question; the first time an account is made. `options` may be
 * null. The key that opens it stays on this device, also after a logout: the same device is the same guest.
 *
 * `AETHEX_ERROR_STORAGE` in the result when that key cannot be kept, or is there and cannot be read.
 */
aethex_error aethex_auth_login_guest(aethex_cloud cloud,
                                     const struct aethex_login_options *options,
                                     aethex_user_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Throws this device's guest key away, for good: the guest's account, unless something was linked to it, can
 * never be opened again. A session that is open stays.
 */
aethex_error aethex_auth_forget_guest(aethex_cloud cloud,
                                      aethex_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Ends the session on this device. Unsent saves stay on disk for the player's next login; a guest's key stays,
 * too.
 */
aethex_error aethex_auth_logout(aethex_cloud cloud,
                                aethex_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * Ends every session of the account, here and on other devices. Needs the backend's word: when it fails,
 * the session here goes on.
 */
aethex_error aethex_auth_logout_everywhere(aethex_cloud cloud,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Changes the player's profile. An empty text leaves its field as it is.
 */
aethex_error aethex_auth_update_profile(aethex_cloud cloud,
                                        struct aethex_str username,
                                        struct aethex_str display_name,
                                        aethex_user_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * Changes the player's profile, visibility and language among it.
 */
aethex_error aethex_auth_update_profile_with(aethex_cloud cloud,
                                             const struct aethex_profile_change *change,
                                             aethex_user_callback callback,
                                             void *user_data,
                                             aethex_op *op);

/**
 * Reads the player's profile from the backend.
 */
aethex_error aethex_auth_profile(aethex_cloud cloud,
                                 aethex_user_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Reads another player's profile, as far as the player shows it: `AETHEX_ERROR_NOT_FOUND` in the result when
 * there is no such player, or not for this one's eyes.
 */
aethex_error aethex_auth_public_profile(aethex_cloud cloud,
                                        struct aethex_str player,
                                        aethex_public_profile_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * Reads the player's preferences: settings that are the same on every device.
 */
aethex_error aethex_auth_preferences(aethex_cloud cloud,
                                     aethex_preferences_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Sets the preferences that the dictionary `values` names, removes those that are null in it, and leaves the
 * others. Keys are texts of letters, digits, `_`, `-`, `.`, `/`. At most 256, of together 16 KiB. The value stays
 * yours.
 */
aethex_error aethex_auth_set_preferences(aethex_cloud cloud,
                                         aethex_value values,
                                         aethex_preferences_callback callback,
                                         void *user_data,
                                         aethex_op *op);

/**
 * Sets the avatar: a PNG, JPEG or WebP picture of at most 4 MiB. The backend draws it anew, 256 pixels square.
 */
aethex_error aethex_auth_set_avatar(aethex_cloud cloud,
                                    const uint8_t *data,
                                    size_t len,
                                    aethex_user_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Removes the avatar.
 */
aethex_error aethex_auth_delete_avatar(aethex_cloud cloud,
                                       aethex_user_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Lists the account's sessions, a page at a time: `cursor` is the `next_cursor` of the page before, empty for
 * the first one.
 */
aethex_error aethex_auth_sessions(aethex_cloud cloud,
                                  struct aethex_str cursor,
                                  aethex_sessions_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Ends one session of the account. This device's own is logged out.
 */
aethex_error aethex_auth_end_session(aethex_cloud cloud,
                                     struct aethex_str session,
                                     aethex_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Ends every session of the account but this one.
 */
aethex_error aethex_auth_end_other_sessions(aethex_cloud cloud,
                                            aethex_callback callback,
                                            void *user_data,
                                            aethex_op *op);

/**
 * Reads where the player's privacy stands: what is to be accepted, what was consented to, what is allowed.
 */
aethex_error aethex_privacy_state(aethex_cloud cloud,
                                  aethex_privacy_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Lists the newest version of each policy of the game. Nobody needs to be logged in.
 */
aethex_error aethex_privacy_policies(aethex_cloud cloud,
                                     aethex_policies_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Accepts a policy, in the version that the player was shown. `AETHEX_ERROR_UNKNOWN_POLICY` in the result when
 * there is a newer one: show that.
 */
aethex_error aethex_privacy_accept_policy(aethex_cloud cloud,
                                          struct aethex_str policy,
                                          struct aethex_str version,
                                          aethex_callback callback,
                                          void *user_data,
                                          aethex_op *op);

/**
 * Gives a consent, or takes it back. `purpose` is an `aethex_purpose`.
 */
aethex_error aethex_privacy_set_consent(aethex_cloud cloud,
                                        int32_t purpose,
                                        bool granted,
                                        aethex_privacy_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * Says the player's age, once. Ask for it neutrally: without a hint at which answer opens more. `birth_month` is 1
 * to 12; 0: not said, then the player counts as not having had this year's birthday.
 */
aethex_error aethex_privacy_set_age(aethex_cloud cloud,
                                    int32_t birth_year,
                                    int32_t birth_month,
                                    aethex_privacy_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Asks a parent for consent, by mail.
 */
aethex_error aethex_privacy_ask_parent(aethex_cloud cloud,
                                       struct aethex_str email,
                                       aethex_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Asks for a copy of everything that is known of the player. It is made in the background: ask with
 * `aethex_privacy_export` how far it is.
 */
aethex_error aethex_privacy_start_export(aethex_cloud cloud,
                                         aethex_export_callback callback,
                                         void *user_data,
                                         aethex_op *op);

/**
 * Reads how far an export is. `id` is the one that `aethex_privacy_start_export` told.
 */
aethex_error aethex_privacy_export(aethex_cloud cloud,
                                   struct aethex_str id,
                                   aethex_export_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * Downloads an export, a ZIP archive, into the file `path`. What was there before is replaced, and only by the
 * whole archive. `AETHEX_ERROR_EXPORT_PENDING` in the result while it is still being made.
 */
aethex_error aethex_privacy_download_export(aethex_cloud cloud,
                                            struct aethex_str id,
                                            struct aethex_str path,
                                            aethex_export_callback callback,
                                            void *user_data,
                                            aethex_op *op);

/**
 * Asks for the erasure of the account and everything that belongs to it. Every session ends, this one too. It is
 * done after a time of grace, within which a player who logs in again takes it back by
 * `aethex_privacy_cancel_erasure`. `password` is empty for an account that has none. Keep the
 * receipt's id: it still answers when the account is gone.
 */
aethex_error aethex_privacy_erase_account(aethex_cloud cloud,
                                          struct aethex_str password,
                                          aethex_receipt_callback callback,
                                          void *user_data,
                                          aethex_op *op);

/**
 * Takes an erasure back, within the time of grace.
 */
aethex_error aethex_privacy_cancel_erasure(aethex_cloud cloud,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Reads an erasure's receipt. Nobody needs to be logged in.
 */
aethex_error aethex_privacy_receipt(aethex_cloud cloud,
                                    struct aethex_str id,
                                    aethex_receipt_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Saves a value in a slot. The save is durable on this device before its callback runs, and sent as soon
 * as possible. `options` may be null. The value stays yours.
 */
aethex_error aethex_saves_save(aethex_cloud cloud,
                               struct aethex_str slot,
                               aethex_value value,
                               const struct aethex_save_options *options,
                               aethex_save_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Saves bytes in a slot, at most 16 MiB; otherwise as `aethex_saves_save`.
 */
aethex_error aethex_saves_save_bytes(aethex_cloud cloud,
                                     struct aethex_str slot,
                                     const uint8_t *data,
                                     size_t len,
                                     const struct aethex_save_options *options,
                                     aethex_save_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Saves a value in a slot without waiting for the backend: for autosaves. The callback runs when the save is durable on
 * this device; it is sent two seconds later, and of several in a row only the last one becomes a version. Saves of
 * `aethex_saves_save` are never replaced. `options` may be null. The value stays yours.
 */
aethex_error aethex_saves_save_later(aethex_cloud cloud,
                                     struct aethex_str slot,
                                     aethex_value value,
                                     const struct aethex_save_options *options,
                                     aethex_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Saves bytes in a slot as `aethex_saves_save_later` does.
 */
aethex_error aethex_saves_save_bytes_later(aethex_cloud cloud,
                                           struct aethex_str slot,
                                           const uint8_t *data,
                                           size_t len,
                                           const struct aethex_save_options *options,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Loads a part of a slot; of one of its versions when `version` is not empty.
 */
aethex_error aethex_saves_load_part(aethex_cloud cloud,
                                    struct aethex_str slot,
                                    struct aethex_str part,
                                    struct aethex_str version,
                                    aethex_load_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Loads the newest save of a slot: from the cloud, or offline what this device knows.
 * `AETHEX_ERROR_SAVE_NOT_FOUND` in the result when the slot is empty.
 */
aethex_error aethex_saves_load(aethex_cloud cloud,
                               struct aethex_str slot,
                               aethex_load_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Loads a version of a slot's history.
 */
aethex_error aethex_saves_load_version(aethex_cloud cloud,
                                       struct aethex_str slot,
                                       struct aethex_str version,
                                       aethex_load_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Makes a version of a slot's history the newest again, as a new version.
 */
aethex_error aethex_saves_restore(aethex_cloud cloud,
                                  struct aethex_str slot,
                                  struct aethex_str version,
                                  aethex_save_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Lists the player's slots: the newest version of each, by name.
 */
aethex_error aethex_saves_list(aethex_cloud cloud,
                               aethex_versions_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Lists the versions of a slot, newest first, those beside the line of heads too.
 */
aethex_error aethex_saves_history(aethex_cloud cloud,
                                  struct aethex_str slot,
                                  aethex_versions_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Deletes a slot with all its versions, here and in the cloud, for good.
 */
aethex_error aethex_saves_delete(aethex_cloud cloud,
                                 struct aethex_str slot,
                                 aethex_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Settles a conflict that an event told of. `merged` is the content for `AETHEX_RESOLUTION_MERGED` and
 * must be 0 otherwise; it stays yours.
 */
aethex_error aethex_saves_resolve(aethex_cloud cloud,
                                  struct aethex_str slot,
                                  int32_t resolution,
                                  aethex_value merged,
                                  aethex_save_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Settles a conflict with merged bytes, for slots that hold bytes.
 */
aethex_error aethex_saves_resolve_bytes(aethex_cloud cloud,
                                        struct aethex_str slot,
                                        const uint8_t *data,
                                        size_t len,
                                        aethex_save_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * Sends what is queued now. Succeeds only when the backend has confirmed all of it; `timeout_ms` is at
 * most an hour.
 */
aethex_error aethex_saves_flush(aethex_cloud cloud,
                                uint32_t timeout_ms,
                                aethex_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * How many saves and deletes wait to be sent.
 */
aethex_error aethex_saves_pending(aethex_cloud cloud, size_t *out);

/**
 * Where a slot stands on this device, an `aethex_slot_status`.
 */
aethex_error aethex_saves_status(aethex_cloud cloud, struct aethex_str slot, int32_t *out);

/**
 * Whether queued saves are sent as soon as possible, or wait for `aethex_saves_flush`.
 */
aethex_error aethex_saves_enable_auto_sync(aethex_cloud cloud, bool enabled);

/**
 * Reads the conflict of a slot, with both sides and the fields that need an answer.
 */
aethex_error aethex_saves_conflict(aethex_cloud cloud,
                                   struct aethex_str slot,
                                   aethex_conflict_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * Settles a conflict by the merge, with an answer for each field that needs one. The answers are copied.
 * `AETHEX_ERROR_MERGE_UNANSWERED` in the result when one is missing.
 */
aethex_error aethex_saves_answer(aethex_cloud cloud,
                                 struct aethex_str slot,
                                 const struct aethex_answer *answers,
                                 size_t answer_count,
                                 aethex_save_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Settles a conflict by making this device's save a slot of its own; the cloud's stays. The result's `slot` is the new
 * slot's name, for example `slot1 (2)`.
 */
aethex_error aethex_saves_keep_both(aethex_cloud cloud,
                                    struct aethex_str slot,
                                    aethex_save_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Says how the slots of a pattern are merged when two devices changed them, and which schema the game writes. `*` in
 * the pattern stands for any characters.
 *
 * `policies` is a dictionary from paths to policies, `{"coins": "counter", "best": "max"}`, for example made by
 * `aethex_value_from_json`; 0 for none. It stays yours. `options` may be null. Call it before the first load or save.
 * `AETHEX_ERROR_INVALID_ARGUMENT`: a pattern, path or policy is not usable.
 */
aethex_error aethex_saves_define(aethex_cloud cloud,
                                 struct aethex_str pattern,
                                 aethex_value policies,
                                 const struct aethex_define_options *options);

/**
 * Sets the key of 32 bytes that saves are encrypted with before they leave this device; null with 0 bytes ends it for
 * new saves. It is copied, and kept in memory only. The backend then stores what it cannot read: nobody can help when
 * the key is lost.
 */
aethex_error aethex_saves_set_key(aethex_cloud cloud,
                                  const uint8_t *key,
                                  size_t len);

/**
 * Says that a slot is being played on this device. Yields the player's other devices on which the same slot is being
 * played right now, or has saves that the cloud does not have: `AETHEX_EVENT_ACTIVE_ELSEWHERE` comes for each, too.
 */
aethex_error aethex_saves_play(aethex_cloud cloud,
                               struct aethex_str slot,
                               aethex_devices_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Says that no slot is being played on this device any more.
 */
aethex_error aethex_saves_stop_playing(aethex_cloud cloud,
                                       aethex_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Lists the player's devices that ever said what is played on them, the latest first.
 */
aethex_error aethex_saves_devices(aethex_cloud cloud,
                                  aethex_devices_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Says whether the network costs by the byte. Then large saves wait for another network, or for
 * `aethex_saves_flush`.
 */
aethex_error aethex_saves_set_metered(aethex_cloud cloud, bool metered);

/**
 * The game goes to the background, or quits: everything at hand is sent within four seconds, as far as the network
 * allows. What is left stays on this device.
 */
aethex_error aethex_saves_on_background(aethex_cloud cloud,
                                        aethex_callback callback,
                                        void *user_data,
                                        aethex_op *op);

/**
 * The game is back in the foreground: what waits is sent.
 */
aethex_error aethex_saves_on_foreground(aethex_cloud cloud);

/**
 * Tells everything that this device knows of a slot.
 */
aethex_error aethex_saves_slot_info(aethex_cloud cloud,
                                    struct aethex_str slot,
                                    struct aethex_slot_info *out);

/**
 * Makes a file that the game writes itself a slot, by its absolute path. It is remembered; while the game runs the
 * file is saved in the cloud whenever it has changed and rests.
 *
 * Call it before the game reads the file, and wait for the callback: when the cloud has a newer save and the file did
 * not change here, the file is replaced, with the one before beside it as `….bak`. When both changed, it is a
 * conflict like any other, and the file follows its end: `AETHEX_EVENT_FILE_REPLACED`.
 */
aethex_error aethex_saves_wrap_file(aethex_cloud cloud,
                                    struct aethex_str path,
                                    struct aethex_str slot,
                                    aethex_file_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Compares a wrapped file with the cloud, as `aethex_saves_wrap_file` does.
 */
aethex_error aethex_saves_pull_file(aethex_cloud cloud,
                                    struct aethex_str slot,
                                    aethex_file_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Makes a wrapped file the game's alone again. File and slot stay as they are.
 */
aethex_error aethex_saves_unwrap_file(aethex_cloud cloud,
                                      struct aethex_str slot,
                                      aethex_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Writes all slots into one ZIP file, those of this device that the cloud does not have yet too; with `history` all
 * versions, not only the newest.
 */
aethex_error aethex_saves_export_all(aethex_cloud cloud,
                                     struct aethex_str path,
                                     bool history,
                                     aethex_archive_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Brings slots back from a file of `aethex_saves_export_all`. Nothing is overwritten: a slot that holds something
 * else stays as it is, and what was in the file becomes `slot (2)`.
 */
aethex_error aethex_saves_import(aethex_cloud cloud,
                                 struct aethex_str path,
                                 aethex_import_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Tells what changed from one version of a slot to another; to the newest when `to` is empty.
 */
aethex_error aethex_saves_diff(aethex_cloud cloud,
                               struct aethex_str slot,
                               struct aethex_str from,
                               struct aethex_str to,
                               aethex_diff_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Keeps a version in the history for ever, or lets it go again.
 */
aethex_error aethex_saves_pin(aethex_cloud cloud,
                              struct aethex_str slot,
                              struct aethex_str version,
                              bool pinned,
                              aethex_version_callback callback,
                              void *user_data,
                              aethex_op *op);

/**
 * Gives a version other words.
 */
aethex_error aethex_saves_set_label(aethex_cloud cloud,
                                    struct aethex_str slot,
                                    struct aethex_str version,
                                    struct aethex_str label,
                                    aethex_version_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Begins the new slot `to` with a version of a slot; with its newest when `version` is empty.
 */
aethex_error aethex_saves_branch(aethex_cloud cloud,
                                 struct aethex_str slot,
                                 struct aethex_str version,
                                 struct aethex_str to,
                                 aethex_version_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Tells what the player has stored in the cloud, and may store.
 */
aethex_error aethex_saves_quota(aethex_cloud cloud,
                                aethex_quota_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * Makes a room and joins it as its host; it is the current one from then on. `options` may be null.
 */
aethex_error aethex_multiplayer_create_room(aethex_cloud cloud,
                                            const struct aethex_room_options *options,
                                            aethex_room_callback callback,
                                            void *user_data,
                                            aethex_op *op);

/**
 * Joins a room and makes it the current one; the one before is left. Joining the current room again does nothing.
 * `options` may be null.
 */
aethex_error aethex_multiplayer_join_room(aethex_cloud cloud,
                                          struct aethex_str room,
                                          const struct aethex_join_options *options,
                                          aethex_room_callback callback,
                                          void *user_data,
                                          aethex_op *op);

/**
 * Joins the room that has this code, of a room or an invitation; otherwise as `aethex_multiplayer_join_room`.
 */
aethex_error aethex_multiplayer_join_by_code(aethex_cloud cloud,
                                             struct aethex_str code,
                                             const struct aethex_join_options *options,
                                             aethex_room_callback callback,
                                             void *user_data,
                                             aethex_op *op);

/**
 * Leaves the current room, for good. Without one nothing happens.
 */
aethex_error aethex_multiplayer_leave_room(aethex_cloud cloud,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * The current room as it is now, with its players; null without one. Asks nobody: the result comes in the next tick.
 */
aethex_error aethex_multiplayer_current_room(aethex_cloud cloud,
                                             aethex_room_callback callback,
                                             void *user_data,
                                             aethex_op *op);

/**
 * Lists public rooms, newest first. `query` may be null.
 */
aethex_error aethex_multiplayer_list_rooms(aethex_cloud cloud,
                                           const struct aethex_rooms_query *query,
                                           aethex_rooms_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Looks at a room.
 */
aethex_error aethex_multiplayer_get_room(aethex_cloud cloud,
                                         struct aethex_str room,
                                         aethex_room_callback callback,
                                         void *user_data,
                                         aethex_op *op);

/**
 * Changes the current room: its host may. Its new form comes to everyone as `AETHEX_EVENT_ROOM_UPDATED`.
 */
aethex_error aethex_multiplayer_update_room(aethex_cloud cloud,
                                            const struct aethex_room_change *change,
                                            aethex_room_callback callback,
                                            void *user_data,
                                            aethex_op *op);

/**
 * Sends a player out of the current room: its host may. With `ban` the player may not come back.
 */
aethex_error aethex_multiplayer_kick(aethex_cloud cloud,
                                     struct aethex_str player,
                                     bool ban,
                                     aethex_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Closes the current room and sends everyone home: its host may.
 */
aethex_error aethex_multiplayer_close_room(aethex_cloud cloud,
                                           aethex_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Moves the room's link to another transport while it carries on, an `aethex_transport`. For tests and menus: the
 * library chooses by itself.
 */
aethex_error aethex_multiplayer_switch_transport(aethex_cloud cloud,
                                                 int32_t transport,
                                                 aethex_callback callback,
                                                 void *user_data,
                                                 aethex_op *op);

/**
 * Opens the player's own connection, over which matches, chat, invitations and presence come. Using any of these does so
 * too.
 */
aethex_error aethex_multiplayer_go_live(aethex_cloud cloud);

/**
 * Says something in a channel, 1 to 2,000 characters. A channel is `room:` with a room's id, `party:` with a
 * party's, `direct:` with the other player's, or `channel:` with a name.
 */
aethex_error aethex_chat_send(aethex_cloud cloud,
                              struct aethex_str channel,
                              struct aethex_str text,
                              aethex_chat_message_callback callback,
                              void *user_data,
                              aethex_op *op);

/**
 * What was said in a channel, newest first. At most `limit`, 50 for 0. `cursor` is `next_cursor` of the page before;
 * empty for the first page.
 */
aethex_error aethex_chat_history(aethex_cloud cloud,
                                 struct aethex_str channel,
                                 uint32_t limit,
                                 struct aethex_str cursor,
                                 aethex_chat_history_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Gives one's message other words, for a quarter of an hour.
 */
aethex_error aethex_chat_edit(aethex_cloud cloud,
                              struct aethex_str channel,
                              struct aethex_str message_id,
                              struct aethex_str text,
                              aethex_chat_message_callback callback,
                              void *user_data,
                              aethex_op *op);

/**
 * Takes one's message back.
 */
aethex_error aethex_chat_delete(aethex_cloud cloud,
                                struct aethex_str channel,
                                struct aethex_str message_id,
                                aethex_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * Says how far one has read. A mark never goes back.
 */
aethex_error aethex_chat_mark_read(aethex_cloud cloud,
                                   struct aethex_str channel,
                                   struct aethex_str message_id,
                                   aethex_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * One's conversations with what is unread, the newest first. At most `limit`, 50 for 0. `cursor` is `next_cursor` of
 * the page before; empty for the first page.
 */
aethex_error aethex_chat_conversations(aethex_cloud cloud,
                                       uint32_t limit,
                                       struct aethex_str cursor,
                                       aethex_conversations_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Joins a named channel: its messages come from now on.
 */
aethex_error aethex_chat_join_channel(aethex_cloud cloud,
                                      struct aethex_str channel,
                                      aethex_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Leaves a named channel.
 */
aethex_error aethex_chat_leave_channel(aethex_cloud cloud,
                                       struct aethex_str channel,
                                       aethex_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Blocks a player: no messages, no invitations, no matches together, no presence.
 */
aethex_error aethex_chat_block(aethex_cloud cloud,
                               struct aethex_str player,
                               aethex_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Unblocks a player.
 */
aethex_error aethex_chat_unblock(aethex_cloud cloud,
                                 struct aethex_str player,
                                 aethex_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Whom one blocked. At most `limit`, 50 for 0. `cursor` is `next_cursor` of the page before; empty for the first
 * page.
 */
aethex_error aethex_chat_blocked(aethex_cloud cloud,
                                 uint32_t limit,
                                 struct aethex_str cursor,
                                 aethex_blocks_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Reports a player or a message to the game's moderators.
 */
aethex_error aethex_chat_report(aethex_cloud cloud,
                                const struct aethex_player_report *report,
                                aethex_report_callback callback,
                                void *user_data,
                                aethex_op *op);

/**
 * Invites a player to a room that one is in; to the current one when `room` is empty.
 */
aethex_error aethex_invites_to_room(aethex_cloud cloud,
                                    struct aethex_str player,
                                    struct aethex_str room,
                                    aethex_invite_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Invites a player to one's party.
 */
aethex_error aethex_invites_to_party(aethex_cloud cloud,
                                     struct aethex_str player,
                                     struct aethex_str party,
                                     aethex_invite_callback callback,
                                     void *user_data,
                                     aethex_op *op);

/**
 * Lists invitations to oneself that stand, newest first: at most `limit`, 50 for 0. `cursor` is `next_cursor` of the
 * page before; empty for the first page.
 */
aethex_error aethex_invites_list(aethex_cloud cloud,
                                 uint32_t limit,
                                 struct aethex_str cursor,
                                 aethex_invites_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Declines an invitation, or takes one's own back.
 */
aethex_error aethex_invites_delete(aethex_cloud cloud,
                                   struct aethex_str invite,
                                   aethex_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * Queues for a match, as the dictionary `wanted` says. Its keys, all optional: `mode`, `region`, `skill_range` (an
 * array: least and greatest rating to meet), `skill`, `latencies` (milliseconds by region), `attributes` (what the
 * queue's rules ask for), `players` and `teams` (for queues without rules), `party` (true: with the party that the
 * player leads). A key that is not known fails the request by name. The value stays yours; 0 is the empty
 * dictionary.
 *
 * A player has one ticket at a time: asking again with the same answers with it. `AETHEX_EVENT_MATCH_PROPOSED` and
 * `AETHEX_EVENT_MATCH_FOUND` tell of the match.
 */
aethex_error aethex_matchmaking_join_queue(aethex_cloud cloud,
                                           aethex_value wanted,
                                           aethex_ticket_callback callback,
                                           void *user_data,
                                           aethex_op *op);

/**
 * Takes the player's ticket back. Without one nothing happens.
 */
aethex_error aethex_matchmaking_leave_queue(aethex_cloud cloud,
                                            aethex_callback callback,
                                            void *user_data,
                                            aethex_op *op);

/**
 * Reads the player's ticket: how far it is, how long such tickets wait, why it is not matched. Null without one.
 */
aethex_error aethex_matchmaking_status(aethex_cloud cloud,
                                       aethex_ticket_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Reads a ticket.
 */
aethex_error aethex_matchmaking_ticket(aethex_cloud cloud,
                                       struct aethex_str ticket,
                                       aethex_ticket_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Accepts a proposed match, or declines it with false. The first word counts.
 */
aethex_error aethex_matchmaking_accept_match(aethex_cloud cloud,
                                             struct aethex_str match_id,
                                             bool accept,
                                             aethex_ticket_callback callback,
                                             void *user_data,
                                             aethex_op *op);

/**
 * Says how a match ended, as one of its players: each team's place from 1, as in the dictionary `{"red": 1, "blue":
 * 2}`. It counts once more than half of the players say the same. The value stays yours.
 */
aethex_error aethex_matchmaking_report_result(aethex_cloud cloud,
                                              struct aethex_str match_id,
                                              aethex_value places,
                                              aethex_reported_callback callback,
                                              void *user_data,
                                              aethex_op *op);

/**
 * Fills the free seats of a match's room from its queue, as its host: until it is full, locked, decided or over. Asking
 * again changes nothing.
 */
aethex_error aethex_matchmaking_start_backfill(aethex_cloud cloud,
                                               struct aethex_str room,
                                               aethex_callback callback,
                                               void *user_data,
                                               aethex_op *op);

/**
 * Fills a room no more, as its host; also one that the queue's rules fill by themselves.
 */
aethex_error aethex_matchmaking_stop_backfill(aethex_cloud cloud,
                                              struct aethex_str room,
                                              aethex_callback callback,
                                              void *user_data,
                                              aethex_op *op);

/**
 * Reads a player's rating in a queue; the player's own when `player` is empty.
 */
aethex_error aethex_matchmaking_rating(aethex_cloud cloud,
                                       struct aethex_str mode,
                                       struct aethex_str player,
                                       aethex_rating_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Makes a party and leads it; leaves the one before.
 */
aethex_error aethex_parties_create(aethex_cloud cloud,
                                   aethex_party_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * The party that the player is in; null without one.
 */
aethex_error aethex_parties_current(aethex_cloud cloud,
                                    aethex_party_callback callback,
                                    void *user_data,
                                    aethex_op *op);

/**
 * Joins the party that has this code.
 */
aethex_error aethex_parties_join(aethex_cloud cloud,
                                 struct aethex_str code,
                                 aethex_party_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Leaves the party. Its leader passes the lead on.
 */
aethex_error aethex_parties_leave(aethex_cloud cloud,
                                  aethex_callback callback,
                                  void *user_data,
                                  aethex_op *op);

/**
 * Says whether one is ready.
 */
aethex_error aethex_parties_set_ready(aethex_cloud cloud,
                                      bool ready,
                                      aethex_party_callback callback,
                                      void *user_data,
                                      aethex_op *op);

/**
 * Sends a player out of the party: its leader may.
 */
aethex_error aethex_parties_kick(aethex_cloud cloud,
                                 struct aethex_str player,
                                 aethex_party_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Passes the lead on: the leader may.
 */
aethex_error aethex_parties_set_leader(aethex_cloud cloud,
                                       struct aethex_str player,
                                       aethex_party_callback callback,
                                       void *user_data,
                                       aethex_op *op);

/**
 * Says what to show of oneself, while the game runs. `shown` may be null: online, without words.
 */
aethex_error aethex_presence_set(aethex_cloud cloud,
                                 const struct aethex_presence_options *shown,
                                 aethex_presence_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * Asks who is here: up to 100 players by their ids, answered in their order.
 */
aethex_error aethex_presence_get(aethex_cloud cloud,
                                 const struct aethex_str *players,
                                 size_t player_count,
                                 aethex_presences_callback callback,
                                 void *user_data,
                                 aethex_op *op);

/**
 * As `aethex_presence_get`, and tells of changes from now on by `AETHEX_EVENT_PRESENCE_CHANGED`. Who was watched
 * before still is: up to 1,000 players in all, until the player logs out.
 */
aethex_error aethex_presence_watch(aethex_cloud cloud,
                                   const struct aethex_str *players,
                                   size_t player_count,
                                   aethex_presences_callback callback,
                                   void *user_data,
                                   aethex_op *op);

/**
 * Sends this player's state to everyone in the room: for what is true now, like a position, as often as you like.
 * The newest of each channel goes out once a tick, and arrives or is replaced by a newer one. At most 1,100 bytes.
 * `options` may be null. The value stays yours.
 *
 * `AETHEX_ERROR_NOT_IN_ROOM` without a room, `AETHEX_ERROR_INVALID_ARGUMENT` when it is too long or the channel is
 * none.
 */
aethex_error aethex_multiplayer_send_state(aethex_cloud cloud,
                                           aethex_value state,
                                           const struct aethex_state_options *options);

/**
 * Sends bytes of the game's own as `aethex_multiplayer_send_state` does.
 */
aethex_error aethex_multiplayer_send_state_bytes(aethex_cloud cloud,
                                                 const uint8_t *data,
                                                 size_t len,
                                                 const struct aethex_state_options *options);

/**
 * Sends a message: for what happened, like a shot. It arrives once and in order, over every change of links, for as
 * long as the stay lasts. At most 64 KiB. `options` may be null: to everyone else. The value stays yours.
 *
 * `AETHEX_ERROR_NOT_IN_ROOM` without a room, or when the player named is not in it; `AETHEX_ERROR_RELAY_OVERFLOW`
 * when 256 KiB or 1,024 messages are on their way: send less, or later.
 */
aethex_error aethex_multiplayer_send_message(aethex_cloud cloud,
                                             aethex_value message,
                                             const struct aethex_message_options *options);

/**
 * Sends bytes of the game's own as `aethex_multiplayer_send_message` does.
 */
aethex_error aethex_multiplayer_send_message_bytes(aethex_cloud cloud,
                                                   const uint8_t *data,
                                                   size_t len,
                                                   const struct aethex_message_options *options);

/**
 * Says where the player is, for rooms with an `interest_radius`. Numbers that are none are not said.
 */
aethex_error aethex_multiplayer_set_position(aethex_cloud cloud,
                                             float x,
                                             float y,
                                             float z);

/**
 * Says whose states are wanted: others' are not sent to this player, nor are those of who joins later, until it is
 * said anew or `aethex_multiplayer_clear_interest` ends it.
 */
aethex_error aethex_multiplayer_set_interest(aethex_cloud cloud,
                                             const struct aethex_str *players,
                                             size_t player_count);

/**
 * Everyone's states are wanted again.
 */
aethex_error aethex_multiplayer_clear_interest(aethex_cloud cloud);

/**
 * The relay's time in microseconds, the same for everyone in the room within half a round trip; 0 without a room.
 */
aethex_error aethex_multiplayer_server_time_us(aethex_cloud cloud,
                                               uint64_t *out);

/**
 * Whether this player is the current room's host; false without a room.
 */
aethex_error aethex_multiplayer_is_host(aethex_cloud cloud, bool *out);

/**
 * Copies the current room's id, with a NUL behind it; `AETHEX_ERROR_NOT_IN_ROOM` without one.
 *
 * `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to ask) or too
 * small (`AETHEX_ERROR_TOO_LARGE`, nothing written). An id has 36 bytes.
 */
aethex_error aethex_multiplayer_room_id(aethex_cloud cloud,
                                        char *buffer,
                                        size_t capacity,
                                        size_t *length);

/**
 * Tells how this player and the link to the current room do.
 */
aethex_error aethex_multiplayer_room_info(aethex_cloud cloud, struct aethex_room_info *out);

/**
 * Frees a value. Freeing it again, or 0, is `AETHEX_ERROR_INVALID_HANDLE` and harmless.
 */
aethex_error aethex_value_free(aethex_value value);

/**
 * A second handle with the same value; changes to one are not seen in the other. Costs the same for
 * any size until one of them is changed.
 */
aethex_error aethex_value_copy(aethex_value value, aethex_value *out);

/**
 * Whether two values are equal: same types, same content, floats bit by bit.
 */
aethex_error aethex_value_equal(aethex_value a, aethex_value b, bool *out);

/**
 * Makes a value from JSON text: plain JSON, or the projection that `aethex_value_to_json` writes.
 * `AETHEX_ERROR_INVALID_SAVE` when the text is not JSON or too deep.
 */
aethex_error aethex_value_from_json(struct aethex_str json, aethex_value *out);

/**
 * Writes the value as JSON, with a NUL behind it. Types that JSON lacks become tagged objects that
 * `aethex_value_from_json` reads back exactly.
 *
 * `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to
 * ask) or too small (`AETHEX_ERROR_TOO_LARGE`, nothing written).
 */
aethex_error aethex_value_to_json(aethex_value value,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *length);

/**
 * Makes a value from its binary encoding, as `aethex_value_to_bytes` and a Godot save write it.
 */
aethex_error aethex_value_from_bytes(const uint8_t *data, size_t len, aethex_value *out);

/**
 * Writes the value in its binary encoding. `*length` is set as by `aethex_value_to_json`; there is no NUL.
 */
aethex_error aethex_value_to_bytes(aethex_value value,
                                   uint8_t *buffer,
                                   size_t capacity,
                                   size_t *length);

/**
 * The value under a text key (String or StringName) of a dictionary, as a handle of its own that must be
 * freed. `AETHEX_ERROR_NOT_FOUND` when there is no such key.
 */
aethex_error aethex_value_get(aethex_value dictionary,
                              struct aethex_str key,
                              aethex_value *out);

/**
 * The value under a key of any type of a dictionary, as a handle of its own that must be freed.
 * `AETHEX_ERROR_NOT_FOUND` when there is no such key. The key's handle is not taken.
 */
aethex_error aethex_value_get_key(aethex_value dictionary, aethex_value key, aethex_value *out);

/**
 * An item of an array, as a handle of its own that must be freed. `AETHEX_ERROR_NOT_FOUND` beyond its end.
 */
aethex_error aethex_value_get_index(aethex_value array,
                                    size_t index,
                                    aethex_value *out);

/**
 * Key and value of a dictionary's pair, in its order, as handles of their own that must be freed. Either
 * out-pointer may be null. `AETHEX_ERROR_NOT_FOUND` beyond the end.
 */
aethex_error aethex_value_get_pair(aethex_value dictionary,
                                   size_t index,
                                   aethex_value *key,
                                   aethex_value *value);

/**
 * Copies a text of a packed array of texts; the buffer works as in `aethex_value_copy_string`.
 * `AETHEX_ERROR_NOT_FOUND` beyond the end.
 */
aethex_error aethex_value_copy_string_at(aethex_value strings,
                                         size_t index,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *length);

/**
 * Puts a value under a text key of a dictionary, replacing what was there. Takes `value`.
 * `AETHEX_ERROR_TOO_LARGE` when the nesting would be too deep to save.
 */
aethex_error aethex_value_set(aethex_value dictionary, struct aethex_str key, aethex_value value);

/**
 * Puts a value under a key of any type of a dictionary, replacing what was there. Takes both.
 */
aethex_error aethex_value_set_key(aethex_value dictionary, aethex_value key, aethex_value value);

/**
 * Puts a bool under a text key of a dictionary.
 */
aethex_error aethex_value_set_bool(aethex_value dictionary, struct aethex_str key, bool content);

/**
 * Puts an integer under a text key of a dictionary.
 */
aethex_error aethex_value_set_int(aethex_value dictionary, struct aethex_str key, int64_t content);

/**
 * Puts a float under a text key of a dictionary.
 */
aethex_error aethex_value_set_float(aethex_value dictionary, struct aethex_str key, double content);

/**
 * Puts a text under a text key of a dictionary.
 */
aethex_error aethex_value_set_string(aethex_value dictionary,
                                     struct aethex_str key,
                                     struct aethex_str content);

/**
 * Adds a value at the end of an array. Takes `value`.
 * `AETHEX_ERROR_TOO_LARGE` when the nesting would be too deep to save.
 */
aethex_error aethex_value_push(aethex_value array, aethex_value value);

/**
 * Replaces an item of an array. Takes `value`. `AETHEX_ERROR_NOT_FOUND` beyond the end.
 */
aethex_error aethex_value_set_index(aethex_value array, size_t index, aethex_value value);

/**
 * Removes the pair under a text key of a dictionary. `AETHEX_ERROR_NOT_FOUND` when there is none.
 */
aethex_error aethex_value_remove(aethex_value dictionary, struct aethex_str key);

/**
 * Removes an item of an array; those behind it move up. `AETHEX_ERROR_NOT_FOUND` beyond the end.
 */
aethex_error aethex_value_remove_index(aethex_value array, size_t index);

/**
 * Makes a null.
 */
aethex_error aethex_value_new_null(aethex_value *out);

/**
 * Makes a bool.
 */
aethex_error aethex_value_new_bool(bool content, aethex_value *out);

/**
 * Makes an integer.
 */
aethex_error aethex_value_new_int(int64_t content, aethex_value *out);

/**
 * Makes a float; every bit pattern is kept.
 */
aethex_error aethex_value_new_float(double content, aethex_value *out);

/**
 * Makes a text.
 */
aethex_error aethex_value_new_string(struct aethex_str content, aethex_value *out);

/**
 * Makes a text of a type: `AETHEX_VALUE_STRING`, `_STRING_NAME` or `_NODE_PATH`.
 */
aethex_error aethex_value_new_text(int32_t value_type,
                                   struct aethex_str content,
                                   aethex_value *out);

/**
 * Makes a Vector2.
 */
aethex_error aethex_value_new_vector2(float x, float y, aethex_value *out);

/**
 * Makes a Vector3.
 */
aethex_error aethex_value_new_vector3(float x, float y, float z, aethex_value *out);

/**
 * Makes a Vector4.
 */
aethex_error aethex_value_new_vector4(float x, float y, float z, float w, aethex_value *out);

/**
 * Makes a colour; 1 is full intensity.
 */
aethex_error aethex_value_new_color(float red,
                                    float green,
                                    float blue,
                                    float alpha,
                                    aethex_value *out);

/**
 * Makes a value of any type that consists of 32-bit floats: vectors, transforms, colours (`count` as
 * the type says) and their packed arrays (`count` is a multiple).
 */
aethex_error aethex_value_new_floats(int32_t value_type,
                                     const float *floats,
                                     size_t count,
                                     aethex_value *out);

/**
 * Makes a value of any type that consists of 32-bit integers: Vector2i, Vector3i, Vector4i, Rect2i and
 * the packed array.
 */
aethex_error aethex_value_new_ints(int32_t value_type,
                                   const int32_t *ints,
                                   size_t count,
                                   aethex_value *out);

/**
 * Makes a packed array of bytes.
 */
aethex_error aethex_value_new_bytes(const uint8_t *data, size_t len, aethex_value *out);

/**
 * Makes a packed array of 64-bit integers.
 */
aethex_error aethex_value_new_int64s(const int64_t *ints, size_t count, aethex_value *out);

/**
 * Makes a packed array of 64-bit floats.
 */
aethex_error aethex_value_new_doubles(const double *floats, size_t count, aethex_value *out);

/**
 * Makes a packed array of texts.
 */
aethex_error aethex_value_new_strings(const struct aethex_str *texts,
                                      size_t count,
                                      aethex_value *out);

/**
 * Makes an empty array for values of any type.
 */
aethex_error aethex_value_new_array(aethex_value *out);

/**
 * Makes an empty array for values of one type, as Godot's `Array[int]`; `AETHEX_VALUE_NULL` means any.
 */
aethex_error aethex_value_new_typed_array(int32_t element,
                                          aethex_value *out);

/**
 * Makes an empty dictionary for keys and values of any type.
 */
aethex_error aethex_value_new_dictionary(aethex_value *out);

/**
 * Makes an empty dictionary for keys and values of one type each, as Godot's `Dictionary[String, int]`;
 * `AETHEX_VALUE_NULL` means any.
 */
aethex_error aethex_value_new_typed_dictionary(int32_t key,
                                               int32_t value,
                                               aethex_value *out);

/**
 * The value's type, an `aethex_value_type`.
 */
aethex_error aethex_value_get_type(aethex_value value, int32_t *out);

/**
 * How many elements it has: items of an array, pairs of a dictionary, elements of a packed array.
 */
aethex_error aethex_value_get_count(aethex_value value, size_t *out);

/**
 * The content of a bool.
 */
aethex_error aethex_value_get_bool(aethex_value value, bool *out);

/**
 * The content of an integer. A float is not one, whatever its content.
 */
aethex_error aethex_value_get_int(aethex_value value, int64_t *out);

/**
 * The content of a float, or of an integer (rounded to the nearest float beyond 2^53).
 */
aethex_error aethex_value_get_float(aethex_value value, double *out);

/**
 * Copies the text of a String, StringName or NodePath, with a NUL behind it.
 *
 * `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to
 * ask) or too small (`AETHEX_ERROR_TOO_LARGE`, nothing written).
 */
aethex_error aethex_value_copy_string(aethex_value value,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length);

/**
 * The content of a Vector2.
 */
aethex_error aethex_value_get_vector2(aethex_value value, float *x, float *y);

/**
 * The content of a Vector3.
 */
aethex_error aethex_value_get_vector3(aethex_value value, float *x, float *y, float *z);

/**
 * Copies the floats of any value that consists of 32-bit floats: vectors, transforms, colours and their
 * packed arrays, in the order of `aethex_value_new_floats`.
 *
 * `*count` is set to the number of floats, also when `out` is null with `capacity` 0 (to ask) or too
 * small (`AETHEX_ERROR_TOO_LARGE`, nothing written). The getters below follow the same rule.
 */
aethex_error aethex_value_get_floats(aethex_value value,
                                     float *out,
                                     size_t capacity,
                                     size_t *count);

/**
 * Copies the integers of any value that consists of 32-bit integers.
 */
aethex_error aethex_value_get_ints(aethex_value value,
                                   int32_t *out,
                                   size_t capacity,
                                   size_t *count);

/**
 * Copies the bytes of a packed array of bytes.
 */
aethex_error aethex_value_get_bytes(aethex_value value,
                                    uint8_t *out,
                                    size_t capacity,
                                    size_t *count);

/**
 * Copies the integers of a packed array of 64-bit integers.
 */
aethex_error aethex_value_get_int64s(aethex_value value,
                                     int64_t *out,
                                     size_t capacity,
                                     size_t *count);

/**
 * Copies the floats of a packed array of 64-bit floats.
 */
aethex_error aethex_value_get_doubles(aethex_value value,
                                      double *out,
                                      size_t capacity,
                                      size_t *count);

/**
 * The type that a typed array or dictionary declares: for its items (or values) in `*value_type`, for
 * its keys in `*key_type`, which may be null. `AETHEX_VALUE_NULL` means any.
 */
aethex_error aethex_value_get_declared(aethex_value value,
                                       int32_t *key_type,
                                       int32_t *value_type);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** A C string as a text; null is the empty text. */
static inline aethex_str aethex_string(const char *text) {
    aethex_str result;
    result.data = text;
    result.len = text != NULL ? strlen(text) : 0;
    return result;
}

#endif  /* AETHEX_CLOUD_H */
