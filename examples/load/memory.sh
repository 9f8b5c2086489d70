#!/bin/sh
# Memory: how much more the hub holds while 100 MB are pushed to it and pulled back.
#
#   examples/load/memory.sh [OPTIONS OF carillon serve]
#   STORE=postgres://... examples/load/memory.sh     in schemas of its own, which go again (needs psql)
#
# Expect: every peak under 64 MiB above idle, whatever the records' size and whoever pushes. Four ways in, each into a
# hub of its own: `carillon push` of 10,000 records of 10 KB and of 100,000 of 1 KB, a client that sends with 60 pushes
# in flight and never waits, and REST bodies of 16 MiB; then `carillon pull --all --json`, and pages of 8 MiB. The
# peaks are VmHWM of /proc; only Linux has it, and python3 is needed for the last two pushers.
set -eu
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
port=${PORT:-18787}
folder=$(mktemp -d)
hub=
schema=
address=${STORE:-sqlite}
# Everything below works on CARILLON_STORE.
renew() {
    rm -rf "$folder/data"
    drop
    case $address in
        postgres*://*)
            schema=carillon_memory_$$
            psql -q "$address" -c "CREATE SCHEMA $schema"
            case $address in *\?*) joint='&' ;; *) joint='?' ;; esac
            CARILLON_STORE="$address${joint}options=-csearch_path%3D$schema" ;;
        *) CARILLON_STORE=$address ;;
    esac
    export CARILLON_STORE
}
drop() {
    [ -z "$schema" ] || psql -q "$address" -c "SET client_min_messages = warning" -c "DROP SCHEMA $schema CASCADE" || :
    schema=
}
finish() {
    [ -z "$hub" ] || kill "$hub" 2>/dev/null || :
    wait
    drop
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

# records COUNT BYTES: NDJSON, the same in every run.
records() {
    awk -v count="$1" -v bytes="$2" 'BEGIN {
        for (i = 0; i < 64; i++) text = text sprintf("bell %d tower %d ", i * 7919 % 1000, i * 104729 % 1000)
        while (length(text) < bytes) text = text text
        for (i = 0; i < count; i++)
            printf "{\"kind\":\"note\",\"id\":\"%06d\",\"body\":{\"n\":%d,\"text\":\"%s\"}}\n", i, i, substr(text, 1, bytes)
    }'
}
kib() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$hub/status"; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", (a - b) / 1024 }'; }

# measure NAME COMMAND...: a hub of its own; one line of MiB.
measure() {
    name=$1
    shift
    renew
    "$carillon" user add ada --data "$folder/data" >/dev/null
    CARILLON_KEY=$("$carillon" key create ada --data "$folder/data" --label memory 2>/dev/null)
    CARILLON_URL=http://127.0.0.1:$port
    export CARILLON_KEY CARILLON_URL
    # shellcheck disable=SC2086
    "$carillon" serve --data "$folder/data" --listen "127.0.0.1:$port" ${SERVE:-} >/dev/null 2>&1 &
    hub=$!
    tries=0
    until "$carillon" status >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || { echo "$0: the hub does not start" >&2; exit 1; }
        sleep 0.2
    done
    idle=$(kib VmRSS)
    echo 5 >"/proc/$hub/clear_refs"
    "$@" >"$folder/pusher" 2>&1 || cat "$folder/pusher" >&2
    pushed=$(kib VmHWM)
    echo 5 >"/proc/$hub/clear_refs"
    lines=$("$carillon" pull --all --json 2>/dev/null | wc -l)
    pulled=$(kib VmHWM)
    echo 5 >"/proc/$hub/clear_refs"
    "$carillon" pull --all >/dev/null 2>&1
    paged=$(kib VmHWM)
    printf '%-28s %8s %8s %8s %8s %8s\n' "$name" "$lines" "$(above "$idle" 0)" "$(above "$pushed" "$idle")" \
        "$(above "$pulled" "$idle")" "$(above "$paged" "$idle")"
    kill "$hub"
    wait "$hub" || :
    hub=
}

SERVE=$*
records 10000 10000 >"$folder/large.ndjson"
records 100000 950 >"$folder/small.ndjson"
printf '%-28s %8s %8s %8s %8s %8s\n' 'MiB above idle' records idle push pull pages
measure 'push, 10,000 x 10 KB' "$carillon" push "$folder/large.ndjson" --device laptop
measure 'push, 100,000 x 1 KB' "$carillon" push "$folder/small.ndjson" --device laptop
if command -v python3 >/dev/null; then
    measure 'in flight, 10,000 x 10 KB' python3 "$here/memory.py" socket "$folder/large.ndjson"
    measure 'in flight, 100,000 x 1 KB' python3 "$here/memory.py" socket "$folder/small.ndjson"
    measure 'REST, 10,000 x 10 KB' python3 "$here/memory.py" rest "$folder/large.ndjson"
fi
