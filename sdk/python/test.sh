#!/usr/bin/env bash
# Passes all tests of this package: without a network, and with the real frameworks against a maso that it starts.
#
#   ./test.sh            everything; MASO_BIN names the program (else target/debug/maso)
#   ./test.sh install    only what the tests need
set -euo pipefail

# Before the folder changes: what the caller names is meant from where the caller is.
readonly root="$(dirname "${BASH_SOURCE[0]}")"
readonly target="$(realpath -m "${CARGO_TARGET_DIR:-$root/../../target}")"
export MASO_BIN="$(realpath -m "${MASO_BIN:-$target/debug/maso}")"
cd "$root"
readonly here="$target/sdk"
readonly frameworks="$here/frameworks/bin"
readonly crewai="$here/crewai/bin"
# Frameworks tell of their runs where nobody stops them.
export OTEL_SDK_DISABLED=true CREWAI_DISABLE_TELEMETRY=true CREWAI_TRACING_ENABLED=false OPENAI_AGENTS_DISABLE_TRACING=1

# What was begun ends with this script, also where somebody ends that early.
child=''
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Installs the environments anew when what is pinned has changed. CrewAI has one of its own: it wants older versions of
# what the others share.
install() {
    local pins environment
    pins="$(cat tests/requirements/*.txt | sha256sum)"
    if [ "$(cat "$here/pins" 2>/dev/null || true)" = "$pins" ]; then
        return
    fi
    rm -rf "$here"
    mkdir -p "$here"
    for environment in frameworks crewai; do
        python3 -m venv "$here/$environment"
        # Every package is listed with its hashes, so nothing is left for pip to resolve. Of a gigabyte, little is ever
        # imported: what is, Python compiles by itself.
        "$here/$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile \
            -r "tests/requirements/$environment.txt" &
        child=$!
        wait "$child"
        child=''
    done
    echo "$pins" >"$here/pins"
}

# The package as anybody installs it: its wheel.
install_package() {
    rm -rf "$here/wheel"
    "$frameworks/pip" wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$here/wheel" .
    local bin
    for bin in "$frameworks" "$crewai"; do
        "$bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$here"/wheel/*.whl
    done
}

install
[ "${1-}" = install ] && exit
install_package
"$frameworks/ruff" check --quiet --no-cache .
"$frameworks/ruff" format --quiet --no-cache --check .
# Each adapter against the framework itself.
"$frameworks/mypy" --cache-dir "$here/types" --exclude crewai src tests examples
"$crewai/mypy" --cache-dir "$here/crewai-types" src/maso/crewai.py examples/claims_crewai.py

readonly pytest=(-m pytest -q -p no:cacheprovider)
status=0
"$frameworks/python" "${pytest[@]}" tests/unit tests/live --ignore tests/live/test_crewai.py --junit-xml "$here/frameworks.xml" || status=1
"$crewai/python" "${pytest[@]}" tests/live/test_crewai.py --junit-xml "$here/crewai.xml" || status=1
"$frameworks/python" tests/count.py "$here/frameworks.xml" "$here/crewai.xml"
exit "$status"
