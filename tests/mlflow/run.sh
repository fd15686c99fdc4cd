#!/usr/bin/env bash
# Analyses runs of a real MLflow server. Exit: 0 passed, 1 failed, 77 skipped.
# The server's environment is kept in $DEEPFIX_TOOLS and made once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
# The versions whose answers the client was written against.
packages=("mlflow[auth]==3.17.2" "scikit-learn==1.9.1" "PyYAML==6.0.3")
environment=$tools/mlflow-$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c1-12)

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
if [ ! -e "$environment/ready" ]; then
  python3 -m venv --clear "$environment" || skip "no Python environment can be made"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" || skip "MLflow cannot be installed"
  touch "$environment/ready"
fi
DEEPFIX_BIN=${DEEPFIX_BIN:-$here/../../target/debug/deepfix} exec "$environment/bin/python" -B "$here/test_mlflow.py"
