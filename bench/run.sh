#!/usr/bin/env bash
# Builds the release binary and prints the measurements of bench/bench.py.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --quiet --package deepfix-cli
python3 bench/bench.py "${CARGO_TARGET_DIR:-target}/release/deepfix" "$@"
