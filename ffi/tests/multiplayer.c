/*
 * Two players of one program in a room of a real backend: one makes it, the other joins by its code; states and messages
 * both ways; what only the host may; leaving. Then both queue and meet in the room of a match. Then who is here, an
 * invitation, a party and a chat. Built with the sanitizers and run by tests/it/ffi_multiplayer.rs.
 *
 *   multiplayer URL DATA_DIR_OF_ANN DATA_DIR_OF_BOB
 */
#define _POSIX_C_SOURCE 200809L
#include "aethex_cloud.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define S aethex_string
#define NOBODY "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f"
#define BAD_ARGUMENT AETHEX_ERROR_INVALID_ARGUMENT

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "multiplayer.c:%d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)
#define IS(call, code) \
    do { \
        aethex_error found_ = (call); \
        if (found_ != (code)) { \
            fprintf(stderr, "multiplayer.c:%d: %s is %s\n", __LINE__, #call, aethex_error_name(found_).data); \
            failures++; \
        } \
    } while (0)
/* Makes the call, ticks until its callback ran, and compares how it ended. */
#define ENDS(player, call, code) IS(until_it_ends(player, call), code)
#define OK(player, call) ENDS(player, call, AETHEX_OK)
/* Ticks until something is so. */
#define UNTIL(condition) \
    do { \
        for (int i_ = 0; i_ < 6000 && !(condition); i_++) tick(); \
        CHECK(condition); \
    } while (0)

/* A player of the program. What was lent is copied here. */
struct player {
    aethex_cloud cloud;
    bool ended;
    aethex_error outcome;
    char id[64], room_id[64], code[64], party_id[64], message_id[64];
    size_t count;
    /* what a room's answer and events said */
    size_t members;
    int64_t round;
    bool locked, in_room;
    int32_t availability, ticket_status;
    size_t reasons;
    /* events */
    int rooms_joined, rooms_updated, joins, leaves, hosts, matches, invites, chats;
    int32_t left_reason;
    char invite_code[64], match_room[64], said[64];
    float x;
    uint64_t state_us;
    int64_t numbers[64];
    size_t number_count;
    uint8_t bytes[8];
    size_t byte_count;
};

static struct player ann, bob;

static void tick(void) {
    struct timespec pause = {0, 5 * 1000 * 1000};
    CHECK(aethex_tick(ann.cloud) == AETHEX_OK);
    CHECK(aethex_tick(bob.cloud) == AETHEX_OK);
    nanosleep(&pause, NULL);
}

static aethex_error until_it_ends(struct player *player, aethex_error begun) {
    if (begun != AETHEX_OK) return begun;
    for (int i = 0; i < 6000 && !player->ended; i++) tick();
    CHECK(player->ended);
    player->ended = false;
    return player->outcome;
}

static bool is(aethex_str text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

static void copy(char *to, size_t room, aethex_str text) { snprintf(to, room, "%s", text.data); }
#define COPY(to, text) copy(to, sizeof(to), text)

/* --- completions ---------------------------------------------------------------------------------- */

#define BEGINS(type) \
    struct player *player = user_data; \
    player->ended = true; \
    player->outcome = result->error; \
    CHECK(result->struct_size == sizeof(type)); \
    if (result->error != AETHEX_OK) { \
        CHECK(result->message.len > 0); \
        return; \
    }

static void on_result(void *user_data, const aethex_result *result) { BEGINS(aethex_result) }

static void on_user(void *user_data, const aethex_user_result *result) {
    BEGINS(aethex_user_result)
    COPY(player->id, result->user->id);
}

static void see_room(struct player *player, const aethex_room *room) {
    aethex_value round = 0;
    CHECK(room->struct_size == sizeof *room && room->id.len == 36 && room->max_players >= room->player_count);
    COPY(player->room_id, room->id);
    COPY(player->code, room->code);
    player->members = room->member_count;
    player->locked = room->locked;
    if (aethex_value_get(room->metadata, S("round"), &round) == AETHEX_OK) {
        CHECK(aethex_value_get_int(round, &player->round) == AETHEX_OK);
        aethex_value_free(round);
    }
}

static void on_room(void *user_data, const aethex_room_result *result) {
    BEGINS(aethex_room_result)
    player->in_room = result->room != NULL;
    if (result->room != NULL) see_room(player, result->room);
}

static void on_rooms(void *user_data, const aethex_rooms_result *result) {
    BEGINS(aethex_rooms_result)
    player->count = result->room_count;
    for (size_t i = 0; i < result->room_count; i++) CHECK(is(result->rooms[i]->mode, "duel"));
}

static void on_ticket(void *user_data, const aethex_ticket_result *result) {
    BEGINS(aethex_ticket_result)
    player->ticket_status = -1;
    if (result->ticket == NULL) return;
    player->ticket_status = result->ticket->status;
    player->reasons = result->ticket->reason_count;
    CHECK(result->ticket->player_count == 1 && is(result->ticket->players[0], player->id));
}

static void on_rating(void *user_data, const aethex_rating_result *result) {
    BEGINS(aethex_rating_result)
    CHECK(result->rating->rating == 1500 && result->rating->matches == 0 && is(result->rating->player_id, player->id));
}

static void on_presence(void *user_data, const aethex_presence_result *result) {
    BEGINS(aethex_presence_result)
    player->availability = result->presence->availability;
}

static void on_presences(void *user_data, const aethex_presences_result *result) {
    BEGINS(aethex_presences_result)
    player->count = result->presence_count;
    if (result->presence_count > 0) player->availability = result->presences[0]->availability;
}

static void on_invite(void *user_data, const aethex_invite_result *result) {
    BEGINS(aethex_invite_result)
    CHECK(result->invite->expires_at_ms > result->invite->created_at_ms);
}

static void on_party(void *user_data, const aethex_party_result *result) {
    BEGINS(aethex_party_result)
    player->members = result->party != NULL ? result->party->player_count : 0;
    if (result->party == NULL) return;
    COPY(player->code, result->party->code);
    COPY(player->party_id, result->party->id);
}

static void on_said(void *user_data, const aethex_chat_message_result *result) {
    BEGINS(aethex_chat_message_result)
    COPY(player->message_id, result->said->id);
}

static void on_history(void *user_data, const aethex_chat_history_result *result) {
    BEGINS(aethex_chat_history_result)
    player->count = result->message_count;
    if (result->message_count > 0) COPY(player->said, result->messages[0]->text);
}

static void on_conversations(void *user_data, const aethex_conversations_result *result) {
    BEGINS(aethex_conversations_result)
    player->count = result->conversation_count > 0 ? result->conversations[0]->unread : 0;
}

static void on_blocks(void *user_data, const aethex_blocks_result *result) {
    BEGINS(aethex_blocks_result)
    player->count = result->block_count;
}

static void on_report(void *user_data, const aethex_report_result *result) {
    BEGINS(aethex_report_result)
    CHECK(result->report_id.len == 36);
}

/* --- events --------------------------------------------------------------------------------------- */

static void on_state(struct player *player, const aethex_player_state *state) {
    aethex_value position = 0;
    float y = 0, z = 0;
    if (state->value == 0) { /* bytes of the game's own */
        player->byte_count = state->data_len < 8 ? state->data_len : 8;
        memcpy(player->bytes, state->data, player->byte_count);
        return;
    }
    CHECK(state->channel == 0 && state->data_len > 0);
    player->state_us = state->server_us;
    CHECK(aethex_value_get(state->value, S("position"), &position) == AETHEX_OK);
    CHECK(aethex_value_get_vector3(position, &player->x, &y, &z) == AETHEX_OK);
    CHECK(aethex_value_free(position) == AETHEX_OK);
}

static void on_event(void *user_data, const aethex_event *event) {
    struct player *player = user_data;
    CHECK(event->struct_size == sizeof *event);
    switch (event->kind) {
    case AETHEX_EVENT_ROOM_JOINED: player->rooms_joined++; break;
    case AETHEX_EVENT_ROOM_UPDATED:
        player->rooms_updated++;
        see_room(player, event->room);
        break;
    case AETHEX_EVENT_ROOM_LEFT: player->left_reason = event->left_reason; break;
    case AETHEX_EVENT_PLAYER_JOINED:
        player->joins++;
        CHECK(event->room_player->connected && event->room_player->username.len > 0);
        break;
    case AETHEX_EVENT_PLAYER_LEFT: player->leaves++; break;
    case AETHEX_EVENT_HOST_CHANGED: player->hosts++; break;
    case AETHEX_EVENT_PLAYER_STATE: on_state(player, event->player_state); break;
    case AETHEX_EVENT_ROOM_MESSAGE:
        CHECK(event->room_message->channel == 7 && event->room_message->ordered && player->number_count < 64);
        CHECK(aethex_value_get_int(event->room_message->value, &player->numbers[player->number_count]) == AETHEX_OK);
        player->number_count++;
        break;
    case AETHEX_EVENT_MATCH_FOUND:
        player->matches++;
        CHECK(event->match_info->player_count == 2 && is(event->match_info->mode, "duel"));
        COPY(player->match_room, event->match_info->room_id);
        break;
    case AETHEX_EVENT_INVITE_RECEIVED:
        player->invites++;
        COPY(player->invite_code, event->invite->code);
        break;
    case AETHEX_EVENT_CHAT_MESSAGE:
        player->chats++;
        COPY(player->said, event->chat_message->text);
        break;
    default: break;
    }
}

/* --- steps ---------------------------------------------------------------------------------------- */

static void alone(void) {
    aethex_room_info info = {0};
    char text[64];
    size_t length = 0;
    bool is_host = true;
    uint64_t now_us = 1;
    aethex_value value = 0;
    CHECK(aethex_value_new_int(1, &value) == AETHEX_OK);
    info.struct_size = sizeof info;
    IS(aethex_multiplayer_room_info(ann.cloud, &info), AETHEX_OK);
    CHECK(!info.in_room && info.seat == -1 && info.host_seat == -1 && info.player_count == 0);
    IS(aethex_multiplayer_is_host(ann.cloud, &is_host), AETHEX_OK);
    IS(aethex_multiplayer_server_time_us(ann.cloud, &now_us), AETHEX_OK);
    CHECK(!is_host && now_us == 0);
    IS(aethex_multiplayer_room_id(ann.cloud, text, sizeof text, &length), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_send_state(ann.cloud, value, NULL), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_send_message(ann.cloud, value, NULL), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_send_state(ann.cloud, 0, NULL), AETHEX_ERROR_INVALID_HANDLE);
    IS(aethex_multiplayer_set_position(ann.cloud, 0, 0, 0), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_close_room(ann.cloud, on_result, &ann, NULL), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_kick(ann.cloud, S(NOBODY), false, on_result, &ann, NULL), AETHEX_ERROR_NOT_IN_ROOM);
    IS(aethex_multiplayer_join_room(ann.cloud, S("no id"), NULL, on_room, &ann, NULL), BAD_ARGUMENT);
    ENDS(&ann, aethex_multiplayer_join_room(ann.cloud, S(NOBODY), NULL, on_room, &ann, NULL), AETHEX_ERROR_ROOM_NOT_FOUND);
    OK(&ann, aethex_multiplayer_leave_room(ann.cloud, on_result, &ann, NULL));
    OK(&ann, aethex_multiplayer_current_room(ann.cloud, on_room, &ann, NULL));
    CHECK(!ann.in_room);
    CHECK(aethex_value_free(value) == AETHEX_OK);
}

static void meet(void) {
    aethex_room_options options = {0};
    aethex_rooms_query query = {0};
    aethex_join_options join = {0};
    char room_id[64];
    size_t length = 0;
    options.struct_size = sizeof options;
    options.mode = S("duel");
    options.max_players = 4;
    options.password = S("sesam");
    CHECK(aethex_value_from_json(S("{\"round\":3}"), &options.metadata) == AETHEX_OK);
    OK(&ann, aethex_multiplayer_create_room(ann.cloud, &options, on_room, &ann, NULL));
    CHECK(aethex_value_free(options.metadata) == AETHEX_OK);
    CHECK(ann.in_room && ann.members == 1 && ann.round == 3 && strlen(ann.code) == 6);
    UNTIL(ann.rooms_joined == 1);
    IS(aethex_multiplayer_room_id(ann.cloud, room_id, sizeof room_id, &length), AETHEX_OK);
    CHECK(length == 36 && strcmp(room_id, ann.room_id) == 0);

    query.struct_size = sizeof query;
    query.mode = S("duel");
    query.open = 1;
    OK(&bob, aethex_multiplayer_list_rooms(bob.cloud, &query, on_rooms, &bob, NULL));
    CHECK(bob.count == 1);
    OK(&bob, aethex_multiplayer_get_room(bob.cloud, S(ann.room_id), on_room, &bob, NULL));
    CHECK(bob.members == 1);
    ENDS(&bob, aethex_multiplayer_join_by_code(bob.cloud, S(ann.code), NULL, on_room, &bob, NULL), AETHEX_ERROR_ROOM_PASSWORD);
    join.struct_size = sizeof join;
    join.password = S("sesam");
    join.transport = AETHEX_TRANSPORT_WEBSOCKET;
    OK(&bob, aethex_multiplayer_join_by_code(bob.cloud, S(ann.code), &join, on_room, &bob, NULL));
    CHECK(bob.members == 2 && strcmp(bob.room_id, ann.room_id) == 0);
    UNTIL(ann.joins == 1 && bob.rooms_joined == 1);
}

static void send_position(struct player *player, float x) {
    aethex_value state = 0, position = 0;
    CHECK(aethex_value_new_dictionary(&state) == AETHEX_OK);
    CHECK(aethex_value_new_vector3(x, 1, 2, &position) == AETHEX_OK);
    CHECK(aethex_value_set(state, S("position"), position) == AETHEX_OK);
    IS(aethex_multiplayer_send_state(player->cloud, state, NULL), AETHEX_OK);
    CHECK(aethex_value_free(state) == AETHEX_OK);
}

static void send_number(struct player *player, int64_t number, const aethex_message_options *options) {
    aethex_value message = 0;
    CHECK(aethex_value_new_int(number, &message) == AETHEX_OK);
    IS(aethex_multiplayer_send_message(player->cloud, message, options), AETHEX_OK);
    CHECK(aethex_value_free(message) == AETHEX_OK);
}

static void talk(void) {
    static uint8_t big[1101];
    aethex_state_options state = {0};
    aethex_message_options message = {0};
    aethex_room_info info = {0};
    uint64_t now_us = 0;
    for (int i = 1; i <= 50; i++) send_position(&ann, (float)i);
    send_position(&bob, -5);
    UNTIL(bob.x == 50 && ann.x == -5);
    CHECK(bob.state_us > 0);
    state.struct_size = sizeof state;
    state.channel = 2;
    state.urgent = 1;
    IS(aethex_multiplayer_send_state_bytes(ann.cloud, (const uint8_t *)"\xffown", 4, &state), AETHEX_OK);
    UNTIL(bob.byte_count == 4);
    CHECK(memcmp(bob.bytes, "\xffown", 4) == 0);
    IS(aethex_multiplayer_send_state_bytes(ann.cloud, big, sizeof big, NULL), AETHEX_ERROR_TOO_LARGE);
    state.channel = 8;
    IS(aethex_multiplayer_send_state_bytes(ann.cloud, big, 1, &state), BAD_ARGUMENT);

    message.struct_size = sizeof message;
    message.channel = 7;
    for (int i = 0; i < 50; i++) send_number(&ann, i, &message);
    message.to = AETHEX_TO_HOST;
    send_number(&bob, 99, &message);
    UNTIL(bob.number_count == 50 && ann.number_count == 1);
    for (int i = 0; i < 50; i++) CHECK(bob.numbers[i] == i);
    CHECK(ann.numbers[0] == 99);
    message.to = AETHEX_TO_PLAYER;
    message.player = S(NOBODY);
    IS(aethex_multiplayer_send_message_bytes(ann.cloud, big, 1, &message), AETHEX_ERROR_NOT_IN_ROOM);
    message.player = S(ann.id);
    send_number(&bob, 100, &message);
    UNTIL(ann.number_count == 2);

    info.struct_size = sizeof info;
    IS(aethex_multiplayer_room_info(bob.cloud, &info), AETHEX_OK);
    CHECK(info.in_room && !info.is_host && info.player_count == 2 && info.seat != info.host_seat);
    CHECK(info.transport == AETHEX_TRANSPORT_WEBSOCKET);
    IS(aethex_multiplayer_server_time_us(bob.cloud, &now_us), AETHEX_OK);
    CHECK(now_us > 0);
    IS(aethex_multiplayer_set_position(bob.cloud, 1, 2, 3), AETHEX_OK);
    IS(aethex_multiplayer_set_interest(bob.cloud, NULL, 0), AETHEX_OK);
    IS(aethex_multiplayer_set_interest(bob.cloud, NULL, 1), BAD_ARGUMENT);
    IS(aethex_multiplayer_clear_interest(bob.cloud), AETHEX_OK);
}

static void host(void) {
    aethex_room_change change = {0};
    int joins = ann.joins, updates = bob.rooms_updated;
    change.struct_size = sizeof change;
    change.locked = AETHEX_ROOM_LOCK_CLOSED;
    CHECK(aethex_value_from_json(S("{\"round\":4}"), &change.metadata) == AETHEX_OK);
    ENDS(&bob, aethex_multiplayer_update_room(bob.cloud, &change, on_room, &bob, NULL), AETHEX_ERROR_NOT_HOST);
    OK(&ann, aethex_multiplayer_update_room(ann.cloud, &change, on_room, &ann, NULL));
    CHECK(aethex_value_free(change.metadata) == AETHEX_OK);
    CHECK(ann.locked && ann.round == 4);
    UNTIL(bob.rooms_updated > updates && bob.locked && bob.round == 4);
    OK(&ann, aethex_multiplayer_kick(ann.cloud, S(bob.id), false, on_result, &ann, NULL));
    UNTIL(bob.left_reason == AETHEX_LEFT_KICKED && ann.leaves == 1);
    change.locked = AETHEX_ROOM_LOCK_OPEN;
    change.metadata = 0;
    OK(&ann, aethex_multiplayer_update_room(ann.cloud, &change, on_room, &ann, NULL));
    CHECK(!ann.locked && ann.round == 4);

    /* Back by an invitation, whose code opens the door. */
    OK(&ann, aethex_invites_to_room(ann.cloud, S(bob.id), S(NULL), on_invite, &ann, NULL));
    UNTIL(bob.invites == 1);
    OK(&bob, aethex_multiplayer_join_by_code(bob.cloud, S(bob.invite_code), NULL, on_room, &bob, NULL));
    UNTIL(ann.joins == joins + 1);
    /* The host leaves: the other one is it. */
    OK(&ann, aethex_multiplayer_leave_room(ann.cloud, on_result, &ann, NULL));
    UNTIL(bob.hosts > 0 && bob.leaves == 1);
    CHECK(ann.left_reason == AETHEX_LEFT_BY_ITSELF);
    OK(&bob, aethex_multiplayer_close_room(bob.cloud, on_result, &bob, NULL));
    UNTIL(bob.left_reason == AETHEX_LEFT_CLOSED);
}

static void queue(void) {
    aethex_value wanted = 0;
    CHECK(aethex_value_from_json(S("{\"moed\":\"duel\"}"), &wanted) == AETHEX_OK);
    ENDS(&ann, aethex_matchmaking_join_queue(ann.cloud, wanted, on_ticket, &ann, NULL), BAD_ARGUMENT);
    CHECK(aethex_value_free(wanted) == AETHEX_OK);
    CHECK(aethex_value_from_json(S("{\"mode\":\"duel\",\"region\":\"eu\",\"skill_range\":[1000,2000],\"players\":2,"
                                   "\"latencies\":{\"eu\":20}}"), &wanted) == AETHEX_OK);
    OK(&ann, aethex_matchmaking_status(ann.cloud, on_ticket, &ann, NULL));
    CHECK(ann.ticket_status == -1);
    OK(&ann, aethex_matchmaking_join_queue(ann.cloud, wanted, on_ticket, &ann, NULL));
    CHECK(ann.ticket_status == AETHEX_TICKET_QUEUED);
    OK(&ann, aethex_matchmaking_status(ann.cloud, on_ticket, &ann, NULL));
    CHECK(ann.ticket_status == AETHEX_TICKET_QUEUED && ann.reasons > 0); /* nobody else is there */
    OK(&ann, aethex_matchmaking_leave_queue(ann.cloud, on_result, &ann, NULL));
    OK(&ann, aethex_matchmaking_join_queue(ann.cloud, wanted, on_ticket, &ann, NULL));
    OK(&bob, aethex_matchmaking_join_queue(bob.cloud, wanted, on_ticket, &bob, NULL));
    CHECK(aethex_value_free(wanted) == AETHEX_OK);
    UNTIL(ann.matches == 1 && bob.matches == 1);
    CHECK(strlen(ann.match_room) == 36 && strcmp(ann.match_room, bob.match_room) == 0);
    OK(&ann, aethex_multiplayer_join_room(ann.cloud, S(ann.match_room), NULL, on_room, &ann, NULL));
    OK(&bob, aethex_multiplayer_join_room(bob.cloud, S(bob.match_room), NULL, on_room, &bob, NULL));
    send_position(&bob, 42);
    UNTIL(ann.x == 42);
    ENDS(&ann, aethex_matchmaking_accept_match(ann.cloud, S(NOBODY), true, on_ticket, &ann, NULL), AETHEX_ERROR_MATCH_NOT_FOUND);
    ENDS(&ann, aethex_matchmaking_ticket(ann.cloud, S(NOBODY), on_ticket, &ann, NULL), AETHEX_ERROR_TICKET_NOT_FOUND);
    OK(&ann, aethex_matchmaking_rating(ann.cloud, S("duel"), S(NULL), on_rating, &ann, NULL));
    OK(&ann, aethex_multiplayer_leave_room(ann.cloud, on_result, &ann, NULL));
    OK(&bob, aethex_multiplayer_leave_room(bob.cloud, on_result, &bob, NULL));
}

static void company(void) {
    aethex_presence_options shown = {0};
    aethex_player_report report = {0};
    aethex_str players[1];
    char channel[80];
    players[0] = S(ann.id);
    shown.struct_size = sizeof shown;
    shown.availability = AETHEX_AVAILABILITY_BUSY;
    shown.status = S("in a duel");
    OK(&ann, aethex_presence_set(ann.cloud, &shown, on_presence, &ann, NULL));
    OK(&bob, aethex_presence_watch(bob.cloud, players, 1, on_presences, &bob, NULL));
    CHECK(bob.count == 1 && bob.availability == AETHEX_AVAILABILITY_BUSY);
    IS(aethex_presence_get(bob.cloud, players, 101, on_presences, &bob, NULL), AETHEX_ERROR_TOO_LARGE);

    OK(&ann, aethex_parties_create(ann.cloud, on_party, &ann, NULL));
    OK(&bob, aethex_parties_join(bob.cloud, S(ann.code), on_party, &bob, NULL));
    CHECK(bob.members == 2);
    OK(&bob, aethex_parties_set_ready(bob.cloud, true, on_party, &bob, NULL));
    OK(&ann, aethex_parties_set_leader(ann.cloud, S(bob.id), on_party, &ann, NULL));
    ENDS(&ann, aethex_parties_kick(ann.cloud, S(bob.id), on_party, &ann, NULL), AETHEX_ERROR_NOT_HOST);
    OK(&bob, aethex_parties_leave(bob.cloud, on_result, &bob, NULL));
    OK(&bob, aethex_parties_current(bob.cloud, on_party, &bob, NULL));
    CHECK(bob.members == 0);

    snprintf(channel, sizeof channel, "direct:%s", bob.id);
    OK(&ann, aethex_chat_send(ann.cloud, S(channel), S("hallo"), on_said, &ann, NULL));
    UNTIL(bob.chats == 1 && strcmp(bob.said, "hallo") == 0);
    OK(&ann, aethex_chat_edit(ann.cloud, S(channel), S(ann.message_id), S("hallo!"), on_said, &ann, NULL));
    snprintf(channel, sizeof channel, "direct:%s", ann.id);
    OK(&bob, aethex_chat_conversations(bob.cloud, 0, S(NULL), on_conversations, &bob, NULL));
    CHECK(bob.count == 1);
    OK(&bob, aethex_chat_history(bob.cloud, S(channel), 10, S(NULL), on_history, &bob, NULL));
    CHECK(bob.count == 1 && strcmp(bob.said, "hallo!") == 0);
    OK(&bob, aethex_chat_mark_read(bob.cloud, S(channel), S(ann.message_id), on_result, &bob, NULL));
    report.struct_size = sizeof report;
    report.player = S(ann.id);
    report.reason = S("spam");
    report.message_id = S(ann.message_id);
    OK(&bob, aethex_chat_report(bob.cloud, &report, on_report, &bob, NULL));
    OK(&bob, aethex_chat_block(bob.cloud, S(ann.id), on_result, &bob, NULL));
    OK(&bob, aethex_chat_blocked(bob.cloud, 0, S(NULL), on_blocks, &bob, NULL));
    CHECK(bob.count == 1);
    snprintf(channel, sizeof channel, "direct:%s", bob.id);
    ENDS(&ann, aethex_chat_send(ann.cloud, S(channel), S("why?"), on_said, &ann, NULL), AETHEX_ERROR_BLOCKED);
    OK(&bob, aethex_chat_unblock(bob.cloud, S(ann.id), on_result, &bob, NULL));
    OK(&ann, aethex_chat_delete(ann.cloud, S(channel), S(ann.message_id), on_result, &ann, NULL));
    OK(&ann, aethex_chat_join_channel(ann.cloud, S("channel:lobby"), on_result, &ann, NULL));
    OK(&ann, aethex_chat_leave_channel(ann.cloud, S("channel:lobby"), on_result, &ann, NULL));
}

static void begin(struct player *player, const char *url, const char *data_dir) {
    aethex_cloud_options options = {0};
    options.struct_size = sizeof options;
    options.server_url = S(url);
    options.data_dir = S(data_dir);
    options.credentials = AETHEX_CREDENTIALS_MEMORY;
    if (aethex_cloud_create(&options, &player->cloud) != AETHEX_OK) exit(2);
    IS(aethex_set_event_callback(player->cloud, on_event, player), AETHEX_OK);
}

int main(int argc, char **argv) {
    /* Each needs the one before. */
    static void (*const steps[])(void) = {alone, meet, talk, host, queue, company};
    if (argc != 4) return 2;
    begin(&ann, argv[1], argv[2]);
    begin(&bob, argv[1], argv[3]);
    OK(&ann, aethex_auth_login_guest(ann.cloud, NULL, on_user, &ann, NULL));
    OK(&bob, aethex_auth_login_guest(bob.cloud, NULL, on_user, &bob, NULL));
    IS(aethex_multiplayer_go_live(ann.cloud), AETHEX_OK);
    IS(aethex_multiplayer_go_live(bob.cloud), AETHEX_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && failures == 0; i++) steps[i]();
    CHECK(aethex_cloud_destroy(ann.cloud) == AETHEX_OK);
    CHECK(aethex_cloud_destroy(bob.cloud) == AETHEX_OK);
    printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
