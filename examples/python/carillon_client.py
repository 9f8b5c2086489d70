"""A small Carillon client: push, follow and pull. Read it, copy it, change it.

    from carillon_client import Carillon

    hub = Carillon("http://127.0.0.1:8787", key="car_...", device="notebook")
    with hub.session() as session:
        for item in session.push([{"kind": "note", "id": "n1", "body": {"text": "hello"}}]):
            print(item["id"], item["verdict"])
    for change in hub.pull():
        print(change["kind"], change["id"], change["body"])

Needs Python 3.9 and the PyPI package `websockets` 13 or later; `pull` and `status` need the standard library only.
The frames are specified in Protocol/PROTOCOL.md.
"""

import contextlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request

SUBPROTOCOL = "carillon.v1"
FRAME_BYTES_MAX = 16 << 20  # the hub's own limit of a frame; the package's default of 1 MiB would drop larger ones
CHANGES_PER_PUSH = 500  # far under the hub's limit of 10,000: an answer comes soon, and a frame stays small


class CarillonError(Exception):
    """What the hub said in an `error` frame or a problem document: a stable code, a sentence, what to do next."""

    def __init__(self, code, message, remedy="", retryable=False):
        super().__init__(f"{code}: {message} {remedy}".rstrip())
        self.code = code
        self.retryable = retryable


def merged(*clocks):
    """The smallest clock that is after all of them."""
    result = {}
    for clock in clocks:
        for replica, counter in clock.items():
            result[replica] = max(result.get(replica, 0), counter)
    return result


class Carillon:
    """A hub, as one device of one user sees it. `url` is http://host:port or ws://host:port: the hub has one port."""

    def __init__(self, url, key, device):
        scheme, _, self.host = url.rstrip("/").partition("://")
        self.security = "s" if scheme in ("https", "wss") else ""
        self.key = key
        self.device = device

    def session(self, cursor=None, live=False, kinds=None):
        """A connection for a `with` statement. `live` asks for changes from `cursor` on; without a cursor, from the beginning."""
        return Session(self, cursor, live, kinds)

    def pull(self, cursor=None, page=500):
        """Every change after `cursor`, in the order of the log, page by page."""
        more = True
        while more:
            query = {"limit": page} if cursor is None else {"limit": page, "cursor": cursor}
            answer = self._get("/v1/pull", query)
            yield from answer["changes"]
            cursor, more = answer["cursor"], answer["has_more"]

    def status(self):
        return self._get("/v1/status", {})

    def _get(self, path, query):
        address = f"http{self.security}://{self.host}{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.key}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            try:
                problem = json.load(error)
            except ValueError:
                problem = {}
            raise CarillonError(problem.get("code", str(error.code)), problem.get("detail", error.reason),
                                problem.get("remedy", ""), problem.get("retryable", error.code >= 500)) from error


