#!/usr/bin/env bash
# Builds a fuzz target and runs it: fuzz/run.sh checkpoint [seconds]. FUZZ_DIR holds build and corpus.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
target="${1:?usage: run.sh checkpoint|checks|log|table|text [seconds]}"
work="${FUZZ_DIR:-${CARGO_TARGET_DIR:-$here/../target}/fuzz}"
corpus="$work/corpus/$target"
mkdir -p "$corpus" "$work/failed"
cd "$here"
export CARGO_TARGET_DIR="$work/build"
# Coverage of the project's own crates and what they parse with, as cargo-fuzz asks for it.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1"
triple="$(rustc -vV | sed -n 's/^host: //p')"
features=()
[ "$target" = table ] && features=(--features tables)
cargo build --release --quiet --target "$triple" "${features[@]}" --bin "$target"
data="$here/../testdata"
case "$target" in
  checkpoint)
    cp -n "$data"/checkpoints/*.* "$corpus" 2>/dev/null || true
    for archive in "$data"/safety/*.tar.zst; do zstd -dcq "$archive" | tar -xf - -C "$work"; done
    find "$work"/hostile "$work"/honest "$work"/honest-torch -type f -size -64k -exec cp -n {} "$corpus" \; ;;
  checks) find "$data/checks" "$data/sdk-requests" -type f -size -64k -exec cp -n {} "$corpus" \; ;;
  log) find "$data" \( -name '*.csv' -o -name '*.json' -o -name '*.txt' -o -name '*.log' -o -name '*tfevents*' \) -size -64k -exec cp -n {} "$corpus" \; ;;
  table) find "$data" \( -name '*.csv' -o -name '*.parquet' -o -name '*.ndjson' -o -name '*.profile' \) -size -64k -exec cp -n {} "$corpus" \; ;;
  text) find "$data" \( -name '*.yaml' -o -name '*.json' \) -size -16k -exec cp -n {} "$corpus" \; ;;
esac
"$work/build/$triple/release/$target" "$corpus" -max_total_time="${2:-60}" -timeout=10 -rss_limit_mb=4096 -max_len=65536 \
  -artifact_prefix="$work/failed/$target-" -print_final_stats=1
