#!/usr/bin/env bash
# Prints an inventory for the checks of a stage where nothing is sold: a flight and a hotel on each of the next 90 days.
# Loaded before every check, it does not run out: tripsaga inventory load <(scripts/check_inventory.sh)
set -euo pipefail

day() { date -u -d "+$1 days" +%F 2>/dev/null || date -u -v "+$1d" +%F; } # GNU's date, or BSD's

cat <<CSV
flight, CK1, Check Air, HND, JFK, 10:00, 20:00, $(day 1), $(day 90), 100, USD, 100000
hotel, CHECK-INN, Check Inn, New York, $(day 1), $(day 92), 50, USD, 100000
CSV
