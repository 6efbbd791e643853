# shellcheck shell=bash disable=SC2034
# The private PostgreSQL of a checkout: where its data lies, whose it is, its roles, its schema.
#
# PostgreSQL refuses to run as root. Root's server runs as the user `postgres` of Debian's package,
# with its data where that user can reach it.

# find_postgres: sets POSTGRES_BIN, where the server's programs are. Debian keeps them out of PATH.
find_postgres() {
    local found
    POSTGRES_BIN=
    for found in /usr/lib/postgresql/*/bin/postgres; do
        [[ ! -x $found ]] || POSTGRES_BIN=${found%/postgres}
    done
    [[ -n $POSTGRES_BIN ]] || {
        found=$(command -v postgres) || return 1
        POSTGRES_BIN=${found%/postgres}
    }
}

# locate_postgres: sets POSTGRES_DATA and POSTGRES_AS, the words before a command of the server's.
locate_postgres() {
    POSTGRES_AS=() POSTGRES_DATA=$ROOT/$RUN/postgres
    ((EUID == 0)) || return 0
    id postgres >/dev/null 2>&1 ||
        fail "PostgreSQL does not run as root, and there is no user postgres to run it as"
    POSTGRES_AS=(setpriv --reuid=postgres --regid=postgres --init-groups --)
    mkdir -p "$RUN"
    "${POSTGRES_AS[@]}" test -x "$ROOT/$RUN" || POSTGRES_DATA=$(postgres_elsewhere)
}

# Where root's server has its data when the checkout lies where others cannot look.
postgres_elsewhere() {
    local hash
    hash=$(cksum <<<"$ROOT")
    printf '/var/tmp/strategy-postgres-%s\n' "${hash%% *}"
}

# read_secrets: sets the passwords of this checkout's roles; made once, readable by nobody else.
read_secrets() {
    local name value file=$RUN/postgres.secrets
    if [[ ! -s $file ]]; then
        (
            umask 077
            for name in SUPERUSER MIGRATE SERVICE READ; do
                value=$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')
                printf '%s=%s\n' "$name" "$value"
            done >"$file.new"
        )
        mv "$file.new" "$file"
    fi
    while IFS='=' read -r name value; do
        printf -v "PASSWORD_$name" '%s' "$value"
    done <"$file"
}

# database_url ROLE PASSWORD PORT
database_url() { printf 'postgresql://%s:%s@127.0.0.1:%s/strategy' "$@"; }

# make_cluster: an empty one where there is none; whole, or not there.
make_cluster() {
    local draft=$POSTGRES_DATA.new
    "${POSTGRES_AS[@]}" test -s "$POSTGRES_DATA/PG_VERSION" && return
    rm -rf -- "$draft" "$POSTGRES_DATA"
    mkdir -m 700 "$draft"
    ((EUID != 0)) || chown postgres:postgres "$draft"
    (
        umask 077
        printf '%s\n' "$PASSWORD_SUPERUSER" >"$draft.pw"
    )
    ((EUID != 0)) || chown postgres:postgres "$draft.pw"
    "${POSTGRES_AS[@]}" "$POSTGRES_BIN/initdb" --pgdata "$draft" --username postgres --no-sync \
        --encoding UTF8 --locale C --auth scram-sha-256 --pwfile "$draft.pw" \
        >"$RUN/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 3 "$RUN/initdb.log")"
    rm -f -- "$draft.pw"
    mv "$draft" "$POSTGRES_DATA"
}

# nobody_left: no process of a server that was killed is there any more; each sees it and ends.
nobody_left() {
    [[ -z $(find /proc/[0-9]*/cwd -lname "$POSTGRES_DATA" -print -quit 2>/dev/null) ]]
}

run_postgres() {
    find_postgres || fail "PostgreSQL's server is not installed"
    locate_postgres
    read_secrets
    make_cluster
    eventually 10 nobody_left || fail "processes of an earlier PostgreSQL still use $POSTGRES_DATA"
    {
        cat deploy/postgres/local.conf
        printf 'port = %s\n' "$2"
    } | "${POSTGRES_AS[@]}" tee "$POSTGRES_DATA/postgresql.conf" >/dev/null
    spawn "$1" "$(grace_postgres)" "${POSTGRES_AS[@]}" "$POSTGRES_BIN/postgres" -D "$POSTGRES_DATA"
}
ready_postgres() {
    find_postgres && "$POSTGRES_BIN/pg_isready" --quiet --host 127.0.0.1 --port "$1"
}
grace_postgres() { echo 20; }
# Clients are sent away; SIGTERM would wait for them to go.
signal_postgres() { echo INT; }

# prepare_database PORT: sets the addresses of the roles, makes what is missing of roles, database
# and schema.
prepare_database() {
    read_secrets
    DATABASE_ADMIN_URL=$(database_url postgres "$PASSWORD_SUPERUSER" "$1")
    DATABASE_MIGRATE_URL=$(database_url strategy_migrate "$PASSWORD_MIGRATE" "$1")
    DATABASE_URL=$(database_url strategy_service "$PASSWORD_SERVICE" "$1")
    DATABASE_READ_URL=$(database_url strategy_read "$PASSWORD_READ" "$1")
    psql "${DATABASE_ADMIN_URL%/strategy}/postgres" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
        --set migrate_password="$PASSWORD_MIGRATE" --set service_password="$PASSWORD_SERVICE" \
        --set read_password="$PASSWORD_READ" --file deploy/postgres/roles.sql >"$RUN/roles.log" 2>&1 ||
        fail "the roles of PostgreSQL could not be made: $(tail -n 3 "$RUN/roles.log")"
    migrate_database
}

# migrate_database: brings the schema up to date, by the role that owns it.
migrate_database() {
    DATABASE_MIGRATE_URL=$DATABASE_MIGRATE_URL "$BIN/strategyctl" migrate up >"$RUN/migrate.log" 2>&1 ||
        fail "the schema could not be brought up to date: $(tail -n 3 "$RUN/migrate.log")"
}
