#!/usr/bin/env bash
# Serves from a new folder, checks that the API's description is valid, and sends what it allows, and what it does not, to
# every operation and from one to the next.
# Usage: run.sh FOLDER (of schemathesis and openapi-spec-validator)
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
go build -o "$work/tripsaga" ./cmd/tripsaga
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/tripsaga" serve --data "$work/data" --addr "127.0.0.1:$port" >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
url=http://127.0.0.1:$port/openapi.json
curl -fsS "$url" >"$work/openapi.json"
"$1/openapi-spec-validator" --schema 3.1 "$work/openapi.json"
"$1/schemathesis" --config-file tests/contract/schemathesis.toml run "$url" --generation-deterministic --no-color \
  --max-examples "${TRIPSAGA_CONTRACT_EXAMPLES:-20}" || { tail -5 "$work/log"; exit 1; }
