#!/usr/bin/env bash
# Analyses runs of a real MLflow server. Exit: 0 passed, 1 failed, 77 skipped.
# The server's environment is kept in $DEEPFIX_TOOLS and made once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
# The versions whose answers the client was written against, and the last of the major version before.
three=("mlflow[auth]==3.17.2" "scikit-learn==1.9.1" "PyYAML==6.0.3")
two=("mlflow[auth]==2.22.5" "scikit-learn==1.6.1" "PyYAML==6.0.3" "SQLAlchemy<2.1" "setuptools<80")

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
against() { # packages
  local environment
  environment=$tools/mlflow-$(printf '%s\n' "$@" | sha256sum | cut -c1-12)
  if [ ! -e "$environment/ready" ]; then
    python3 -m venv --clear "$environment" || skip "no Python environment can be made"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@" || skip "MLflow cannot be installed"
    touch "$environment/ready"
  fi
  DEEPFIX_BIN=${DEEPFIX_BIN:-$here/../../target/debug/deepfix} "$environment/bin/python" -B -W ignore "$here/test_mlflow.py"
}
against "${three[@]}"
against "${two[@]}"
