#!/usr/bin/env bash
# Serves in memory and sends what the API's description allows, and what it does not, to every operation.
# Usage: run.sh SCHEMATHESIS
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
go build -o "$work/tripsaga" ./cmd/tripsaga
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/tripsaga" serve --data "$work/data" --addr "127.0.0.1:$port" >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
"$1" --config-file tests/contract/schemathesis.toml run "http://127.0.0.1:$port/openapi.json" \
  --generation-deterministic --phases examples,coverage --no-color || { tail -5 "$work/log"; exit 1; }
