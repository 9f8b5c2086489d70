#!/bin/sh
# Follows a hub and hands each new record to a command of yours, one JSON object a line on its standard input.
#
#   CARILLON_KEY=car_... examples/tail/tail.sh                  prints what comes
#   CARILLON_KEY=car_... examples/tail/tail.sh jq -r .body.title
#
# The CLI does the rest: it reconnects, resumes from its saved cursor, and never skips a change. Variables: CARILLON_URL, DEVICE,
# SINCE (how far back a first run begins, 10m by default), CARILLON (the binary).
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
carillon=${CARILLON:-$(command -v carillon || echo "$root/.build/release/carillon")}
: "${CARILLON_KEY:?set it to an API key; \`carillon key create USER --data DIR\` makes one}"

if [ ! -x "$carillon" ]; then
    echo "tail.sh: no carillon in PATH and none built in $root: run \`make build\`, or set CARILLON." >&2
    exit 1
fi

follow() {
    "$carillon" tail --json --since "${SINCE:-10m}" --url "${CARILLON_URL:-http://127.0.0.1:8787}" --key "$CARILLON_KEY" \
        --device "${DEVICE:-tail-sh}"
}

if [ $# -eq 0 ]; then
    follow
else
    follow | "$@"
fi
