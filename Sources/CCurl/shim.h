// CCurl: libcurl, made callable from Swift.
// Belongs here: one inline wrapper for each argument type of curl's variadic functions.
// Does not: defaults, decisions, memory; those are HTTPClient's, the one target that imports this.
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

// The type checks are macros over constant options; here the option is an argument.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <stdint.h>

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed, for CURLOPT_QUICK_EXIT: else a cancelled look-up blocks"
#endif

static inline CURLcode ccurl_set_long(CURL *_Nonnull easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_offset(CURL *_Nonnull easy, CURLoption option, int64_t value) {
    return curl_easy_setopt(easy, option, (curl_off_t)value);
}

/// For strings and bytes, which curl copies.
static inline CURLcode ccurl_set_bytes(
    CURL *_Nonnull easy, CURLoption option, const void *_Nullable bytes) {
    return curl_easy_setopt(easy, option, bytes);
}

/// For what curl keeps as a pointer: callback data, header lists, the share.
static inline CURLcode ccurl_set_pointer(
    CURL *_Nonnull easy, CURLoption option, void *_Nullable pointer) {
    return curl_easy_setopt(easy, option, pointer);
}

/// For `CURLOPT_WRITEFUNCTION` and `CURLOPT_HEADERFUNCTION`, which have one signature.
static inline CURLcode ccurl_set_write(
    CURL *_Nonnull easy, CURLoption option, curl_write_callback _Nonnull function) {
    return curl_easy_setopt(easy, option, function);
}

static inline CURLcode ccurl_set_prerequest(
    CURL *_Nonnull easy, curl_prereq_callback _Nonnull function) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, function);
}

static inline CURLcode ccurl_set_open_socket(
    CURL *_Nonnull easy, curl_opensocket_callback _Nonnull function) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
}

static inline CURLcode ccurl_set_close_socket(
    CURL *_Nonnull easy, curl_closesocket_callback _Nonnull function) {
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, function);
}

static inline CURLcode ccurl_get_long(CURL *_Nonnull easy, CURLINFO info, long *_Nonnull value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode ccurl_get_offset(
    CURL *_Nonnull easy, CURLINFO info, int64_t *_Nonnull value) {
    curl_off_t offset = 0;
    CURLcode code = curl_easy_getinfo(easy, info, &offset);
    *value = offset;
    return code;
}

static inline CURLcode ccurl_get_private(
    CURL *_Nonnull easy, void *_Nullable *_Nonnull pointer) {
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, pointer);
}

static inline CURLMcode ccurl_multi_set_long(
    CURLM *_Nonnull multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode ccurl_multi_set_pointer(
    CURLM *_Nonnull multi, CURLMoption option, void *_Nullable pointer) {
    return curl_multi_setopt(multi, option, pointer);
}

static inline CURLMcode ccurl_multi_set_socket(
    CURLM *_Nonnull multi, curl_socket_callback _Nonnull function) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}

static inline CURLMcode ccurl_multi_set_timer(
    CURLM *_Nonnull multi, curl_multi_timer_callback _Nonnull function) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}

static inline CURLSHcode ccurl_share_set_long(
    CURLSH *_Nonnull share, CURLSHoption option, long value) {
    return curl_share_setopt(share, option, value);
}

#endif
