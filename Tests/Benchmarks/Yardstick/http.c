#include "yardstick.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// As the worker's HTTP client sets them.
enum {
    RECEIVE_BUFFER_BYTES = 8 * 1024,
    SEND_BUFFER_BYTES = 16 * 1024,
    ROUNDS_PER_TURN_MAX = 4,
    CONNECT_LIMIT_MS = 5000,
    TOTAL_LIMIT_MS = 120000,
};

// One multi handle. curl looks for a kept connection by walking all those of the host, so many
// small ones are cheaper than one large one.
struct shard {
    CURLM *multi;
    int active;
    int64_t due_ms;  // when curl wants to be called; -1 for never
    bool due_now;
};

// One descriptor of curl's, by its number. A kept connection stays in epoll between two requests:
// to take it out and put it in again would cost two system calls a request.
struct socket_row {
    struct source source;  // first: the loop hands it back
    struct shard *shard;
    int fd;
    uint32_t watched, wanted;
    bool is_watched;
    bool is_ours;  // opened by us, so that we hear of its end
};

static const struct options *options;
static struct shard *shards;
static int shard_count, shard_room;
static struct socket_row **rows;
static int row_count;
static CURLSH *share;
static struct curl_slist *constant_headers;

// Sockets --------------------------------------------------------------------------------------

static void socket_ready(struct source *source, uint32_t events);

static struct socket_row *row_of(int fd) {
    if (fd >= row_count) {
        int count = fd + 64;
        rows = realloc(rows, (size_t)count * sizeof *rows);
        if (!rows) die("sockets", "no memory");
        memset(rows + row_count, 0, (size_t)(count - row_count) * sizeof *rows);
        row_count = count;
    }
    if (!rows[fd]) {
        rows[fd] = calloc(1, sizeof **rows);
        if (!rows[fd]) die("sockets", "no memory");
        rows[fd]->source.ready = socket_ready;
        rows[fd]->fd = fd;
    }
    return rows[fd];
}

static void unwatch(struct socket_row *row) {
    if (row->is_watched) loop_unwatch(row->fd);
    row->is_watched = false;
    row->watched = 0;
}

static curl_socket_t open_socket(void *box, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)box, (void)purpose;
    int fd = socket(
        address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd < 0) die("socket", strerror(errno));
    row_of(fd)->is_ours = true;
    return fd;
}

static int close_socket(void *box, curl_socket_t fd) {
    (void)box;
    struct socket_row *row = row_of(fd);
    unwatch(row);
    row->is_ours = false;
    return close(fd);
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *box, void *unused) {
    (void)easy, (void)unused;
    struct socket_row *row = row_of(fd);
    row->shard = box;
    row->wanted = what == CURL_POLL_IN ? EPOLLIN
        : what == CURL_POLL_OUT        ? EPOLLOUT
        : what == CURL_POLL_INOUT      ? EPOLLIN | EPOLLOUT
                                       : 0;
    if (!row->is_watched) {
        if (!row->wanted) return 0;
        loop_watch(fd, row->wanted, &row->source);
        row->is_watched = true;
        row->watched = row->wanted;
    } else if (!row->wanted) {
        if (!row->is_ours || row->watched != EPOLLIN) unwatch(row);
    } else if (row->wanted != row->watched) {
        loop_change(fd, row->wanted, &row->source);
        row->watched = row->wanted;
    }
    return 0;
}

static int timer_changed(CURLM *multi, long milliseconds, void *box) {
    (void)multi;
    struct shard *shard = box;
    shard->due_now = milliseconds == 0;
    shard->due_ms = milliseconds > 0 ? now_ms + milliseconds : -1;
    return 0;
}

// Jobs -----------------------------------------------------------------------------------------

static size_t body_arrived(char *bytes, size_t size, size_t count, void *box) {
    struct job *job = box;
    size_t room = job->response.count + size * count;
    if (room > job->response_room) {
        job->response.start = realloc(job->response.start, room);
        if (!job->response.start) die("an answer", "no memory");
        job->response_room = room;
    }
    memcpy(job->response.start + job->response.count, bytes, size * count);
    job->response.count = room;
    return size * count;
}

