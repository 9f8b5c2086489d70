#!/bin/bash
# Postgres as the store, beside what the server can do by itself, on one disk by turns.
#
#   examples/load/postgres.sh                   all parts: about 4 minutes
#   PARTS='commits rows' ROUNDS=3 examples/load/postgres.sh
#
#   commits   32 devices that push one small record at a time (of 32 users, and of one user), and 32 pgbench clients
#             that insert one row each into a table like `versions`, a commit each
#   rows      the journal's commits of 1,000 records of 600 bytes, and a bare INSERT .. SELECT FROM unnest(..) of them
#   vectors   10,000 records with embeddings of 384 floats by `carillon push`, and back by `carillon pull --all --json`
#   memory    memory.sh on Postgres: 100 MB each way
#
# Expect: p99 within 5 times p50 where pgbench's is 3; some 0.6 of the bare rows a second; vectors pushed and pulled in under
# a second; under 64 MiB. Against pgbench the disk decides: a commit of the hub takes all that waits, so that a slow sync
# is shared by more; where a sync takes under a millisecond both are bound by the processor. The server is a private one of
# .ci/postgres with default durability, on a folder that goes at the end. The table has the medians of the rounds and
# their ranges. Variables: PARTS, ROUNDS, SECONDS_EACH, SETTINGS (for the server: '-c shared_buffers=1GB').
set -eu
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${POSTGRES_OF_THIS_RUN:-}" ]; then
    command -v python3 >/dev/null || { echo "postgres.sh: needs python3" >&2; exit 1; }
    work=$(mktemp -d)
    # Root's server runs as another user, who has to enter it.
    chmod 711 "$work"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    # shellcheck disable=SC2086 # settings are words
    POSTGRES_OF_THIS_RUN=$work "$root/.ci/postgres" run "$work/postgres" ${SETTINGS:-} -- "$here/postgres.sh"
    exit
fi

work=$POSTGRES_OF_THIS_RUN
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-5}
hub=
trap 'test -z "$hub" || kill "$hub" 2>/dev/null' EXIT
trap 'exit 130' INT TERM
# Address of a schema of its own, so that no run finds what another left.
fresh() {
    psql -q "$CARILLON_STORE" -c "CREATE SCHEMA $1"
    echo "$CARILLON_STORE&options=-csearch_path%3D$1"
}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH=${CARILLON_POSTGRES_BIN:-$bin}:$PATH
# note NAME FIGURES...: a line of the round, kept and shown.
note() { printf '%s\n' "$*" | tee -a "$work/lines"; }

report='
import json, sys
r = json.load(sys.stdin); c = r["push_to_commit_ms"]; h = r.get("hub") or {}
assert not any(r["faults"].values()), r["faults"]
print("tps", round(r["pushes_per_second"]), "p50", c["p50"], "p99", c["p99"], "hub_cpu",
      round(h.get("user_seconds", 0) + h.get("system_seconds", 0), 2))'

commits_prepare() {
    bare=$(fresh bare)
    "$carillon" user add pgbench --store "$bare" >/dev/null
    cat >"$work/insert.sql" <<'SQL'
INSERT INTO versions (position, updated_at, schema_version, bytes, is_sibling, is_deleted, is_embedded, space, kind, id,
    namespace, author, writer, hash, clock, reason, detail, body)
VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::int8, 1790000000000000, 1, 500, false, false, false,
    'u_' || :client_id, 'note', gen_random_uuid()::text, 'default', 'laptop', 'laptop.1', repeat('0123456789abcdef', 4),
    '\x0107070707070707', 'newer', '', '{"text":"' || repeat('x', 117) || '"}');
SQL
}
commits_round() {
    note pgbench "$(pgbench -n -M prepared -c 32 -j 2 -T "$seconds" -l --log-prefix="$work/pgbench" -f "$work/insert.sql" \
        "$bare" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/tps \1/p') $(cat "$work"/pgbench.* | awk '{ print $3 / 1000 }' |
        sort -n | awk '{ a[NR] = $1 } END { print "p50", a[int(NR * .5)], "p99", a[int(NR * .99)] }')"
    rm -f "$work"/pgbench.*
    for shape in '32 1 1' '1 32 32'; do
        # shellcheck disable=SC2086
        set -- $shape
        store=$(fresh "commits_$1_$RANDOM$RANDOM")
        note "users-$1" "$("$carillon" load --spawn --store "$store" --users "$1" --devices "$2" --publishers "$3" \
            --size 128 --warmup 1 --duration "$seconds" --json | python3 -c "$report")"
    done
}

