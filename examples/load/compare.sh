#!/bin/sh
# The hub beside a bare broadcast server on node-ws, by turns: deliveries for each CPU second of the server.
#
#   apt-get install node-ws
#   examples/load/compare.sh                 3 shapes, 5 rounds of each: about 4 minutes
#   SHAPES=rate RATE=5000 examples/load/compare.sh
#
# Both get messages of 128 bytes in rooms of 4 devices and send each to the 3 others; the hub's are the bodies of changes,
# in frames of some 480 bytes with record, clock, hash, position and cursor. The hub also authenticates,
# parses and checks JSON, decides by vector clocks, commits to its log (in memory here), answers the pusher and numbers
# what it sends; node-ws forwards bytes.
#
# The ratio depends on the shape, so there are three, the same for both servers:
#
#   one       one device of each room publishes and waits for its answer (node-ws: for the copies)
#   window    all devices publish, 8 messages each without an answer
#   rate      all devices publish, RATE messages a second together, whatever the server does
#
# In each round every shape is run on both servers, one right after the other, the first of them in turn. The table at the
# end has the medians of the rounds. Variables: SHAPES, ROUNDS, ROOMS, RATE, SECONDS_EACH, SIZE, CARILLON (the binary), NODE.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
carillon=${CARILLON:-"$root/.build/release/carillon"}
node=${NODE:-node}
rounds=${ROUNDS:-5}
shapes=${SHAPES:-one window rate}
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

# The options of a shape.
options() {
    case $1 in
        one) echo --publishers 1 --window 1 ;;
        window) echo --publishers 4 --window 8 ;;
        rate) echo --publishers 4 --rate "${RATE:-2000}" ;;
        *) echo "compare.sh: there is no shape $1: one, window and rate are." >&2; return 1 ;;
    esac
}
for shape in $shapes; do options "$shape" >/dev/null; done

# A line of a report: deliveries a second, deliveries a CPU second of the server, p50 and p99 to delivery, CPU seconds of
# the server and of the load.
figures='
const r = JSON.parse(require("fs").readFileSync(0));
const f = Object.values(r.faults).some((n) => n > 0) ? " FAULTS " + JSON.stringify(r.faults) : "";
const l = r.push_to_delivery_ms;
console.log([r.deliveries_per_second, r.hub.deliveries_per_cpu_second, l.p50, l.p99,
  (r.hub.user_seconds + r.hub.system_seconds).toFixed(2), r.load_cpu_seconds.toFixed(2)].join("\t") + f);'

# measure SHAPE SERVER: one run, its line kept and shown.
measure() {
    # shellcheck disable=SC2046 # options are words without spaces
    set -- "$1" "$2" $(options "$1") --users "${ROOMS:-50}" --devices 4 --size "${SIZE:-128}" --json \
        --duration "${SECONDS_EACH:-5}" --warmup 1
    shape=$1 which=$2
    shift 2
    if [ "$which" = node-ws ]; then
        set -- --raw --url "http://127.0.0.1:$port" --hub-pid "$server" "$@"
    else
        set -- --spawn --store memory "$@"
    fi
    # Faults are for whoever reads the table, not the end of it.
    "$carillon" load "$@" >"$work/report" 2>"$work/errors" || [ -s "$work/report" ] || { cat "$work/errors" >&2; exit 1; }
    "$node" -e "$figures" <"$work/report" >"$work/line"
    cat "$work/line" >>"$work/$shape.$which"
    printf '%-5s %-7s %-9s ' "$round" "$shape" "$which"
    awk -F '\t' '{ printf "%11d %9d %8.3f %8.3f %6s %6s\n", $1, $2, $3, $4, $5, $6 }' "$work/line"
    sed -n 's/.* FAULTS /      faults: /p' "$work/line"
}

printf '%-5s %-7s %-9s %11s %9s %8s %8s %6s %6s\n' \
    round shape server deliv./s 'per CPU s' 'p50 ms' 'p99 ms' 'CPU s' load
round=1
while [ "$round" -le "$rounds" ]; do
    if [ $((round % 2)) = 1 ]; then order='node-ws carillon'; else order='carillon node-ws'; fi
    for shape in $shapes; do
        for which in $order; do measure "$shape" "$which"; done
    done
    round=$((round + 1))
done

# median SHAPE SERVER COLUMN
median() {
    sed 's/ FAULTS.*//' "$work/$1.$2" | cut -f "$3" | sort -n |
        awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

printf '\nmedians of %s rounds; the ratio is of deliveries a CPU second, carillon to node-ws\n\n' "$rounds"
printf '%-7s %-9s %11s %9s %8s %8s %6s %6s\n' shape server deliv./s 'per CPU s' 'p50 ms' 'p99 ms' 'CPU s' ratio
for shape in $shapes; do
    for which in node-ws carillon; do
        ratio=
        if [ "$which" = carillon ]; then
            ratio=$(awk "BEGIN { printf \"%.2f\", $(median "$shape" carillon 2) / $(median "$shape" node-ws 2) }")
        fi
        printf '%-7s %-9s %11.0f %9.0f %8.3f %8.3f %6.2f %6s\n' "$shape" "$which" "$(median "$shape" "$which" 1)" \
            "$(median "$shape" "$which" 2)" "$(median "$shape" "$which" 3)" "$(median "$shape" "$which" 4)" \
            "$(median "$shape" "$which" 5)" "$ratio"
    done
done
