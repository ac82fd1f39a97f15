#!/usr/bin/env bash
# Runs a command with Stripe's official mock instead of Stripe: no account, no network. make stripe-mock fetches it.
#
#   scripts/stripe_mock.sh bin/tripsaga serve --payments stripe
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
mock=${TRIPSAGA_STRIPE_MOCK:-$here/.tools/stripe-mock}
[ $# -gt 0 ] && [ -x "$mock" ] || { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2; }
log=$(mktemp)
"$mock" -http-addr 127.0.0.1: -https-addr 127.0.0.1: -fixtures "$here/trip/adapters/stripe/stripemock/fixtures.json" >"$log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; rm -f "$log"' EXIT
until url=$(sed -n 's|^Listening for HTTP at address: |http://|p' "$log") && [ -n "$url" ]; do
  kill -0 "$pid" || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
TRIPSAGA_STRIPE_KEY=${TRIPSAGA_STRIPE_KEY:-sk_test_mock} TRIPSAGA_STRIPE_URL=$url "$@"
