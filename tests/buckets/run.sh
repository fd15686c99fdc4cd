#!/usr/bin/env bash
# Reads artifacts from a real S3 server (versitygw over a folder) and from an emulator of Google's storage, for the real
# one cannot run here. Exit: 0 passed, 1 failed, 77 skipped. The servers are built once and kept in $DEEPFIX_TOOLS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
s3=github.com/versity/versitygw/cmd/versitygw@v1.8.0
gcs=github.com/fsouza/fake-gcs-server@v1.56.1

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
built() { # module@version: the folder its program is in
  local folder
  folder=$tools/$(basename "$1" | tr '@' '-')
  if [ ! -d "$folder" ]; then
    command -v go >/dev/null || skip "go is not on PATH"
    mkdir -p "$tools"
    local scratch
    scratch=$(mktemp -d "$tools/.new.XXXXXX")
    GOBIN=$scratch go install "$1" 2>"$scratch/log" || { cat "$scratch/log" >&2; rm -rf "$scratch"; skip "$1 cannot be built"; }
    mv -T "$scratch" "$folder" 2>/dev/null || rm -rf "$scratch"
  fi
  echo "$folder"
}
PATH=$(built "$s3"):$(built "$gcs"):$PATH
export PATH DEEPFIX_BIN=${DEEPFIX_BIN:-$here/../../target/debug/deepfix}
exec python3 -B "$here/test_buckets.py"
