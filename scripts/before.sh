#!/usr/bin/env bash
# Runs a command on the files of a revision, with some of the product's files from an earlier commit, to reproduce a
# bug that has been fixed since, with the test that finds it. The revision must have that test, and the
# same layout as the commit; it is HEAD unless --tree names another one.
#
#   scripts/before.sh [--tree REVISION] COMMIT PATH... -- COMMAND...
set -euo pipefail
usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0"
  exit 2
}
revision=HEAD
if [ "${1:-}" = --tree ]; then
  [ $# -ge 2 ] || usage
  revision=$2
  shift 2
fi
[ $# -ge 4 ] || usage
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
git worktree add -q --detach "$tree" "$revision"
trap 'git worktree remove --force "$tree"' EXIT
for path in ${paths[@]+"${paths[@]}"}; do
  find "$tree/$path" -maxdepth 1 -name '*.go' -not -name '*_test.go' -delete 2>/dev/null || true
  git cat-file -e "$commit:$path" 2>/dev/null || continue # it did not exist yet
  git archive "$commit" -- "$path" | tar -x -C "$tree" --exclude='*_test.go' --exclude=testdata
done
cd "$tree"
"$@"
