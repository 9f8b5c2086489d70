#!/bin/sh
# Durable pushes: one user, 64 devices that all push, SQLite, one fsync for each commit.
#
#   examples/load/durable.sh
#   examples/load/durable.sh --batch 10       pushes of 10 changes, as a device that was offline sends
#
# Expect: changes/s far over the disk's fsyncs a second, for a commit takes all pushes that wait (group commit), and a
# `to commit` of a few fsyncs. Each change also goes to the 63 other devices: deliveries/s is 63 times changes/s. Pass
# `--devices 64 --users 64 --publishers 1` and so on for 64 users of one pushing device.
set -eu
. "$(dirname "$0")/common.sh"
run sqlite --users 1 --devices 64 --publishers 64 --size 128 "$@"
