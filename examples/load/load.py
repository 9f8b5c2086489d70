#!/usr/bin/env python3
"""A small load for a Carillon hub, in Python: a room of devices, one of which pushes, and who got what, when.

    pip install websockets
    python3 examples/load/load.py --url http://127.0.0.1:8787 --key car_... --devices 4 --pushes 2000

For people without Swift, and to read: it is the least that a load has to do. Every body carries a sequence number and
the time it was sent; the devices check that each push comes exactly once, in order, and that each frame's `after` is
the last `up_to`. Python costs many times what the hub does, so its figures say how fast this program is, not the hub:
for those use `carillon load`. Needs Python 3.9 and the PyPI package `websockets` 13 or later.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import uuid

from websockets.asyncio.client import connect

FRAME_BYTES_MAX = 16 << 20


class Device:
    """One session: what it has heard, and whether that hangs together."""

    def __init__(self, name):
        self.name = name
        self.socket = None
        self.replica = None
        self.place = None  # the last `up_to`
        self.position = 0
        self.heard = []  # sequence numbers, as they came
        self.delays = []
        self.gaps = 0
        self.out_of_order = 0
        self.answers = {}  # push id -> future of its items

    async def open(self, url, key):
        target = url.rstrip("/").replace("http://", "ws://", 1) + "/v1/socket"
        self.socket = await connect(
            target, subprotocols=["carillon.v1"], additional_headers={"Authorization": f"Bearer {key}"},
            compression=None, max_size=FRAME_BYTES_MAX)
        await self.send({"type": "hello", "protocol": 1, "device": self.name, "client": "load.py"})
        welcome = json.loads(await self.socket.recv())
        if welcome["type"] != "welcome":
            raise SystemExit(f"load: {welcome.get('code')}: {welcome.get('message')} {welcome.get('remedy')}")
        self.replica = welcome["replica"]
        while True:  # the log so far: of earlier runs
            frame = json.loads(await self.socket.recv())
            self.follow(frame)
            if frame["type"] == "synced":
                return

    async def send(self, frame):
        await self.socket.send(json.dumps(frame, separators=(",", ":")))

    def follow(self, frame):
        if "up_to" in frame:
            self.gaps += self.place is not None and frame.get("after", self.place) != self.place
            self.place = frame["up_to"]

    async def listen(self, run):
        async for message in self.socket:
            now = time.monotonic()
            frame = json.loads(message)
            self.follow(frame)
            if frame["type"] == "changes":
                for change in frame["changes"]:
                    self.out_of_order += change["position"] <= self.position
                    self.position = change["position"]
                    body = change.get("body")
                    if isinstance(body, dict) and body.get("run") == run:
                        self.heard.append(body["n"])
                        self.delays.append(now - body["at"])
            elif frame["type"] == "pushed":
                self.answers.pop(frame["id"]).set_result((now, frame["items"]))
            elif frame["type"] == "error":
                raise SystemExit(f"load: {frame['code']}: {frame['message']} {frame['remedy']}")


def percentiles(seconds):
    ordered = sorted(seconds)
    if not ordered:
        return "none"
    pick = lambda part: ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000
    return f"p50 {pick(.5):.3f}  p90 {pick(.9):.3f}  p99 {pick(.99):.3f}  max {ordered[-1] * 1000:.3f} ms"


async def run(chosen):
    name = uuid.uuid4().hex[:8]
    devices = [Device(f"load-py-{number}") for number in range(chosen.devices)]
    begun = time.monotonic()
    await asyncio.gather(*(device.open(chosen.url, chosen.key) for device in devices))
    print(f"connected     {len(devices)} in {time.monotonic() - begun:.2f} s")
    listeners = [asyncio.create_task(device.listen(name)) for device in devices]
    pusher, others = devices[0], devices[1:]
    pad = "." * max(0, chosen.size - 80)
    room = asyncio.Semaphore(chosen.window)
    commits, refused = [], 0
    start = time.monotonic()

    async def push(number):
        nonlocal refused
        async with room:
            # An open loop counts from when the push was due, or a slow hub would be measured only when it is quick.
            at = start + number / chosen.rate if chosen.rate else time.monotonic()
            answer = asyncio.get_running_loop().create_future()
            pusher.answers[str(number)] = answer
            body = {"run": name, "n": number, "at": at, "pad": pad}
            change = {"kind": "load", "id": f"{name}-{number}", "clock": {pusher.replica: 1}, "body": body}
            await pusher.send({"type": "push", "id": str(number), "changes": [change]})
            answered, items = await answer
            commits.append(answered - at)
            refused += items[0]["verdict"] not in ("accepted", "duplicate")

    waiting = []
    for number in range(chosen.pushes):
        if chosen.rate:
            await asyncio.sleep(max(0, start + number / chosen.rate - time.monotonic()))
        elif len(waiting) >= 4 * chosen.window:
            await waiting.pop(0)
        waiting.append(asyncio.create_task(push(number)))
    await asyncio.gather(*waiting)
    deadline = time.monotonic() + 5
    while any(len(device.heard) < chosen.pushes for device in others) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    took = time.monotonic() - start
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*(device.socket.close() for device in devices))

    lost = sum(chosen.pushes - len(set(device.heard)) for device in others)
    doubled = sum(len(device.heard) - len(set(device.heard)) for device in devices) + len(pusher.heard)
    shuffled = sum(device.out_of_order + (device.heard != sorted(device.heard)) for device in others)
    gaps = sum(device.gaps for device in devices)
    delivered = sum(len(device.heard) for device in others)
    print(f"pushes        {chosen.pushes / took:,.0f}/s")
    print(f"deliveries    {delivered / took:,.0f}/s")
    print(f"to commit     {percentiles(commits)}")
    print(f"to delivery   {percentiles([delay for device in others for delay in device.delays])}")
    print(f"lost {lost}, duplicate {doubled}, out of order {shuffled}, gaps {gaps}, not accepted {refused}")
    return 1 if lost or doubled or shuffled or gaps or refused else 0


def main():
    options = argparse.ArgumentParser(description="A small load for a Carillon hub.")
    options.add_argument("--url", default=os.environ.get("CARILLON_URL", "http://127.0.0.1:8787"), help="default: $CARILLON_URL")
    options.add_argument("--key", default=os.environ.get("CARILLON_KEY"), help="default: $CARILLON_KEY")
    options.add_argument("--devices", type=int, default=4, help="the first one pushes, the others listen")
    options.add_argument("--pushes", type=int, default=2000)
    options.add_argument("--window", type=int, default=16, help="pushes without an answer, at most 64")
    options.add_argument("--rate", type=float, help="pushes a second, whatever the hub does")
    options.add_argument("--size", type=int, default=128, help="bytes of a body, about")
    chosen = options.parse_args()
    if not chosen.key:
        options.error("give a key with --key or in CARILLON_KEY; `carillon key create` makes one")
    if not 1 <= chosen.window <= 64 or chosen.devices < 1 or chosen.pushes < 1:
        options.error("--window is 1 to 64, --devices and --pushes at least 1")
    return asyncio.run(run(chosen))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"load: {error}")
