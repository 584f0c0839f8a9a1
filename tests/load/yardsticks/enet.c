/* A relay over ENet (libenet 1.3), with unreliable packets: what many games are built on.
 *
 * enet serve PORT ROOMS PLAYERS BYTES TICK_MS     TICK_MS 0: naive, each state goes out at once
 * enet bots PORT ROOMS PLAYERS HZ BYTES SECONDS SERVER_PID
 *
 * A client's connect data is ROOM << 8 | SEAT; then it sends states. From the relay: pieces of SEAT (1) and a
 * state. ENet's throttle, which drops unreliable packets when round trips get longer, is off: all are to arrive.
 */
#define _GNU_SOURCE
#include "yard.h"
#include <enet/enet.h>
#include <sys/epoll.h>

#define SOCKET_LEN (4 * 1024 * 1024)
/* How often bots' hosts are looked after that have nothing to read. */
#define CARE_US 10000

struct relay {
    ENetHost *host;
    int rooms, players, state_len;
    ENetPeer **who; /* of each seat */
    uint8_t *states, *waits;
};

static void send_to(ENetPeer *peer, ENetPacket *packet) {
    /* A packet that nobody has taken is ours to give back. */
    if (enet_peer_send(peer, 0, packet) < 0 && packet->referenceCount == 0) enet_packet_destroy(packet);
}

static void tell(struct relay *relay, int to, const uint8_t *bytes, size_t len) {
    ENetPacket *packet = relay->who[to] ? enet_packet_create(bytes, len, 0) : NULL;
    if (packet) send_to(relay->who[to], packet);
}

static void take(struct relay *relay, int me, const ENetPacket *packet, int ticked) {
    int first = me / relay->players * relay->players;
    if (packet->dataLength != (size_t)relay->state_len) return;
    if (ticked) {
        memcpy(relay->states + (size_t)me * (size_t)relay->state_len, packet->data, packet->dataLength);
        relay->waits[me] = 1;
        return;
    }
    /* One packet for all. */
    ENetPacket *told = enet_packet_create(NULL, packet->dataLength + 1, 0);
    if (!told) return;
    told->data[0] = (uint8_t)(me - first);
    memcpy(told->data + 1, packet->data, packet->dataLength);
    for (int other = first; other < first + relay->players; other++)
        if (other != me && relay->who[other]) enet_peer_send(relay->who[other], 0, told);
    if (told->referenceCount == 0) enet_packet_destroy(told);
}

static void tick(struct relay *relay) {
    uint8_t bytes[DATAGRAM_MAX];
    size_t piece = (size_t)relay->state_len + 1;
    for (int room = 0; room < relay->rooms; room++) {
        int first = room * relay->players, last = first + relay->players;
        for (int to = first; to < last; to++) {
            size_t len = 0;
            for (int of = first; of < last; of++) {
                if (of == to || !relay->waits[of]) continue;
                if (len + piece > sizeof bytes) {
                    tell(relay, to, bytes, len);
                    len = 0;
                }
                bytes[len] = (uint8_t)(of - first);
                memcpy(bytes + len + 1, relay->states + (size_t)of * (size_t)relay->state_len, piece - 1);
                len += piece;
            }
            if (len > 0) tell(relay, to, bytes, len);
        }
        memset(relay->waits + first, 0, (size_t)relay->players);
    }
    enet_host_flush(relay->host);
}

static void look_at(struct relay *relay, ENetEvent *event, int ticked) {
    int seat = (int)(event->data & 0xff), room = (int)(event->data >> 8);
    int me = (int)(intptr_t)event->peer->data - 1;
    switch (event->type) {
    case ENET_EVENT_TYPE_CONNECT:
        if (room >= relay->rooms || seat >= relay->players) {
            enet_peer_reset(event->peer);
            return;
        }
        me = room * relay->players + seat;
        relay->who[me] = event->peer;
        event->peer->data = (void *)(intptr_t)(me + 1);
        return;
    case ENET_EVENT_TYPE_RECEIVE:
        if (me >= 0) take(relay, me, event->packet, ticked);
        enet_packet_destroy(event->packet);
        return;
    case ENET_EVENT_TYPE_DISCONNECT:
        if (me >= 0) relay->who[me] = NULL;
        event->peer->data = NULL;
        return;
    case ENET_EVENT_TYPE_NONE:
        return;
    }
}

