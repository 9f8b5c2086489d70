#!/usr/bin/env python3
"""Follows a hub for ever, as one more device, through restarts of the hub and of itself.

    pip install websockets
    CARILLON_KEY=car_... python3 examples/tail/tail.py --device kitchen [--json] [--cursor-file kitchen.cursor]

What a tail has to do, and nothing else: say hello with the cursor it saved, print what comes, save the cursor after
printing, and come back after a pause when the connection ends. Killed between printing and saving, it prints that one
frame again: at least once, and never a gap.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from carillon_client import Carillon, CarillonError  # noqa: E402

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus  # noqa: E402

PAUSE_SECONDS_MAX = 30


def tell(line):
    """Prints a line. Whoever read our output may be gone (`| head`): that ends us, and is no lost connection."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        raise SystemExit(0) from None


def show(change, as_json):
    if as_json:
        line = json.dumps(change, ensure_ascii=False, separators=(",", ":"))
    else:
        when = time.strftime("%H:%M:%S", time.localtime(change["position"] / 1e6))  # a position is a time in microseconds
        mark = "deleted" if change.get("deleted") else "conflict" if change.get("sibling") else "change"
        body = json.dumps(change.get("body"), ensure_ascii=False)
        line = f"{when}  {mark:8}  {change['kind']}/{change['id']}  {body[:80]}"
    tell(line)


def save(path, cursor):
    """All of the cursor or none of it: a half-written one would cost a whole reading of the log."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(cursor)
    os.replace(part, path)


def main():
    options = argparse.ArgumentParser(description="Follow a Carillon hub.")
    options.add_argument("--url", default=os.environ.get("CARILLON_URL", "http://127.0.0.1:8787"), help="default: $CARILLON_URL")
    options.add_argument("--key", default=os.environ.get("CARILLON_KEY"), help="default: $CARILLON_KEY")
    options.add_argument("--device", default="tail-py")
    options.add_argument("--kind", action="append", help="only this kind; may be given again")
    options.add_argument("--cursor-file", type=pathlib.Path, help="where to keep the place between runs")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if not chosen.key:
        options.error("give a key with --key or in CARILLON_KEY; `carillon key create` makes one")

    hub = Carillon(chosen.url, chosen.key, chosen.device)
    saved = chosen.cursor_file
    cursor = saved.read_text().strip() or None if saved is not None and saved.exists() else None
    pause = 0.5
    while True:
        told = 0  # seconds that the hub asked us to stay away
        try:
            with hub.session(cursor=cursor, live=True, kinds=chosen.kind) as session:
                pause = 0.5
                for changes, reached in session.follow():
                    for change in changes:
                        show(change, chosen.json)
                    cursor = reached
                    if saved is not None:
                        save(saved, cursor)
                        session.ack(cursor)
        except CarillonError as error:
            if error.code == "resync":
                cursor = None  # the log began anew: so do we
            elif not error.retryable:
                raise SystemExit(f"tail: {error}")
            reason, told = error, error.retry_after_ms / 1000
        except InvalidStatus as error:
            if error.response.status_code in (400, 401, 403, 404):
                raise SystemExit(f"tail: {error}")  # the same request would be refused again
            reason = error
        except ConnectionClosed as error:
            # The close codes that say: do not come back (PROTOCOL.md 11).
            code = error.rcvd.code if error.rcvd is not None else 1006
            if 4500 <= code <= 4999 or code in (1002, 1003, 1007, 1008, 1009, 1010):
                raise SystemExit(f"tail: {error}")
            reason = error
        except (InvalidHandshake, OSError) as error:
            reason = error
        # Half of the pause is chance, so that a thousand devices do not come back in the same instant.
        wait = told + pause * (0.5 + random.random() / 2)
        print(f"tail: {reason}; again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
