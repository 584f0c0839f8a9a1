/* The part of abuse.c about accounts and privacy. The server it talks to is silent. */
#define _POSIX_C_SOURCE 200809L
#include "aethex_cloud.h"
#include <stdio.h>
#include <time.h>

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "abuse_accounts.c:%d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)
#define IS(call, code) \
    do { \
        aethex_error found_ = (call); \
        if (found_ != (code)) { \
            fprintf(stderr, "abuse_accounts.c:%d: %s is %s\n", __LINE__, #call, aethex_error_name(found_).data); \
            failures++; \
        } \
    } while (0)
#define BAD_HANDLE AETHEX_ERROR_INVALID_HANDLE
#define BAD_ARGUMENT AETHEX_ERROR_INVALID_ARGUMENT
#define S aethex_string
#define ID "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f"

void accounts(aethex_cloud cloud);
void account_calls_with(aethex_cloud cloud, aethex_error code);
int account_failures(void);
int account_failures(void) { return failures; }

/* --- completions: none finds a player or a server here, and must say so with empty hands ---------- */

struct seen {
    int runs;
    aethex_error last;
};

#define ON(name, type, empty) \
    static void name(void *user_data, const type *result) { \
        struct seen *seen = user_data; \
        CHECK(result->struct_size == sizeof *result); \
        CHECK(result->error != AETHEX_OK && result->message.len > 0 && (empty)); \
        if (seen == NULL) return; \
        seen->runs++; \
        seen->last = result->error; \
    }
/* Forgetting and releasing a guest that is not there is no error. */
static void on_result(void *user_data, const aethex_result *result) {
    struct seen *seen = user_data;
    CHECK(result->struct_size == sizeof *result);
    CHECK((result->error == AETHEX_OK) == (result->message.len == 0));
    if (seen == NULL) return;
    seen->runs++;
    seen->last = result->error;
}
ON(on_user, aethex_user_result, result->user == NULL && result->challenge == NULL && result->merge == NULL)
ON(on_providers, aethex_providers_result, result->providers == NULL && result->provider_count == 0)
ON(on_identities, aethex_identities_result, result->identities == NULL && result->identity_count == 0)
ON(on_sessions, aethex_sessions_result,
    result->sessions == NULL && result->session_count == 0 && result->next_cursor.len == 0)
ON(on_profile, aethex_public_profile_result, result->profile == NULL)
ON(on_preferences, aethex_preferences_result, result->values == 0 && result->version == 0)
ON(on_privacy, aethex_privacy_result, result->state == NULL)
ON(on_policies, aethex_policies_result, result->policies == NULL && result->policy_count == 0)
ON(on_export, aethex_export_result, result->archive == NULL)
ON(on_receipt, aethex_receipt_result, result->receipt == NULL)

/* --- every call, with a handle and texts that may be wrong ---------------------------------------- */

static void plain_calls(aethex_cloud cloud, aethex_error code, struct seen *seen, aethex_op *op) {
    aethex_profile_change change = {0};
    change.struct_size = sizeof change;
    IS(aethex_auth_login_guest(cloud, NULL, on_user, seen, op), code);
    IS(aethex_auth_forget_guest(cloud, on_result, seen, op), code);
    IS(aethex_auth_logout_everywhere(cloud, on_result, seen, op), code);
    IS(aethex_auth_providers(cloud, on_providers, seen, op), code);
    IS(aethex_auth_identities(cloud, on_identities, seen, op), code);
    IS(aethex_auth_merge_guest(cloud, AETHEX_MERGE_ASK, on_user, seen, op), code);
    IS(aethex_auth_release_guest(cloud, on_result, seen, op), code);
    IS(aethex_auth_end_other_sessions(cloud, on_result, seen, op), code);
    IS(aethex_auth_send_verification(cloud, on_result, seen, op), code);
    IS(aethex_auth_update_profile_with(cloud, &change, on_user, seen, op), code);
    IS(aethex_auth_preferences(cloud, on_preferences, seen, op), code);
    IS(aethex_auth_set_avatar(cloud, (const uint8_t *)"x", 1, on_user, seen, op), code);
    IS(aethex_auth_delete_avatar(cloud, on_user, seen, op), code);
    IS(aethex_privacy_state(cloud, on_privacy, seen, op), code);
    IS(aethex_privacy_policies(cloud, on_policies, seen, op), code);
    IS(aethex_privacy_set_consent(cloud, AETHEX_PURPOSE_VOICE, true, on_privacy, seen, op), code);
    IS(aethex_privacy_set_age(cloud, 1990, 0, on_privacy, seen, op), code);
    IS(aethex_privacy_start_export(cloud, on_export, seen, op), code);
    IS(aethex_privacy_cancel_erasure(cloud, on_result, seen, op), code);
}

/* `text` stands in for each text of each call; `good` for the others beside it. */
static void text_calls(aethex_cloud cloud, aethex_str text, aethex_error code) {
    aethex_str good = S("x"), id = S(ID);
    aethex_login_options login = {0};
    aethex_register_options registration = {0};
    aethex_oauth_options oauth = {0};
    aethex_profile_change change = {0};
    aethex_op op = 0;
    login.struct_size = sizeof login;
    registration.struct_size = sizeof registration;
    oauth.struct_size = sizeof oauth;
    IS(aethex_auth_register_with(cloud, text, good, NULL, on_user, NULL, &op), code);
    IS(aethex_auth_register_with(cloud, good, text, NULL, on_user, NULL, &op), code);
    registration.username = text;
    IS(aethex_auth_register_with(cloud, good, good, &registration, on_user, NULL, &op), code);
    registration.username = good;
    registration.proof_token = text;
    IS(aethex_auth_register_with(cloud, good, good, &registration, on_user, NULL, &op), code);
    IS(aethex_auth_login_with(cloud, text, good, NULL, on_user, NULL, &op), code);
    IS(aethex_auth_login_with(cloud, good, text, NULL, on_user, NULL, &op), code);
    login.proof_token = text;
    IS(aethex_auth_login_with(cloud, good, good, &login, on_user, NULL, &op), code);
    IS(aethex_auth_login_guest(cloud, &login, on_user, NULL, &op), code);
    IS(aethex_auth_login_oauth(cloud, text, NULL, on_user, NULL, &op), code);
    oauth.proof_token = text;
    IS(aethex_auth_login_oauth(cloud, good, &oauth, on_user, NULL, &op), code);
    IS(aethex_auth_link_oauth(cloud, text, NULL, on_user, NULL, &op), code);
    IS(aethex_auth_link_email(cloud, text, good, good, on_user, NULL, &op), code);
    IS(aethex_auth_link_email(cloud, good, text, good, on_user, NULL, &op), code);
    IS(aethex_auth_link_email(cloud, good, good, text, on_user, NULL, &op), code);
    IS(aethex_auth_unlink(cloud, text, on_user, NULL, &op), code);
    IS(aethex_auth_sessions(cloud, text, on_sessions, NULL, &op), code);
    IS(aethex_auth_end_session(cloud, text, on_result, NULL, &op), code);
    IS(aethex_auth_change_password(cloud, text, good, on_result, NULL, &op), code);
    IS(aethex_auth_change_password(cloud, good, text, on_result, NULL, &op), code);
    IS(aethex_auth_change_email(cloud, text, good, on_result, NULL, &op), code);
    IS(aethex_auth_change_email(cloud, good, text, on_result, NULL, &op), code);
    IS(aethex_auth_verify_email(cloud, text, on_result, NULL, &op), code);
    IS(aethex_auth_forgot_password(cloud, text, on_result, NULL, &op), code);
    IS(aethex_auth_reset_password(cloud, text, good, on_result, NULL, &op), code);
    IS(aethex_auth_reset_password(cloud, good, text, on_result, NULL, &op), code);
    IS(aethex_auth_public_profile(cloud, text, on_profile, NULL, &op), code);
    for (int field = 0; field < 3; field++) {
        change.struct_size = sizeof change;
        change.username = field == 0 ? text : good;
        change.display_name = field == 1 ? text : good;
        change.locale = field == 2 ? text : good;
        IS(aethex_auth_update_profile_with(cloud, &change, on_user, NULL, &op), code);
    }
    IS(aethex_privacy_accept_policy(cloud, text, good, on_result, NULL, &op), code);
    IS(aethex_privacy_accept_policy(cloud, good, text, on_result, NULL, &op), code);
    IS(aethex_privacy_ask_parent(cloud, text, on_result, NULL, &op), code);
    IS(aethex_privacy_export(cloud, text, on_export, NULL, &op), code);
    IS(aethex_privacy_download_export(cloud, text, good, on_export, NULL, &op), code);
    IS(aethex_privacy_download_export(cloud, id, text, on_export, NULL, &op), code);
    IS(aethex_privacy_erase_account(cloud, text, on_receipt, NULL, &op), code);
    IS(aethex_privacy_receipt(cloud, text, on_receipt, NULL, &op), code);
    CHECK(op == 0);
}

/* All of them with a cloud that is none: also while the program ends. */
void account_calls_with(aethex_cloud cloud, aethex_error code) {
    aethex_user user = {0};
    aethex_value values = 0;
    char text[8];
    aethex_op op = 0;
    user.struct_size = sizeof user;
    plain_calls(cloud, code, NULL, &op);
    text_calls(cloud, S("x"), code);
    IS(aethex_auth_kept_guest(cloud, &user, text, sizeof text), code);
    IS(aethex_value_new_dictionary(&values), AETHEX_OK);
    IS(aethex_auth_set_preferences(cloud, values, on_preferences, NULL, &op), code);
    IS(aethex_value_free(values), AETHEX_OK);
    CHECK(op == 0);
}

/* --- wrong arguments ------------------------------------------------------------------------------ */

static void texts(aethex_cloud cloud) {
    const struct {
        const char *data;
        size_t len;
        aethex_error code;
    } bad[] = {
        {NULL, 1, BAD_ARGUMENT},
        {"\xc3", 1, BAD_ARGUMENT},
        {"\xed\xa0\x80", 3, BAD_ARGUMENT}, /* a lone surrogate */
        {"x", SIZE_MAX, AETHEX_ERROR_TOO_LARGE},
        {"x", SIZE_MAX / 2 + 1, AETHEX_ERROR_TOO_LARGE},
        {"x", (size_t)1 << 30, AETHEX_ERROR_TOO_LARGE},
    };
    static const char *const no_ids[] = {"", "x", "../x", "0190A6F2-7B1C-7C3D-8E4F-5A6B7C8D9E0F", " " ID, ID " "};
    aethex_op op = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        aethex_str text;
        text.data = bad[i].data;
        text.len = bad[i].len;
        text_calls(cloud, text, bad[i].code);
    }
    for (size_t i = 0; i < sizeof no_ids / sizeof *no_ids; i++) {
        IS(aethex_auth_end_session(cloud, S(no_ids[i]), on_result, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_public_profile(cloud, S(no_ids[i]), on_profile, NULL, &op), BAD_ARGUMENT);
        IS(aethex_privacy_export(cloud, S(no_ids[i]), on_export, NULL, &op), BAD_ARGUMENT);
        IS(aethex_privacy_download_export(cloud, S(no_ids[i]), S("x"), on_export, NULL, &op), BAD_ARGUMENT);
        IS(aethex_privacy_receipt(cloud, S(no_ids[i]), on_receipt, NULL, &op), BAD_ARGUMENT);
    }
    IS(aethex_auth_unlink(cloud, S(NULL), on_user, NULL, &op), BAD_ARGUMENT);
    IS(aethex_privacy_accept_policy(cloud, S("terms"), S(NULL), on_result, NULL, &op), BAD_ARGUMENT);
    IS(aethex_privacy_download_export(cloud, S(ID), S(NULL), on_export, NULL, &op), BAD_ARGUMENT);
    CHECK(op == 0);
}

static void numbers(aethex_cloud cloud) {
    static const int32_t wrong[] = {-1, 5, 77, INT32_MIN, INT32_MAX};
    aethex_profile_change change = {0};
    aethex_value value = 0;
    aethex_op op = 0;
    change.struct_size = sizeof change;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        IS(aethex_auth_merge_guest(cloud, wrong[i], on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_privacy_set_consent(cloud, wrong[i], true, on_privacy, NULL, &op), BAD_ARGUMENT);
        change.visibility = wrong[i];
        IS(aethex_auth_update_profile_with(cloud, &change, on_user, NULL, &op), BAD_ARGUMENT);
    }
    IS(aethex_privacy_set_consent(cloud, 0, true, on_privacy, NULL, &op), BAD_ARGUMENT);
    IS(aethex_privacy_set_age(cloud, 1990, 13, on_privacy, NULL, &op), BAD_ARGUMENT);
    IS(aethex_privacy_set_age(cloud, 1990, -1, on_privacy, NULL, &op), BAD_ARGUMENT);
    IS(aethex_auth_set_avatar(cloud, NULL, 3, on_user, NULL, &op), BAD_ARGUMENT);
    IS(aethex_auth_set_avatar(cloud, (const uint8_t *)"x", SIZE_MAX, on_user, NULL, &op), AETHEX_ERROR_TOO_LARGE);
    IS(aethex_auth_set_avatar(cloud, (const uint8_t *)"x", 4194305, on_user, NULL, &op), AETHEX_ERROR_TOO_LARGE);
    IS(aethex_auth_set_preferences(cloud, 0, on_preferences, NULL, &op), BAD_HANDLE);
    IS(aethex_auth_set_preferences(cloud, cloud, on_preferences, NULL, &op), BAD_HANDLE);
    IS(aethex_value_new_dictionary(&value), AETHEX_OK);
    IS(aethex_value_free(value), AETHEX_OK);
    IS(aethex_auth_set_preferences(cloud, value, on_preferences, NULL, &op), BAD_HANDLE); /* freed */
    IS(aethex_auth_set_preferences(value, value, on_preferences, NULL, &op), BAD_HANDLE);
    CHECK(op == 0);
}

static void options(aethex_cloud cloud) {
    static const uint32_t sizes[] = {0, 1, 7, 4097, UINT32_MAX};
    struct {
        aethex_login_options known;
        uint64_t newest;
    } newer;
    char room[2 * sizeof(aethex_register_options)];
    aethex_login_options *crooked = (aethex_login_options *)(void *)(room + 1);
    aethex_login_options login = {0};
    aethex_register_options registration = {0};
    aethex_oauth_options oauth = {0};
    aethex_profile_change change = {0};
    aethex_user user = {0};
    char text[4];
    aethex_op op = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        login.struct_size = registration.struct_size = oauth.struct_size = change.struct_size = sizes[i];
        IS(aethex_auth_login_guest(cloud, &login, on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_login_with(cloud, S("a"), S("b"), &login, on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_register_with(cloud, S("a"), S("b"), &registration, on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_login_oauth(cloud, S("a"), &oauth, on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_link_oauth(cloud, S("a"), &oauth, on_user, NULL, &op), BAD_ARGUMENT);
        IS(aethex_auth_update_profile_with(cloud, &change, on_user, NULL, &op), BAD_ARGUMENT);
    }
    IS(aethex_auth_update_profile_with(cloud, NULL, on_user, NULL, &op), BAD_ARGUMENT);
    IS(aethex_auth_login_guest(cloud, crooked, on_user, NULL, &op), BAD_ARGUMENT);
    login.struct_size = sizeof login;
    login.reserved = 1;
    IS(aethex_auth_login_guest(cloud, &login, on_user, NULL, &op), BAD_ARGUMENT);
    login.reserved = 0;
    login.keep_guest = 2;
    IS(aethex_auth_login_guest(cloud, &login, on_user, NULL, &op), BAD_ARGUMENT);
    login.keep_guest = 0;
    login.no_remember = UINT32_MAX;
    IS(aethex_auth_login_guest(cloud, &login, on_user, NULL, &op), BAD_ARGUMENT);
    registration.struct_size = sizeof registration;
    registration.reserved = 1;
    IS(aethex_auth_register_with(cloud, S("a"), S("b"), &registration, on_user, NULL, &op), BAD_ARGUMENT);
    oauth.struct_size = sizeof oauth;
    oauth.timeout_ms = 1800001;
    IS(aethex_auth_login_oauth(cloud, S("a"), &oauth, on_user, NULL, &op), BAD_ARGUMENT);
    memset(&newer, 0, sizeof newer);
    newer.known.struct_size = sizeof newer;
    newer.newest = 1; /* a newer program that wants what this library does not know */
    IS(aethex_auth_login_guest(cloud, &newer.known, on_user, NULL, &op), BAD_ARGUMENT);
    IS(aethex_auth_login_guest(cloud, NULL, on_user, NULL, (aethex_op *)(void *)(room + 1)), BAD_ARGUMENT);
    user.struct_size = sizeof user;
    IS(aethex_auth_kept_guest(cloud, &user, text, sizeof text), AETHEX_ERROR_NOT_LOGGED_IN);
    IS(aethex_auth_current_user(cloud, &user, text, sizeof text), AETHEX_ERROR_NOT_LOGGED_IN);
    CHECK(op == 0);
}

/* --- requests ------------------------------------------------------------------------------------- */

static void tick_until(aethex_cloud cloud, const struct seen *seen, int runs) {
    struct timespec pause = {0, 2 * 1000 * 1000};
    for (int i = 0; i < 5000 && seen->runs < runs; i++) {
        IS(aethex_tick(cloud), AETHEX_OK);
        nanosleep(&pause, NULL);
    }
    CHECK(seen->runs == runs);
}

/* Nobody is logged in: each completes with an error, once. */
static void without_a_player(aethex_cloud cloud) {
    struct seen seen = {0, AETHEX_OK};
    aethex_value values = 0, key = 0, item = 0;
    IS(aethex_auth_identities(cloud, on_identities, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_merge_guest(cloud, AETHEX_MERGE_KEEP_BOTH, on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_sessions(cloud, S(NULL), on_sessions, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_end_session(cloud, S(ID), on_result, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_end_other_sessions(cloud, on_result, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_unlink(cloud, S("../device"), on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_public_profile(cloud, S(ID), on_profile, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_preferences(cloud, on_preferences, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_delete_avatar(cloud, on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_privacy_state(cloud, on_privacy, &seen, NULL), AETHEX_OK);
    IS(aethex_privacy_start_export(cloud, on_export, &seen, NULL), AETHEX_OK);
    IS(aethex_privacy_erase_account(cloud, S(NULL), on_receipt, &seen, NULL), AETHEX_OK);
    tick_until(cloud, &seen, 12);
    CHECK(seen.last == AETHEX_ERROR_NOT_LOGGED_IN);

    /* What a game may get wrong, and the core finds. */
    seen.runs = 0;
    IS(aethex_auth_verify_email(cloud, S("no code"), on_result, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_forgot_password(cloud, S("no address"), on_result, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_login_oauth(cloud, S(NULL), NULL, on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_link_email(cloud, S("a@b.example"), S("short"), S(NULL), on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_set_avatar(cloud, (const uint8_t *)"no picture", 10, on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_auth_set_avatar(cloud, NULL, 0, on_user, &seen, NULL), AETHEX_OK);
    IS(aethex_value_new_int(1, &values), AETHEX_OK); /* no dictionary */
    IS(aethex_auth_set_preferences(cloud, values, on_preferences, &seen, NULL), AETHEX_OK);
    IS(aethex_value_free(values), AETHEX_OK);
    tick_until(cloud, &seen, 7);
    IS(aethex_value_new_dictionary(&values), AETHEX_OK);
    IS(aethex_value_new_int(1, &key), AETHEX_OK); /* keys that are no texts */
    IS(aethex_value_new_bool(true, &item), AETHEX_OK);
    IS(aethex_value_set_key(values, key, item), AETHEX_OK);
    IS(aethex_auth_set_preferences(cloud, values, on_preferences, &seen, NULL), AETHEX_OK);
    IS(aethex_value_free(values), AETHEX_OK); /* the call has what it needs */
    tick_until(cloud, &seen, 8);
    CHECK(seen.last == BAD_ARGUMENT);
}

/* The server never answers: requests wait until they are cancelled. */
static void cancelled(aethex_cloud cloud) {
    struct seen seen = {0, AETHEX_OK};
    aethex_op ops[4] = {0};
    IS(aethex_auth_login_guest(cloud, NULL, on_user, &seen, &ops[0]), AETHEX_OK);
    IS(aethex_auth_providers(cloud, on_providers, &seen, &ops[1]), AETHEX_OK);
    IS(aethex_privacy_policies(cloud, on_policies, &seen, &ops[2]), AETHEX_OK);
    IS(aethex_privacy_receipt(cloud, S(ID), on_receipt, &seen, &ops[3]), AETHEX_OK);
    for (int i = 0; i < 4; i++) IS(aethex_cancel(cloud, ops[i]), AETHEX_OK);
    CHECK(seen.runs == 0); /* completions run in ticks only */
    tick_until(cloud, &seen, 4);
    CHECK(seen.last == AETHEX_ERROR_CANCELLED);

    /* The second login with a provider takes the place of the first, and is cancelled in turn. */
    seen.runs = 0;
    IS(aethex_auth_login_oauth(cloud, S("google"), NULL, on_user, &seen, &ops[0]), AETHEX_OK);
    IS(aethex_auth_login_oauth(cloud, S("google"), NULL, on_user, &seen, &ops[1]), AETHEX_OK);
    tick_until(cloud, &seen, 1);
    CHECK(seen.last == AETHEX_ERROR_CANCELLED);
    IS(aethex_cancel(cloud, ops[1]), AETHEX_OK);
    tick_until(cloud, &seen, 2);
}

/* Leaves requests open: the caller destroys the cloud, which completes them. */
void accounts(aethex_cloud cloud) {
    struct seen *forgotten = NULL;
    account_calls_with(0, BAD_HANDLE);
    account_calls_with(1, BAD_HANDLE);
    account_calls_with(cloud + 1, BAD_HANDLE);
    texts(cloud);
    numbers(cloud);
    options(cloud);
    without_a_player(cloud);
    cancelled(cloud);
    plain_calls(cloud, AETHEX_OK, forgotten, NULL);
}
