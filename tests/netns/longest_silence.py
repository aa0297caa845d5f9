# SPDX-License-Identifier: BSD-2-Clause
# longest_silence.py ADDRESS PORT SECONDS: sends a datagram of one flow every 5 ms from the
# first answer on, for SECONDS, and prints the longest time without an answer in ms.
import select
import socket
import sys
import time

address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
client = socket.socket(family, socket.SOCK_DGRAM)
client.setblocking(False)
client.connect((address, port))
started = time.monotonic()
first = last = 0.0
longest = 0.0
due = started
while True:
    now = time.monotonic()
    if first and now > first + seconds:
        break
    if not first and now > started + 20:
        sys.exit("no answer at all")
    if now >= due:
        due += 0.005
        try:
            client.send(b"anybody there?")
        except OSError:
            pass
    if not select.select([client], [], [], max(0, due - time.monotonic()))[0]:
        continue
    try:
        client.recv(100)
    except OSError:
        continue
    now = time.monotonic()
    if not first:
        first = last = now
        print("measuring", file=sys.stderr, flush=True)
    longest = max(longest, now - last)
    last = now
longest = max(longest, time.monotonic() - last)
print(int(longest * 1000))
