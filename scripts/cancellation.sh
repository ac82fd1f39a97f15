#!/usr/bin/env bash
# Books one trip at a deployment, cancels it, and verifies the fee, the refund, every record and the ledger to the last
# minor unit; takes the flags of `tripsaga check cancellation`, such as --url URL, and has its exit codes.
set -euo pipefail

if ! command -v tripsaga >/dev/null; then
	root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
	go build -C "$root" -o bin/tripsaga ./cmd/tripsaga # not go run, which turns every exit code into 1
	PATH=$root/bin:$PATH
fi
exec tripsaga check cancellation "$@"