static _Noreturn void serve(char **args) {
    ENetAddress here = {.port = (enet_uint16)number(args[0], 1, 65535)};
    struct relay relay = {.rooms = number(args[1], 1, 1000),
                          .players = number(args[2], 2, PLAYERS_MAX),
                          .state_len = SEQ_LEN + number(args[3], 16, PAYLOAD_MAX)};
    uint64_t tick_us = (uint64_t)number(args[4], 0, 1000) * 1000;
    size_t seats = (size_t)relay.rooms * (size_t)relay.players;
    relay.who = room_for(seats, sizeof *relay.who);
    relay.states = room_for(seats, (size_t)relay.state_len);
    relay.waits = room_for(seats, 1);
    enet_address_set_host_ip(&here, "127.0.0.1");
    relay.host = enet_host_create(&here, seats, 1, 0, 0);
    if (!relay.host) die("enet_host_create");
    enet_socket_set_option(relay.host->socket, ENET_SOCKOPT_RCVBUF, SOCKET_LEN);
    printf("ready\n");
    fflush(stdout);
    uint64_t next = now_us() + tick_us;
    for (;;) {
        ENetEvent event;
        uint64_t now = now_us();
        enet_uint32 wait = 1000;
        if (tick_us > 0) wait = next > now ? (enet_uint32)((next - now + 999) / 1000) : 0;
        if (enet_host_service(relay.host, &event, wait) > 0) {
            look_at(&relay, &event, tick_us > 0);
            while (enet_host_check_events(relay.host, &event) > 0) look_at(&relay, &event, tick_us > 0);
            if (tick_us == 0) enet_host_flush(relay.host);
        }
        if (tick_us > 0 && now_us() >= next) {
            tick(&relay);
            next += tick_us;
            /* After a stall, not one tick for each that was missed. */
            if (next < now_us()) next = now_us() + tick_us;
        }
    }
}

static int seated;

static void hear(ENetHost *host, const struct workload *load, struct tally *tally) {
    size_t piece = (size_t)load->bytes + SEQ_LEN + 1;
    ENetEvent event;
    int found = enet_host_service(host, &event, 0);
    for (; found > 0; found = enet_host_check_events(host, &event) > 0 ? 1 : enet_host_service(host, &event, 0)) {
        int bot = (int)(intptr_t)event.peer->data;
        if (event.type == ENET_EVENT_TYPE_CONNECT) {
            seated++;
            enet_peer_throttle_configure(event.peer, ENET_PEER_PACKET_THROTTLE_INTERVAL, ENET_PEER_PACKET_THROTTLE_SCALE, 0);
        } else if (event.type == ENET_EVENT_TYPE_RECEIVE) {
            uint64_t now = now_us();
            for (size_t at = 0; at + piece <= event.packet->dataLength; at += piece)
                arrived(tally, load, bot, event.packet->data[at], event.packet->data + at + 1, now);
            enet_packet_destroy(event.packet);
        } else if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
            fprintf(stderr, "a bot lost its relay\n");
            exit(1);
        }
    }
}

static uint64_t cared;

static void hear_all(int poll, ENetHost **hosts, uint64_t until, const struct workload *load, struct tally *tally) {
    struct epoll_event events[256];
    uint64_t now = now_us(), wait_us = until > now ? until - now : 0;
    if (wait_us > CARE_US) wait_us = CARE_US;
    struct timespec wait = {0, (long)wait_us * 1000};
    int found = epoll_pwait2(poll, events, 256, &wait, NULL);
    for (int at = 0; at < found; at++) hear(hosts[events[at].data.u32], load, tally);
    if (now_us() - cared >= CARE_US) {
        for (int room = 0; room < load->rooms; room++) hear(hosts[room], load, tally);
        cared = now_us();
    }
}

