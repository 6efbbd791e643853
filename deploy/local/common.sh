# shellcheck shell=bash disable=SC2034
# What all scripts here share: where things are, how a step and an error read. Starts nothing.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$ROOT" || exit

# Relative to the checkout, where every script and every process it starts runs: short in `ps`.
readonly ROOT HERE=deploy/local RUN=.run BIN=.build/release

# A recipe that calls several scripts hands its beginning on, so that times add up.
export STEPS_BEGAN=${STEPS_BEGAN:-${EPOCHREALTIME/[.,]/}}

# step TEXT…: one line with the seconds since the beginning.
step() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - STEPS_BEGAN) / 100000))
    printf '[%3d.%d s] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}

# fail TEXT…: what is wrong and what to do about it, then the end.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# whole_number NAME VALUE LOW HIGH: refuses what is not a number within the bounds, by name.
whole_number() {
    if [[ ! $2 =~ ^[0-9]{1,9}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
        fail "$1 is '$2': expected a whole number from $3 to $4"
    fi
}

# eventually SECONDS COMMAND…: tries ten times a second until it succeeds; fails after SECONDS.
eventually() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@"; do
        ((${EPOCHREALTIME/[.,]/} < end)) || return 1
        sleep 0.1
    done
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo: run as root: $*"
    fi
}
