# shellcheck shell=bash
# The stack of one checkout: what belongs to it, in which order it starts and stops, and what
# .run/env tells about it. What a server is stands in servers.sh.

. "$HERE/process.sh"
. "$HERE/ports.sh"
. "$HERE/servers.sh"

# What this call started, and where each one's log then ended.
declare -A BEGUN=()

# The descriptor that holds .run/lock.
LOCK=

# Starts what is missing, waits until all of it is ready, and writes .run/env.
start_stack() {
    local index name names=()
    drop_own_addresses
    whole_number WORKERS "${WORKERS:=1}" 0 64
    whole_number HEALTH_PORT "${HEALTH_PORT:=0}" 0 65535
    check_seconds REQUEST_TIMEOUT DRAIN_TIMEOUT

    if [[ -n ${REDIS_URL-} ]]; then
        step "redis is yours: $(without_password "$REDIS_URL")"
    else
        serve redis
        check_redis_prefix
        REDIS_PRIVATE_PORT=$PORT
        REDIS_URL=$(redis_url operator)
    fi
    export REDIS_URL

    if [[ -n ${DATABASE_URL-} ]]; then
        step "postgres is yours: $(without_password "$DATABASE_URL")"
        [[ -z ${DATABASE_MIGRATE_URL-} ]] || migrate_database
    else
        serve postgres
        prepare_database "$PORT"
    fi

    if [[ -z ${OPENAI_API_KEY-} && -z ${OPENAI_BASE_URL-} ]]; then
        serve simulator
        OPENAI_BASE_URL=http://127.0.0.1:$PORT
    else
        step "the model is yours: ${OPENAI_BASE_URL:-the public one}"
    fi
    OPENAI_API_KEY=${OPENAI_API_KEY:-sk-sim-local}

    # To all that start from here on. The seed's REDIS_HOST would be a second answer.
    export REDIS_URL DATABASE_URL DATABASE_READ_URL OPENAI_API_KEY OPENAI_BASE_URL
    [[ -n ${OPENAI_BASE_URL-} ]] || unset OPENAI_BASE_URL
    [[ -n ${DATABASE_READ_URL-} ]] || unset DATABASE_READ_URL
    unset REDIS_HOST REDIS_PORT
    console_token

    for ((index = 1; index <= WORKERS; index++)); do names+=("worker-$index"); done
    [[ ! -x $BIN/strategy-supervisor ]] || names+=(supervisor-1)
    for name in "${names[@]}"; do begin "$name"; done
    write_environment
    for name in "${names[@]}"; do settle "$name"; done
    write_environment # once more: a port that was lost to somebody else is another one now
}

# A shell that has read .run/env tells the stack its own addresses, and those are an operator's: what
# is ours stays ours, and each process comes as the user that it is.
drop_own_addresses() {
    local name
    if remembered redis && [[ ${REDIS_URL-} == *"@127.0.0.1:$PORT" ]]; then unset REDIS_URL; fi
    if remembered postgres; then
        for name in DATABASE_URL DATABASE_READ_URL DATABASE_MIGRATE_URL; do
            [[ ${!name-} != *"@127.0.0.1:$PORT/"* ]] || unset "$name"
        done
    fi
    if remembered simulator && [[ ${OPENAI_BASE_URL-} == "http://127.0.0.1:$PORT" ]]; then
        unset OPENAI_BASE_URL
    fi
}

# serve NAME: a server that others need, up and answering; sets PORT.
serve() {
    begin "$1"
    settle "$1"
    remembered "$1"
}

# begin NAME: starts it on its port unless it runs.
begin() {
    local name=$1 kind=${1%-*}
    if running "$name"; then
        if remembered "$name"; then
            says_otherwise "$name"
            return
        fi
        stop "$name" # it runs where nobody can find it
    elif adopt "$name" "$("grace_$kind")"; then
        step "$name runs, though its pid file was lost or wrong: written again"
        says_otherwise "$name"
        return
    fi
    take_port "$name"
    BEGUN[$name]=$(stat -c %s "$RUN/$name.log" 2>/dev/null || echo 0)
    "run_$kind" "$name" "$PORT"
}

# take_port NAME: sets PORT to the old one, or to a new one where nobody counts on the old.
take_port() {
    if [[ $1 == worker-1 && $HEALTH_PORT != 0 ]]; then
        PORT=$HEALTH_PORT
        free "$PORT" || fail "HEALTH_PORT=$PORT is taken by another program"
        remember "$1" "$PORT"
        return
    fi
    if remembered "$1"; then
        ! eventually 5 free "$PORT" || return 0
        forsake "$1"
    fi
    choose_port "$1"
}

# forsake NAME: gives up a port that another program took meanwhile.
forsake() {
    local other
    if [[ $1 == redis || $1 == postgres || $1 == simulator ]]; then
        for other in $(all_running); do
            [[ $other != worker-* && $other != supervisor-* ]] ||
                fail "port $PORT, where $other looks for $1, is taken by another program:" \
                    "free it, or 'make down' and 'make up' to have another"
        done
    fi
    step "port $PORT of $1 is taken by another program: choosing another"
    forget "$1"
}