class Session:
    """One connection: a hello, then pushes and changes."""

    def __init__(self, hub, cursor, live, kinds):
        self.cursor = cursor
        self._hub = hub
        self._hello = {"type": "hello", "protocol": 1, "device": hub.device, "cursor": cursor, "live": live,
                       "client": "carillon-python-example"}
        if kinds:
            self._hello["kinds"] = list(kinds)
        self._pushes = 0
        self._clocks = {}  # the newest clock known of each record: an edit has to be after what it edits
        self._early = []  # changes that came while an answer was awaited

    def __enter__(self):
        from websockets.sync.client import connect

        with contextlib.ExitStack() as opened:
            self._socket = opened.enter_context(connect(
                f"ws{self._hub.security}://{self._hub.host}/v1/socket", subprotocols=[SUBPROTOCOL], max_size=FRAME_BYTES_MAX,
                additional_headers={"Authorization": f"Bearer {self._hub.key}"}))
            self._send(self._hello)
            self.welcome = self._await("welcome")
            self._opened = opened.pop_all()  # a refused hello closes the socket, a welcome leaves it open
        return self

    def __exit__(self, *_):
        self._opened.close()

    def push(self, records):
        """Pushes records {"kind", "id", "body"} (or "deleted": True); yields the hub's verdict on each, in order.

        A record is put on top of the newest version that this session knows of. On `stale` and `conflict` the item
        holds the stored version: look at it, and push again what should stand.
        """
        batch = []
        for record in records:
            batch.append(self._change(record))
            if len(batch) == CHANGES_PER_PUSH:
                yield from self._push(batch)
                batch = []
        if batch:
            yield from self._push(batch)

    def follow(self):
        """For ever yields (changes, cursor), a frame at a time: save the cursor once the changes are dealt with.

        A change with "sibling": true is a version that stands beside its record's head, a conflict to be resolved.
        """
        while True:
            frame = self._early.pop(0) if self._early else self._receive()
            if frame["type"] not in ("changes", "conflict", "synced"):
                continue
            # Frames are a chain: each says where it begins. A link that does not begin at our cursor is a gap.
            after = frame.get("after")
            if self.cursor is not None and after is not None and after != self.cursor:
                raise CarillonError("gap", "A frame is missing.", "Connect again from the cursor.", retryable=True)
            changes = [frame["change"]] if frame["type"] == "conflict" else frame.get("changes", [])
            for change in changes:
                self._know(change["kind"], change["id"], change["clock"])
            self.cursor = frame["up_to"]
            yield changes, self.cursor

    def ack(self, cursor):
        """Tells the hub that everything up to `cursor` is safe on this device."""
        self._send({"type": "ack", "cursor": cursor})

    def _change(self, record):
        # A replica without a counter of its own counts in microseconds: always rising, and far below 2^53.
        now = time.time_ns() // 1000
        known = self._clocks.get((record["kind"], record["id"]), {})
        replica = self.welcome["replica"]
        clock = merged(known, {replica: max(now, known.get(replica, 0) + 1)})
        self._know(record["kind"], record["id"], clock)
        return {"updated_at": now, **record, "clock": clock}

    def _push(self, batch):
        self._pushes += 1
        push_id = f"p{self._pushes}"
        self._send({"type": "push", "id": push_id, "changes": batch})
        for item in self._await("pushed", push_id)["items"]:
            for version in (item, item.get("stored") or {}):
                if "clock" in version:
                    self._know(item["kind"], item["id"], version["clock"])
            yield item

    def _know(self, kind, record_id, clock):
        self._clocks[kind, record_id] = merged(self._clocks.get((kind, record_id), {}), clock)

    def _await(self, kind, frame_id=None):
        while True:
            frame = self._receive()
            if frame["type"] == kind and frame.get("id") == frame_id:
                return frame
            self._early.append(frame)

    def _receive(self):
        frame = json.loads(self._socket.recv())
        if frame["type"] == "error":
            raise CarillonError(frame["code"], frame["message"], frame.get("remedy", ""), frame.get("retryable", False))
        if frame["type"] == "bye":
            raise CarillonError("bye", f"The hub ends the session ({frame['reason']}).", retryable=True)
        return frame

    def _send(self, frame):
        self._socket.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))


def main():
    import argparse
    import os
    import sys

    options = argparse.ArgumentParser(description="Push records from NDJSON, or pull every record as NDJSON.")
    options.add_argument("command", choices=["push", "pull", "status"])
    options.add_argument("file", nargs="?", help="NDJSON to push (default: standard input)")
    options.add_argument("--url", default=os.environ.get("CARILLON_URL", "http://127.0.0.1:8787"), help="default: $CARILLON_URL")
    options.add_argument("--key", default=os.environ.get("CARILLON_KEY"), help="default: $CARILLON_KEY")
    options.add_argument("--device", default="python")
    chosen = options.parse_args()
    if not chosen.key:
        options.error("give a key with --key or in CARILLON_KEY; `carillon key create` makes one")
    hub = Carillon(chosen.url, chosen.key, chosen.device)

    if chosen.command == "status":
        print(json.dumps(hub.status(), indent=2))
    elif chosen.command == "pull":
        for change in hub.pull():
            try:
                print(json.dumps(change, ensure_ascii=False, separators=(",", ":")), flush=True)
            except BrokenPipeError:  # `| head` has enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 0
    else:
        verdicts = {}
        with open(chosen.file or sys.stdin.fileno(), encoding="utf-8") as lines, hub.session() as session:
            for item in session.push(json.loads(line) for line in lines if line.strip()):
                verdicts[item["verdict"]] = verdicts.get(item["verdict"], 0) + 1
                if item["verdict"] not in ("accepted", "duplicate"):
                    print(f"{item.get('kind')}/{item.get('id')}: {item['verdict']} {item.get('message', '')}".rstrip(),
                          file=sys.stderr)
        print(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "nothing to push")
        return 0 if not verdicts.keys() - {"accepted", "duplicate"} else 1
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except (CarillonError, OSError) as error:
        raise SystemExit(f"carillon_client: {error}")
