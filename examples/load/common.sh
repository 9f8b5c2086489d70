# Sourced by the scripts beside it: finds the binary. Set CARILLON to use another, HUB to a hub that runs already.
root=$(cd "$(dirname "$0")/../.." && pwd)
carillon=${CARILLON:-$(command -v carillon || echo "$root/.build/release/carillon")}
if [ ! -x "$carillon" ]; then
    echo "$(basename "$0"): no carillon in PATH and none built in $root: run \`make build\`, or set CARILLON." >&2
    exit 1
fi

# run STORE OPTIONS...: a load on a hub of its own, or on the hub at HUB with the users of DATA.
run() {
    store=$1
    shift
    if [ -n "${HUB:-}" ]; then
        "$carillon" load --url "$HUB" --data "${DATA:?DATA names the folder of the hub at HUB}" "$@"
    else
        "$carillon" load --spawn --store "$store" "$@"
    fi
}