static int bots(char **args) {
    struct workload load = read_workload(args);
    static struct tally tally;
    begin_tally(&tally, &load);
    ENetAddress there = {.port = (enet_uint16)load.port};
    enet_address_set_host_ip(&there, "127.0.0.1");
    int poll = epoll_create1(0);
    /* A socket for each room's bots; bot n: seat n / rooms of room n % rooms. */
    ENetHost **hosts = room_for((size_t)load.rooms, sizeof *hosts);
    ENetPeer **peers = room_for((size_t)load.bots, sizeof *peers);
    long before = rss_kib(load.server_pid);
    for (int room = 0; room < load.rooms; room++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)room};
        hosts[room] = enet_host_create(NULL, (size_t)load.players, 1, 0, 0);
        if (!hosts[room]) die("enet_host_create");
        enet_socket_set_option(hosts[room]->socket, ENET_SOCKOPT_RCVBUF, SOCKET_LEN);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, hosts[room]->socket, &event) < 0) die("epoll");
        for (int seat = 0; seat < load.players; seat++) {
            int bot = seat * load.rooms + room;
            peers[bot] = enet_host_connect(hosts[room], &there, 1, (enet_uint32)(room << 8 | seat));
            if (!peers[bot]) die("enet_host_connect");
            peers[bot]->data = (void *)(intptr_t)bot;
        }
        enet_host_flush(hosts[room]);
    }
    uint64_t give_up = now_us() + SEAT_TIMEOUT_US;
    while (seated < load.bots) {
        if (now_us() > give_up) {
            fprintf(stderr, "only %d of %d bots found their seats in time\n", seated, load.bots);
            return 1;
        }
        hear_all(poll, hosts, now_us() + CARE_US, &load, &tally);
    }
    uint64_t begin = now_us() + RUN_UP_US, last = begin + (uint64_t)load.seconds * 1000000u, end = last + DRAIN_US;
    uint8_t bytes[SEQ_LEN + PAYLOAD_MAX];
    while (now_us() < begin) hear_all(poll, hosts, begin, &load, &tally);
    double cpu = cpu_ms(load.server_pid);
    for (uint64_t turn = 0;; turn++) {
        int bot = (int)(turn % (uint64_t)load.bots);
        uint64_t due = begin + turn / (uint64_t)load.bots * load.every_us + load.every_us * (uint64_t)bot / (uint64_t)load.bots;
        uint64_t next = due < last ? due : end;
        /* At least once: who is late to send must not be deaf as well. */
        do hear_all(poll, hosts, next, &load, &tally);
        while (now_us() < next);
        if (now_us() >= end) break;
        put_state(&tally, &load, bot, due, bytes);
        ENetPacket *packet = enet_packet_create(bytes, (size_t)(SEQ_LEN + load.bytes), 0);
        if (!packet) die("enet_packet_create");
        send_to(peers[bot], packet);
        enet_host_flush(hosts[bot % load.rooms]);
    }
    report(&tally, &load, cpu_ms(load.server_pid) - cpu, before, rss_kib(load.server_pid));
    return 0;
}

int main(int count, char **args) {
    if (enet_initialize() != 0) die("enet_initialize");
    if (count == 7 && !strcmp(args[1], "serve")) serve(args + 2);
    if (count == 9 && !strcmp(args[1], "bots")) return bots(args + 2);
    fprintf(stderr, "enet serve PORT ROOMS PLAYERS BYTES TICK_MS\nenet bots PORT ROOMS PLAYERS HZ BYTES SECONDS SERVER_PID\n");
    return 2;
}
