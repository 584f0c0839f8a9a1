/*
 * AeThex Cloud: accounts and cloud saves for any engine.
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
 *   aethex_tick and aethex_cloud_destroy of its own cloud, which answer AETHEX_ERROR_INVALID_ARGUMENT.
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
    AETHEX_ERROR_SDK_FAULT = 910
};


/**
 * Room that `aethex_auth_current_user` needs for the texts of any user whose avatar address has up to
 * 2,000 bytes.
 */
#define AETHEX_USER_TEXT_SIZE 4096

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
     * The cloud holds a save that this device's was not made from: `slot`, `conflict`, and this device's
     * content in `encoding` and `value` or `data`. Both are kept until `aethex_saves_resolve`.
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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aethex_event_kind aethex_event_kind;
#else
typedef int32_t aethex_event_kind;
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
     * Must be 0.
     */
    uint32_t reserved;
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
     * The account's email.
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
} aethex_save_version;

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
} aethex_conflict;

/**
 * A value: a 64-bit handle, 0 for none. Free it with `aethex_value_free`.
 */
typedef uint64_t aethex_value;

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
} aethex_event;

/**
 * Called for each event. The event is lent for the time of the call.
 */
typedef void (*aethex_event_callback)(void *user_data, const struct aethex_event *event);

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
} aethex_user_result;

/**
 * Called once with the result of a request. The result is lent for the time of the call.
 */
typedef void (*aethex_user_callback)(void *user_data, const struct aethex_user_result *result);

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
 * `AETHEX_ERROR_INVALID_ARGUMENT` inside a callback of this cloud, or while another thread ticks or
 * destroys it: nothing was done.
 */
aethex_error aethex_tick(aethex_cloud cloud);

/**
 * Ends a cloud. Running requests get the grace of the options; then those still open complete with
 * `AETHEX_ERROR_CANCELLED` or `AETHEX_ERROR_SHUT_DOWN`, inside this call. No events. Saves that are
 * queued stay on disk and are sent by the next cloud on the same data folder. Values stay valid.
 *
 * `AETHEX_ERROR_INVALID_ARGUMENT` inside a callback of this cloud, or while another thread ticks or
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
 * Logs in with email and password.
 */
aethex_error aethex_auth_login(aethex_cloud cloud,
                               struct aethex_str email,
                               struct aethex_str password,
                               aethex_user_callback callback,
                               void *user_data,
                               aethex_op *op);

/**
 * Ends the session on this device. Unsent saves stay on disk for the player's next login.
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
 * Reads the player's profile from the backend.
 */
aethex_error aethex_auth_profile(aethex_cloud cloud,
                                 aethex_user_callback callback,
                                 void *user_data,
                                 aethex_op *op);

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
