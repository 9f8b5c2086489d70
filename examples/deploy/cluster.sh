#!/usr/bin/env bash
# Three hubs behind HAProxy on one Postgres; one of them is killed while devices push and listen.
#
#   apt-get install haproxy postgresql
#   make build && examples/deploy/cluster.sh
#   RECORDS=50000 TAILS=12 KILLS=2 examples/deploy/cluster.sh
#
# Everything is its own and goes away at the end: a Postgres on a Unix socket, three hubs and HAProxy on loopback, in a
# temporary folder. TAILS devices listen and PUSHERS devices push RECORDS records between them, all through HAProxy;
# while they do, KILLS hubs are ended by SIGKILL, one after the other, and not started again. Then it counts: every
# device that listens must have printed each record once. It also says how many records a second each device heard, and
# the longest time in which one heard nothing: those whose hub was killed, on their way to another. Takes some 20
# seconds. Exit status: 0 nothing was lost and nothing came twice, 1 something was or did. Variables: RECORDS, TAILS, PUSHERS, KILLS (at most 2), PORT (HAProxy's; the
# hubs have the three behind it), CARILLON (the binary).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
carillon=${CARILLON:-"$root/.build/release/carillon"}
records=${RECORDS:-20000}
tails=${TAILS:-6}
pushers=${PUSHERS:-4}
kills=${KILLS:-1}
export PORT=${PORT:-8780}
export PORT_1=$((PORT + 1)) PORT_2=$((PORT + 2)) PORT_3=$((PORT + 3))

[ -x "$carillon" ] || { echo "cluster.sh: build it first (make build), or set CARILLON." >&2; exit 1; }
haproxy=$(command -v haproxy || echo /usr/sbin/haproxy)
[ -x "$haproxy" ] || { echo "cluster.sh: no haproxy: apt-get install haproxy" >&2; exit 1; }
[ "$kills" -le 2 ] || { echo "cluster.sh: KILLS is 0, 1 or 2: one hub has to be left." >&2; exit 1; }

work=$(mktemp -d)
pids=()
finish() {
    for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    "$root/.ci/postgres" stop "$work/postgres" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$*" >&2; }
export XDG_STATE_HOME="$work/state" XDG_CONFIG_HOME="$work/config"

say "Postgres starts ..."
CARILLON_STORE=$("$root/.ci/postgres" start "$work/postgres")
export CARILLON_STORE
"$carillon" user add ada >/dev/null
key=$("$carillon" key create ada --label cluster | grep -o 'car_[A-Za-z0-9_-]*' | head -n 1)
export CARILLON_KEY=$key CARILLON_URL="http://127.0.0.1:$PORT"

hubs=()
for port in "$PORT_1" "$PORT_2" "$PORT_3"; do
    "$carillon" serve --data "$work/hub.$port" --listen "127.0.0.1:$port" --trusted-proxy 127.0.0.1 \
        --log-level warning \
        >"$work/hub.$port.log" 2>&1 &
    hubs+=($!)
    pids+=($!)
done
"$haproxy" -db -f "$here/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
pids+=($!)
for _ in $(seq 100); do curl -fs "$CARILLON_URL/ready" >/dev/null 2>&1 && break; sleep 0.1; done
curl -fs "$CARILLON_URL/ready" >/dev/null || { say "No hub answers:"; cat "$work"/*.log >&2; exit 1; }
say "Three hubs listen on $PORT_1, $PORT_2 and $PORT_3, HAProxy on $PORT."

for number in $(seq "$tails"); do
    "$carillon" tail --device "tail$number" --json --since 1h >"$work/tail.$number" 2>>"$work/tails.log" &
    pids+=($!)
done
# Every tenth of a second: the time in microseconds, and how many each device has heard.
while :; do
    printf '%s' "${EPOCHREALTIME//[!0-9]/}"
    wc -l "$work"/tail.[0-9]* | awk '$2 != "total" { printf " %d", $1 }'
    echo
    sleep 0.1
done >"$work/heard" 2>/dev/null &
pids+=($!)
pushing=()
for number in $(seq "$pushers"); do
    awk -v n="$number" -v of="$pushers" -v all="$records" 'BEGIN {
        for (i = n; i <= all; i += of)
            printf "{\"kind\":\"note\",\"id\":\"r%d\",\"body\":{\"n\":%d,\"text\":\"The bell rings for everyone.\"}}\n", i, i
    }' >"$work/push.$number"
    "$carillon" push --device "push$number" --wait --batch 10 "$work/push.$number" >>"$work/push.log" 2>&1 &
    pushing+=($!)
    pids+=($!)
done

for kill in $(seq "$kills"); do
    share=$((records * kill / (kills + 1)))
    for _ in $(seq 1200); do
        [ "$(wc -l <"$work/tail.1")" -ge "$share" ] && break
        kill -0 "${pushing[@]}" 2>/dev/null || break
        sleep 0.05
    done
    say "Hub $kill is killed after $(wc -l <"$work/tail.1") of $records records."
    # Waited for here, so that the shell does not report it.
    { kill -9 "${hubs[kill - 1]}" && wait "${hubs[kill - 1]}"; } 2>/dev/null || true
done

failed=0
for pid in "${pushing[@]}"; do wait "$pid" || failed=1; done
[ "$failed" -eq 0 ] || { say "A push failed:"; tail -n 5 "$work/push.log" >&2; }
for _ in $(seq 300); do
    least=$(wc -l "$work"/tail.[0-9]* | awk '$2 != "total" { print $1 }' | sort -n | head -n 1)
    [ "$least" -ge "$records" ] && break
    sleep 0.1
done

printf '%-8s %10s %10s %10s\n' device heard missing twice
for number in $(seq "$tails"); do
    ids="$work/ids.$number"
    grep -o '"id":"r[0-9]*"' "$work/tail.$number" | sort >"$ids"
    all=$(wc -l <"$ids")
    each=$(uniq "$ids" | wc -l)
    printf '%-8s %10d %10d %10d\n' "tail$number" "$all" $((records - each)) $((all - each))
    [ "$all" -eq "$records" ] && [ "$each" -eq "$records" ] || failed=1
done
awk -v all="$records" '{
    for (i = 2; i <= NF; i++) {
        if ($i == 0 || $i >= all && last[i] >= all) continue
        if (!first[i]) { first[i] = at[i] = $1; before[i] = last[i] = $i }
        if ($i > last[i]) { if ($1 - at[i] > pause) pause = $1 - at[i]; at[i] = $1; last[i] = $i; end[i] = $1 }
    }
} END {
    for (i in end) if (end[i] > first[i]) { rate += (last[i] - before[i]) / (end[i] - first[i]) * 1e6; count++ }
    if (count) printf "Each heard %d records a second; the longest that one heard nothing was %.1f s.\n", \
        rate / count, pause / 1e6
}' "$work/heard"
exit "$failed"
