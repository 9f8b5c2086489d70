#!/bin/sh
# Idle connections: 19,800 devices that are live and hear nothing.
#
#   examples/load/idle.sh
#   DEVICES=100 examples/load/idle.sh         10,000 (100 users x DEVICES)
#
# Expect: `hub's CPU 0.00 s`, some 2 KiB of the hub's memory a connection (the kernel's socket buffers are not the
# process's), and `to live`, the time from connect to subscribed, for a herd that comes at once; --connect-rate 1000
# spreads it. Hub and load have a descriptor for each connection: `ulimit -Hn`, often 20,000, must be over the number. Over 20,000
# connections the load comes from 127.0.0.2, 127.0.0.3 and so on, for an address has 28,000 ports.
set -eu
. "$(dirname "$0")/common.sh"
run memory --users 100 --devices "${DEVICES:-198}" --idle --duration "${SECONDS_HELD:-10}" "$@"
