#!/usr/bin/env bash
# Every relative link of the Markdown files leads somewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
broken=0
while IFS= read -r file; do
  folder=$(dirname "$file")
  while IFS= read -r target; do
    target=${target%%#*}
    [ -z "$target" ] && continue
    if [ ! -e "$folder/$target" ]; then
      printf '%s links to %s, which is not there\n' "$file" "$target" >&2
      broken=1
    fi
  done < <(grep -oE '\]\([^)]+\)' "$file" | sed 's/^](//; s/)$//' | grep -vE '^(https?:|mailto:)' || true)
done < <(git ls-files '*.md')
exit "$broken"
