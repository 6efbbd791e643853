# shellcheck shell=bash
# Processes that outlive the script that started them: start, find again, stop. Knows no program.
#
# .run/NAME.pid  1st line the process's number; 2nd what tells it from a later process with that
#                number; 3rd the seconds it may take to end. Written by `keep`.
# .run/NAME.log  what it wrote, over all its starts.

read -r BOOT </proc/sys/kernel/random/boot_id
readonly BOOT
HURRY=

# identify PID: sets REPLY to what no other process has; fails for a zombie and for no process.
identify() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }" # after the name, which may hold spaces and parentheses
    [[ ${#fields[@]} -gt 19 && ${fields[0]} != [ZX] ]] || return 1
    REPLY="start=${fields[19]} boot=$BOOT"
}

# running NAME: sets PID and GRACE if the process that was started under this name still runs.
running() {
    local identity
    PID='' GRACE=''
    {
        read -r PID && read -r identity && read -r GRACE
    } 2>/dev/null <"$RUN/$1.pid" || return 1
    [[ $PID =~ ^[1-9][0-9]*$ ]] && identify "$PID" && [[ $REPLY == "$identity" ]] || return 1
    GRACE=${GRACE#grace=}
}

# record NAME PID IDENTITY GRACE: writes the pid file, whole or not at all.
record() {
    printf '%s\n' "$2" "$3" "grace=$4" >"$RUN/$1.pid.new"
    mv "$RUN/$1.pid.new" "$RUN/$1.pid"
}

# all_running: prints the name of every process that runs, in no order that matters.
all_running() {
    local file name
    for file in "$RUN"/*.pid; do
        name=${file##*/}
        ! running "${name%.pid}" || printf '%s\n' "${name%.pid}"
    done
}

# spawn NAME GRACE PROGRAM [ARGUMENT…]: starts it in a session of its own with nothing of ours
# open, and returns when its pid file is written.
spawn() {
    local name=$1 grace=$2
    shift 2
    rm -f "$RUN/$name.pid"
    (
        for fd in /proc/self/fd/*; do # a caller's pipe, the lock, make's job server
            fd=${fd##*/}
            ((fd < 3)) || exec {fd}>&-
        done
        exec setsid --fork "$HERE/keep" "$name" "$grace" "$@"
    ) </dev/null >>"$RUN/$name.log" 2>&1
    eventually 10 test -e "$RUN/$name.pid" ||
        fail "$name did not start; the end of $RUN/$name.log: $(tail -n 3 "$RUN/$name.log")"
}

# stop NAME…: asks all of them to end, waits as long as each may take, then kills. A second Ctrl-C
# (HURRY) shortens the wait. A stopped (frozen) process is woken so that it can obey.
stop() {
    local name waiting=() still now began=${EPOCHREALTIME/[.,]/}
    for name; do
        if running "$name"; then
            waiting+=("$name")
            kill -"$(stop_signal "$name")" "$PID" 2>/dev/null || true
            kill -CONT "$PID" 2>/dev/null || true
        fi
    done
    while ((${#waiting[@]})); do
        still=() now=${EPOCHREALTIME/[.,]/}
        for name in "${waiting[@]}"; do
            running "$name" || continue
            still+=("$name")
            if ((now - began > GRACE * 1000000)) || [[ -n $HURRY ]]; then
                [[ -n $HURRY ]] || step "$name did not end within $GRACE s: killed"
                kill -KILL "$PID" 2>/dev/null || true
            fi
        done
        waiting=("${still[@]}")
        ((${#waiting[@]} == 0)) || sleep 0.05 || true
    done
    for name; do rm -f "$RUN/$name.pid"; done
}

# stop_signal NAME: what asks it to end: TERM, unless its kind says otherwise.
stop_signal() {
    if declare -F "signal_${1%-*}" >/dev/null; then "signal_${1%-*}"; else echo TERM; fi
}

# listener PORT: sets REPLY to the socket (its inode) that listens on the port, whoever owns it.
listener() {
    local port
    printf -v port ':%04X' "$1"
    REPLY=$(awk -v port="$port" '$4 == "0A" && $2 ~ port "$" { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null) || true
    [[ -n $REPLY ]]
}

# listens NAME PORT: this process itself listens there, not somebody who was quicker.
listens() {
    running "$1" && listener "$2" &&
        [[ -n $(find "/proc/$PID/fd" -lname "socket:\[$REPLY\]" -print -quit 2>/dev/null) ]]
}