# settle NAME: waits until it is ready; where it ended because its port was taken, begins again.
settle() {
    local name=$1 kind=${1%-*} try seconds=30
    [[ $name != redis && $name != postgres ]] || seconds=300 # it answers once all its data is loaded
    for try in {1..10}; do
        remembered "$name"
        eventually "$seconds" ready_or_ended "$name" "$kind" || unready "$name" "$seconds"
        if running "$name"; then
            [[ -z ${BEGUN[$name]+begun} ]] || step "$name on 127.0.0.1:$PORT"
            return
        fi
        free "$PORT" && ended "$name"
        ((try < 10)) || ended "$name"
        [[ $name != worker-1 || $HEALTH_PORT == 0 ]] || ended "$name"
        forsake "$name"
        begin "$name"
    done
}

ready_or_ended() { ! running "$1" || { listens "$1" "$PORT" && "ready_$2" "$PORT"; }; }

ended() {
    log_tail "$1" >&2
    fail "$1 ended as it started; its log is $RUN/$1.log"
}

unready() {
    log_tail "$1" >&2
    [[ $1 == redis || $1 == postgres ]] ||
        curl --silent --noproxy '*' --max-time 2 "http://127.0.0.1:$PORT/health" >&2 || true
    fail "$1 is not ready after $2 s; its log is $RUN/$1.log, 'make down' stops what runs"
}

# What it wrote since this call started it, or at last.
log_tail() {
    tail -c "+$((${BEGUN[$1]:-0} + 1))" "$RUN/$1.log" 2>/dev/null | tail -n 15 | cut -c 1-600
}

# says_otherwise NAME: tells when what runs was given another address than it would be given now.
says_otherwise() {
    local name value before
    [[ $1 == worker-* || $1 == supervisor-* ]] || return 0
    for name in REDIS_URL DATABASE_URL OPENAI_BASE_URL; do
        before=$(tr '\0' '\n' <"/proc/$PID/environ" | sed -n "s/^$name=//p") 2>/dev/null || return 0
        value=${!name-}
        [[ $name != REDIS_URL ]] || value=$(redis_url "${1%-*}")
        [[ $before == "$value" ]] ||
            step "$1 goes on with $name=$(without_password "$before"): 'make down' first to change it"
    done
}

# Warnings of what this call started: a model that is gone, a variable that is not understood.
show_warnings() {
    local name
    for name in "${!BEGUN[@]}"; do
        [[ $name != worker-* && $name != supervisor-* ]] ||
            log_tail "$name" | grep -E '"level":"(warning|error|critical)"' | sed "s/^/  $name: /" || true
    done
}

# .run/env: where the stack is, for operators; whole or not at all, and theirs alone.
write_environment() {
    local name base=${OPENAI_BASE_URL-}
    base=${base%/}
    (
        umask 077
        {
            printf 'REDIS_URL=%s\n' "$REDIS_URL"
            [[ -z $REDIS_PRIVATE_PORT ]] || printf 'REDIS_ADMIN_URL=%s\n' "$(redis_url admin)"
            for name in DATABASE_URL DATABASE_READ_URL DATABASE_MIGRATE_URL DATABASE_ADMIN_URL; do
                [[ -z ${!name-} ]] || printf '%s=%s\n' "$name" "${!name}"
            done
            [[ -z $base ]] || printf 'OPENAI_BASE_URL=%s\n' "${base%/v1}"
            ! remembered worker-1 || printf 'HEALTH_URL=http://127.0.0.1:%s\n' "$PORT"
            ! remembered supervisor-1 || printf 'CONSOLE_URL=http://127.0.0.1:%s\n' "$PORT"
            printf 'CONSOLE_TOKEN=%s\n' "$CONSOLE_TOKEN"
        } >"$RUN/env.new"
    )
    mv "$RUN/env.new" "$RUN/env"
}

# What operators sign in to the console with: given, or made once and kept with the data.
console_token() {
    local file=$RUN/console-token
    if [[ -z ${CONSOLE_TOKEN-} ]]; then
        [[ -s $file ]] || (
            umask 077
            od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file.new"
            mv "$file.new" "$file"
        )
        CONSOLE_TOKEN=$(<"$file")
    fi
    export CONSOLE_TOKEN
}

# stop_stack: ends everything of this checkout, the last in ORDER first, and keeps its data.
stop_stack() {
    local at file name names
    for file in "$RUN"/ports/*; do
        name=${file##*/}
        [[ ! -e $file ]] || running "$name" || adopt "$name" "$("grace_${name%-*}")" || true
    done
    for ((at = ${#ORDER[@]} - 1; at >= 0; at--)); do
        names=()
        for file in "$RUN/${ORDER[at]}.pid" "$RUN/${ORDER[at]}"-*.pid; do
            name=${file##*/}
            [[ ! -e $file ]] || names+=("${name%.pid}")
        done
        ((${#names[@]} == 0)) || stop "${names[@]}"
    done
}

# lock: one script at a time starts and stops things here.
lock() {
    [[ -z $LOCK ]] || return 0 # ours already
    mkdir -p "$RUN"
    exec {LOCK}>"$RUN/lock"
    flock --nonblock "$LOCK" && return
    step "waiting for another 'make' that starts or stops this stack"
    flock --timeout 900 "$LOCK" || fail "another 'make' holds $RUN/lock for 15 minutes"
}

unlock() {
    exec {LOCK}>&-
    LOCK=
}

without_password() { sed -E 's#(://[^:@/]*):[^@]*@#\1:…@#' <<<"$1"; }

check_seconds() {
    local name
    for name; do
        [[ -z ${!name-} || ${!name} =~ ^[0-9]{1,6}([.][0-9]+)?$ ]] ||
            fail "$name is '${!name}': expected seconds, such as 30 or 2.5"
    done
}
