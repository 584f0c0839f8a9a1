/* What the yardsticks share: the workload's schedule, the counting, and the report, as `aethex-load relay` has them.
 *
 * A state is SEQ (4 bytes) and BYTES of payload, whose first 8 are the due time in microseconds. Bots send one
 * after the other over the period; neighbours in time are in different rooms. A delivery is one state of one
 * player received by another; latency is from the due time.
 */
#ifndef YARD_H
#define YARD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_US 50
#define STEPS 20000
#define WINDOW 64
#define DRAIN_US 500000
#define RUN_UP_US 500000
#define SEAT_TIMEOUT_US 30000000
#define PLAYERS_MAX 128
#define PAYLOAD_MAX 1100
#define DATAGRAM_MAX 1150
#define SEQ_LEN 4

struct workload {
    int port, rooms, players, hz, bytes, seconds, server_pid;
    int bots;
    uint64_t every_us;
};

struct histogram {
    uint64_t counts[STEPS], total;
};

/* Which of a player's states have come; bit n: the state n before the newest. */
struct seen {
    uint32_t newest;
    uint64_t before;
};

struct tally {
    uint64_t sent, delivered, superseded, again;
    struct histogram latency, lateness;
    struct seen *seen; /* of each bot, of each seat */
    uint32_t *seqs;
};

static inline uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline void *room_for(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) die("memory");
    return memory;
}

static inline void put_u32(uint8_t *out, uint32_t value) {
    for (int at = 0; at < 4; at++) out[at] = (uint8_t)(value >> (8 * at));
}

static inline uint32_t get_u32(const uint8_t *from) {
    uint32_t value = 0;
    for (int at = 0; at < 4; at++) value |= (uint32_t)from[at] << (8 * at);
    return value;
}

static inline void count_time(struct histogram *times, uint64_t us) {
    uint64_t step = us / STEP_US;
    times->counts[step < STEPS ? step : STEPS - 1]++;
    times->total++;
}

static inline double quantile_ms(const struct histogram *times, double part) {
    uint64_t wanted = (uint64_t)((double)times->total * part + 0.999999), passed = 0;
    if (wanted == 0) wanted = 1;
    for (int step = 0; step < STEPS; step++) {
        passed += times->counts[step];
        if (passed >= wanted) return (step + 1) * (double)STEP_US / 1000.0;
    }
    return 0.0;
}

static inline void begin_tally(struct tally *tally, const struct workload *load) {
    memset(tally, 0, sizeof *tally);
    tally->seen = room_for((size_t)load->bots * (size_t)load->players, sizeof *tally->seen);
    tally->seqs = room_for((size_t)load->bots, sizeof *tally->seqs);
}

/* A state came to a bot. */
static inline void arrived(struct tally *tally, const struct workload *load, int bot, int seat, const uint8_t *state,
                           uint64_t now) {
    if (seat >= load->players) return;
    struct seen *seen = &tally->seen[bot * load->players + seat];
    uint32_t seq = get_u32(state);
    uint64_t due;
    memcpy(&due, state + SEQ_LEN, sizeof due);
    if (seq > seen->newest) {
        uint32_t step = seq - seen->newest;
        seen->before = step < WINDOW ? seen->before << step | 1 : 1;
        seen->newest = seq;
        tally->superseded += step - 1;
    } else {
        uint32_t back = seen->newest - seq;
        if (back >= WINDOW || seen->before >> back & 1) {
            tally->again++;
            return;
        }
        seen->before |= (uint64_t)1 << back;
        if (tally->superseded > 0) tally->superseded--;
    }
    tally->delivered++;
    count_time(&tally->latency, now > due ? now - due : 0);
}

/* Writes a bot's next state. */
static inline void put_state(struct tally *tally, const struct workload *load, int bot, uint64_t due, uint8_t *out) {
    put_u32(out, ++tally->seqs[bot]);
    memcpy(out + SEQ_LEN, &due, sizeof due);
    for (int at = 8; at < load->bytes; at++) out[SEQ_LEN + at] = (uint8_t)(at * 31 + bot);
    tally->sent++;
    count_time(&tally->lateness, now_us() - due);
}

/* Processor time of a process in milliseconds; fields 14 and 15 of proc(5)'s stat, in ticks of 10 ms. */
static inline double cpu_ms(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = 0;
    char *rest = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) die(path);
    return (double)(user + system) * 10.0;
}

/* Resident memory in KiB. */
static inline long rss_kib(int pid) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1) break;
    fclose(file);
    return kib;
}

static inline int number(const char *text, int least, int most) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < least || value > most) {
        fprintf(stderr, "%s is not a number from %d to %d\n", text, least, most);
        exit(2);
    }
    return (int)value;
}

/* bots PORT ROOMS PLAYERS HZ BYTES SECONDS SERVER_PID */
static inline struct workload read_workload(char **args) {
    struct workload load;
    load.port = number(args[0], 1, 65535);
    load.rooms = number(args[1], 1, 1000);
    load.players = number(args[2], 2, PLAYERS_MAX);
    load.hz = number(args[3], 1, 1000);
    load.bytes = number(args[4], 16, PAYLOAD_MAX);
    load.seconds = number(args[5], 1, 600);
    load.server_pid = number(args[6], 1, 1 << 30);
    load.bots = load.rooms * load.players;
    load.every_us = 1000000u / (unsigned)load.hz;
    return load;
}

static inline void report(const struct tally *tally, const struct workload *load, double cpu, long before, long after) {
    double expected = (double)tally->sent * (load->players - 1);
    double delivered = (double)tally->delivered;
    if (delivered == 0) {
        fprintf(stderr, "nothing was delivered\n");
        exit(1);
    }
    printf("{\"sent\": %llu, \"expected\": %.0f, \"delivered\": %.0f, \"superseded\": %llu, \"again\": %llu, "
           "\"deliveries_per_second\": %.1f, \"delivered_percent\": %.4f, \"superseded_percent\": %.4f, "
           "\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"bots_late_p99_ms\": %.2f, \"server_cpu_ms_per_1000\": %.4f, "
           "\"rss_per_client_kib\": %.2f}\n",
           (unsigned long long)tally->sent, expected, delivered, (unsigned long long)tally->superseded,
           (unsigned long long)tally->again, delivered / load->seconds, delivered * 100.0 / expected,
           (double)tally->superseded * 100.0 / expected, quantile_ms(&tally->latency, 0.5),
           quantile_ms(&tally->latency, 0.99), quantile_ms(&tally->lateness, 0.99), cpu * 1000.0 / delivered,
           (double)(after - before) / load->bots);
}


#endif
