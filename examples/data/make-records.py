#!/usr/bin/env python3
"""Makes real records, one JSON object a line, from the text that a Debian or Ubuntu machine has.

    make-records.py > records.ndjson                         everything: changelogs, copyright files, manual pages
    make-records.py --licence permissive --sections changelog man --limit 3000
                                                             what records.ndjson beside this script was made with
    make-records.py --sections changelog man --limit 500

A line is {"kind":"doc","id":"...","body":{"title","section","text","words","package","licence"}}: what `carillon push`
takes, which adds the clock. One machine makes the same bytes every time: files are read in order, and --limit chooses
by the hash of the id, so a smaller set is part of a larger one. Standard library only.

One line in eight writes its non-ASCII characters as \\u escapes and the others as UTF-8, on purpose: a hub that
re-encodes a body on its way changes one or the other, and a comparison byte for byte finds it.
"""

import argparse
import collections
import gzip
import hashlib
import json
import pathlib
import re
import sys

DOC = pathlib.Path("/usr/share/doc")
MAN = pathlib.Path("/usr/share/man")
DPKG_LISTS = pathlib.Path("/var/lib/dpkg/info")

TEXT_BYTES_MAX = 16 * 1024  # a record is something to read, and far under the hub's limit of a body
TEXT_BYTES_MIN = 40

# As Debian's machine-readable copyright files name them, in lower case: licences whose text may be passed on with a
# notice. A package counts as permissive only when the stanza that covers the text names one of these and nothing else.
PERMISSIVE = re.compile(
    r"(expat|mit(-\w+)?|x11|isc|zlib|curl|bsd-?[23]?(-clause)?|apache-2(\.0)?|apache-2-llvm-exceptions|public-domain|"
    r"cc0(-1\.0)?|boost-1\.0|python-2\.0|psf-2|openldap-2\.8|permissive|fsful|unlicense|0bsd)$"
)

Text = collections.namedtuple("Text", "id title section text package licence")


def read(path):
    try:
        opened = gzip.open(path) if path.suffix == ".gz" else open(path, "rb")
        with opened as file:
            data = file.read()
    except OSError:
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # changelogs older than 2004 or so


def without_addresses(text):
    """People's mail addresses do not belong in test data."""
    return re.sub(r"\s*<?[\w.+~-]+@[\w-]+(\.[\w-]+)+>?", "", text)


class Licences:
    """The licence that a package's copyright file gives to the packaging (debian/*) or to the rest (*)."""

    def __init__(self):
        self._stanzas = {}

    def of(self, package, pattern):
        if package not in self._stanzas:
            self._stanzas[package] = self._read(package)
        stanzas = self._stanzas[package]
        return stanzas.get(pattern) or stanzas.get("*") or "unknown"

    @staticmethod
    def _read(package):
        text = read(DOC / package / "copyright")
        found = {}
        if "copyright-format/1.0" not in text:
            return found
        for stanza in re.split(r"\n\s*\n", text):
            files = re.search(r"^Files:((?:.*\n?)(?:[ \t]+.*\n?)*)", stanza, re.M)
            licence = re.search(r"^License:[ \t]*(\S.*)$", stanza, re.M)
            if files and licence:
                for pattern in re.split(r"[\s,]+", files.group(1).strip()):
                    found.setdefault(pattern, licence.group(1).strip())
        return found


def changelogs(licences):
    """One text per released version; each source package once, however many binary packages repeat it."""
    seen = set()
    header = re.compile(r"^(\S+) \(([^)\s]+)\) [^;\n]+;.*urgency=.*$", re.M)
    for path in sorted(DOC.glob("*/changelog.Debian.gz")) + sorted(DOC.glob("*/changelog.gz")):
        text = read(path)
        entries = list(header.finditer(text))
        if not entries or entries[0].group(1) in seen:
            continue
        seen.add(entries[0].group(1))
        licence = licences.of(path.parent.name, "debian/*")
        ends = [entry.start() for entry in entries[1:]] + [len(text)]
        for entry, end in zip(entries, ends):
            source, version = entry.groups()
            changes = re.split(r"^ -- ", text[entry.end():end], maxsplit=1, flags=re.M)[0].strip("\n")
            yield Text(f"changelog/{source}/{version}", f"{source} {version}", "changelog", changes, source, licence)


def copyrights(licences):
    """One text per stanza of a copyright file."""
    for path in sorted(DOC.glob("*/copyright")):
        package = path.parent.name
        for number, stanza in enumerate(re.split(r"\n\s*\n", read(path))):
            yield Text(f"copyright/{package}/{number}", f"{package}: copyright, part {number}", "copyright", stanza,
                       package, licences.of(package, "*"))


