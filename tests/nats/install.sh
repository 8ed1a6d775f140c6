#!/usr/bin/env bash
# Installs the pinned NATS server into a folder, and prints where the program is: `tests/nats/install.sh DIR`.
set -euo pipefail
pins="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/requirements.txt"
folder="${1:?where to}"

if [ "$(cat "$folder/pins" 2>/dev/null || true)" != "$(sha256sum <"$pins")" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$pins" >&2
    sha256sum <"$pins" >"$folder/pins"
fi
echo "$folder/bin/nats-server"
