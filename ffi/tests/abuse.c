/*
 * Misuse of the C interface: every line here is wrong on purpose, and must end in an error code.
 * Built with AddressSanitizer and UndefinedBehaviorSanitizer by tests/abuse.rs. Usage: abuse DATA_DIR
 */
#define _POSIX_C_SOURCE 200809L
#include "aethex_cloud.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *data_dir;
static char silent_url[64]; /* a server that takes connections and never answers */
static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "abuse.c:%d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)
#define IS(call, code) \
    do { \
        aethex_error found_ = (call); \
        if (found_ != (code)) { \
            fprintf(stderr, "abuse.c:%d: %s is %s\n", __LINE__, #call, aethex_error_name(found_).data); \
            failures++; \
        } \
    } while (0)
#define BAD_HANDLE AETHEX_ERROR_INVALID_HANDLE
#define BAD_ARGUMENT AETHEX_ERROR_INVALID_ARGUMENT
#define S aethex_string

static aethex_str raw(const char *data, size_t len) {
    aethex_str text;
    text.data = data;
    text.len = len;
    return text;
}

static void nap(void) {
    struct timespec pause = {0, 2 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static aethex_cloud make_cloud(const char *folder) {
    char path[512];
    aethex_cloud_options options = {0};
    aethex_cloud cloud = 0;
    snprintf(path, sizeof path, "%s/%s", data_dir, folder);
    options.struct_size = sizeof options;
    options.credentials = AETHEX_CREDENTIALS_MEMORY;
    options.server_url = S(silent_url);
    options.data_dir = S(path);
    options.shutdown_grace_ms = 50;
    IS(aethex_cloud_create(&options, &cloud), AETHEX_OK);
    return cloud;
}

/* --- completions --------------------------------------------------------------------------------- */

struct count {
    aethex_cloud cloud;
    int runs;
    aethex_error last;
    bool poke; /* call back into the library */
    bool destroying;
};

static void poke(struct count *count) {
    aethex_value value = 0;
    aethex_error gone = count->destroying ? BAD_HANDLE : AETHEX_ERROR_BUSY;
    size_t pending = 0;
    IS(aethex_tick(count->cloud), gone);
    IS(aethex_cloud_destroy(count->cloud), gone);
    IS(aethex_saves_pending(count->cloud, &pending), count->destroying ? BAD_HANDLE : AETHEX_OK);
    IS(aethex_saves_list(count->cloud, NULL, NULL, NULL), count->destroying ? BAD_HANDLE : AETHEX_OK);
    IS(aethex_value_new_int(1, &value), AETHEX_OK);
    IS(aethex_value_free(value), AETHEX_OK);
}

static void ended(struct count *count, aethex_error error) {
    count->runs++;
    count->last = error;
    if (count->poke) poke(count);
}

static void on_result(void *user_data, const aethex_result *result) {
    CHECK(result->struct_size == sizeof *result);
    ended(user_data, result->error);
}
static void on_user(void *user_data, const aethex_user_result *result) {
    CHECK(result->struct_size == sizeof *result);
    CHECK((result->user == NULL) == (result->error != AETHEX_OK));
    ended(user_data, result->error);
}
static void on_save(void *user_data, const aethex_save_result *result) { ended(user_data, result->error); }
static void on_load(void *user_data, const aethex_load_result *result) {
    CHECK(result->error == AETHEX_OK || (result->value == 0 && result->data == NULL));
    ended(user_data, result->error);
}
static void on_versions(void *user_data, const aethex_versions_result *result) {
    ended(user_data, result->error);
}
static void on_event(void *user_data, const aethex_event *event) {
    CHECK(event->struct_size == sizeof *event);
    (void)user_data;
}

static void wait_for(struct count *count, int runs) {
    for (int i = 0; i < 5000 && count->runs < runs; i++) {
        IS(aethex_tick(count->cloud), AETHEX_OK);
        nap();
    }
    CHECK(count->runs == runs);
}

void accounts(aethex_cloud cloud);
void account_calls_with(aethex_cloud cloud, aethex_error code);
int account_failures(void);

/* --- handles ------------------------------------------------------------------------------------- */

static void every_call_with(aethex_cloud cloud, aethex_error code) {
    aethex_value value = 0;
    aethex_user user = {0};
    char text[8];
    size_t pending;
    aethex_op op = 0;
    user.struct_size = sizeof user;
    IS(aethex_value_new_int(1, &value), AETHEX_OK);
    IS(aethex_tick(cloud), code);
    IS(aethex_cancel(cloud, 1), code);
    IS(aethex_set_event_callback(cloud, on_event, NULL), code);
    IS(aethex_auth_register(cloud, S("a"), S("b"), S("c"), on_user, NULL, &op), code);
    IS(aethex_auth_login(cloud, S("a"), S("b"), on_user, NULL, &op), code);
    IS(aethex_auth_logout(cloud, on_result, NULL, &op), code);
    IS(aethex_auth_profile(cloud, on_user, NULL, &op), code);
    IS(aethex_auth_current_user(cloud, &user, text, sizeof text), code);
    IS(aethex_saves_save(cloud, S("s"), value, NULL, on_save, NULL, &op), code);
    IS(aethex_saves_save_bytes(cloud, S("s"), NULL, 0, NULL, on_save, NULL, &op), code);
    IS(aethex_saves_load(cloud, S("s"), on_load, NULL, &op), code);
    IS(aethex_saves_load_version(cloud, S("s"), S("v"), on_load, NULL, &op), code);
    IS(aethex_saves_restore(cloud, S("s"), S("v"), on_save, NULL, &op), code);
    IS(aethex_saves_list(cloud, on_versions, NULL, &op), code);
    IS(aethex_saves_history(cloud, S("s"), on_versions, NULL, &op), code);
    IS(aethex_saves_delete(cloud, S("s"), on_result, NULL, &op), code);
    IS(aethex_saves_resolve(cloud, S("s"), AETHEX_RESOLUTION_KEEP_LOCAL, 0, on_save, NULL, &op), code);
    IS(aethex_saves_resolve_bytes(cloud, S("s"), NULL, 0, on_save, NULL, &op), code);
    IS(aethex_saves_flush(cloud, 1, on_result, NULL, &op), code);
    IS(aethex_saves_pending(cloud, &pending), code);
    IS(aethex_saves_enable_auto_sync(cloud, true), code);
    IS(aethex_cloud_destroy(cloud), code);
    CHECK(op == 0);
    IS(aethex_value_free(value), AETHEX_OK);
}

static void accounts_and_after(void) {
    aethex_cloud cloud = make_cloud("accounts");
    accounts(cloud);
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);
    account_calls_with(cloud, BAD_HANDLE);
}

static void handles(void) {
    aethex_cloud cloud = make_cloud("handles");
    aethex_value value = 0, copy = 0;
    bool equal;
    every_call_with(0, BAD_HANDLE);
    every_call_with(1, BAD_HANDLE);
    every_call_with(UINT64_MAX, BAD_HANDLE);
    every_call_with(cloud + 1, BAD_HANDLE);
    IS(aethex_value_new_dictionary(&value), AETHEX_OK);
    every_call_with(value, BAD_HANDLE); /* of another kind */
    IS(aethex_value_free(cloud), BAD_HANDLE);
    IS(aethex_value_copy(cloud, &copy), BAD_HANDLE);
    IS(aethex_value_free(value), AETHEX_OK);
    IS(aethex_value_free(value), BAD_HANDLE); /* freed twice */
    IS(aethex_value_free(0), BAD_HANDLE);
    IS(aethex_value_copy(value, &copy), BAD_HANDLE);
    IS(aethex_value_equal(value, value, &equal), BAD_HANDLE);
    IS(aethex_value_set_int(value, S("k"), 1), BAD_HANDLE);
    IS(aethex_value_push(value, value), BAD_ARGUMENT);
    IS(aethex_saves_save(cloud, S("s"), value, NULL, on_save, NULL, NULL), BAD_HANDLE);
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);
    every_call_with(cloud, BAD_HANDLE); /* after the end */
}

/* --- options and texts --------------------------------------------------------------------------- */

static void options(void) {
    struct {
        aethex_cloud_options known;
        uint64_t newest;
    } newer;
    aethex_cloud_options options = {0};
    aethex_cloud cloud = 0;
    char path[512];
    char room[2 * sizeof cloud];
    aethex_cloud *crooked = (aethex_cloud *)(void *)(room + 1);
    snprintf(path, sizeof path, "%s/options", data_dir);
    IS(aethex_cloud_create(NULL, &cloud), BAD_ARGUMENT);
    IS(aethex_cloud_create(&options, NULL), BAD_ARGUMENT);
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT); /* struct_size 0 */
    options.struct_size = UINT32_MAX;
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.struct_size = sizeof options;
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT); /* no data_dir */
    options.data_dir = S(path);
    IS(aethex_cloud_create(&options, crooked), BAD_ARGUMENT);
    options.credentials = 77;
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.credentials = AETHEX_CREDENTIALS_MEMORY;
    options.browser = 2;
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.browser = AETHEX_BROWSER_GAME;
    options.no_auto_sync = 2;
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.no_auto_sync = 0;
    options.locale = raw("\xff", 1);
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.locale = S("de_DE.UTF-8");
    options.server_url = S("not an address");
    CHECK(aethex_cloud_create(&options, &cloud) != AETHEX_OK);
    options.server_url = raw("\xff\xfe", 2);
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.server_url = raw(NULL, 5);
    IS(aethex_cloud_create(&options, &cloud), BAD_ARGUMENT);
    options.server_url = raw("x", SIZE_MAX);
    IS(aethex_cloud_create(&options, &cloud), AETHEX_ERROR_TOO_LARGE);
    CHECK(cloud == 0);

    options.server_url = S(silent_url);
    options.struct_size = offsetof(aethex_cloud_options, server_url); /* an older program */
    IS(aethex_cloud_create(&options, &cloud), AETHEX_OK);
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);

    memset(&newer, 0, sizeof newer);
    newer.known = options;
    newer.known.struct_size = sizeof newer; /* a newer program that uses nothing new */
    IS(aethex_cloud_create(&newer.known, &cloud), AETHEX_OK);
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);
    newer.newest = 1; /* and one that does */
    IS(aethex_cloud_create(&newer.known, &cloud), BAD_ARGUMENT);
}

