"""The two ends of Autobahn|Testsuite runs: the specification that wstest reads, and the reports that it leaves.

    report.py spec REPORT_FOLDER URL CASE...    prints the specification
    report.py check (REPORT_FOLDER WSTEST_LOG)...
                                                prints what failed and the counts; status 1 unless all cases passed
"""

import json
import pathlib
import re
import sys

AGENT = "carillon"

# NON-STRICT: the server does what RFC 6455 asks, only later than the suite would like: section 7.1.7 does not say how
# much of what had arrived before the offending frame is still answered. It passes, and is listed.
# INFORMATIONAL: the case has no wrong answer, and reports what it saw.
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


def specification(report_folder, url, cases):
    return {
        "outdir": str(report_folder),
        "servers": [{"agent": AGENT, "url": url}],
        "cases": list(cases),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }


def case_order(case):
    return [int(part) for part in case.split(".")]


def announced(log):
    """How many cases wstest set out to run: a report with fewer is a run cut short, and not a pass."""
    found = re.search(r"will run (\d+) test cases", log)
    return int(found.group(1)) if found else 0


def check(runs):
    verdicts, pages, cut_short, expected = {}, {}, [], 0
    for report_folder, log in runs:
        index = report_folder / "index.json"
        results = json.loads(index.read_text()).get(AGENT, {}) if index.exists() else {}
        for case, result in results.items():
            verdicts[case] = (result["behavior"], result["behaviorClose"])
            pages[case] = report_folder / result["reportfile"].replace(".json", ".html")
        count = announced(log)
        expected += count
        if count == 0 or len(results) != count:
            cut_short.append((len(results), count, log))

    ordered = sorted(verdicts, key=case_order)
    failed = [case for case in ordered if not set(verdicts[case]) <= PASSED]
    for grade in ("NON-STRICT", "INFORMATIONAL"):
        listed = [case for case in ordered if case not in failed and grade in verdicts[case]]
        if listed:
            print(f"{grade} ({len(listed)}, counted as passed): {' '.join(listed)}")
    for case in failed:
        behavior, close = verdicts[case]
        print(f"FAILED {case}: behaviour {behavior}, close {close}; see {pages[case]}")

    for found, count, log in cut_short:
        print(f"A run is incomplete: {found} of {count or 'an unknown number of'} cases reported. wstest said:")
        last_words = [line for line in log.splitlines() if line and not line.startswith("Running test case")]
        print("\n".join(line[:200] for line in last_words[-8:]))
    unreported = max(expected - len(verdicts), 0)
    print(f"Autobahn: {len(verdicts) - len(failed)} passed, {len(failed)} failed"
          + (f", {unreported} not run" if unreported else ""))
    return 1 if failed or cut_short else 0


def main():
    match sys.argv[1:]:
        case ["spec", report_folder, url, *cases] if cases:
            print(json.dumps(specification(report_folder, url, cases), indent=2))
            return 0
        case ["check", *rest] if rest and len(rest) % 2 == 0:
            return check([(pathlib.Path(folder), pathlib.Path(log).read_text(errors="replace"))
                          for folder, log in zip(rest[::2], rest[1::2])])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
