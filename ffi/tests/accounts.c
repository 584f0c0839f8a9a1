/*
 * Every call about accounts and privacy against a real backend, with what its result lends.
 * Built with the sanitizers and run by tests/it/ffi_accounts.rs.
 *
 *   accounts URL DATA_DIR begin                plays as a guest and links an email
 *   accounts URL DATA_DIR verify CODE          confirms the email
 *   accounts URL DATA_DIR rest PNG ARCHIVE     everything else; the export goes into the file ARCHIVE
 */
#define _POSIX_C_SOURCE 200809L
#include "aethex_cloud.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define S aethex_string
#define EMAIL "ann@example.com"
#define PASSWORD "correct horse"
#define NEW_PASSWORD "battery staple"
#define NOBODY "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f"

static aethex_cloud cloud;
static int failures;
static char own_id[64], kept_text[64]; /* copies of what was lent */
static aethex_value kept_value;
static bool ended;
static aethex_error outcome;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "accounts.c:%d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)
/* Makes the call, ticks until its callback ran, and compares how it ended. */
#define ENDS(call, code) \
    do { \
        aethex_error found_ = until_it_ends(call); \
        if (found_ != (code)) { \
            fprintf(stderr, "accounts.c:%d: %s is %s\n", __LINE__, #call, aethex_error_name(found_).data); \
            failures++; \
        } \
    } while (0)
#define OK(call) ENDS(call, AETHEX_OK)

static void nap(void) {
    struct timespec pause = {0, 5 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static aethex_error until_it_ends(aethex_error begun) {
    if (begun != AETHEX_OK) return begun;
    for (int i = 0; i < 6000 && !ended; i++) {
        CHECK(aethex_tick(cloud) == AETHEX_OK);
        nap();
    }
    CHECK(ended);
    ended = false;
    return outcome;
}

static bool is(aethex_str text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

static void copy(char *to, size_t room, aethex_str text) { snprintf(to, room, "%s", text.data); }

/* --- completions ---------------------------------------------------------------------------------- */

#define BEGINS(type) \
    ended = true; \
    outcome = result->error; \
    (void)user_data; \
    CHECK(result->struct_size == sizeof(type)); \
    if (result->error != AETHEX_OK) return

static void on_result(void *user_data, const aethex_result *result) { BEGINS(aethex_result); }

static aethex_user last_user; /* its numbers; the texts end with the callback */
static void on_user(void *user_data, const aethex_user_result *result) {
    BEGINS(aethex_user_result);
    last_user = *result->user;
    copy(own_id, sizeof own_id, result->user->id);
    copy(kept_text, sizeof kept_text, result->user->locale);
}

static size_t last_count;
static void on_providers(void *user_data, const aethex_providers_result *result) {
    BEGINS(aethex_providers_result);
    last_count = result->provider_count;
}

static void on_identities(void *user_data, const aethex_identities_result *result) {
    BEGINS(aethex_identities_result);
    last_count = result->identity_count;
    for (size_t i = 0; i < result->identity_count; i++) {
        const aethex_identity *identity = result->identities[i];
        CHECK(is(identity->provider, "device") || (is(identity->provider, "password") && is(identity->label, EMAIL)));
        CHECK(identity->linked_at_ms > 0);
    }
}

static void on_sessions(void *user_data, const aethex_sessions_result *result) {
    BEGINS(aethex_sessions_result);
    last_count = result->session_count;
    CHECK(result->next_cursor.len == 0);
    for (size_t i = 0; i < result->session_count; i++) {
        const aethex_session *session = result->sessions[i];
        CHECK(session->id.len == 36 && session->created_at_ms > 0);
        if (!session->current) copy(kept_text, sizeof kept_text, session->id);
    }
}

static void on_profile(void *user_data, const aethex_public_profile_result *result) {
    BEGINS(aethex_public_profile_result);
    CHECK(is(result->profile->id, own_id) && is(result->profile->display_name, "\xc3\x84nn"));
    CHECK(result->profile->avatar_url.len > 0);
}

static int64_t last_version;
static void on_preferences(void *user_data, const aethex_preferences_result *result) {
    BEGINS(aethex_preferences_result);
    last_version = result->version;
    if (kept_value != 0) CHECK(aethex_value_free(kept_value) == AETHEX_OK);
    CHECK(aethex_value_copy(result->values, &kept_value) == AETHEX_OK);
}

static bool may_talk;
static void on_privacy(void *user_data, const aethex_privacy_result *result) {
    BEGINS(aethex_privacy_result);
    last_count = result->state->policy_count;
    may_talk = false;
    for (size_t i = 0; i < result->state->allowed_count; i++)
        may_talk = may_talk || result->state->allowed[i] == AETHEX_PURPOSE_VOICE;
    for (size_t i = 0; i < result->state->consent_count; i++)
        CHECK(is(result->state->consents[i]->by, "player") && result->state->consents[i]->at_ms > 0);
}

static void on_policies(void *user_data, const aethex_policies_result *result) {
    BEGINS(aethex_policies_result);
    last_count = result->policy_count;
    if (result->policy_count == 0) return;
    CHECK(result->policies[0]->required && is(result->policies[0]->policy, "terms"));
    copy(kept_text, sizeof kept_text, result->policies[0]->version);
}

static int32_t export_status;
static int64_t export_size;
static void on_export(void *user_data, const aethex_export_result *result) {
    BEGINS(aethex_export_result);
    export_status = result->archive->status;
    export_size = result->archive->size_bytes;
    copy(kept_text, sizeof kept_text, result->archive->id);
}

static void on_receipt(void *user_data, const aethex_receipt_result *result) {
    BEGINS(aethex_receipt_result);
    CHECK(result->receipt->erasure_at_ms > result->receipt->requested_at_ms && result->receipt->erased_at_ms == 0);
    copy(kept_text, sizeof kept_text, result->receipt->id);
}

/* --- steps ---------------------------------------------------------------------------------------- */

static void begin(void) {
    aethex_user user = {0};
    char texts[AETHEX_USER_TEXT_SIZE];
    OK(aethex_auth_login_guest(cloud, NULL, on_user, NULL, NULL));
    CHECK(last_user.is_guest && !last_user.email_verified && last_user.visibility == AETHEX_VISIBILITY_PUBLIC);
    ENDS(aethex_auth_unlink(cloud, S("device"), on_user, NULL, NULL), AETHEX_ERROR_LAST_IDENTITY);
    OK(aethex_auth_link_email(cloud, S(EMAIL), S(PASSWORD), S("ann"), on_user, NULL, NULL));
    CHECK(!last_user.is_guest);
    user.struct_size = sizeof user;
    CHECK(aethex_auth_current_user(cloud, &user, texts, sizeof texts) == AETHEX_OK);
    CHECK(is(user.email, EMAIL) && is(user.username, "ann") && !user.is_guest);
    memset(&user, 0, sizeof user);
    user.struct_size = offsetof(aethex_user, visibility); /* a program that knows the first release only */
    CHECK(aethex_auth_current_user(cloud, &user, texts, sizeof texts) == AETHEX_OK);
    CHECK(is(user.email, EMAIL) && user.visibility == 0 && user.locale.data == NULL);
    CHECK(aethex_auth_kept_guest(cloud, &user, texts, sizeof texts) == AETHEX_ERROR_NOT_LOGGED_IN);
}

static void verify(const char *code) {
    ENDS(aethex_auth_verify_email(cloud, S("AAAA-BBBB-CCCC-DDDD"), on_result, NULL, NULL), AETHEX_ERROR_INVALID_CODE);
    OK(aethex_auth_verify_email(cloud, S(code), on_result, NULL, NULL));
    OK(aethex_auth_profile(cloud, on_user, NULL, NULL));
    CHECK(last_user.email_verified);
}

static void profile(const char *png_file) {
    static uint8_t png[1 << 16];
    FILE *file = fopen(png_file, "rb");
    size_t len = file != NULL ? fread(png, 1, sizeof png, file) : 0;
    aethex_profile_change change = {0};
    if (file != NULL) fclose(file);
    change.struct_size = sizeof change;
    change.visibility = AETHEX_VISIBILITY_PRIVATE;
    change.display_name = S("\xc3\x84nn");
    change.locale = S("de");
    OK(aethex_auth_update_profile_with(cloud, &change, on_user, NULL, NULL));
    CHECK(last_user.visibility == AETHEX_VISIBILITY_PRIVATE && strcmp(kept_text, "de") == 0);
    OK(aethex_auth_set_avatar(cloud, png, len, on_user, NULL, NULL));
    CHECK(last_user.avatar_url.len > 0);
    OK(aethex_auth_public_profile(cloud, S(own_id), on_profile, NULL, NULL));
    ENDS(aethex_auth_public_profile(cloud, S(NOBODY), on_profile, NULL, NULL), AETHEX_ERROR_NOT_FOUND);
    ENDS(aethex_auth_set_avatar(cloud, (const uint8_t *)"text", 4, on_user, NULL, NULL), AETHEX_ERROR_INVALID_AVATAR);
    OK(aethex_auth_delete_avatar(cloud, on_user, NULL, NULL));
    CHECK(last_user.avatar_url.len == 0);
}

static void preferences(void) {
    aethex_value values = 0, part = 0;
    float x = 0, y = 0, z = 0;
    int64_t first;
    CHECK(aethex_value_from_json(S("{\"lives\":3,\"spawn\":{\"$vector3\":[1.0,2.0,3.0]}}"), &values) == AETHEX_OK);
    OK(aethex_auth_set_preferences(cloud, values, on_preferences, NULL, NULL));
    CHECK(aethex_value_free(values) == AETHEX_OK);
    first = last_version;
    CHECK(aethex_value_from_json(S("{\"lives\":null}"), &values) == AETHEX_OK);
    OK(aethex_auth_set_preferences(cloud, values, on_preferences, NULL, NULL));
    CHECK(aethex_value_free(values) == AETHEX_OK);
    OK(aethex_auth_preferences(cloud, on_preferences, NULL, NULL));
    CHECK(last_version == first + 1);
    CHECK(aethex_value_get(kept_value, S("lives"), &part) != AETHEX_OK); /* removed */
    CHECK(aethex_value_get(kept_value, S("spawn"), &part) == AETHEX_OK);
    CHECK(aethex_value_get_vector3(part, &x, &y, &z) == AETHEX_OK && x == 1 && y == 2 && z == 3);
    CHECK(aethex_value_free(part) == AETHEX_OK && aethex_value_free(kept_value) == AETHEX_OK);
    kept_value = 0;
}

static void logins(void) {
    aethex_login_options options = {0};
    options.struct_size = sizeof options;
    options.no_remember = 1;
    OK(aethex_auth_identities(cloud, on_identities, NULL, NULL));
    CHECK(last_count == 2);
    OK(aethex_auth_providers(cloud, on_providers, NULL, NULL));
    CHECK(last_count == 0);
    ENDS(aethex_auth_login_oauth(cloud, S("nowhere"), NULL, on_user, NULL, NULL), AETHEX_ERROR_UNKNOWN_PROVIDER);
    ENDS(aethex_auth_login_with(cloud, S(EMAIL), S("wrong wrong"), &options, on_user, NULL, NULL),
        AETHEX_ERROR_INVALID_CREDENTIALS);
    OK(aethex_auth_sessions(cloud, S(NULL), on_sessions, NULL, NULL));
    CHECK(last_count == 2); /* this one, and one of the test */
    ENDS(aethex_auth_end_session(cloud, S(NOBODY), on_result, NULL, NULL), AETHEX_ERROR_NOT_FOUND);
    OK(aethex_auth_end_session(cloud, S(kept_text), on_result, NULL, NULL));
    OK(aethex_auth_end_other_sessions(cloud, on_result, NULL, NULL));
    OK(aethex_auth_sessions(cloud, S(NULL), on_sessions, NULL, NULL));
    CHECK(last_count == 1);
    ENDS(aethex_auth_change_password(cloud, S("wrong wrong"), S(NEW_PASSWORD), on_result, NULL, NULL),
        AETHEX_ERROR_INVALID_CREDENTIALS);
    OK(aethex_auth_change_password(cloud, S(PASSWORD), S(NEW_PASSWORD), on_result, NULL, NULL));
    OK(aethex_auth_profile(cloud, on_user, NULL, NULL)); /* the session went on */
    OK(aethex_auth_change_email(cloud, S("ann@new.example"), S(NEW_PASSWORD), on_result, NULL, NULL));
    OK(aethex_auth_forgot_password(cloud, S("nobody@example.com"), on_result, NULL, NULL));
    ENDS(aethex_auth_reset_password(cloud, S("AAAA-BBBB-CCCC-DDDD"), S("another horse"), on_result, NULL, NULL),
        AETHEX_ERROR_INVALID_CODE);
    ENDS(aethex_auth_merge_guest(cloud, AETHEX_MERGE_ASK, on_user, NULL, NULL), AETHEX_ERROR_INVALID_ARGUMENT);
    OK(aethex_auth_unlink(cloud, S("device"), on_user, NULL, NULL));
}

static void privacy(const char *archive) {
    char id[64];
    OK(aethex_privacy_state(cloud, on_privacy, NULL, NULL));
    CHECK(last_count == 1 && !may_talk); /* terms are to be accepted */
    OK(aethex_privacy_policies(cloud, on_policies, NULL, NULL));
    CHECK(last_count == 1);
    ENDS(aethex_privacy_accept_policy(cloud, S("terms"), S("older"), on_result, NULL, NULL), AETHEX_ERROR_UNKNOWN_POLICY);
    OK(aethex_privacy_accept_policy(cloud, S("terms"), S(kept_text), on_result, NULL, NULL));
    OK(aethex_privacy_set_age(cloud, 1990, 5, on_privacy, NULL, NULL));
    CHECK(last_count == 0);
    ENDS(aethex_privacy_set_age(cloud, 2020, 0, on_privacy, NULL, NULL), AETHEX_ERROR_AGE_SAID);
    OK(aethex_privacy_set_consent(cloud, AETHEX_PURPOSE_VOICE, true, on_privacy, NULL, NULL));
    CHECK(may_talk);
    OK(aethex_privacy_set_consent(cloud, AETHEX_PURPOSE_VOICE, false, on_privacy, NULL, NULL));
    CHECK(!may_talk);
    ENDS(aethex_privacy_ask_parent(cloud, S("no address"), on_result, NULL, NULL), AETHEX_ERROR_INVALID_EMAIL);

    OK(aethex_privacy_start_export(cloud, on_export, NULL, NULL));
    copy(id, sizeof id, S(kept_text));
    for (int i = 0; i < 2000 && export_status == AETHEX_EXPORT_PENDING; i++) {
        OK(aethex_privacy_export(cloud, S(id), on_export, NULL, NULL));
        nap();
    }
    CHECK(export_status == AETHEX_EXPORT_READY && export_size > 0);
    OK(aethex_privacy_download_export(cloud, S(id), S(archive), on_export, NULL, NULL));
    ENDS(aethex_privacy_export(cloud, S(NOBODY), on_export, NULL, NULL), AETHEX_ERROR_NOT_FOUND);

    ENDS(aethex_privacy_erase_account(cloud, S("wrong wrong"), on_receipt, NULL, NULL), AETHEX_ERROR_INVALID_CREDENTIALS);
    OK(aethex_privacy_erase_account(cloud, S(NEW_PASSWORD), on_receipt, NULL, NULL));
    OK(aethex_privacy_receipt(cloud, S(kept_text), on_receipt, NULL, NULL));
    /* Every session has ended: who wants the account back logs in again. */
    ENDS(aethex_privacy_cancel_erasure(cloud, on_result, NULL, NULL), AETHEX_ERROR_SESSION_ENDED);
    OK(aethex_auth_login(cloud, S(EMAIL), S(NEW_PASSWORD), on_user, NULL, NULL));
    OK(aethex_privacy_cancel_erasure(cloud, on_result, NULL, NULL));
    ENDS(aethex_privacy_receipt(cloud, S(NOBODY), on_receipt, NULL, NULL), AETHEX_ERROR_NOT_FOUND);
}

static void farewell(void) {
    aethex_user user = {0};
    char texts[AETHEX_USER_TEXT_SIZE];
    user.struct_size = sizeof user;
    OK(aethex_auth_forget_guest(cloud, on_result, NULL, NULL));
    OK(aethex_auth_release_guest(cloud, on_result, NULL, NULL));
    OK(aethex_auth_logout_everywhere(cloud, on_result, NULL, NULL));
    CHECK(aethex_auth_current_user(cloud, &user, texts, sizeof texts) == AETHEX_ERROR_NOT_LOGGED_IN);
    ENDS(aethex_auth_preferences(cloud, on_preferences, NULL, NULL), AETHEX_ERROR_NOT_LOGGED_IN);
}

int main(int argc, char **argv) {
    aethex_cloud_options options = {0};
    if (argc < 4) return 2;
    options.struct_size = sizeof options;
    options.server_url = S(argv[1]);
    options.data_dir = S(argv[2]);
    options.credentials = AETHEX_CREDENTIALS_FILE;
    options.device_name = S("the device");
    if (aethex_cloud_create(&options, &cloud) != AETHEX_OK) return 2;
    if (strcmp(argv[3], "begin") == 0) {
        begin();
    } else if (strcmp(argv[3], "verify") == 0 && argc == 5) {
        verify(argv[4]);
    } else if (strcmp(argv[3], "rest") == 0 && argc == 6) {
        profile(argv[4]);
        preferences();
        logins();
        privacy(argv[5]);
        farewell();
    } else {
        failures++;
    }
    CHECK(aethex_cloud_destroy(cloud) == AETHEX_OK);
    printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
