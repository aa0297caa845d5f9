#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py RESULTS [JSON]: a table of what network.sh measured: medians over the rounds,
and of the ratios to the first mode in the same round. JSON is a list, in which the rows P9
are replaced."""
import json
import os
import statistics
import sys

FRAME_CASES = {
    "both_ways": ("32768 flows both ways", "32,768 flows, both ways"),
    "one_way": ("32768 flows", "32,768 flows"),
    "one_way_1024": ("1024 flows", "1,024 flows"),
}


def figures_of(record):
    """Yields (name, title, value) of one case in one round."""
    case, result = record["case"], record["result"]
    if case in FRAME_CASES:
        name, title = FRAME_CASES[case]
        yield f"packets_per_second {name}", f"packets/s, {title}", result["received_per_second"]
        yield f"gateway_ns_per_packet {name}", "  gateway ns/packet", result["gateway_ns_per_packet"]
        return
    count = result["ok"] if case == "connections" else result["answered"]
    one = case[:-1]
    cpu_us = result["cpu_seconds"] * 1e6 + record["others_ns"] / 1e3
    yield f"{case}_per_second", f"{case}/s", count / result["seconds"]
    yield f"cpu_us_per_{one}", f"  CPU us/{one}, all parties", cpu_us / count


def collect(records):
    """{name: (title, {mode: {round: value}})}, and the modes, both in order of appearance."""
    figures, modes = {}, []
    for record in records:
        if record["mode"] not in modes:
            modes.append(record["mode"])
        for name, title, value in figures_of(record):
            by_mode = figures.setdefault(name, (title, {}))[1]
            by_mode.setdefault(record["mode"], {})[record["round"]] = value
    return figures, modes


def summarize(by_mode, base):
    """{mode: (median, ratio to base or None)}"""
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


def print_table(figures, modes):
    width = max(len(title) for title, _ in figures.values())
    columns = [max(18, len(mode)) for mode in modes]
    print(" " * width + "".join(f"  {m:>{c}}" for m, c in zip(modes, columns)))
    for title, by_mode in figures.values():
        summary = summarize(by_mode, by_mode.get(modes[0], {}))
        cells = (f"  {cell(summary, m):>{c}}" for m, c in zip(modes, columns))
        print(f"{title:{width}}" + "".join(cells))


def json_rows(figures, modes):
    for name, (_, by_mode) in figures.items():
        for mode, (median, ratio) in summarize(by_mode, by_mode.get(modes[0], {})).items():
            yield {
                "row": "P9",
                "case": name,
                "mode": mode,
                "median": round(median, 3),
                "ratio_to_raw": None if ratio is None else round(ratio, 3),
                "rounds": len(by_mode[mode]),
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
            f"of packets/s, {min(low):.0%} at the least: trust its ns/packet."
        )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    if not records:
        return "nothing was measured"
    figures, modes = collect(records)
    rounds = max(record["round"] for record in records)
    print(f"Forwarding through network namespaces: medians of {rounds} rounds; (ratio to {modes[0]})")
    print_table(figures, modes)
    for remark in remarks(records):
        print(remark)
    if len(sys.argv) > 2 and sys.argv[2]:
        write_json(sys.argv[2], json_rows(figures, modes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