static void texts(void) {
    aethex_cloud cloud = make_cloud("texts");
    aethex_value value = 0;
    aethex_save_options noted = {0};
    const struct {
        aethex_str text;
        aethex_error code;
    } bad[] = {
        {raw(NULL, 1), BAD_ARGUMENT},
        {raw("\xc3", 1), BAD_ARGUMENT},
        {raw("\xed\xa0\x80", 3), BAD_ARGUMENT}, /* a lone surrogate */
        {raw("x", SIZE_MAX), AETHEX_ERROR_TOO_LARGE},
        {raw("x", SIZE_MAX / 2 + 1), AETHEX_ERROR_TOO_LARGE},
        {raw("x", (size_t)1 << 30), AETHEX_ERROR_TOO_LARGE},
    };
    IS(aethex_value_new_dictionary(&value), AETHEX_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        aethex_str text = bad[i].text;
        aethex_error code = bad[i].code;
        aethex_value out = 0;
        IS(aethex_auth_register(cloud, text, S("p"), S("u"), on_user, NULL, NULL), code);
        IS(aethex_auth_register(cloud, S("e"), text, S("u"), on_user, NULL, NULL), code);
        IS(aethex_auth_register(cloud, S("e"), S("p"), text, on_user, NULL, NULL), code);
        IS(aethex_auth_login(cloud, text, S("p"), on_user, NULL, NULL), code);
        IS(aethex_auth_login(cloud, S("e"), text, on_user, NULL, NULL), code);
        IS(aethex_saves_save(cloud, text, value, NULL, on_save, NULL, NULL), code);
        IS(aethex_saves_load(cloud, text, on_load, NULL, NULL), code);
        IS(aethex_saves_delete(cloud, text, on_result, NULL, NULL), code);
        IS(aethex_saves_history(cloud, text, on_versions, NULL, NULL), code);
        noted.struct_size = sizeof noted;
        noted.label = text;
        IS(aethex_saves_save(cloud, S("s"), value, &noted, on_save, NULL, NULL), code);
        IS(aethex_value_new_string(text, &out), code);
        IS(aethex_value_new_strings(&text, 1, &out), code);
        IS(aethex_value_from_json(text, &out), code);
        IS(aethex_value_set_int(value, text, 1), code);
        IS(aethex_value_get(value, text, &out), code);
        CHECK(out == 0);
    }
    IS(aethex_saves_save_bytes(cloud, S("s"), NULL, 3, NULL, on_save, NULL, NULL), BAD_ARGUMENT);
    IS(aethex_saves_save_bytes(cloud, S("s"), (const uint8_t *)"x", SIZE_MAX, NULL, on_save, NULL, NULL),
        AETHEX_ERROR_TOO_LARGE);
    IS(aethex_saves_load_version(cloud, S("s"), S("../x"), on_load, NULL, NULL), BAD_ARGUMENT);
    IS(aethex_saves_resolve(cloud, S("s"), 77, 0, on_save, NULL, NULL), BAD_ARGUMENT);
    IS(aethex_saves_resolve(cloud, S("s"), AETHEX_RESOLUTION_KEEP_LOCAL, value, on_save, NULL, NULL), BAD_ARGUMENT);
    IS(aethex_saves_pending(cloud, NULL), BAD_ARGUMENT);
    IS(aethex_value_free(value), AETHEX_OK);
    for (int error = -3; error < 1000; error++) {
        CHECK(strlen(aethex_error_name(error).data) == aethex_error_name(error).len);
        CHECK(strlen(aethex_error_summary(error).data) == aethex_error_summary(error).len);
    }
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);
}

