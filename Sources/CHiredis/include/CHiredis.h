// CHiredis: hiredis made callable from Swift, and the same from version 0.14 to 1.x.
// Belongs here: what differs between the versions, what is a macro or a struct of functions, TLS.
// Does not: anything that decides when to connect, send or give up.
#ifndef CHIREDIS_H
#define CHIREDIS_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

/// "major.minor.patch" of the headers this was compiled with.
const char *_Nonnull chiredis_version(void);

/// What a server may send us, watched while it is parsed: one record a context. The caller owns it;
/// it must outlive the context.
typedef struct chiredis_guard {
    redisAsyncContext *_Nullable context;
    /// Why parsing was broken off; NULL while the server keeps to the protocol. A constant string.
    const char *_Nullable violation;
    /// What one reply may have in all: elements of all its arrays, bytes of all its strings, arrays
    /// in arrays (hiredis 0.14 takes 7, 1.x any number).
    size_t elements_max, bytes_max, depth_max;
    /// What the reply under way has so far.
    size_t elements, bytes;
    /// The `SSL *` of a context with TLS, which the context owns.
    void *_Nullable tls_session;
} chiredis_guard;

/// Watches the replies of a context. Call it right after connecting.
///
/// hiredis ends the process (`assert`) when a reply comes that no command asked for; with the guard
/// such a reply, and one too large or too deep, is an ordinary error of this one connection.
void chiredis_watch(redisAsyncContext *_Nonnull context, chiredis_guard *_Nonnull guard);

/// Makes the descriptor close-on-exec, and keeps SIGPIPE from the calling thread: hiredis writes
/// with `write`, and a peer that is gone would otherwise end the process.
void chiredis_isolate(const redisAsyncContext *_Nonnull context);

/// Sets TCP keepalive and `TCP_USER_TIMEOUT`. Answers 0, or the `errno` of the call that failed.
int chiredis_keep_alive(
    const redisAsyncContext *_Nonnull context, int interval_seconds, int unacknowledged_ms);

/// Bytes of commands that the socket has not yet taken. Bytes of replies not yet parsed.
size_t chiredis_unsent_bytes(const redisAsyncContext *_Nonnull context);
size_t chiredis_unparsed_bytes(const redisAsyncContext *_Nonnull context);

/// 1 when this was built with TLS (`HIREDIS_TLS`), else 0.
int chiredis_tls_available(void);

/// Begins TLS on a watched context that has just been made: TLS 1.2 or later, the server's chain
/// verified against `ca_file` (NULL: the system's), its certificate against `host` (a name or an IP
/// literal), SNI where `host` is a name. Answers 0, or -1 with a sentence in `reason`.
int chiredis_tls_begin(
    chiredis_guard *_Nonnull guard, const char *_Nonnull host, const char *_Nullable ca_file,
    char *_Nonnull reason, size_t reason_size);

/// What was wrong with the server's certificate; NULL when nothing was, or without TLS. hiredis
/// itself only says that the handshake failed. To be asked while the context lives.
const char *_Nullable chiredis_tls_objection(const chiredis_guard *_Nonnull guard);

#endif
