"""Drives the sync client of the package `contextfs` from two devices against a hub, unmodified but for the embedding
model: its vectors are made from a hash, and kept in memory in place of ChromaDB.

    python sync.py URL KEY
"""

import asyncio
import hashlib
import struct
import sys
import tempfile
from pathlib import Path

from contextfs.core import ContextFS
from contextfs.schemas import Memory, MemoryType
from contextfs.sync.client import SyncClient

EPOCH = "1970-01-01T00:00:00+00:00"


class Collection:
    """What the client asks of a ChromaDB collection."""

    def __init__(self):
        self.vectors = {}

    def get(self, ids, include):
        found = [i for i in ids if i in self.vectors]
        return {"ids": found, "embeddings": [self.vectors[i] for i in found]}

    def upsert(self, ids, embeddings, documents=None, metadatas=None):
        self.vectors.update(zip(ids, embeddings))

    def __getattr__(self, name):
        return lambda *a, **k: None


def vector(text):
    """384 numbers that 32-bit floats hold, as doubles: what a model's output is to JSON."""
    raw = b"".join(hashlib.sha256(f"{text}{n}".encode()).digest() for n in range(48))
    return [struct.unpack("f", struct.pack("f", v / 2**31 - 1))[0] for v in struct.unpack("<384I", raw)]


class Device:
    def __init__(self, name, url, key):
        self.folder = Path(tempfile.mkdtemp(prefix=f"contextfs-{name}-"))
        self.ctx = ContextFS(data_dir=self.folder, namespace_id="global", auto_load=False, auto_index=False)
        self.collection = Collection()
        self.ctx.rag._collection = self.collection
        self.ctx.rag._ensure_initialized = lambda: None
        for method in ("add_memory", "add_memories_batch", "remove_memory", "add_memories"):
            if hasattr(self.ctx.rag, method):
                setattr(self.ctx.rag, method, lambda *a, **k: None)
        self.sync = SyncClient(url, ctx=self.ctx, device_id=name, api_key=key)

    def save(self, content, **fields):
        memory = self.ctx.save(content=content, type=MemoryType.DECISION, **fields)
        self.collection.vectors[memory.id] = vector(content)
        return memory.id

    def edit(self, memory_id, content):
        memory = self.ctx.update(memory_id, content=content)
        self.collection.vectors[memory_id] = vector(content)
        return memory

    def content(self, memory_id):
        return next((m.content for m in self.ctx.list_recent(limit=1_000) if m.id == memory_id), None)


def bits(numbers):
    """The 32-bit floats that the numbers are: JSON carries them as the shortest decimals that name those."""
    return struct.pack("<384f", *numbers)


class Failed(Exception):
    pass


def check(what, value):
    print(("ok: " if value else "FAILED: ") + what, flush=True)
    if not value:
        raise Failed(what)


async def run(url, key):
    a, b = Device("device-a", url, key), Device("device-b", url, key)
    info = await a.sync.register_device("Laptop", "linux")
    check("register answers the device", info.device_id == "device-a" and info.device_name == "Laptop")
    await b.sync.register_device("Desk", "linux")

    ids = [a.save(f"decision number {n} \U0001f514", tags=["x"], summary=f"s{n}") for n in range(12)]
    pushed = await a.sync.push()
    check("a push of 12 is accepted", pushed.success and pushed.accepted_memories == 12 and not pushed.conflicts)
    again = await a.sync.push(push_all=True)
    check("a push of all of them again is accepted", again.success and again.accepted == 12)

    pulled = await b.sync.pull()
    check("the other device pulls 12", len(pulled.memories) == 12)
    check("contents came through", all(b.content(i) == a.content(i) for i in ids))
    mine, theirs = a.collection.vectors, b.collection.vectors
    check("embeddings came through bit by bit", all(bits(theirs[i]) == bits(mine[i]) for i in ids))
    check("nothing is new then", len((await b.sync.pull()).memories) == 0)
    own = await a.sync.pull()
    check("a device is not told its own pushes", len(own.memories) == 0)

    b.edit(ids[0], "edited on b")
    check("an edit is pushed", (await b.sync.push()).accepted_memories == 1)
    late = a.save("made before a pulled b's edit")
    check("and a's own push", (await a.sync.push()).accepted_memories == 1)
    await a.sync.pull()
    check("a's push did not make it skip b's edit", a.content(ids[0]) == "edited on b")

    result = await b.sync.sync_all()
    check("sync brings what is missing", result.success and b.content(late) == "made before a pulled b's edit")
    result = await b.sync.sync_all()
    check("and then is in sync", not result.pulled.memories and result.pushed.accepted == 0)

    a.edit(ids[1], "a says this")
    b.edit(ids[1], "b says that")
    check("of two edits the first is accepted", (await a.sync.push()).accepted_memories == 1)
    conflict = await b.sync.push()
    check("the second is a conflict", len(conflict.conflicts) == 1 and conflict.status.value == "conflict")
    told = conflict.conflicts[0]
    check(
        "that shows both contents",
        (told.entity_id, told.client_content, told.server_content) == (ids[1], "b says that", "a says this"),
    )
    forced = await b.sync.push(force=True, push_all=True)
    check("force settles it", forced.success and not forced.conflicts)
    await a.sync.pull()
    check("and reaches the other device", a.content(ids[1]) == "b says that")

    a.ctx.delete(ids[2])
    await a.sync.sync_all()
    await b.sync.sync_all()
    check("a deletion travels in the manifest", b.content(ids[2]) is None)

    status = await a.sync.status()
    check("status knows the device", status.device_id == "device-a")
    for device in (a, b):
        await device.sync.close()


try:
    asyncio.run(asyncio.wait_for(run(*sys.argv[1:3]), 120))
except Failed:
    sys.exit(1)
print("The contextfs client syncs through the hub.")