/* --- requests ------------------------------------------------------------------------------------ */

static void requests(void) {
    aethex_cloud cloud = make_cloud("requests"), other = make_cloud("others");
    struct count first = {0}, many = {0};
    aethex_op op = 0;
    first.cloud = many.cloud = cloud;
    IS(aethex_set_event_callback(cloud, on_event, NULL), AETHEX_OK);
    IS(aethex_auth_login(cloud, S("ann@example.com"), S("password of ann"), on_user, &first, &op), AETHEX_OK);
    CHECK(op != 0);
    every_call_with(op, BAD_HANDLE); /* a request is no cloud */
    IS(aethex_cancel(other, op), BAD_HANDLE); /* nor of another cloud */
    for (int i = 0; i < 20; i++) {
        IS(aethex_tick(cloud), AETHEX_OK);
        nap();
    }
    CHECK(first.runs == 0); /* the server is silent */
    IS(aethex_cancel(cloud, op), AETHEX_OK);
    CHECK(first.runs == 0); /* completions run in ticks only */
    wait_for(&first, 1);
    CHECK(first.last == AETHEX_ERROR_CANCELLED);
    IS(aethex_cancel(cloud, op), BAD_HANDLE);

    /* Nobody is logged in: each completes with an error, once. */
    many.poke = true; /* and its callback misbehaves */
    IS(aethex_saves_list(cloud, on_versions, &many, NULL), AETHEX_OK);
    IS(aethex_saves_load(cloud, S("slot"), on_load, &many, NULL), AETHEX_OK);
    IS(aethex_saves_load(cloud, S("a\nb"), on_load, &many, NULL), AETHEX_OK);
    IS(aethex_saves_save_bytes(cloud, S(""), (const uint8_t *)"x", 1, NULL, on_save, &many, NULL), AETHEX_OK);
    IS(aethex_auth_profile(cloud, on_user, &many, NULL), AETHEX_OK);
    IS(aethex_saves_delete(cloud, S("slot"), NULL, NULL, NULL), AETHEX_OK); /* no callback is fine */
    wait_for(&many, 5);
    CHECK(many.last != AETHEX_OK);

    /* What is open at the end completes inside destroy. */
    first.runs = many.runs = 0;
    many.poke = many.destroying = true;
    for (int i = 0; i < 10; i++)
        IS(aethex_auth_login(cloud, S("ann@example.com"), S("password of ann"), on_user, &many, NULL), AETHEX_OK);
    IS(aethex_cloud_destroy(cloud), AETHEX_OK);
    CHECK(many.runs == 10);
    CHECK(many.last == AETHEX_ERROR_CANCELLED || many.last == AETHEX_ERROR_SHUT_DOWN);
    every_call_with(cloud, BAD_HANDLE);
    IS(aethex_cloud_destroy(other), AETHEX_OK);
}

