// The same loop as the worker's, as small as it can honestly be: entries from Redis, the scripts that
// book each, one HTTP call, the scripts that answer and settle. What the worker costs is measured
// against it.
//
// Belongs here: what both programs must do, done the way the worker does it: one thread, epoll,
// hiredis' asynchronous half, libcurl's multi socket interface in shards, kept connections, writes
// gathered at the end of a turn. Does not: looking at what the bytes mean. It parses no JSON (a user's
// name is found, because keys have it), checks nothing, logs nothing, has no metrics, no deadlines of
// its own and no task for a request. What it says to Redis are a worker's own words, kept.
//
//   main.c      arguments, the turn of the loop, the report at the end
//   streams.c   Redis: read what free slots can run
//   steps.c     Redis: the commands of one job, in a worker's words
//   http.c      curl: one POST a job

#ifndef YARDSTICK_H
#define YARDSTICK_H

#include <curl/curl.h>
#include <hiredis/async.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ID_BYTES_MAX = 128,        // of a request_id, as in the contract
    USER_BYTES_MAX = 256,      // of a user_id, likewise
    ENTRY_ID_BYTES_MAX = 48,   // of a stream entry's ID: two 64-bit decimals and a dash
    QUEUES = 4,                // request streams, in the order in which they are read
};

struct bytes {
    char *start;
    size_t count;
};

struct options {
    int redis_port;
    const char *prefix;  // STREAM_PREFIX
    const char *url;     // of the model's call
    const char *key;
    const char *ca_file;  // PEM, in place of the system's; NULL: the system's
    int slots;           // MAX_CONCURRENT_REQUESTS
    int per_shard;       // transfers that share one multi handle
    struct bytes body;   // what is posted, the same for every job
    struct bytes steps;  // what a worker said to Redis for one job
    struct bytes take;   // the script that reads when few slots are free
};

// What the loop calls when a descriptor is ready. Events are epoll's.
struct source {
    void (*ready)(struct source *source, uint32_t events);
};

// One request on its way. Jobs are made once and used again.
struct job {
    char request_id[ID_BYTES_MAX + 1];
    char user[USER_BYTES_MAX + 1];
    int step;  // the command that is out, or comes next
    char entry_id[ENTRY_ID_BYTES_MAX + 1];
    int queue;
    CURL *easy;  // made when the job is used for the first time
    struct shard *shard;
    struct curl_slist id_header;
    char id_line[ID_BYTES_MAX + 32];
    struct bytes response;
    size_t response_room;
    struct job *next_free;
};

// Ends the process with a sentence: a yardstick that goes on after an error measures nothing.
_Noreturn void die(const char *what, const char *why);

// main.c
extern int64_t now_ms;  // the loop's present, monotonic
void loop_watch(int fd, uint32_t events, struct source *source);
void loop_change(int fd, uint32_t events, struct source *source);
void loop_unwatch(int fd);

// streams.c
void streams_open(const struct options *options);
void streams_send(redisCallbackFn *act, struct job *job, int count, const char **starts,
    const size_t *sizes);
void streams_ended(struct job *job);  // its slot is free
void streams_flush(void);             // writes what was asked in this turn
uint64_t streams_committed(void);

// steps.c
void steps_open(const struct options *options);
void steps_go_on(struct job *job);  // from the job's step to the call, or from there to its end

// http.c
void http_open(const struct options *options);
void http_begin(struct job *job);
void http_run_due(void);
int http_milliseconds_to_next(void);  // -1 for never

#endif
