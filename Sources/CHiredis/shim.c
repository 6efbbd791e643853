#define _GNU_SOURCE
#include "CHiredis.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)

const char *chiredis_version(void) {
    return TEXT(HIREDIS_MAJOR) "." TEXT(HIREDIS_MINOR) "." TEXT(HIREDIS_PATCH);
}

// MARK: - What a server may send
//
// The parser builds replies through a table of functions. Ours asks first, then lets hiredis'
// own function build; NULL makes the parser end with REDIS_ERR_OOM, and `violation` says
// what it really was.

static redisReplyObjectFunctions original;
static redisReplyObjectFunctions guarded;
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

/// Whether the parser may go on. Errors that nobody asked for pass: hiredis turns those into a
/// clean disconnect that keeps the server's words ("max number of clients reached").
static int may_build(const redisReadTask *task, size_t elements, size_t bytes) {
    chiredis_guard *guard = task->privdata;
    if (task->parent == NULL) {
        if (guard->context->replies.head == NULL && task->type != REDIS_REPLY_ERROR) {
            guard->violation = "a reply that no command asked for";
            return 0;
        }
        guard->elements = guard->bytes = 0;
    }
    guard->elements += elements;
    guard->bytes += bytes;
    if (guard->elements <= guard->elements_max && guard->bytes <= guard->bytes_max) return 1;
    guard->violation = "a reply that is too large";
    return 0;
}

/// As `may_build`, for an array: `depth_max` bounds what recurses over a reply.
static int may_nest(const redisReadTask *task, size_t elements) {
    chiredis_guard *guard = task->privdata;
    size_t depth = 1;
    for (const redisReadTask *outer = task->parent; outer != NULL; outer = outer->parent) depth++;
    if (depth <= guard->depth_max) return may_build(task, elements, 0);
    guard->violation = "a reply that is nested too deeply";
    return 0;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t length) {
    return may_build(task, 0, length) ? original.createString(task, bytes, length) : NULL;
}

static void *create_integer(const redisReadTask *task, long long value) {
    return may_build(task, 0, 0) ? original.createInteger(task, value) : NULL;
}

static void *create_nil(const redisReadTask *task) {
    return may_build(task, 0, 0) ? original.createNil(task) : NULL;
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t elements) {
    return may_nest(task, elements) ? original.createArray(task, elements) : NULL;
}

static void *create_double(const redisReadTask *task, double value, char *bytes, size_t length) {
    return may_build(task, 0, length) ? original.createDouble(task, value, bytes, length) : NULL;
}

static void *create_bool(const redisReadTask *task, int value) {
    return may_build(task, 0, 0) ? original.createBool(task, value) : NULL;
}
#else
static void *create_array(const redisReadTask *task, int elements) {
    return may_nest(task, (size_t)elements) ? original.createArray(task, elements) : NULL;
}
#endif

/// Fills both tables from what the first reader has; every reader has the same.
static void fill_tables(const redisReplyObjectFunctions *of_hiredis) {
    if (original.createString != NULL) return;
    original = *of_hiredis;
    guarded = original;
    guarded.createString = create_string;
    guarded.createArray = create_array;
    guarded.createInteger = create_integer;
    guarded.createNil = create_nil;
#if HIREDIS_MAJOR >= 1
    guarded.createDouble = create_double;
    guarded.createBool = create_bool;
#endif
}

void chiredis_watch(redisAsyncContext *context, chiredis_guard *guard) {
    pthread_mutex_lock(&tables_lock);
    fill_tables(context->c.reader->fn);
    pthread_mutex_unlock(&tables_lock);
    guard->context = context;
    guard->violation = NULL;
    context->c.reader->fn = &guarded;
    context->c.reader->privdata = guard;
}

// MARK: - The descriptor

void chiredis_isolate(const redisAsyncContext *context) {
    fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

int chiredis_keep_alive(
    const redisAsyncContext *context, int interval_seconds, int unacknowledged_ms) {
    const struct {
        int level, option, value;
    } settings[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, interval_seconds},
        {IPPROTO_TCP, TCP_KEEPINTVL, interval_seconds > 3 ? interval_seconds / 3 : 1},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int value = settings[i].value;
        if (setsockopt(
                context->c.fd, settings[i].level, settings[i].option, &value, sizeof value) != 0)
            return errno;
    }
    return 0;
}

size_t chiredis_unsent_bytes(const redisAsyncContext *context) { return sdslen(context->c.obuf); }

size_t chiredis_unparsed_bytes(const redisAsyncContext *context) {
    return context->c.reader->len - context->c.reader->pos;
}

// MARK: - TLS

#ifdef HIREDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

int chiredis_tls_available(void) { return 1; }

/// hiredis' own context does not compare the certificate with the host; this one does.
static SSL *make_session(const char *host, const char *ca_file) {
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    if (settings == NULL) return NULL;
    SSL *session = NULL;
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, NULL);
    const int trusted = ca_file != NULL ? SSL_CTX_load_verify_locations(settings, ca_file, NULL)
                                        : SSL_CTX_set_default_verify_paths(settings);
    if (trusted == 1 && SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION) == 1)
        session = SSL_new(settings);
    SSL_CTX_free(settings);
    if (session == NULL) return NULL;
    struct in6_addr address;
    const int is_literal =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    const int named =
        is_literal ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host)
                   : SSL_set1_host(session, host) && SSL_set_tlsext_host_name(session, host);
    if (named) return session;
    SSL_free(session);
    return NULL;
}

int chiredis_tls_begin(
    chiredis_guard *guard, const char *host, const char *ca_file, char *reason,
    size_t reason_size) {
    ERR_clear_error();
    SSL *session = make_session(host, ca_file);
    if (session == NULL) {
        const char *why = ERR_reason_error_string(ERR_peek_last_error());
        snprintf(reason, reason_size, "TLS cannot be set up: %s", why != NULL ? why : "no detail");
        return -1;
    }
    if (redisInitiateSSL(&guard->context->c, session) == REDIS_OK) {
        // From here on the session is the context's, and is freed with it.
        guard->tls_session = session;
        return 0;
    }
    snprintf(reason, reason_size, "%s", guard->context->c.errstr);
    SSL_free(session);
    return -1;
}

const char *chiredis_tls_objection(const chiredis_guard *guard) {
    if (guard->tls_session == NULL) return NULL;
    const long verdict = SSL_get_verify_result(guard->tls_session);
    return verdict == X509_V_OK ? NULL : X509_verify_cert_error_string(verdict);
}

#else

int chiredis_tls_available(void) { return 0; }

int chiredis_tls_begin(
    chiredis_guard *guard, const char *host, const char *ca_file, char *reason,
    size_t reason_size) {
    (void)guard, (void)host, (void)ca_file;
    snprintf(reason, reason_size, "not available");
    return -1;
}

const char *chiredis_tls_objection(const chiredis_guard *guard) {
    (void)guard;
    return NULL;
}

#endif
