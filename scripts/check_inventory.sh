#!/usr/bin/env bash
# Prints an inventory for checks in a stage without customers: a flight and a hotel on each of the next 90 days.
# Load it before every check, so that it does not run out: tripsaga inventory load <(scripts/check_inventory.sh)
set -euo pipefail

cat <<'CSV'
flight, CK1, Check Air, HND, JFK, 10:00, 20:00, today+1, today+90, 100, USD, 100000
hotel, CHECK-INN, Check Inn, New York, today+1, today+92, 50, USD, 100000
CSV
