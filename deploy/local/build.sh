# shellcheck shell=bash
# The one release build that the stack, the tests, the acceptance and the bench share.

# What `make up` starts and leaves: without one of them a build is not up to date.
readonly PROGRAMS=(strategy-worker strategy-supervisor strategyctl openai-simulator)

# The settings of a build that is up to date; a file of them marks when its sources were read.
build_settings() {
    printf 'HIREDIS_TLS=%s\n' "${HIREDIS_TLS-}"
    swift_toolchain
    [[ ! -e Package.resolved ]] || cksum Package.resolved
}

# The compiler's own file stands for its version: asking it would cost half a second.
swift_toolchain() { stat -L -c '%n %s %Y' "$(command -v swift)"; }

# up_to_date STAMP FOLDER…: nothing in the folders is younger than the stamp's build.
up_to_date() {
    local stamp=$1 program
    shift
    [[ -e $stamp && $(<"$stamp") == "$(build_settings)" ]] || return 1
    for program in "${PROGRAMS[@]}"; do [[ -x $BIN/$program ]] || return 1; done
    [[ -z $(find Package.swift "$@" -newer "$stamp" -print -quit) ]]
}

# build_release programs|tests [OPTION…]: builds unless it is up to date. Options go to swift, which
# then always looks itself: what was built with other ones may have passed with warnings.
build_release() {
    local stamp=.build/release-$1.stamp folders=(Sources) options=() began
    swift_environment
    [[ $1 != tests ]] || folders+=(Tests) options=(--build-tests)
    shift
    if (($# == 0)) && up_to_date "$stamp" "${folders[@]}"; then
        step "the release build is up to date"
        return
    fi
    if [[ -x $BIN/${PROGRAMS[0]} ]]; then
        step "building what changed (release)"
    else
        step "building (release): the first time takes 5 to 12 minutes on two cores"
    fi
    mkdir -p .build
    began=$stamp.began
    touch "$began"
    swift build -c release "${options[@]}" "$@" </dev/null
    build_settings >"$stamp"
    touch -r "$began" "$stamp"
    rm -f "$began"
    [[ $stamp != *tests* ]] || cp -p "$stamp" .build/release-programs.stamp
    step "built"
}