rows_prepare() { :; }
rows_round() {
    "$carillon" bench --filter postgres-commit-1000 --filter postgres-bare --store "$CARILLON_STORE" --json \
        --samples 9 --sample-milliseconds 200 | python3 -c '
import json, statistics, sys
for r in json.load(sys.stdin)["results"]:
    print(r["name"].split("/")[1], "rows_a_second", round(statistics.median(r["samples"])))' |
        while read -r line; do note "$line"; done
}

vectors_prepare() {
    python3 - "$work/vectors.ndjson" <<'PY'
import json, random, sys
random.seed(1)
with open(sys.argv[1], "w") as out:
    for i in range(10000):
        vector = [random.uniform(-1, 1) for _ in range(384)]
        body = {"n": i, "text": "bell %d tower" % i}
        out.write(json.dumps({"kind": "memory", "id": "%06d" % i, "embedding": vector, "body": body}) + "\n")
PY
}
vectors_round() {
    store=$(fresh "vectors_$RANDOM$RANDOM")
    "$carillon" user add ada --store "$store" >/dev/null
    CARILLON_KEY=$("$carillon" key create ada --store "$store" --label load 2>/dev/null)
    CARILLON_URL=http://127.0.0.1:${PORT:-18788}
    export CARILLON_KEY CARILLON_URL
    CARILLON_STORE=$store "$carillon" serve --data "$work/data" --listen "127.0.0.1:${PORT:-18788}" >"$work/log" 2>&1 &
    hub=$!
    tries=0
    until "$carillon" status >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || { echo "postgres.sh: the hub does not start: $(cat "$work/log")" >&2; exit 1; }
        sleep 0.1
    done
    now() { date +%s%N; }
    start=$(now)
    "$carillon" push "$work/vectors.ndjson" --device laptop >"$work/out" 2>&1 || cat "$work/out" >&2
    middle=$(now)
    "$carillon" pull --all --json >"$work/pulled" 2>"$work/out" || cat "$work/out" >&2
    end=$(now)
    note vectors "$(awk -v a="$start" -v b="$middle" -v c="$end" -v n="$(wc -l <"$work/pulled")" \
        'BEGIN { printf "push_s %.2f pull_s %.2f records %d", (b - a) / 1e9, (c - b) / 1e9, n }')"
    kill "$hub"
    wait "$hub" || :
    hub=
}

parts=${PARTS:-commits rows vectors memory}
for part in $parts; do
    if [ "$part" = memory ]; then
        STORE=$CARILLON_STORE "$here/memory.sh"
        continue
    fi
    "${part}_prepare"
    for _ in $(seq "$rounds"); do "${part}_round"; done
done
[ ! -s "$work/lines" ] || python3 - "$work/lines" <<'PY'
import statistics, sys
runs = {}
for line in open(sys.argv[1]):
    name, *words = line.split()
    for key, value in zip(words[::2], words[1::2]): runs.setdefault((name, key), []).append(float(value))
print("\n%-22s %-14s %12s  %s" % ("", "", "median", "range"))
for (name, key), values in runs.items():
    print("%-22s %-14s %12g  %g .. %g" % (name, key, statistics.median(values), min(values), max(values)))
median = {key: statistics.median(values) for key, values in runs.items()}
ratios = [("users-32", "pgbench", "tps"), ("users-1", "pgbench", "tps"), ("postgres-commit-1000", "postgres-bare-1000", "rows_a_second")]
for one, other, key in ratios:
    if (one, key) in median and (other, key) in median:
        print("%s / %s: %.2f" % (one, other, median[one, key] / median[other, key]))
for name in ("pgbench", "users-32", "users-1"):
    if (name, "p99") in median: print("%s p99 / p50: %.1f" % (name, median[name, "p99"] / median[name, "p50"]))
PY
