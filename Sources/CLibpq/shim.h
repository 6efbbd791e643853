// CLibpq: libpq, made callable from Swift.
// Belongs here: where its header lies, and nothing else. Does not: defaults, decisions, memory; those
// are Postgres', the one target that imports this.
#ifndef CLIBPQ_SHIM_H
#define CLIBPQ_SHIM_H

#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

#ifndef LIBPQ_HAS_PIPELINING
#error "libpq 14 or later is needed, for its pipeline mode"
#endif

#endif
