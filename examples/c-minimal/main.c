/*
 * AeThex Cloud from C, complete: log in, save a value, load it, list the slots.
 *
 *   c-minimal SERVER_URL DATA_DIR EMAIL PASSWORD [register] save SLOT [JSON]
 *   c-minimal SERVER_URL DATA_DIR EMAIL PASSWORD [register] load SLOT
 *   c-minimal SERVER_URL DATA_DIR EMAIL PASSWORD [register] list
 *
 * Results go to standard output, complaints to standard error. Exit code: 0 done, 1 failed, 2 wrong usage.
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
        fprintf(stderr, "logged in as %s\n", result->user->username.data);
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

static bool log_in(struct app *app, bool make_account, const char *email, const char *password) {
    aethex_user user = {0};
    char texts[AETHEX_USER_TEXT_SIZE];
    aethex_str mail = aethex_string(email), secret = aethex_string(password);
    user.struct_size = sizeof user;
    if (make_account)
        return wait_for(app, "register",
            aethex_auth_register(app->cloud, mail, secret, aethex_string(NULL), on_user, app, NULL));
    /* The session of the last run is still there, also offline. */
    if (aethex_auth_current_user(app->cloud, &user, texts, sizeof texts) == AETHEX_OK
        && strcmp(user.email.data, email) == 0)
        return true;
    return wait_for(app, "login", aethex_auth_login(app->cloud, mail, secret, on_user, app, NULL));
}

int main(int argc, char **argv) {
    bool make_account = argc > 5 && strcmp(argv[5], "register") == 0;
    int at = make_account ? 6 : 5;
    const char *command = argc > at ? argv[at] : "";
    const char *slot = argc > at + 1 ? argv[at + 1] : NULL;
    const char *json = argc > at + 2 ? argv[at + 2] : NULL;
    bool saves = strcmp(command, "save") == 0, loads = strcmp(command, "load") == 0;
    if (!(strcmp(command, "list") == 0 || ((saves || loads) && slot != NULL))) {
        fprintf(stderr, "usage: %s SERVER_URL DATA_DIR EMAIL PASSWORD [register] save|load|list SLOT [JSON]\n", argv[0]);
        return 2;
    }

    struct app app = {0};
    aethex_cloud_options options = {0};
    options.struct_size = sizeof options;
    options.server_url = aethex_string(argv[1]);
    options.data_dir = aethex_string(argv[2]);
    options.device_name = aethex_string("c-minimal");
    aethex_error error = aethex_cloud_create(&options, &app.cloud);
    if (error != AETHEX_OK) {
        fprintf(stderr, "create: %s (%s)\n", aethex_error_summary(error).data, aethex_error_name(error).data);
        return 1;
    }

    bool done = log_in(&app, make_account, argv[3], argv[4]);
    if (done && saves)
        done = save(&app, aethex_string(slot), json);
    else if (done && loads)
        done = wait_for(&app, "load", aethex_saves_load(app.cloud, aethex_string(slot), on_loaded, &app, NULL));
    else if (done)
        done = wait_for(&app, "list", aethex_saves_list(app.cloud, on_listed, &app, NULL));

    aethex_cloud_destroy(app.cloud);
    return done ? 0 : 1;
}
