"""Pushes an NDJSON file as fast as the hub takes it: `memory.py socket|rest FILE`, with CARILLON_URL and CARILLON_KEY.

socket: frames of 1 MB with 60 pushes in flight. rest: bodies of just under 16 MiB, one after another. Python's own
library only. Status 1 where a change was not accepted.
"""
import base64
import http.client
import json
import os
import socket
import struct
import sys
import threading
import urllib.parse

URL = urllib.parse.urlsplit(os.environ["CARILLON_URL"])
KEY = os.environ["CARILLON_KEY"]


def batches(path, bytes_max):
    batch, size = [], 0
    with open(path, "rb") as lines:
        for line in lines:
            change = b'{"clock":{"memory":1},' + line.strip()[1:]
            if batch and (size + len(change) > bytes_max or len(batch) == 10_000):
                yield batch
                batch, size = [], 0
            batch.append(change)
            size += len(change) + 1
    if batch:
        yield batch


def over_rest(path):
    hub = http.client.HTTPConnection(URL.hostname, URL.port)
    fields = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json", "X-Carillon-Device": "rest"}
    for batch in batches(path, 16_600_000):
        hub.request("POST", "/v1/push", b'{"changes":[' + b",".join(batch) + b"]}", fields)
        yield json.load(hub.getresponse()), len(batch)


class Socket:
    def __init__(self):
        self.socket = socket.create_connection((URL.hostname, URL.port))
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /v1/socket HTTP/1.1\r\nHost: {URL.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Protocol: carillon.v1\r\n"
            f"Authorization: Bearer {KEY}\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass

    def send(self, payload):
        if len(payload) > 65_535:
            head = b"\x81\xff" + struct.pack(">Q", len(payload))
        elif len(payload) > 125:
            head = b"\x81\xfe" + struct.pack(">H", len(payload))
        else:
            head = bytes([0x81, 0x80 | len(payload)])
        # A mask of zeros: the bytes go as they are.
        self.socket.sendall(head + bytes(4) + payload)

    def read(self):
        head = self.file.read(2)
        count = head[1] & 127
        if count > 125:
            count = int.from_bytes(self.file.read(2 if count == 126 else 8), "big")
        return json.loads(self.file.read(count)) if head[0] == 0x81 else self.file.read(count)


def over_socket(path):
    hub = Socket()
    hub.send(json.dumps({"type": "hello", "protocol": 1, "device": "memory", "live": False}).encode())
    hub.read()
    room, pushes = threading.Semaphore(60), list(batches(path, 1_000_000))

    def write():
        for number, batch in enumerate(pushes):
            room.acquire()
            hub.send(b'{"type":"push","id":"%d","changes":[' % number + b",".join(batch) + b"]}")

    threading.Thread(target=write, daemon=True).start()
    for batch in pushes:
        answer = hub.read()
        room.release()
        yield answer, len(batch)


wrong = 0
for answer, count in (over_rest if sys.argv[1] == "rest" else over_socket)(sys.argv[2]):
    items = answer.get("items", []) if isinstance(answer, dict) else []
    accepted = sum(item["verdict"] == "accepted" for item in items)
    if accepted != count:
        wrong += count - accepted
        print(f"{accepted} of {count} accepted: {str(answer)[:200]}", file=sys.stderr)
sys.exit(1 if wrong else 0)
