#!/usr/bin/env python3
"""How fast a hub serves ContextFS: a push of memories with embeddings in one request, a pull of all, and the rest.

    carillon serve --store postgres://... &
    examples/load/contextfs.py 127.0.0.1:8787 KEY [--count 10000]

Only the standard library. Wall times of the whole exchange, the client's own work left out.
"""
import argparse
import hashlib
import http.client
import json
import os
import random
import re
import selectors
import socket
import statistics
import struct
import time

parser = argparse.ArgumentParser()
parser.add_argument("hub")
parser.add_argument("key")
parser.add_argument("--count", type=int, default=10_000)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--singles", type=int, default=3_000, help="requests made for each of the 8 connections")
parser.add_argument("--pid", type=int, help="of the hub: its CPU time is told as well")
options = parser.parse_args()
run = f"{random.getrandbits(32):08x}"


def cpu():
    """CPU seconds of the hub so far, as far as they are asked for."""
    if not options.pid:
        return 0.0
    fields = open(f"/proc/{options.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


before = cpu()


def say(text):
    global before
    now = cpu()
    print(text + (f"; {now - before:.2f} CPU s of the hub" if options.pid else ""), flush=True)
    before = cpu()


class Peer:
    def __init__(self, device):
        self.device, self.connection = device, http.client.HTTPConnection(options.hub, timeout=120)

    def send(self, path, body):
        start = time.perf_counter()
        self.connection.request(
            "POST", path, body, {"X-API-Key": options.key, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        data = answer.read()
        took = time.perf_counter() - start
        assert answer.status == 200, (answer.status, data[:300])
        return took, data

    def post(self, path, **fields):
        took, data = self.send(path, json.dumps({"device_id": self.device, **fields}).encode())
        return took, json.loads(data)


def vector():
    return [struct.unpack("f", struct.pack("f", random.uniform(-1, 1)))[0] for _ in range(384)]


def memory(number, device, counter=1, content=None, embedding=None):
    content = content or f"memory {number} of run {run}: " + "what was decided and why, in some words. " * 12
    return {
        "id": f"{run}-{number}", "vector_clock": {device: counter},
        "content_hash": hashlib.sha256(content.encode()).hexdigest()[:16], "deleted_at": None,
        "created_at": "2026-11-21T00:13:42.312164Z", "updated_at": "2026-11-21T00:13:42.312164Z",
        "last_modified_by": None, "content": content, "type": "fact", "tags": ["load", "test"], "summary": None,
        "namespace_id": "global", "repo_url": None, "repo_name": None, "relative_path": None, "source_file": None,
        "source_repo": None, "source_tool": "load", "project": None, "session_id": None, "metadata": {"n": number},
        "embedding": embedding, "encrypted": False, "visibility": "private"}


a, b = Peer(f"a-{run}"), Peer(f"b-{run}")
_, start = b.post("/api/sync/pull", since_timestamp=None, limit=1)
if start["memories"]:
    raise SystemExit("The user has memories already: take a new one, for a diff would send them all.")
memories = [memory(n, a.device, embedding=vector()) for n in range(options.count)]
body = json.dumps({"memories": memories, "sessions": [], "edges": [], "device_id": a.device}).encode()
before = cpu()
took, data = a.send("/api/sync/push", body)
assert json.loads(data)["accepted"] == options.count, data[:500]
assert not json.loads(data)["conflicts"]
say(f"push of {options.count} with embeddings, {len(body) / 1e6:.1f} MB: {took:.3f} s")

total, pages, since = 0.0, 0, start["server_timestamp"]
got = 0
while True:
    took, page = b.post("/api/sync/pull", since_timestamp=since, limit=1000)
    total, pages, got, since = total + took, pages + 1, got + len(page["memories"]), page["server_timestamp"]
    if not page["has_more"]:
        break
assert got == options.count, got
say(f"pull of all {got} in {pages} pages: {total:.3f} s")
total, pages, got, at = 0.0, 0, 0, start["server_timestamp"]
c = Peer(f"c-{run}")
while True:
    took, data = c.send(
        "/api/sync/pull", json.dumps({"device_id": c.device, "since_timestamp": at, "limit": 10_000}).encode())
    page = json.loads(data)
    total, pages, got, at = total + took, pages + 1, got + len(page["memories"]), page["server_timestamp"]
    if not page["has_more"]:
        break
say(f"pull of all {got} with a limit of 10,000, in {pages} pages: {total:.3f} s")

times = sorted(b.post("/api/sync/pull", since_timestamp=since, limit=1000)[0] for _ in range(200))
say(f"nothing-new pull: median {times[100] * 1e3:.2f} ms, p95 {times[190] * 1e3:.2f} ms")

entries = [
    {"id": m["id"], "content_hash": m["content_hash"], "updated_at": m["updated_at"], "deleted_at": None}
    for m in memories]
times = []
for _ in range(5):
    took, answer = b.post("/api/sync/diff", memories=entries, sessions=[], edges=[])
    times.append(took)
assert not [m for m in answer["missing_memories"] if m["id"].startswith(run)]
say(f"diff of {len(entries)}: median {statistics.median(times) * 1e3:.1f} ms")

times, last = [], None
for round_ in range(20):
    items = [memory(options.count + round_ * 10 + n, a.device) for n in range(10)]
    pushed, answer = a.post("/api/sync/push", memories=items, sessions=[], edges=[], last_sync_timestamp=last)
    assert answer["accepted"] == 10
    last = answer["server_timestamp"]
    pulled, page = b.post("/api/sync/pull", since_timestamp=since, limit=1000)
    since = page["server_timestamp"]
    assert len(page["memories"]) == 10, len(page["memories"])
    times.append(pushed + pulled)
say(f"push of 10 and pull of them: median {statistics.median(times) * 1e3:.2f} ms")



class Line:
    """A connection that sends requests made beforehand, so that the client's own work is not what is measured."""

    def __init__(self, requests):
        host, _, port = options.hub.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests, self.answer, self.count = requests, b"", 0

    def send(self):
        self.answer, self.sent = b"", time.perf_counter()
        self.socket.sendall(self.requests[self.count])

    def receive(self):
        """The time of the exchange, once its answer is whole."""
        self.answer += self.socket.recv(65_536)
        head, end, body = self.answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not end or len(body) < int(length[1]):
            return None
        assert b'"accepted":1' in body, self.answer[:500]
        self.count += 1
        return time.perf_counter() - self.sent


def request(device, item):
    body = json.dumps({"device_id": device, "memories": [item]}).encode()
    return (
        f"POST /api/sync/push HTTP/1.1\r\nHost: hub\r\nX-API-Key: {options.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


lines, poll = [], selectors.DefaultSelector()
for n in range(8):
    device = f"s{n}-{run}"
    lines.append(Line([request(device, memory(f"{device}-{m}", device)) for m in range(options.singles)]))
    poll.register(lines[-1].socket, selectors.EVENT_READ, lines[-1])
latencies, start = [], time.perf_counter()
for line in lines:
    line.send()
while time.perf_counter() - start < options.seconds and all(line.count < options.singles for line in lines):
    for key, _ in poll.select():
        took = key.data.receive()
        if took is not None:
            latencies.append(took)
            if key.data.count < options.singles:
                key.data.send()
took = time.perf_counter() - start
latencies.sort()
say(
    f"8 connections, single memories: {len(latencies) / took:.0f}/s, "
    f"p50 {latencies[len(latencies) // 2] * 1e3:.2f} ms")
