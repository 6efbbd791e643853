#define _GNU_SOURCE  // memmem
#include "yardstick.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

// As the worker's `StreamReader`.
enum { ENTRIES_PER_STREAM_MAX = 32, BLOCK_MS = 2000, KEY_BYTES_MAX = 256 };

// One connection: hiredis' context, and how it stands in the loop.
struct wire {
    struct source source;  // first: the loop hands it back
    redisAsyncContext *context;
    uint32_t watched;
    bool connected;
    bool writing;       // inside hiredis' write handler
    bool has_unsent;    // commands wait for the end of the turn
};

static const char *const queue_names[QUEUES] = {"retry", "high", "normal", "low"};

static struct wire reading, writing;
static const struct options *options;
static char queue_keys[QUEUES][KEY_BYTES_MAX];
static char take_hash[41];

static struct job *jobs;
static struct job *free_jobs;
static int free_count;  // below zero when a read of several streams brought some beyond the slots
static bool is_reading;
static uint64_t committed;

uint64_t streams_committed(void) { return committed; }

// The loop's side of hiredis ------------------------------------------------------------------

static void watch(struct wire *wire, uint32_t events) {
    if (events == wire->watched) return;
    loop_change(wire->context->c.fd, events, &wire->source);
    wire->watched = events;
}

static void add_read(void *box) { struct wire *wire = box; watch(wire, wire->watched | EPOLLIN); }
static void del_read(void *box) { struct wire *wire = box; watch(wire, wire->watched & ~EPOLLIN); }
static void del_write(void *box) {
    struct wire *wire = box;
    watch(wire, wire->watched & ~EPOLLOUT);
}

// New commands wait for the end of the turn and leave in one write; what the socket did not take
// waits for the socket.
static void add_write(void *box) {
    struct wire *wire = box;
    if (wire->connected && !wire->writing) wire->has_unsent = true;
    else watch(wire, wire->watched | EPOLLOUT);
}

static void handle_write(struct wire *wire) {
    wire->has_unsent = false;
    wire->writing = true;
    redisAsyncHandleWrite(wire->context);
    wire->writing = false;
}

static void wire_ready(struct source *source, uint32_t events) {
    struct wire *wire = (struct wire *)source;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) handle_write(wire);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) redisAsyncHandleRead(wire->context);
}

void streams_flush(void) {
    if (writing.has_unsent) handle_write(&writing);
    if (reading.has_unsent) handle_write(&reading);
}

static void has_connected(const redisAsyncContext *context, int status) {
    if (status != REDIS_OK) die("connecting to Redis", context->errstr);
    ((struct wire *)context->data)->connected = true;
}

static void has_disconnected(const redisAsyncContext *context, int status) {
    (void)status;
    die("Redis", context->errstr ? context->errstr : "the connection has ended");
}

static void dial(struct wire *wire, int port) {
    redisAsyncContext *context = redisAsyncConnect("127.0.0.1", port);
    if (!context || context->err) die("connecting to Redis", context ? context->errstr : "memory");
    *wire = (struct wire){.source = {wire_ready}, .context = context};
    loop_watch(context->c.fd, 0, &wire->source);
    context->data = wire;
    context->ev.data = wire;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    redisAsyncSetConnectCallback(context, has_connected);
    redisAsyncSetDisconnectCallback(context, has_disconnected);
}

static void send_command(
    struct wire *wire, redisCallbackFn *act, void *box, int count, const struct bytes *arguments) {
    const char *starts[20];
    size_t sizes[20];
    if (count > 20) die("a command", "has too many arguments");
    for (int index = 0; index < count; index++) {
        starts[index] = arguments[index].start;
        sizes[index] = arguments[index].count;
    }
    if (redisAsyncCommandArgv(wire->context, act, box, count, starts, sizes) != REDIS_OK)
        die("Redis", "takes no more commands");
}

static struct bytes text(const char *text) { return (struct bytes){(char *)text, strlen(text)}; }

// Reading --------------------------------------------------------------------------------------

static void read_more(void);

static void copy_text(char *to, size_t room, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_STRING || reply->len >= room) die("an entry", "is malformed");
    memcpy(to, reply->str, reply->len);
    to[reply->len] = 0;
}

// The payload's first member, as far as keys need it.
static void copy_user(struct job *job, const redisReply *payload) {
    static const char name[] = "\"user_id\":\"";
    const char *start = memmem(payload->str, payload->len, name, sizeof name - 1);
    if (!start) die("a payload", "has no user_id");
    start += sizeof name - 1;
    const char *end = memchr(start, '"', payload->len - (size_t)(start - payload->str));
    if (!end || end - start > USER_BYTES_MAX) die("a payload", "has no user_id");
    memcpy(job->user, start, (size_t)(end - start));
    job->user[end - start] = 0;
}

static void begin(const redisReply *entry, int queue) {
    struct job *job = free_jobs;
    if (!job) die("a read", "brought more than was asked for");
    if (entry->elements != 2 || entry->element[1]->type != REDIS_REPLY_ARRAY)
        die("an entry", "is malformed");
    const redisReply *fields = entry->element[1];
    copy_text(job->entry_id, sizeof job->entry_id, entry->element[0]);
    job->request_id[0] = 0;
    for (size_t index = 0; index + 1 < fields->elements; index += 2) {
        const redisReply *name = fields->element[index];
        if (name->len == 10 && !memcmp(name->str, "request_id", 10))
            copy_text(job->request_id, sizeof job->request_id, fields->element[index + 1]);
        if (name->len == 7 && !memcmp(name->str, "payload", 7))
            copy_user(job, fields->element[index + 1]);
    }
    if (!job->request_id[0]) die("an entry", "has no request_id");
    job->queue = queue;
    free_jobs = job->next_free;
    free_count--;
    job->step = 0;
    steps_go_on(job);
}

