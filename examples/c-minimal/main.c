/*
 * AeThex Cloud from C, complete: log in, save a value, load it, list the slots; play as a guest first and link
 * an email later.
 *
 *   c-minimal SERVER_URL DATA_DIR PLAYER save SLOT [JSON]
 *   c-minimal SERVER_URL DATA_DIR PLAYER load SLOT
 *   c-minimal SERVER_URL DATA_DIR PLAYER list
 *   c-minimal SERVER_URL DATA_DIR PLAYER sessions
 *   c-minimal SERVER_URL DATA_DIR guest link EMAIL PASSWORD
 *   c-minimal SERVER_URL DATA_DIR EMAIL PASSWORD merge [mine|other|both]
 *
 * PLAYER is "guest", or EMAIL PASSWORD, or EMAIL PASSWORD register to make the account first. "merge" moves what
 * this device's guest has into the account. Results go to standard output, complaints to standard error. Exit
 * code: 0 done, 1 failed, 2 wrong usage.
 *
 *   gcc -std=c99 -Wall -Wextra main.c -I../../ffi/include -L../../target/debug -laethex_cloud -o c-minimal
 */
#define _POSIX_C_SOURCE 200809L
#include "aethex_cloud.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif

/* What callbacks need. A game has such a struct anyway; it travels as user_data. */
struct app {
    aethex_cloud cloud;
    bool waiting; /* a request is under way */
    bool failed;
    bool queued; /* the save is on this device, still to be sent */
};

static void one_frame(void) { /* a game draws here */
#ifdef _WIN32
    Sleep(5);
#else
    struct timespec pause = {0, 5 * 1000 * 1000};
    nanosleep(&pause, NULL);
#endif
}

/* Every call answers with a code. AETHEX_OK: the callback will run, once. Else it never will. */
static bool wait_for(struct app *app, const char *what, aethex_error begun) {
    if (begun != AETHEX_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, aethex_error_summary(begun).data, aethex_error_name(begun).data);
        return false;
    }
    app->waiting = true;
    app->failed = false;
    while (app->waiting) { /* the game's main loop: callbacks run inside aethex_tick, here */
        aethex_tick(app->cloud);
        one_frame();
    }
    return !app->failed;
}

/* Every result begins with how the request ended. */
static bool ended_well(struct app *app, const char *what, aethex_error error, aethex_str message) {
    app->waiting = false;
    app->failed = error != AETHEX_OK;
    if (app->failed)
        fprintf(stderr, "%s: %s (%s)\n", what, message.data, aethex_error_name(error).data);
    return !app->failed;
}

static void on_user(void *user_data, const aethex_user_result *result) {
    if (ended_well(user_data, "login", result->error, result->message))
        fprintf(stderr, "logged in as %s%s\n", result->user->username.data, result->user->is_guest ? ", a guest" : "");
}

static void on_linked(void *user_data, const aethex_user_result *result) {
    if (ended_well(user_data, "link", result->error, result->message))
        printf("linked %s\n", result->user->email.data);
    else if (result->error == AETHEX_ERROR_IDENTITY_TAKEN)
        fprintf(stderr, "the address has an account: log in to it with \"merge\"\n");
}

static void on_merged(void *user_data, const aethex_user_result *result) {
    if (ended_well(user_data, "merge", result->error, result->message))
        printf("merged into %s\n", result->user->username.data);
    /* Both accounts have saves of the same name: the player chooses. Nothing has changed yet. */
    for (size_t i = 0; result->merge != NULL && i < result->merge->slot_count; i++) {
        const aethex_merge_slot *slot = result->merge->slots[i];
        printf("both have %s: mine is of %" PRId64 ", the guest's of %" PRId64 "\n", slot->slot.data,
            slot->mine_saved_at_ms, slot->other_saved_at_ms);
    }
}

static void on_sessions(void *user_data, const aethex_sessions_result *result) {
    if (!ended_well(user_data, "sessions", result->error, result->message)) return;
    for (size_t i = 0; i < result->session_count; i++) {
        const aethex_session *session = result->sessions[i];
        printf("%s\t%s%s\n", session->method.data, session->device_name.data, session->current ? "\tthis one" : "");
    }
}

static void on_saved(void *user_data, const aethex_save_result *result) {
    struct app *app = user_data;
    if (!ended_well(app, "save", result->error, result->message)) return;
    app->queued = result->queued;
    if (result->version != NULL)
        printf("saved %s version %s\n", result->slot.data, result->version->version.data);
}

