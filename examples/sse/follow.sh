#!/bin/sh
# Follows a hub with curl, by server-sent events, and prints the frames: one JSON object a line.
#
#   CARILLON_KEY=car_... examples/sse/follow.sh [KIND[,KIND...]]
#
# Variables: CARILLON_URL, CURSOR_FILE (where to keep the place between runs: then nothing is skipped and nothing but
# the last frame ever printed twice).
set -eu
umask 077 # what it writes holds a key, and places in a log

url=${CARILLON_URL:-http://127.0.0.1:8787}
case $url in ws*) url=http${url#ws} ;; esac
: "${CARILLON_KEY:?set it to an API key; \`carillon key create USER --data DIR\` makes one}"
scratch=$(mktemp -d)
curl=''
trap 'if [ -n "$curl" ]; then kill "$curl" 2>/dev/null || :; fi; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
place=${CURSOR_FILE:-$scratch/cursor}
pause=1
mkfifo "$scratch/stream"

while :; do
    : >"$scratch/head"
    # The key goes by a file: arguments can be seen by everybody on the machine.
    (
        printf 'header = "Authorization: Bearer %s"\n' "$CARILLON_KEY"
        if [ -s "$place" ]; then printf 'header = "Last-Event-ID: %s"\n' "$(cat "$place")"; fi
    ) >"$scratch/options"
    curl --silent --no-buffer --config "$scratch/options" --dump-header "$scratch/head" --keepalive-time 20 \
        --header 'Accept: text/event-stream' "$url/v1/changes?kinds=${1:-}" >"$scratch/stream" &
    curl=$!
    id='' data=''
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            'id: '*) id=${line#id: } ;;
            # JSON means the same with a space where its white space had a line end.
            'data: '*) data="$data${data:+ }${line#data: }" ;;
            '{'*) printf '%s\n' "$line" >&2 ;; # a problem document
            '')
                case $data in '{"type":"changes"'* | '{"type":"conflict"'*) printf '%s\n' "$data" ;; esac
                if [ -n "$id" ]; then
                    printf '%s' "$id" >"$place.part"
                    mv "$place.part" "$place"
                fi
                id='' data=''
                ;;
        esac
    done <"$scratch/stream"
    wait "$curl" || :
    curl=''
    status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$scratch/head")
    case $status in
        200) pause=1 ;;
        410) rm -f "$place" ;; # the log began anew: so do we
        429 | 5* | '') pause=$((pause < 16 ? pause * 2 : 30)) ;;
        *) exit 1 ;;
    esac
    echo "follow.sh: the stream ended (${status:-no answer}); again in $pause s" >&2
    sleep "$pause"
done
