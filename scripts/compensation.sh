#!/usr/bin/env bash
# Books three trips that fail at flight, hotel and payment, and verifies that each is compensated; takes the flags of
# `tripsaga check compensation`, such as --url URL and --only STEP, and has its exit codes.
set -euo pipefail

if ! command -v tripsaga >/dev/null; then
	root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
	go build -C "$root" -o bin/tripsaga ./cmd/tripsaga # not go run, which turns every exit code into 1
	PATH=$root/bin:$PATH
fi
exec tripsaga check compensation "$@"