static void on_flushed(void *user_data, const aethex_result *result) {
    ended_well(user_data, "flush", result->error, result->message);
}

static void on_loaded(void *user_data, const aethex_load_result *result) {
    struct app *app = user_data;
    if (!ended_well(app, "load", result->error, result->message)) return;
    if (result->encoding == AETHEX_ENCODING_BYTES) {
        fwrite(result->data, 1, result->data_len, stdout);
        return;
    }
    /* Ask for the length, then for the text: one byte more for the NUL. */
    size_t length = 0;
    aethex_value_to_json(result->value, NULL, 0, &length);
    char *json = malloc(length + 1);
    if (json != NULL && aethex_value_to_json(result->value, json, length + 1, &length) == AETHEX_OK)
        puts(json);
    else
        app->failed = true;
    free(json);

    /* Types arrive as they were saved: a Godot Vector3 is a Vector3. */
    aethex_value position = 0;
    float x, y, z;
    if (aethex_value_get(result->value, aethex_string("position"), &position) == AETHEX_OK) {
        if (aethex_value_get_vector3(position, &x, &y, &z) == AETHEX_OK)
            fprintf(stderr, "position is Vector3(%g, %g, %g)\n", (double)x, (double)y, (double)z);
        aethex_value_free(position);
    }
}

static void on_listed(void *user_data, const aethex_versions_result *result) {
    if (!ended_well(user_data, "list", result->error, result->message)) return;
    for (size_t i = 0; i < result->version_count; i++) {
        const aethex_save_version *version = result->versions[i];
        printf("%s\t%" PRId64 " bytes\t%s\n", version->slot.data, version->size_bytes, version->version.data);
    }
}

/* A save with the types of a game. Putting a value into a container takes its handle: nothing to free. */
static aethex_error make_save(aethex_value *save) {
    aethex_value position = 0, inventory = 0, item = 0;
    aethex_error error = aethex_value_new_dictionary(save);
    if (error == AETHEX_OK) error = aethex_value_set_int(*save, aethex_string("level"), 5);
    if (error == AETHEX_OK) error = aethex_value_set_float(*save, aethex_string("health"), 99.5);
    if (error == AETHEX_OK) error = aethex_value_new_vector3(10, 0, 20, &position);
    if (error == AETHEX_OK) error = aethex_value_set(*save, aethex_string("position"), position);
    if (error == AETHEX_OK) error = aethex_value_new_array(&inventory);
    if (error == AETHEX_OK) error = aethex_value_new_string(aethex_string("sword"), &item);
    if (error == AETHEX_OK) error = aethex_value_push(inventory, item);
    if (error == AETHEX_OK) error = aethex_value_set(*save, aethex_string("inventory"), inventory);
    return error;
}

static bool save(struct app *app, aethex_str slot, const char *json) {
    aethex_value value = 0;
    aethex_error error = json != NULL ? aethex_value_from_json(aethex_string(json), &value) : make_save(&value);
    if (error == AETHEX_OK)
        error = aethex_saves_save(app->cloud, slot, value, NULL, on_saved, app, NULL);
    bool done = wait_for(app, "save", error);
    aethex_value_free(value);
    if (!done || !app->queued) return done;
    /* It is safe on this device. Before quitting, wait for the backend's word, if it can be had. */
    if (wait_for(app, "flush", aethex_saves_flush(app->cloud, 10000, on_flushed, app, NULL)))
        printf("saved %s\n", slot.data);
    else
        printf("queued %s: it is sent when the backend can be reached\n", slot.data);
    return true;
}

/* What the arguments ask for. */
struct wish {
    const char *server_url, *data_dir;
    const char *email, *password; /* null for a guest */
    bool make_account;
    const char *command;
    const char *const *rest; /* the command's own arguments */
    int rest_count;
};

static bool is(const char *text, const char *word) { return strcmp(text, word) == 0; }

