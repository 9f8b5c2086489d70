#!/bin/sh
# Fan-out: 50 users with 4 devices each, all of which push messages of 128 bytes that the 3 others get at once.
#
#   examples/load/fan-out.sh                  as fast as the hub answers, records in memory
#   examples/load/fan-out.sh --rate 5000      5,000 pushes a second, 15,000 deliveries: latency on a hub that has time
#   HUB=http://127.0.0.1:8787 DATA=.carillon examples/load/fan-out.sh
#
# Expect: `lost 0, duplicate 0, out of order 0`, exit status 0, and the load's CPU below the hub's. Closed loop shows what
# the hub can do, and its latency is that of a full hub; --rate shows latency, and its throughput is what you asked for.
# Further options go to `carillon load`: --plot fan-out.svg, --threads 2, --size 1024, --json.
set -eu
. "$(dirname "$0")/common.sh"
run memory --users 50 --devices 4 --publishers 4 --size 128 "$@"
