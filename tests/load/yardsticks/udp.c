/* A relay of bare UDP: no reliability, no encryption, no sessions. The least that telling states on can cost.
 *
 * udp serve PORT ROOMS PLAYERS BYTES TICK_MS     TICK_MS 0: naive, each state goes out at once
 * udp bots PORT ROOMS PLAYERS HZ BYTES SECONDS SERVER_PID
 *
 * To the relay: ROOM (4), SEAT (1), then a state, or nothing: take the seat. From it: pieces of SEAT (1) and a
 * state; an empty datagram says that the seat is taken.
 */
#define _GNU_SOURCE
#include "yard.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define HEAD_LEN 5
#define SOCKET_LEN (4 * 1024 * 1024)

static int open_socket(int port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), len = SOCKET_LEN;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
    return fd;
}

struct relay {
    int fd, rooms, players, state_len;
    struct sockaddr_in *who; /* of each seat; port 0: nobody */
    uint8_t *states, *waits;
};

static void tell(struct relay *relay, int to, const uint8_t *bytes, size_t len) {
    struct sockaddr_in *who = &relay->who[to];
    /* A full socket loses it: that is UDP. */
    if (who->sin_port) sendto(relay->fd, bytes, len, 0, (struct sockaddr *)who, sizeof *who);
}

static void take(struct relay *relay, int ticked) {
    uint8_t bytes[2048];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len;
    while ((len = recvfrom(relay->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_len)) >= HEAD_LEN) {
        uint32_t room = get_u32(bytes);
        int seat = bytes[4];
        if (room >= (uint32_t)relay->rooms || seat >= relay->players) continue;
        int first = (int)room * relay->players, me = first + seat;
        if (len == HEAD_LEN) {
            relay->who[me] = from;
            tell(relay, me, bytes, 0);
        } else if (len != HEAD_LEN + relay->state_len || relay->who[me].sin_port != from.sin_port) {
            continue;
        } else if (ticked) {
            memcpy(relay->states + (size_t)me * (size_t)relay->state_len, bytes + HEAD_LEN, (size_t)relay->state_len);
            relay->waits[me] = 1;
        } else {
            /* SEAT stands right before the state already. */
            for (int other = first; other < first + relay->players; other++)
                if (other != me) tell(relay, other, bytes + HEAD_LEN - 1, (size_t)relay->state_len + 1);
        }
    }
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
}

static _Noreturn void serve(char **args) {
    struct relay relay = {.fd = open_socket(number(args[0], 1, 65535)),
                          .rooms = number(args[1], 1, 1000),
                          .players = number(args[2], 2, PLAYERS_MAX),
                          .state_len = SEQ_LEN + number(args[3], 16, PAYLOAD_MAX)};
    int tick_ms = number(args[4], 0, 1000);
    size_t seats = (size_t)relay.rooms * (size_t)relay.players;
    relay.who = room_for(seats, sizeof *relay.who);
    relay.states = room_for(seats, (size_t)relay.state_len);
    relay.waits = room_for(seats, 1);
    int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = relay.fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, relay.fd, &event) < 0) die("epoll");
    if (tick_ms > 0) {
        struct timespec step = {tick_ms / 1000, tick_ms % 1000 * 1000000};
        struct itimerspec every = {step, step};
        event.data.fd = timer;
        if (timerfd_settime(timer, 0, &every, NULL) < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event) < 0) die("timer");
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int found = epoll_wait(poll, &event, 1, -1);
        uint64_t times;
        if (found < 1) continue;
        if (event.data.fd == relay.fd) take(&relay, tick_ms > 0);
        else if (read(timer, &times, sizeof times) == sizeof times) tick(&relay);
    }
}

static struct sockaddr_in there;

static void say(int fd, const uint8_t *bytes, size_t len) {
    sendto(fd, bytes, len, 0, (struct sockaddr *)&there, sizeof there);
}

