#!/usr/bin/env bash
# Everything that must hold, from format to browser. What a machine cannot have is skipped with a
# loud SKIP line; with DEEPFIX_NO_SKIP=1 (as in CI) a skip is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
skipped=0

stage() { printf '\n== %s\n' "$*"; }

skip() {
  printf 'SKIP: %s\n' "$*" >&2
  skipped=$((skipped + 1))
}

# A Debian package, when this is Debian and we may.
debian() {
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    (apt-get install -y -qq --no-install-recommends "$@" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }) >/dev/null
  fi
}

# SKIPPED COMMAND...: a part with tools of its own, which ends with 77 when it cannot have them.
part() {
  local skipped=$1 status=0
  shift
  DEEPFIX_BIN="$CARGO_TARGET_DIR/debug/deepfix" "$@" || status=$?
  case $status in
    0) ;;
    77) skip "$skipped" ;;
    *) exit "$status" ;;
  esac
}

stage "format"
cargo fmt --all --check

stage "lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

stage "generated files and layers"
cargo xtask check

stage "unit, contract and end-to-end tests"
cargo test --workspace --locked --quiet

stage "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
./tests/links.sh

stage "chart"
part "the chart was not rendered" ./deploy/test-chart.sh

stage "results that checking tools write now"
part "no checking tool was run" ./tests/checks/run.sh

stage "artifacts in buckets"
part "no bucket was read" ./tests/buckets/run.sh

stage "runs of a real MLflow server"
part "no MLflow server was asked" ./tests/mlflow/run.sh
part "no language model was asked" ./tests/model/run.sh

stage "everything the published description allows"
part "the description was not tried" ./tests/schemathesis.sh

stage "the page in a real browser"
command -v chromium >/dev/null || debian chromium || true
if command -v chromium >/dev/null && command -v npm >/dev/null; then
  (cd tests/browser && npm ci --silent --no-progress >/dev/null)
  scratch=$(mktemp -d)
  mkfifo "$scratch/log"
  DEEPFIX_STORE__PATH="$scratch/store" "$CARGO_TARGET_DIR/debug/deepfix" up --listen 127.0.0.1:0 --admin 127.0.0.1:0 2>"$scratch/log" &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
  exec 3<"$scratch/log"
  # Its first line says where it listens; the rest is read so that it never waits for a reader.
  read -r -t 60 line <&3
  cat <&3 >/dev/null &
  url=$(grep -o 'http://127[0-9.:]*' <<<"$line" | head -n 1)
  (cd tests/browser && DEEPFIX_URL="$url" node --test --test-reporter=spec page.test.mjs)
  kill "$server"
  wait "$server" || true
else
  skip "no chromium or npm: the page was not looked at"
fi

if [ "$skipped" -gt 0 ]; then
  printf '\n%s stages were skipped\n' "$skipped" >&2
  if [ -n "${DEEPFIX_NO_SKIP:-}" ]; then exit 1; fi
fi
printf '\nall stages passed\n'
