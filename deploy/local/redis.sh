# shellcheck shell=bash disable=SC2034
# The private Redis of a checkout: its users, as deploy/redis/users.conf has them, and their addresses.
#
# .run/redis.secrets  the users' passwords, made once; readable by nobody else
# .run/redis/users.conf  what the server reads: their hashes, and which keys are theirs

# Beside those of users.conf, one who may do anything: for tests and for looking into one's own stack.
readonly REDIS_USERS=(orchestrator worker supervisor operator admin)

# Where the private Redis listens; empty where it is somebody's own.
REDIS_PRIVATE_PORT=

# read_redis_secrets: sets REDIS_PASSWORD_USER for each of them.
read_redis_secrets() {
    local name value file=$RUN/redis.secrets
    if [[ ! -s $file ]]; then
        mkdir -p "$RUN"
        (
            umask 077
            for name in "${REDIS_USERS[@]}"; do
                value=$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')
                printf '%s=%s\n' "$name" "$value"
            done >"$file.new"
        )
        mv "$file.new" "$file"
    fi
    while IFS='=' read -r name value; do
        printf -v "REDIS_PASSWORD_$name" '%s' "$value"
    done <"$file"
}

# redis_url USER: the private Redis' address for one of its users; somebody's own as he gave it.
redis_url() {
    local password=REDIS_PASSWORD_$1
    if [[ -z $REDIS_PRIVATE_PORT ]]; then
        printf '%s' "$REDIS_URL"
    else
        printf 'redis://%s:%s@127.0.0.1:%s' "$1" "${!password}" "$REDIS_PRIVATE_PORT"
    fi
}

# write_redis_users: users.conf with this checkout's prefix and the hashes of its passwords.
write_redis_users() {
    local name password hash edits=(-e "s/@PREFIX@/${STREAM_PREFIX:-strategy}/g")
    for name in "${REDIS_USERS[@]}"; do
        password=REDIS_PASSWORD_$name
        hash=$(printf '%s' "${!password}" | sha256sum)
        edits+=(-e "s/@${name^^}@/${hash%% *}/")
    done
    (
        umask 077
        {
            sed "${edits[@]}" deploy/redis/users.conf
            # The last of them stands nowhere but here.
            printf 'user admin on #%s ~* &* +@all\n' "${hash%% *}"
        } >"$RUN/redis/users.conf"
    )
}

# The keys of its users are those of one prefix.
check_redis_prefix() {
    [[ ! -s $RUN/redis/users.conf ]] ||
        grep -qF "~${STREAM_PREFIX:-strategy}:" "$RUN/redis/users.conf" ||
        fail "redis runs for another STREAM_PREFIX: 'make down' first to change it"
}

run_redis() {
    mkdir -p "$RUN/redis"
    read_redis_secrets
    write_redis_users
    # In this order: what comes after --dir is looked for there.
    spawn "$1" "$(grace_redis)" redis-server deploy/redis/local.conf --port "$2" \
        --include "$RUN/redis/users.conf" --dir "$RUN/redis"
}
ready_redis() {
    local password=REDIS_PASSWORD_operator
    read_redis_secrets
    [[ $(REDISCLI_AUTH=${!password} redis-cli --user operator -h 127.0.0.1 -p "$1" \
        PING 2>/dev/null) == PONG ]]
}
grace_redis() { echo 20; }