/* --- threads ------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS_MAX = 1000000 };

struct crowd {
    aethex_cloud cloud;
    aethex_value shared;
    pthread_mutex_t lock;
    int begun;
    int ended; /* completions run on the ticking thread only: no lock */
};

static void on_crowd(void *user_data, const aethex_user_result *result) {
    struct crowd *crowd = user_data;
    CHECK(result->error != AETHEX_OK);
    crowd->ended++;
}

static void *one_of_many(void *user_data) {
    struct crowd *crowd = user_data;
    int begun = 0;
    for (int i = 0; i < ROUNDS_MAX; i++) { /* until the cloud is gone */
        aethex_op op = 0;
        aethex_value copy = 0, part = 0;
        aethex_error error =
            aethex_auth_login(crowd->cloud, S("ann@example.com"), S("password of ann"), on_crowd, crowd, &op);
        if (error == AETHEX_OK) {
            begun++;
            aethex_cancel(crowd->cloud, op);
        } else {
            CHECK(error == BAD_HANDLE || error == AETHEX_ERROR_QUEUE_FULL);
            if (error == BAD_HANDLE) break;
        }
        if (aethex_value_copy(crowd->shared, &copy) == AETHEX_OK) {
            IS(aethex_value_set_int(copy, S("mine"), i), AETHEX_OK);
            IS(aethex_value_set_int(crowd->shared, S("ours"), i), AETHEX_OK);
            IS(aethex_value_get(copy, S("mine"), &part), AETHEX_OK);
            IS(aethex_value_free(part), AETHEX_OK);
            IS(aethex_value_free(copy), AETHEX_OK);
        }
        aethex_tick(crowd->cloud + 1);
        aethex_set_event_callback(crowd->cloud, i % 2 ? on_event : NULL, NULL);
    }
    pthread_mutex_lock(&crowd->lock);
    crowd->begun += begun;
    pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void *rival(void *user_data) { /* ticks of two threads: the second is told so */
    const aethex_cloud *cloud = user_data;
    for (int i = 0; i < 100; i++) {
        aethex_error error = aethex_tick(*cloud);
        CHECK(error == AETHEX_OK || error == AETHEX_ERROR_BUSY);
        nap();
    }
    return NULL;
}

static void *killer(void *user_data) {
    const aethex_cloud *cloud = user_data;
    nap();
    aethex_error error = aethex_cloud_destroy(*cloud);
    CHECK(error == AETHEX_OK || error == BAD_HANDLE || error == AETHEX_ERROR_BUSY);
    return NULL;
}

static void threads(void) {
    pthread_t all[THREADS];
    struct crowd crowd = {0};
    aethex_cloud rivals;
    pthread_mutex_init(&crowd.lock, NULL);
    crowd.cloud = make_cloud("crowd");
    IS(aethex_value_new_dictionary(&crowd.shared), AETHEX_OK);
    for (int i = 0; i < THREADS; i++) pthread_create(&all[i], NULL, one_of_many, &crowd);
    for (int i = 0; i < 40; i++) {
        IS(aethex_tick(crowd.cloud), AETHEX_OK);
        nap();
    }
    IS(aethex_cloud_destroy(crowd.cloud), AETHEX_OK); /* while the others still call */
    for (int i = 0; i < THREADS; i++) pthread_join(all[i], NULL);
    CHECK(crowd.begun > 0 && crowd.begun == crowd.ended); /* exactly one completion each */
    printf("%d requests from %d threads, %d completions\n", crowd.begun, THREADS, crowd.ended);
    IS(aethex_value_free(crowd.shared), AETHEX_OK);
    pthread_mutex_destroy(&crowd.lock);

    rivals = make_cloud("rivals");
    for (int i = 0; i < 2; i++) pthread_create(&all[i], NULL, rival, &rivals);
    for (int i = 0; i < 2; i++) pthread_join(all[i], NULL);
    for (int i = 0; i < 4; i++) pthread_create(&all[i], NULL, killer, &rivals);
    for (int i = 0; i < 4; i++) pthread_join(all[i], NULL);
    CHECK(aethex_tick(rivals) == BAD_HANDLE);
}

void values(void);
int value_failures(void);

int main(int argc, char **argv) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 2 || server < 0) return 2;
    data_dir = argv[1];
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 64) != 0
        || getsockname(server, (struct sockaddr *)&address, &size) != 0)
        return 2;
    snprintf(silent_url, sizeof silent_url, "http://127.0.0.1:%d", ntohs(address.sin_port));

    handles();
    options();
    texts();
    values();
    requests();
    accounts_and_after();
    threads();
    close(server);
    failures += value_failures() + account_failures();
    printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
