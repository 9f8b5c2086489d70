#!/bin/sh
# The hub beside a bare broadcast server on node-ws, by turns: deliveries for each CPU second of the server.
#
#   apt-get install node-ws
#   examples/load/compare.sh                 5 rounds, closed loop (each server as fast as it can)
#   RATE=5000 examples/load/compare.sh       5,000 messages a second in, 15,000 out, for both
#
# Both get messages of 128 bytes in rooms of 4 devices and send each to the 3 others; the hub's are the bodies of changes,
# in frames of some 480 bytes with record, clock, hash, position and cursor. The hub also authenticates,
# parses and checks JSON, decides by vector clocks, commits to its log (in memory here), answers the pusher and numbers
# what it sends; node-ws forwards bytes. Variables: ROUNDS, ROOMS, PUBLISHERS (of 4), WINDOW, RATE, SECONDS_EACH, SIZE,
# CARILLON (the binary), NODE.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
carillon=${CARILLON:-"$root/.build/release/carillon"}
node=${NODE:-node}
rounds=${ROUNDS:-5}
work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

[ -x "$carillon" ] || { echo "compare.sh: build it first (make build), or set CARILLON." >&2; exit 1; }
command -v "$node" >/dev/null || { echo "compare.sh: no node: apt-get install node-ws" >&2; exit 1; }
export NODE_PATH="${NODE_PATH:-/usr/share/nodejs}"

"$node" "$here/node-ws/server.js" 0 >"$work/port" &
server=$!
tries=0
while [ ! -s "$work/port" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "compare.sh: node-ws did not start." >&2; exit 1; }
    sleep 0.1
done
port=$(cat "$work/port")

set -- --users "${ROOMS:-50}" --devices 4 --publishers "${PUBLISHERS:-4}" --size "${SIZE:-128}" --json \
    --duration "${SECONDS_EACH:-5}" --warmup 1
if [ -n "${RATE:-}" ]; then set -- "$@" --rate "$RATE"; else set -- "$@" --window "${WINDOW:-1}"; fi

# A line of a report: deliveries a second, deliveries a CPU second of the server, p50 and p99 to delivery, CPU seconds.
figures='
const r = JSON.parse(require("fs").readFileSync(0));
const f = Object.values(r.faults).some((n) => n > 0) ? " FAULTS " + JSON.stringify(r.faults) : "";
const l = r.push_to_delivery_ms;
console.log([r.deliveries_per_second, r.hub.deliveries_per_cpu_second, l.p50, l.p99,
  (r.hub.user_seconds + r.hub.system_seconds).toFixed(2)].join("\t") + f);'

printf '%-6s %-9s %12s %12s %9s %9s %7s\n' round server deliveries/s 'per CPU s' 'p50 ms' 'p99 ms' 'CPU s'
round=1
while [ "$round" -le "$rounds" ]; do
    for which in node-ws carillon; do
        if [ "$which" = node-ws ]; then
            "$carillon" load --raw --url "http://127.0.0.1:$port" --hub-pid "$server" "$@" >"$work/report"
        else
            "$carillon" load --spawn --store memory "$@" >"$work/report"
        fi
        "$node" -e "$figures" <"$work/report" >"$work/line"
        cat "$work/line" >>"$work/$which"
        printf '%-6s %-9s ' "$round" "$which"
        awk -F '\t' '{ printf "%12d %12d %9.3f %9.3f %7s\n", $1, $2, $3, $4, $5 }' "$work/line"
    done
    round=$((round + 1))
done

median() { cut -f "$2" "$work/$1" | sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
ours=$(median carillon 2)
theirs=$(median node-ws 2)
printf 'median of deliveries a CPU second: carillon %s, node-ws %s, ratio %s\n' "$ours" "$theirs" \
    "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
