#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py RESULTS [JSON]: a table of what network.sh measured: medians over the rounds,
and of the ratios to raw in the same round. JSON is a list, in which the rows P9
are replaced."""
import json
import os
import statistics
import sys

FRAME_CASES = {
    "both_ways": "32768 flows both ways",
    "one_way": "32768 flows",
    "one_way_1024": "1024 flows",
}
# What is printed, a mode in a line: title, and of each column name and heading.
TABLES = (
    (
        "TCP; CPU us of all parties, each",
        {
            "connections_per_second": "connections/s",
            "cpu_us_per_connection": "CPU us",
            "requests_per_second": "requests/s",
            "cpu_us_per_request": "CPU us",
        },
    ),
    (
        "Frames of 60 bytes, packets/s of one core",
        {
            "packets_per_second 32768 flows": "32,768 flows",
            "packets_per_second 1024 flows": "1,024 flows",
            "packets_per_second 32768 flows both ways": "32,768 both ways",
        },
    ),
    (
        "The gateway's ns/packet",
        {
            "gateway_ns_per_packet 32768 flows": "32,768 flows",
            "gateway_ns_per_packet 1024 flows": "1,024 flows",
            "gateway_ns_per_packet 32768 flows both ways": "32,768 both ways",
        },
    ),
)
COLUMN_WIDTH = 18
BASE = "raw"


def figures_of(record):
    """Yields (name, value) of one case in one round."""
    case, result = record["case"], record["result"]
    if case in FRAME_CASES:
        ns = result["gateway_ns_per_packet"]
        yield f"packets_per_second {FRAME_CASES[case]}", 1e9 / ns
        yield f"gateway_ns_per_packet {FRAME_CASES[case]}", ns
        return
    count = result["ok"] if case == "connections" else result["answered"]
    cpu_us = result["cpu_seconds"] * 1e6 + record["others_ns"] / 1e3
    yield f"{case}_per_second", count / result["seconds"]
    yield f"cpu_us_per_{case[:-1]}", cpu_us / count


def collect(records):
    """{name: {mode: {round: value}}}, and the modes in order of appearance."""
    figures, modes = {}, []
    for record in records:
        if record["mode"] not in modes:
            modes.append(record["mode"])
        for name, value in figures_of(record):
            by_mode = figures.setdefault(name, {})
            by_mode.setdefault(record["mode"], {})[record["round"]] = value
    return figures, modes


def summarize(by_mode, base):
    """{mode: (median, ratio to base or None)}; base is {round: value}"""
    summary = {}
    for mode, values in by_mode.items():
        ratios = [value / base[r] for r, value in values.items() if base.get(r)]
        summary[mode] = (
            statistics.median(values.values()),
            statistics.median(ratios) if ratios else None,
        )
    return summary


def cell(summary, mode):
    if mode not in summary:
        return "-"
    median, ratio = summary[mode]
    number = f"{median:,.0f}" if median >= 1000 else f"{median:.1f}"
    return number if ratio is None else f"{number} ({ratio:.2f})"


def print_table(title, headings, summaries, modes):
    width = max(len(mode) for mode in modes) + 2
    print(f"\n{title}")
    print(" " * width + "".join(f"{heading:>{COLUMN_WIDTH}}" for heading in headings.values()))
    for mode in modes:
        cells = [cell(summaries.get(name, {}), mode) for name in headings]
        if any(text != "-" for text in cells):
            print(f"{mode:{width}}" + "".join(f"{text:>{COLUMN_WIDTH}}" for text in cells))


def json_rows(figures, summaries):
    for name, summary in summaries.items():
        for mode, (median, ratio) in summary.items():
            yield {
                "row": "P9",
                "case": name,
                "mode": mode,
                "median": round(median, 3),
                "ratio_to_raw": None if ratio is None else round(ratio, 3),
                "rounds": len(figures[name][mode]),
            }


def write_json(path, rows):
    """Beside what other benchmarks have written there."""
    known = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = [row for row in json.load(file) if row.get("row") != "P9"]
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(known + list(rows), file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def remarks(records):
    """Why a figure may mean something else than its name says."""
    for record in records:
        if len(record["result"].get("by_server", "two")) < 2:
            yield f"{record['mode']}, round {record['round']}, {record['case']}: only one backend"
    busy = [r["result"]["gateway_busy"] for r in records if "gateway_busy" in r["result"]]
    low = [share for share in busy if share < 0.8]
    if low:
        yield (
            f"The gateway had less than 80 % of its core in {len(low)} of {len(busy)} measurements "
            f"of packets/s, {min(low):.0%} at the least: the machine has other work."
        )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    if not records:
        return "nothing was measured"
    figures, modes = collect(records)
    summaries = {name: summarize(f, f.get(BASE, {})) for name, f in figures.items()}
    rounds = max(record["round"] for record in records)
    print(f"Forwarding through network namespaces: medians of {rounds} rounds; (ratio to {BASE})")
    for title, headings in TABLES:
        print_table(title, headings, summaries, modes)
    for remark in remarks(records):
        print(remark)
    if len(sys.argv) > 2 and sys.argv[2]:
        write_json(sys.argv[2], json_rows(figures, summaries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