// What never changes from one job to the next.
static void make_handle(struct job *job) {
    CURL *easy = curl_easy_init();
    if (!easy) die("curl_easy_init", "no memory");
    job->easy = easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_SHARE, share);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (!strncmp(options->url, "https:", 6)) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bench-yardstick");
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_LIMIT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TOTAL_LIMIT_MS);
    curl_easy_setopt(easy, CURLOPT_URL, options->url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body.count);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, options->body.start);
    // One line of its own before those that all have.
    job->id_header = (struct curl_slist){.data = job->id_line, .next = constant_headers};
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &job->id_header);
}

static void make_shard(struct shard *shard) {
    *shard = (struct shard){.multi = curl_multi_init(), .due_ms = -1};
    if (!shard->multi) die("curl_multi_init", "no memory");
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)options->per_shard);
    curl_multi_setopt(shard->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

// Filled from the front, so that few connections are kept busy rather than many kept idle.
static struct shard *shard_with_room(void) {
    for (int index = 0; index < shard_count; index++)
        if (shards[index].active < options->per_shard) return &shards[index];
    if (shard_count == shard_room) die("shards", "more jobs than slots");
    make_shard(&shards[shard_count]);
    return &shards[shard_count++];
}

void http_begin(struct job *job) {
    if (!job->easy) make_handle(job);
    snprintf(job->id_line, sizeof job->id_line, "X-Client-Request-Id: %s", job->request_id);
    job->response.count = 0;
    job->shard = shard_with_room();
    job->shard->active++;
    if (curl_multi_add_handle(job->shard->multi, job->easy) != CURLM_OK)
        die("curl_multi_add_handle", "failed");
}

static void finish(CURL *easy, CURLcode code) {
    struct job *job;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&job);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) die("the model's call", curl_easy_strerror(code));
    if (status != 200) {
        fprintf(stderr, "%.*s\n", (int)job->response.count, job->response.start);
        die("the model's call", "was answered with another status than 200");
    }
    curl_multi_remove_handle(job->shard->multi, easy);
    job->shard->active--;
    steps_go_on(job);
}

static void take_finished(struct shard *shard) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(shard->multi, &left)))
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
}

static void socket_ready(struct source *source, uint32_t events) {
    struct socket_row *row = (struct socket_row *)source;
    if (!row->wanted) {
        // An idle connection has bytes or is closed; curl finds out before it uses it again.
        unwatch(row);
        return;
    }
    int bits = 0;
    bool broken = events & (EPOLLERR | EPOLLHUP);
    if (row->wanted & EPOLLIN && (broken || events & EPOLLIN)) bits |= CURL_CSELECT_IN;
    if (row->wanted & EPOLLOUT && (broken || events & EPOLLOUT)) bits |= CURL_CSELECT_OUT;
    struct shard *shard = row->shard;
    int running;
    curl_multi_socket_action(shard->multi, row->fd, bits, &running);
    take_finished(shard);
}

void http_run_due(void) {
    for (int index = 0; index < shard_count; index++) {
        struct shard *shard = &shards[index];
        if (!shard->due_now && (shard->due_ms < 0 || shard->due_ms > now_ms)) continue;
        int rounds = ROUNDS_PER_TURN_MAX;
        do {
            int running;
            shard->due_now = false;
            shard->due_ms = -1;
            curl_multi_socket_action(shard->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        } while (shard->due_now && --rounds > 0);
        take_finished(shard);
    }
}

int http_milliseconds_to_next(void) {
    int64_t earliest = -1;
    for (int index = 0; index < shard_count; index++) {
        if (shards[index].due_now) return 0;
        int64_t due = shards[index].due_ms;
        if (due >= 0 && (earliest < 0 || due < earliest)) earliest = due;
    }
    if (earliest < 0) return -1;
    return earliest > now_ms ? (int)(earliest - now_ms) : 0;
}

void http_open(const struct options *given) {
    options = given;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) die("curl_global_init", "failed");
    share = curl_share_init();
    if (!share) die("curl_share_init", "no memory");
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    shard_room = (options->slots + QUEUES) / options->per_shard + 1;
    shards = calloc((size_t)shard_room, sizeof *shards);
    if (!shards) die("shards", "no memory");
    char authorization[512];
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", options->key);
    constant_headers = curl_slist_append(NULL, authorization);
    constant_headers = curl_slist_append(constant_headers, "Content-Type: application/json");
    constant_headers = curl_slist_append(constant_headers, "Accept: application/json");
    constant_headers = curl_slist_append(constant_headers, "Expect:");
    if (!constant_headers) die("headers", "no memory");
}
