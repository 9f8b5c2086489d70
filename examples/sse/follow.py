#!/usr/bin/env python3
"""Follows a hub over plain HTTP, by server-sent events, through restarts of the hub and of itself.

    CARILLON_KEY=car_... python3 examples/sse/follow.py [--kind note] [--device kitchen] [--cursor-file kitchen.cursor]

Prints one JSON object a line. Needs Python 3.9 and nothing else. Each event has an id, the place in the log behind it:
saved after printing and sent back as Last-Event-ID, it makes the stream go on exactly there. Killed between printing
and saving, it prints that one event again: at least once, and never a gap.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PAUSE_SECONDS_MAX = 30
SILENCE_SECONDS_MAX = 60  # the hub says something every 20 s; after this the line is dead, whatever the kernel thinks


def events(lines):
    """Yields (type, id, data, retry) as WHATWG HTML 9.2 reads a stream; retry is milliseconds or None."""
    kind, place, data, retry = "message", None, [], None
    for line in lines:
        line = line.decode().rstrip("\n")
        if line == "":
            if data or retry is not None:
                yield kind, place, "\n".join(data), retry
            kind, place, data, retry = "message", None, [], None
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "event":
            kind = value
        elif field == "id":
            place = value
        elif field == "data":
            data.append(value)
        elif field == "retry":
            retry = int(value)


def tell(line):
    """Prints a line. Whoever read our output may be gone (`| head`): that ends us, and is no lost connection."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        raise SystemExit(0) from None


def save(path, cursor):
    """All of the cursor or none of it: a half-written one would cost a whole reading of the log."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(cursor)
    os.replace(part, path)


def main():
    options = argparse.ArgumentParser(description="Follow a Carillon hub by server-sent events.")
    options.add_argument("--url", default=os.environ.get("CARILLON_URL", "http://127.0.0.1:8787"), help="default: $CARILLON_URL")
    options.add_argument("--key", default=os.environ.get("CARILLON_KEY"), help="default: $CARILLON_KEY")
    options.add_argument("--device", default=os.environ.get("CARILLON_DEVICE"), help="leave out what this device pushed")
    options.add_argument("--kind", action="append", help="only this kind; may be given again")
    options.add_argument("--cursor-file", type=pathlib.Path, help="where to keep the place between runs")
    chosen = options.parse_args()
    if not chosen.key:
        options.error("give a key with --key or in CARILLON_KEY; `carillon key create` makes one")

    scheme, _, host = chosen.url.rstrip("/").partition("://")
    query = urllib.parse.urlencode({"kinds": ",".join(chosen.kind)}) if chosen.kind else ""
    address = f"http{'s' if scheme in ('https', 'wss') else ''}://{host}/v1/changes?{query}"
    saved = chosen.cursor_file
    cursor = saved.read_text().strip() or None if saved is not None and saved.exists() else None
    pause = 1.0
    while True:
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {chosen.key}"}
        if chosen.device:
            headers["X-Carillon-Device"] = chosen.device
        if cursor is not None:
            headers["Last-Event-ID"] = cursor
        reason, told = "the stream ended", 0.0
        try:
            request = urllib.request.Request(address, headers=headers)
            with urllib.request.urlopen(request, timeout=SILENCE_SECONDS_MAX) as stream:
                pause = 1.0
                for kind, place, data, retry in events(stream):
                    if retry is not None:
                        told = retry / 1000
                    frame = json.loads(data) if data else {}
                    changes = [frame["change"]] if kind == "conflict" else frame.get("changes", [])
                    for change in changes:
                        tell(json.dumps(change, ensure_ascii=False, separators=(",", ":")))
                    if kind == "error":
                        reason = frame["message"]
                        if frame["code"] == "unknown_device":
                            raise SystemExit(f"follow: {reason}")  # somebody removed it: to ask again is to bring it back
                    if place is not None:
                        cursor = place
                        if saved is not None:
                            save(saved, cursor)
        except urllib.error.HTTPError as error:
            if error.code == 410:
                cursor = None  # the log began anew: so do we
            elif error.code != 429 and error.code < 500:
                raise SystemExit(f"follow: {error.read().decode(errors='replace')}")  # it would be refused again
            reason = error
        except (http.client.HTTPException, OSError) as error:
            reason = error
        # Half of the pause is chance, so that a thousand devices do not come back in the same instant.
        wait = max(told, pause) * (0.5 + random.random() / 2)
        print(f"follow: {reason}; again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
