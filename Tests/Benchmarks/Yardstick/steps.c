#define _GNU_SOURCE  // stpcpy
#include "yardstick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a worker said to Redis for one job, with places for what differs from job to job. The file is
// one command after the other: "before N" or "after N", by whether it came before the model's call,
// then N arguments, each a line with its bytes' count and the bytes. In an argument stand, behind a
// byte of 1, P for the prefix of all keys, R for the request_id, U for the user, E for the entry's ID.

enum { STEPS_MAX = 12, ARGUMENTS_MAX = 64, PLACE = 1 };

struct step {
    int count;
    struct bytes arguments[ARGUMENTS_MAX];
    size_t room;  // bytes that all of it may take
};

static const struct options *options;
static struct step steps[STEPS_MAX];
static int step_count, call_at;  // the model is called before this one
static char *scratch;

// Reading them ---------------------------------------------------------------------------------

static struct bytes take_bytes(struct bytes *rest, size_t count) {
    if (rest->count < count + 1 || rest->start[count] != '\n') die("--steps", "is cut short");
    struct bytes taken = {rest->start, count};
    rest->start += count + 1;
    rest->count -= count + 1;
    return taken;
}

static struct bytes take_line(struct bytes *rest) {
    char *end = memchr(rest->start, '\n', rest->count);
    if (!end) die("--steps", "is cut short");
    return take_bytes(rest, (size_t)(end - rest->start));
}

void steps_open(const struct options *given) {
    options = given;
    struct bytes rest = options->steps;
    size_t room_max = 0;
    while (rest.count > 0) {
        if (step_count == STEPS_MAX) die("--steps", "has too many commands");
        struct step *step = &steps[step_count++];
        struct bytes head = take_line(&rest);
        bool is_before = head.count > 7 && !memcmp(head.start, "before ", 7);
        step->count = atoi(head.start + (is_before ? 7 : 6));
        if (step->count < 1 || step->count > ARGUMENTS_MAX) die("--steps", "has a wrong count");
        if (is_before) call_at = step_count;
        for (int index = 0; index < step->count; index++) {
            size_t size = strtoul(take_line(&rest).start, NULL, 10);
            step->arguments[index] = take_bytes(&rest, size);
            step->room += size;
            for (size_t at = 0; at < size; at++)
                if (step->arguments[index].start[at] == PLACE) step->room += USER_BYTES_MAX;
        }
        if (step->room > room_max) room_max = step->room;
    }
    if (call_at == 0 || call_at == step_count) die("--steps", "has nothing before or after the call");
    scratch = malloc(room_max);
    if (!scratch) die("--steps", "no memory");
}

// Saying them ----------------------------------------------------------------------------------

static const char *filling(const struct job *job, char place) {
    switch (place) {
    case 'P': return options->prefix;
    case 'R': return job->request_id;
    case 'U': return job->user;
    case 'E': return job->entry_id;
    default: die("--steps", "has an unknown place");
    }
}

static char *fill(char *to, struct bytes argument, const struct job *job) {
    const char *at = argument.start, *end = at + argument.count;
    while (at < end) {
        const char *place = memchr(at, PLACE, (size_t)(end - at));
        size_t plain = (size_t)((place ? place : end) - at);
        memcpy(to, at, plain);
        to += plain;
        if (!place) break;
        to = stpcpy(to, filling(job, place[1]));
        at = place + 2;
    }
    return to;
}

static void answered(redisAsyncContext *context, void *answer, void *box) {
    (void)context;
    const redisReply *reply = answer;
    if (!reply) return;
    if (reply->type == REDIS_REPLY_ERROR) die("a step", reply->str);
    struct job *job = box;
    job->step++;
    if (job->step == call_at) http_begin(job);
    else if (job->step == step_count) streams_ended(job);
    else steps_go_on(job);
}

void steps_go_on(struct job *job) {
    const struct step *step = &steps[job->step];
    const char *starts[ARGUMENTS_MAX];
    size_t sizes[ARGUMENTS_MAX];
    char *to = scratch;
    for (int index = 0; index < step->count; index++) {
        char *end = fill(to, step->arguments[index], job);
        starts[index] = to;
        sizes[index] = (size_t)(end - to);
        to = end;
    }
    streams_send(answered, job, step->count, starts, sizes);
}
