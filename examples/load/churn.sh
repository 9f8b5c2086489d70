#!/bin/sh
# Churn: devices leave and come back with their cursor while others push, some read slowly, and nothing may be missing.
#
#   examples/load/churn.sh
#
# Expect: `lost 0, duplicate 0, out of order 0, gaps 0` although thousands of connections were cut, half of them in the
# middle of anything; `again` is the time from connect to live with a catch-up; `sent again` are pushes whose answer was
# cut off, which the hub knew as duplicates.
set -eu
. "$(dirname "$0")/common.sh"
run sqlite --users 20 --devices 8 --publishers 2 --rate 1000 --churn 100 --slow 20 --size 500 --duration 20 "$@"