static bool understand(int argc, char **argv, struct wish *wish) {
    int at = 4;
    memset(wish, 0, sizeof *wish);
    if (argc < 5) return false;
    wish->server_url = argv[1];
    wish->data_dir = argv[2];
    if (!is(argv[3], "guest")) {
        wish->email = argv[3];
        wish->password = argv[at++];
        wish->make_account = argc > at && is(argv[at], "register");
        if (wish->make_account) at++;
    }
    if (argc <= at) return false;
    wish->command = argv[at];
    wish->rest = (const char *const *)argv + at + 1;
    wish->rest_count = argc - at - 1;
    if (is(wish->command, "list") || is(wish->command, "sessions")) return wish->rest_count == 0;
    if (is(wish->command, "save")) return wish->rest_count == 1 || wish->rest_count == 2;
    if (is(wish->command, "load")) return wish->rest_count == 1;
    if (is(wish->command, "link")) return wish->email == NULL && wish->rest_count == 2;
    return is(wish->command, "merge") && wish->email != NULL && wish->rest_count <= 1;
}

static bool log_in(struct app *app, const struct wish *wish) {
    aethex_user user = {0};
    char texts[AETHEX_USER_TEXT_SIZE];
    aethex_str mail = aethex_string(wish->email), secret = aethex_string(wish->password);
    aethex_login_options options = {0};
    options.struct_size = sizeof options;
    options.keep_guest = is(wish->command, "merge"); /* the guest of this device is needed for the merge */
    user.struct_size = sizeof user;
    if (wish->make_account)
        return wait_for(app, "register",
            aethex_auth_register(app->cloud, mail, secret, aethex_string(NULL), on_user, app, NULL));
    /* The session of the last run is still there, also offline. */
    if (aethex_auth_current_user(app->cloud, &user, texts, sizeof texts) == AETHEX_OK
        && (wish->email == NULL || is(user.email.data, wish->email)))
        return true;
    /* No question asked: the key that opens a guest's account lies on this device. */
    if (wish->email == NULL)
        return wait_for(app, "guest", aethex_auth_login_guest(app->cloud, NULL, on_user, app, NULL));
    return wait_for(app, "login", aethex_auth_login_with(app->cloud, mail, secret, &options, on_user, app, NULL));
}

static bool merge(struct app *app, const char *how) {
    int32_t choice = AETHEX_MERGE_ASK;
    if (is(how, "mine")) choice = AETHEX_MERGE_KEEP_MINE;
    else if (is(how, "other")) choice = AETHEX_MERGE_KEEP_OTHER;
    else if (is(how, "both")) choice = AETHEX_MERGE_KEEP_BOTH;
    return wait_for(app, "merge", aethex_auth_merge_guest(app->cloud, choice, on_merged, app, NULL));
}

static bool obey(struct app *app, const struct wish *wish) {
    aethex_str first = aethex_string(wish->rest_count > 0 ? wish->rest[0] : NULL);
    const char *second = wish->rest_count > 1 ? wish->rest[1] : NULL;
    if (is(wish->command, "save")) return save(app, first, second);
    if (is(wish->command, "load"))
        return wait_for(app, "load", aethex_saves_load(app->cloud, first, on_loaded, app, NULL));
    if (is(wish->command, "list"))
        return wait_for(app, "list", aethex_saves_list(app->cloud, on_listed, app, NULL));
    if (is(wish->command, "sessions"))
        return wait_for(app, "sessions",
            aethex_auth_sessions(app->cloud, aethex_string(NULL), on_sessions, app, NULL));
    if (is(wish->command, "link")) /* from now on the account opens from anywhere; its saves stay as they are */
        return wait_for(app, "link",
            aethex_auth_link_email(app->cloud, first, aethex_string(second), aethex_string(NULL), on_linked, app, NULL));
    return merge(app, wish->rest_count > 0 ? wish->rest[0] : "");
}

int main(int argc, char **argv) {
    struct wish wish;
    if (!understand(argc, argv, &wish)) {
        fprintf(stderr,
            "usage: %s SERVER_URL DATA_DIR guest|EMAIL PASSWORD [register] save|load|list|sessions|link|merge ...\n",
            argv[0]);
        return 2;
    }

    struct app app = {0};
    aethex_cloud_options options = {0};
    options.struct_size = sizeof options;
    options.server_url = aethex_string(wish.server_url);
    options.data_dir = aethex_string(wish.data_dir);
    options.device_name = aethex_string("c-minimal");
    aethex_error error = aethex_cloud_create(&options, &app.cloud);
    if (error != AETHEX_OK) {
        fprintf(stderr, "create: %s (%s)\n", aethex_error_summary(error).data, aethex_error_name(error).data);
        return 1;
    }
    bool done = log_in(&app, &wish) && obey(&app, &wish);
    aethex_cloud_destroy(app.cloud);
    return done ? 0 : 1;
}