/* Everything that waits at a bot's socket; whether its seat is taken. */
static int hear(int fd, int bot, const struct workload *load, struct tally *tally) {
    uint8_t bytes[2048];
    size_t piece = (size_t)load->bytes + SEQ_LEN + 1;
    int seated = 0;
    ssize_t len;
    while ((len = recv(fd, bytes, sizeof bytes, 0)) >= 0) {
        uint64_t now = now_us();
        seated |= len == 0;
        for (size_t at = 0; at + piece <= (size_t)len; at += piece)
            arrived(tally, load, bot, bytes[at], bytes + at + 1, now);
    }
    return seated;
}

static void hear_all(int poll, int *fds, uint8_t *seated, uint64_t until, const struct workload *load,
                     struct tally *tally) {
    struct epoll_event events[256];
    uint64_t now = now_us();
    struct timespec wait = {0, 0};
    if (until > now) {
        wait.tv_sec = (time_t)((until - now) / 1000000);
        wait.tv_nsec = (long)((until - now) % 1000000 * 1000);
    }
    int found = epoll_pwait2(poll, events, 256, &wait, NULL);
    for (int at = 0; at < found; at++) {
        int bot = (int)events[at].data.u32;
        seated[bot] |= (uint8_t)hear(fds[bot], bot, load, tally);
    }
}

static int bots(char **args) {
    struct workload load = read_workload(args);
    static struct tally tally;
    begin_tally(&tally, &load);
    there = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)load.port)};
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int poll = epoll_create1(0), *fds = room_for((size_t)load.bots, sizeof *fds);
    uint8_t *seated = room_for((size_t)load.bots, 1), bytes[2048];
    long before = rss_kib(load.server_pid);
    /* Bot n: seat n / rooms of room n % rooms. */
    for (int bot = 0; bot < load.bots; bot++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)bot};
        fds[bot] = open_socket(0);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, fds[bot], &event) < 0) die("epoll");
    }
    uint64_t give_up = now_us() + SEAT_TIMEOUT_US;
    for (int waiting = load.bots; waiting > 0;) {
        if (now_us() > give_up) die("not all bots found their seats in time");
        waiting = 0;
        for (int bot = 0; bot < load.bots; bot++) {
            if (seated[bot]) continue;
            put_u32(bytes, (uint32_t)(bot % load.rooms));
            bytes[4] = (uint8_t)(bot / load.rooms);
            say(fds[bot], bytes, HEAD_LEN);
            waiting++;
        }
        for (uint64_t until = now_us() + 50000; waiting > 0 && now_us() < until;)
            hear_all(poll, fds, seated, until, &load, &tally);
    }
    uint64_t begin = now_us() + RUN_UP_US, last = begin + (uint64_t)load.seconds * 1000000u, end = last + DRAIN_US;
    double cpu = cpu_ms(load.server_pid);
    for (uint64_t turn = 0;; turn++) {
        int bot = (int)(turn % (uint64_t)load.bots);
        uint64_t due = begin + turn / (uint64_t)load.bots * load.every_us + load.every_us * (uint64_t)bot / (uint64_t)load.bots;
        uint64_t next = due < last ? due : end;
        /* At least once: who is late to send must not be deaf as well. */
        do hear_all(poll, fds, seated, next, &load, &tally);
        while (now_us() < next);
        if (now_us() >= end) break;
        put_u32(bytes, (uint32_t)(bot % load.rooms));
        bytes[4] = (uint8_t)(bot / load.rooms);
        put_state(&tally, &load, bot, due, bytes + HEAD_LEN);
        say(fds[bot], bytes, (size_t)(HEAD_LEN + SEQ_LEN + load.bytes));
    }
    report(&tally, &load, cpu_ms(load.server_pid) - cpu, before, rss_kib(load.server_pid));
    return 0;
}

int main(int count, char **args) {
    if (count == 7 && !strcmp(args[1], "serve")) serve(args + 2);
    if (count == 9 && !strcmp(args[1], "bots")) return bots(args + 2);
    fprintf(stderr, "udp serve PORT ROOMS PLAYERS BYTES TICK_MS\nudp bots PORT ROOMS PLAYERS HZ BYTES SECONDS SERVER_PID\n");
    return 2;
}
