#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""consistency_report.py LINES JSON: from a line of JSON a scenario and mode, the table and the list.

Ends with status 1 when anything moved, broke, did not open or waited too long for an answer, but for
what the scenario is about.
"""
import json
import sys

COLUMNS = (
    # heading, name in the JSON, width
    ("scenario", "scenario", -16),
    ("mode", "mode", -5),
    ("opened", "opened", 8),
    ("kept", "kept", 8),
    ("closed", "closed_by_backend", 7),
    ("lost", "lost_with_backend", 6),
    ("moved", "moved", 7),
    ("broken", "broken", 7),
    ("unopened", "unopened", 8),
    ("stall ms", "longest_stall_ms", 9),
    ("oldest ms", "oldest_broken_ms", 10),
)
STALL_LIMIT_MS = 3000
FLOOD_SCENARIO = "flood"  # which may keep others from being opened
UNTOLD_SCENARIO = "gateway-rollout"
TELLING_INTERVAL_MS = 100


def row(cells):
    padded = (
        str(cell).ljust(-width) if width < 0 else str(cell).rjust(width)
        for cell, (_, _, width) in zip(cells, COLUMNS)
    )
    return "  ".join(padded).rstrip()


def is_well(result):
    if result["scenario"] == FLOOD_SCENARIO:
        return result["moved"] + result["broken"] <= result["opened"] / 10000
    if result["unopened"] > 0 or result["longest_stall_ms"] >= STALL_LIMIT_MS:
        return False
    if result["scenario"] == UNTOLD_SCENARIO:
        return result["oldest_broken_ms"] < TELLING_INTERVAL_MS
    return result["moved"] == 0 and result["broken"] == 0


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = [json.loads(line) for line in file]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    print(row(heading for heading, _, _ in COLUMNS))
    for result in results:
        print(row(result[name] for _, name, _ in COLUMNS))
    print(
        "\nclosed: by a backend that ended; lost: with a backend that vanished; moved: reset by a"
        "\nbackend that is not theirs; oldest: the age of the oldest one that moved or broke, where"
        "\na gateway died that at its death: one that it had not told of yet is lost with it"
    )
    sys.exit(0 if results and all(is_well(result) for result in results) else 1)


if __name__ == "__main__":
    main()
