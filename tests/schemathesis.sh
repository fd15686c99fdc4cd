#!/usr/bin/env bash
# Asks a server everything its published description allows, and much that it does not: no answer may be a
# defect of the server's, and none may have a status that is not described. Exit: 0 passed, 1 failed, 77 skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=${DEEPFIX_BIN:-$here/../target/debug/deepfix}
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
version=4.32.5
environment=$tools/schemathesis-$version

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
if [ ! -e "$environment/ready" ]; then
  python3 -m venv --clear "$environment" || skip "no Python environment can be made"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" || skip "schemathesis cannot be installed"
  touch "$environment/ready"
fi
scratch=$(mktemp -d)
mkfifo "$scratch/log"
DEEPFIX_STORE__PATH="$scratch/store" "$binary" up --listen 127.0.0.1:0 --admin 127.0.0.1:0 2>"$scratch/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
exec 3<"$scratch/log"
# Its first line says where it listens; the rest is read so that it never waits for a reader.
read -r -t 60 line <&3
cat <&3 >/dev/null &
url=$(grep -o 'http://127[0-9.:]*' <<<"$line" | head -n 1)
cd "$scratch"
if ! "$environment/bin/st" --no-color run "$url/openapi.json" --url "$url" --checks not_a_server_error,status_code_conformance \
  --max-examples "${EXAMPLES:-25}" --seed 1 --workers 1 >"$scratch/out" 2>&1; then
  cut -c 1-400 "$scratch/out" | tail -n 80
  exit 1
fi
grep -E 'generated|Tested' "$scratch/out"
kill "$server"
wait "$server"
