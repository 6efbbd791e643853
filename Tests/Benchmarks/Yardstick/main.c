#include "yardstick.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_TURN_MAX = 256 };

int64_t now_ms;
static int epoll = -1;
static volatile sig_atomic_t stopping;

void die(const char *what, const char *why) {
    fprintf(stderr, "bench-yardstick: %s: %s\n", what, why);
    exit(1);
}

static void control(int operation, int fd, uint32_t events, struct source *source) {
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(epoll, operation, fd, &event) != 0) die("epoll_ctl", strerror(errno));
}

void loop_watch(int fd, uint32_t events, struct source *source) {
    control(EPOLL_CTL_ADD, fd, events, source);
}

void loop_change(int fd, uint32_t events, struct source *source) {
    control(EPOLL_CTL_MOD, fd, events, source);
}

void loop_unwatch(int fd) { control(EPOLL_CTL_DEL, fd, 0, NULL); }

static void read_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    now_ms = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void run(void) {
    struct epoll_event events[EVENTS_PER_TURN_MAX];
    while (!stopping) {
        int count = epoll_wait(epoll, events, EVENTS_PER_TURN_MAX, http_milliseconds_to_next());
        if (count < 0 && errno != EINTR) die("epoll_wait", strerror(errno));
        read_clock();
        for (int index = 0; index < count; index++) {
            struct source *source = events[index].data.ptr;
            source->ready(source, events[index].events);
        }
        http_run_due();
        streams_flush();
    }
}

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static struct bytes contents(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path, strerror(errno));
    if (fseek(file, 0, SEEK_END) != 0) die(path, strerror(errno));
    long size = ftell(file);
    if (size < 0) die(path, strerror(errno));
    rewind(file);
    struct bytes bytes = {.start = malloc((size_t)size + 1), .count = (size_t)size};
    if (!bytes.start || fread(bytes.start, 1, bytes.count, file) != bytes.count)
        die(path, "cannot be read");
    bytes.start[bytes.count] = 0;
    fclose(file);
    return bytes;
}

static int number(const char *name, const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == 0 || *end != 0 || value < 1 || value > 1000000)
        die(name, "expected a whole number from 1 to 1000000");
    return (int)value;
}

// Arguments are pairs of a name and a value; each must be there but --ca-file.
static struct options parse(int count, char **arguments) {
    struct options options = {0};
    for (int index = 1; index < count; index += 2) {
        const char *name = arguments[index];
        if (index + 1 == count) die(name, "expected a value");
        const char *value = arguments[index + 1];
        if (!strcmp(name, "--redis-port")) options.redis_port = number(name, value);
        else if (!strcmp(name, "--prefix")) options.prefix = value;
        else if (!strcmp(name, "--url")) options.url = value;
        else if (!strcmp(name, "--key")) options.key = value;
        else if (!strcmp(name, "--ca-file")) options.ca_file = value;
        else if (!strcmp(name, "--slots")) options.slots = number(name, value);
        else if (!strcmp(name, "--per-shard")) options.per_shard = number(name, value);
        else if (!strcmp(name, "--body")) options.body = contents(value);
        else if (!strcmp(name, "--steps")) options.steps = contents(value);
        else if (!strcmp(name, "--take")) options.take = contents(value);
        else die(name, "unknown");
    }
    if (!options.redis_port || !options.prefix || !options.url || !options.key || !options.slots
        || !options.per_shard || !options.body.start || !options.steps.start
        || !options.take.start)
        die("arguments", "each of --redis-port --prefix --url --key --slots --per-shard --body "
                         "--steps --take is required");
    return options;
}

// One line of JSON: what this process itself says it has used.
static void report(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t cpu_us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
        + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    printf("{\"jobs\":%llu,\"cpu_us\":%lld,\"max_rss_kib\":%ld}\n",
        (unsigned long long)streams_committed(), (long long)cpu_us, usage.ru_maxrss);
}

int main(int count, char **arguments) {
    if (count == 2 && !strcmp(arguments[1], "--version")) {
        printf("%s, hiredis %d.%d.%d, compiler %s\n", curl_version(), HIREDIS_MAJOR,
            HIREDIS_MINOR, HIREDIS_PATCH, __VERSION__);
        return 0;
    }
    struct options options = parse(count, arguments);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    // Whoever started us may have blocked them, and that is inherited.
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_UNBLOCK, &ending, NULL);

    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1", strerror(errno));
    read_clock();
    http_open(&options);
    steps_open(&options);
    streams_open(&options);
    run();
    report();
    return 0;
}
