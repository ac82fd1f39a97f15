#!/usr/bin/env bash
# Runs a command over this commit with some of the product's files as they were at another one: to see a bug again that
# has been mended since, with the test that shows it.
#
#   scripts/before.sh COMMIT PATH... -- COMMAND...
set -euo pipefail
if [ $# -lt 4 ]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0"
  exit 2
fi
commit=$1
shift
paths=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  paths+=("$1")
  shift
done
[ "${1:-}" = -- ] || { echo "before.sh: there is no -- before the command" >&2; exit 2; }
shift
tree=$(mktemp -d)
git worktree add -q --detach "$tree"
trap 'git worktree remove --force "$tree"' EXIT
for path in "${paths[@]}"; do
  find "$tree/$path" -maxdepth 1 -name '*.go' -not -name '*_test.go' -delete 2>/dev/null || true
  git cat-file -e "$commit:$path" 2>/dev/null || continue # which was not there yet
  git archive "$commit" -- "$path" | tar -x -C "$tree" --exclude='*_test.go' --exclude=testdata
done
cd "$tree"
"$@"