static void entries_arrived(redisAsyncContext *context, void *answer, void *box) {
    (void)context, (void)box;
    const redisReply *reply = answer;
    if (!reply) return;
    if (reply->type == REDIS_REPLY_ERROR) die("reading", reply->str);
    is_reading = false;
    size_t streams = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t stream = 0; stream < streams; stream++) {
        const redisReply *pair = reply->element[stream];
        if (pair->type != REDIS_REPLY_ARRAY || pair->elements != 2) die("reading", "no stream");
        int queue = 0;
        while (queue < QUEUES && strcmp(queue_keys[queue], pair->element[0]->str) != 0) queue++;
        if (queue == QUEUES) die("reading", "an unknown stream");
        for (size_t index = 0; index < pair->element[1]->elements; index++)
            begin(pair->element[1]->element[index], queue);
    }
    read_more();
}

// With room for several of each stream, one read that blocks, over all of them; with less, `take`
// asks them in their order, and what it finds empty is read with the block.
static void read_blocking(void) {
    char count[16];
    int share = free_count / QUEUES;
    if (share < 1) share = 1;
    if (share > ENTRIES_PER_STREAM_MAX) share = ENTRIES_PER_STREAM_MAX;
    snprintf(count, sizeof count, "%d", share);
    char block[16];
    snprintf(block, sizeof block, "%d", BLOCK_MS);
    struct bytes arguments[9 + 2 * QUEUES] = {
        text("XREADGROUP"), text("GROUP"), text("workers"), text("yardstick"), text("COUNT"),
        text(count), text("BLOCK"), text(block), text("STREAMS"),
    };
    for (int queue = 0; queue < QUEUES; queue++) {
        arguments[9 + queue] = text(queue_keys[queue]);
        arguments[9 + QUEUES + queue] = text(">");
    }
    send_command(&reading, entries_arrived, NULL, 9 + 2 * QUEUES, arguments);
}

static void taken(redisAsyncContext *context, void *answer, void *box) {
    const redisReply *reply = answer;
    bool is_empty = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0;
    if (is_empty) read_blocking();
    else entries_arrived(context, answer, box);
}

static void take(void) {
    char count[16];
    snprintf(count, sizeof count, "%d", free_count);
    struct bytes arguments[6 + QUEUES] = {text("EVALSHA"), text(take_hash), text("4")};
    for (int queue = 0; queue < QUEUES; queue++) arguments[3 + queue] = text(queue_keys[queue]);
    arguments[3 + QUEUES] = text("workers");
    arguments[4 + QUEUES] = text("yardstick");
    arguments[5 + QUEUES] = text(count);
    send_command(&reading, taken, NULL, 6 + QUEUES, arguments);
}

static void read_more(void) {
    if (is_reading || free_count <= 0 || !take_hash[0]) return;
    is_reading = true;
    if (free_count < QUEUES) take();
    else read_blocking();
}

// Jobs -----------------------------------------------------------------------------------------

void streams_send(redisCallbackFn *act, struct job *job, int count, const char **starts,
    const size_t *sizes) {
    if (redisAsyncCommandArgv(writing.context, act, job, count, starts, sizes) != REDIS_OK)
        die("Redis", "takes no more commands");
}

void streams_ended(struct job *job) {
    committed++;
    job->next_free = free_jobs;
    free_jobs = job;
    free_count++;
    read_more();
}

// Beginning ------------------------------------------------------------------------------------

static void group_made(redisAsyncContext *context, void *answer, void *box) {
    (void)context, (void)box;
    const redisReply *reply = answer;
    if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", 9) != 0)
        die("XGROUP CREATE", reply->str);
}

static void script_loaded(redisAsyncContext *context, void *answer, void *box) {
    (void)context;
    const redisReply *reply = answer;
    if (!reply || reply->type != REDIS_REPLY_STRING || reply->len != 40)
        die("SCRIPT LOAD", reply && reply->str ? reply->str : "no answer");
    memcpy(box, reply->str, 41);
    read_more();
}

void streams_open(const struct options *given) {
    options = given;
    // `COUNT` counts per stream: the last slot's read may bring one entry of each.
    int job_count = options->slots + QUEUES - 1;
    jobs = calloc((size_t)job_count, sizeof *jobs);
    if (!jobs) die("slots", "no memory");
    // So that the first is used first, and few handles are made when few are needed.
    for (int index = job_count - 1; index >= 0; index--) {
        jobs[index].next_free = free_jobs;
        free_jobs = &jobs[index];
    }
    free_count = options->slots;
    for (int queue = 0; queue < QUEUES; queue++)
        snprintf(queue_keys[queue], KEY_BYTES_MAX, "%s:{0}:requests:%s", options->prefix,
            queue_names[queue]);

    dial(&reading, options->redis_port);
    dial(&writing, options->redis_port);
    for (int queue = 0; queue < QUEUES; queue++) {
        struct bytes create[] = {text("XGROUP"), text("CREATE"), text(queue_keys[queue]),
            text("workers"), text("0"), text("MKSTREAM")};
        send_command(&reading, group_made, NULL, 6, create);
    }
    struct bytes load_take[] = {text("SCRIPT"), text("LOAD"), options->take};
    send_command(&reading, script_loaded, take_hash, 3, load_take);
}
