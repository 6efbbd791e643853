// CLinux: the Linux headers that the Glibc module leaves out, made callable from Swift.
// Belongs here: epoll, eventfd, and one inline wrapper for each variadic or macro-only call.
// Does not: anything that decides, loops or remembers.
#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/// Adds, changes or removes a descriptor. Exists because `epoll_event` is a packed union that Swift
/// cannot fill in place; the 64 bits come back unread in `clinux_event_tag`. Answers 0 or -1.
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t interest, uint64_t tag) {
    struct epoll_event event;
    event.events = interest;
    event.data.u64 = tag;
    return epoll_ctl(epoll, operation, fd, &event);
}

static inline uint64_t clinux_event_tag(const struct epoll_event *_Nonnull event) { return event->data.u64; }
static inline uint32_t clinux_event_flags(const struct epoll_event *_Nonnull event) { return event->events; }

/// Names the calling thread, for `top -H` and core files; the kernel keeps 15 bytes. Exists because
/// `prctl` is variadic.
static inline void clinux_name_thread(const char *_Nonnull name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

#endif
