# shellcheck shell=bash
# Which port a server of this checkout has: chosen once, kept in .run/ports/NAME, so that a server
# that is started again is where its clients look for it.

# Below the ports that the kernel gives to outgoing connections: there a client that knocks at a
# stopped server can be given the server's own port, connect to itself, and keep the server out.
readonly PORT_LOWEST=20000

# free PORT: nobody listens there.
free() { ! listener "$1"; }

remembered() {
    PORT=
    [[ ! -s $RUN/ports/$1 ]] || read -r PORT <"$RUN/ports/$1"
    [[ $PORT =~ ^[1-9][0-9]{0,4}$ ]]
}

remember() {
    mkdir -p "$RUN/ports"
    printf '%s\n' "$2" >"$RUN/ports/$1"
}

forget() { rm -f "$RUN/ports/$1"; }

# choose_port NAME: sets PORT to one that nobody has, and remembers it. Two checkouts begin at
# different places; when they still meet, the one that cannot listen chooses again.
choose_port() {
    local above span hash offset
    read -r above _ </proc/sys/net/ipv4/ip_local_port_range
    ((above >= PORT_LOWEST + 1000)) || above=32768
    span=$((above - PORT_LOWEST))
    hash=$(cksum <<<"$ROOT $1")
    for ((offset = 0; offset < span; offset++)); do
        PORT=$((PORT_LOWEST + (${hash%% *} + offset) % span))
        if free "$PORT" && ! promised "$PORT"; then
            remember "$1" "$PORT"
            return
        fi
    done
    fail "no free port from $PORT_LOWEST to $above"
}

# promised PORT: another server of this checkout has it, though it may not be running.
promised() {
    local file port
    for file in "$RUN"/ports/*; do
        if [[ -s $file ]]; then
            read -r port <"$file"
            [[ $port != "$1" ]] || return 0
        fi
    done
    return 1
}

# adopt NAME GRACE: finds a process of this checkout that listens on the name's port though its pid
# file was lost, and writes the file again. A second server on the same data must not be.
adopt() {
    local found
    remembered "$1" && listener "$PORT" || return 1
    found=$(find /proc/[0-9]*/fd -lname "socket:\[$REPLY\]" -print -quit 2>/dev/null) || true
    [[ $found =~ ^/proc/([0-9]+)/ ]] || return 1
    PID=${BASH_REMATCH[1]}
    found=$(readlink "/proc/$PID/cwd") || return 1
    [[ $found/ == "$ROOT/"* ]] && identify "$PID" || return 1
    record "$1" "$PID" "$REPLY" "$2"
}