ROFF_ESCAPES = [
    (re.compile(r"\\f(\[[^\]]*\]|\(..|.)"), ""), (re.compile(r"\\s[-+]?\d"), ""),
    (re.compile(r"\\\*?\((lq|rq|dq)"), '"'), (re.compile(r"\\\*?\((cq|oq|aq)"), "'"),
    (re.compile(r"\\\(em"), "\u2014"), (re.compile(r"\\\(en"), "\u2013"), (re.compile(r"\\\(bu"), "\u2022"),
    (re.compile(r"\\\(co"), "\u00a9"), (re.compile(r"\\\[u([0-9A-F]{4})\]"), lambda m: chr(int(m.group(1), 16))),
    (re.compile(r"\\[&|^/,%:)]"), ""), (re.compile(r"\\([- ])"), r"\1"), (re.compile(r"\\[~0]"), " "),
    (re.compile(r"\\\*?(\[[^\]]*\]|\((?!rs)..)"), ""), (re.compile(r"\\(?:e|\(rs)"), r"\\"),
]
ROFF_TEXT_MACROS = re.compile(
    r"^[.'](?:B|I|BR|IR|RB|RI|BI|IB|SM|SB|TP|IP|PP|P|Nm|Nd|Fl|Ar|Pa|Xr|Sy|Em|Li|Dq|Ql|It)\b *(.*)$"
)


def plain(roff):
    """Readable enough: text lines and the arguments of font macros; tables and other requests are left out."""
    lines = []
    for line in roff.splitlines():
        if line.startswith((".", "'")):
            macro = ROFF_TEXT_MACROS.match(line)
            if not macro:
                continue
            line = macro.group(1).replace('"', "")
        line = re.sub(r'\\".*$', "", line)
        for pattern, replacement in ROFF_ESCAPES:
            line = pattern.sub(replacement, line)
        lines.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def manual_owners():
    owners = {}
    for listing in sorted(DPKG_LISTS.glob("*.list")):
        package = listing.name.removesuffix(".list").split(":")[0]
        for line in read(listing).splitlines():
            if line.startswith("/usr/share/man/man"):
                owners.setdefault(line, package)
    return owners


def manuals(licences):
    """One text per section of a page; a page that only points at another (.so) has none."""
    owners = manual_owners()
    for path in sorted(MAN.glob("man[1578]/*.gz")):
        package = owners.get(str(path))
        if package is None or path.is_symlink():
            continue
        name, _, chapter = path.name.removesuffix(".gz").rpartition(".")
        parts = re.split(r'^\.S[Hh][ \t]+"?([^"\n]+?)"?[ \t]*$', read(path), flags=re.M)
        for number, (heading, roff) in enumerate(zip(parts[1::2], parts[2::2])):
            heading = plain(heading)
            yield Text(f"man/{name}.{chapter}/{number}-{heading.lower().replace(' ', '-')}"[:200],
                       f"{name}({chapter})", heading, plain(roff), package, licences.of(package, "*"))


SECTIONS = {"changelog": changelogs, "copyright": copyrights, "man": manuals}


def record(text):
    body = without_addresses(text.text)
    # Cut at a character, never inside one.
    body = body.encode()[:TEXT_BYTES_MAX].decode(errors="ignore")
    return {
        "kind": "doc",
        "id": text.id,
        "body": {"title": text.title, "section": text.section, "text": body, "words": len(body.split()),
                 "package": text.package, "licence": text.licence},
    }


def digest(record_id):
    return hashlib.sha256(record_id.encode()).digest()


def line(record):
    escaped = digest(record["id"])[0] % 8 == 0
    return json.dumps(record, ensure_ascii=escaped, separators=(",", ":"))


def main():
    options = argparse.ArgumentParser(description="Real records from this machine's documentation, as NDJSON.")
    options.add_argument("--sections", nargs="+", choices=sorted(SECTIONS), default=sorted(SECTIONS))
    options.add_argument("--licence", choices=["any", "permissive"], default="any",
                         help="permissive: only text that may be passed on with a notice (default: any)")
    options.add_argument("--limit", type=int, help="at most this many records")
    chosen = options.parse_args()

    licences = Licences()
    records = {}
    for section in chosen.sections:
        for text in SECTIONS[section](licences):
            if chosen.licence == "permissive" and not PERMISSIVE.match(text.licence.lower()):
                continue
            if len(text.text.encode()) >= TEXT_BYTES_MIN:
                records.setdefault(text.id, record(text))
    ids = sorted(records)
    if chosen.limit is not None:
        ids = sorted(sorted(ids, key=digest)[:chosen.limit])
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n", closefd=False)
    for record_id in ids:
        out.write(line(records[record_id]) + "\n")
    out.flush()
    print(f"{len(ids)} records", file=sys.stderr)


if __name__ == "__main__":
    main()
