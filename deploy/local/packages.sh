# shellcheck shell=bash
# What must be installed besides Swift, and how it gets there. Looks for the thing itself (a header,
# a program), so a machine that has it from elsewhere than Debian's packages is left alone.

# PACKAGE KIND PROBE, by what needs it. `run` is enough for the stack; `test` and `ci` add to it.
readonly PACKAGES_RUN="
pkg-config              program pkg-config
libhiredis-dev          header  hiredis/hiredis.h
libcurl4-openssl-dev    header  curl/curl.h
libpq-dev               header  libpq-fe.h
libsimdjson-dev         header  simdjson.h
postgresql              server  postgres
postgresql-client       program psql
redis-server            program redis-server
redis-tools             program redis-cli
curl                    program curl"
readonly PACKAGES_TEST="
chromium                program chromium
chromium-driver         program chromedriver
kubernetes-client       program kubectl
nginx-light             program nginx
openssl                 program openssl
prometheus              program promtool
python3                 program python3
python3-venv            python  ensurepip"
readonly PACKAGES_CI="
shellcheck              program shellcheck"

present() {
    case $1 in
    program) PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null ;;
    header) compgen -G "/usr/include/$2" >/dev/null || compgen -G "/usr/include/*/$2" >/dev/null ||
        [[ -e /usr/local/include/$2 ]] ;;
    server) # Debian keeps it out of PATH
        compgen -G "/usr/lib/postgresql/*/bin/$2" >/dev/null || command -v "$2" >/dev/null
        ;;
    python) python3 -c "import $2" 2>/dev/null ;;
    esac
}

# need_packages run|test|ci: installs what is missing, says what, and starts no service.
need_packages() {
    local package kind probe list=$PACKAGES_RUN missing=()
    [[ $1 == run ]] || list+=$PACKAGES_TEST
    [[ $1 != ci ]] || list+=$PACKAGES_CI
    command -v swift >/dev/null ||
        fail "swift is not in PATH: install Swift 6.3 or later, https://www.swift.org/install/linux/"
    while read -r package kind probe; do
        [[ -z $package ]] || present "$kind" "$probe" || missing+=("$package")
    done <<<"$list"
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null ||
        fail "missing: ${missing[*]} (Debian's names), and there is no apt-get here to install them"
    step "installing with apt-get: ${missing[*]}"
    as_root "$HERE/install" "${missing[@]}"
    step "installed"
}

# Both are read by Package.swift, on every call of swift: an answer that changes is a new build.
swift_environment() {
    if pkg-config --exists hiredis_ssl; then export HIREDIS_TLS=1; else unset HIREDIS_TLS; fi
}
