# shellcheck shell=bash disable=SC2034
# The kinds of process in a stack. Each has `run_KIND NAME PORT`, which starts it, `ready_KIND PORT`,
# which asks it, `grace_KIND`, the seconds it may take to end, and stands in ORDER.

# Servers before those who need them; stopped from the last to the first.
readonly ORDER=(redis postgres simulator supervisor worker)

. "$HERE/postgres.sh"
. "$HERE/redis.sh"

run_simulator() {
    spawn "$1" "$(grace_simulator)" "$BIN/openai-simulator" --port "$2"
}
ready_simulator() { answers "$1" /simulator/health; }
grace_simulator() { echo 10; }

# A name given to one worker cannot be the name of several: what a worker reads is kept under it.
run_worker() {
    if [[ -n ${CONSUMER_NAME-} ]] && ((WORKERS > 1)); then
        local -x CONSUMER_NAME=$CONSUMER_NAME-${1#worker-}
    fi
    REDIS_URL=$(redis_url worker) HEALTH_PORT=$2 spawn "$1" "$(grace_worker)" "$BIN/strategy-worker"
}
ready_worker() { answers "$1" /health; }

# What a worker may take to finish its requests (DRAIN_TIMEOUT), and a little for itself.
grace_worker() {
    local request=${REQUEST_TIMEOUT:-30} drain
    drain=${DRAIN_TIMEOUT:-$((${request%%.*} + 5))}
    echo $((${drain%%.*} + 5))
}

# The supervisor joins the stack by being built.
run_supervisor() {
    REDIS_URL=$(redis_url supervisor) HEALTH_PORT=$2 \
        spawn "$1" "$(grace_supervisor)" "$BIN/strategy-supervisor"
}
ready_supervisor() { answers "$1" /health; }
grace_supervisor() { echo 20; }

# answers PORT PATH: 200 within two seconds, whatever proxy the environment names.
answers() {
    curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "http://127.0.0.1:$1$2"
}
