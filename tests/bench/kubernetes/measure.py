#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long an agent needs from a cluster's list to its tables, and from a change to its slots.

    measure.py CONTROL SECONDS RATE SERVICES ENDPOINTS JSON AGENT...

AGENT is the command that starts it, with --log-level debug: when a service was programmed is
when the agent says so. Prints a table; adds rows P12 to the list in the file JSON, if it is
not "".
"""
import json
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../kubernetes"))
import fault_server  # noqa: E402
import objects  # noqa: E402

CHANGED = re.compile(rb"service '(\S+)/(\S+)' \S+: (changed|served), ")
READY_S = 120
GOALS = {"list to programmed": (5000, "ms"), "resident memory": (200, "MB"),
         "event to slots, p99": (100, "ms")}


class Agent:
    """The agent's process, and when it said what."""

    def __init__(self, command):
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.ready = threading.Event()
        self.ready_after = None
        self.changed = {}  # name -> time
        self.others = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stderr:
            now = time.monotonic()
            match = CHANGED.search(line)
            if match:
                self.changed.setdefault(match[2].decode(), now)
            elif b" ready: " in line:
                self.ready_after = now - self.started
                self.ready.set()
            else:
                self.others.append(line.decode(errors="replace"))

    def memory(self, field):
        with open("/proc/%d/status" % self.process.pid) as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def update(control, agent, seconds, rate, services, endpoints):
    """
    Each a slice in which a new endpoint stands for an old one, as in a rolling update, another
    service each time: the waits in s, sorted.
    """
    sent = {}
    agent.changed.clear()
    start = time.monotonic()
    for number in range(int(seconds * rate)):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        index = number * 7 % services  # 7 and 5,000 have no common factor
        lost = number // services % endpoints
        numbers = [endpoints if n == lost else n for n in range(endpoints)]
        item = objects.endpoint_slice(index, numbers)
        name = item["metadata"]["labels"]["kubernetes.io/service-name"]
        if name in sent:
            break
        sent[name] = time.monotonic()
        fault_server.ask(control, json.dumps({"put": item}))
    took = time.monotonic() - start
    end = time.monotonic() + 10
    while len(agent.changed) < len(sent) and time.monotonic() < end:
        time.sleep(0.05)
    missing = [name for name in sent if name not in agent.changed]
    if missing:
        sys.exit("%d of %d changes never came: %s ..." % (len(missing), len(sent), missing[:3]))
    return sorted(agent.changed[name] - sent[name] for name in sent), len(sent) / took


def quantile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def rows_of(agent, control, seconds, rate, services, endpoints):
    if not agent.ready.wait(READY_S):
        sys.exit("not ready after %d s: %s" % (READY_S, "".join(agent.others[-5:])))
    yield "list to programmed", agent.ready_after * 1000, "ms"
    yield "CPU time until then", agent.cpu_seconds() * 1000, "ms"
    yield "resident memory", agent.memory("VmRSS"), "MB"
    yield "resident memory, anonymous", agent.memory("RssAnon"), "MB"
    cpu = agent.cpu_seconds()
    waits, reached = update(control, agent, seconds, rate, services, endpoints)
    yield "slice updates", reached, "1/s"
    yield "event to slots, p50", quantile(waits, 0.5) * 1000, "ms"
    yield "event to slots, p99", quantile(waits, 0.99) * 1000, "ms"
    yield "event to slots, longest", waits[-1] * 1000, "ms"
    yield "CPU time an update", (agent.cpu_seconds() - cpu) / len(waits) * 1000, "ms"
    yield "largest resident memory", agent.memory("VmHWM"), "MB"


def write_json(path, rows):
    try:
        with open(path) as file:
            known = [row for row in json.load(file) if row.get("row") != "P12"]
    except (OSError, ValueError):
        known = []
    with open(path, "w") as file:
        json.dump(known + rows, file, indent=1)


def main():
    control, json_path = sys.argv[1], sys.argv[6]
    seconds, rate = float(sys.argv[2]), float(sys.argv[3])
    services, endpoints = int(sys.argv[4]), int(sys.argv[5])
    agent = Agent(sys.argv[7:])
    rows = []
    try:
        for name, value, unit in rows_of(agent, control, seconds, rate, services, endpoints):
            goal = GOALS.get(name)
            print("%-32s %10.1f %-4s%s" % (name, value, unit,
                                          "  (goal: %d)" % goal[0] if goal else ""), flush=True)
            rows.append({"row": "P12", "services": services, "endpoints": services * endpoints,
                         "name": name, "value": round(value, 2), "unit": unit,
                         "goal": goal[0] if goal else None})
    finally:
        agent.stop()
    if json_path:
        write_json(json_path, rows)


if __name__ == "__main__":
    main()
