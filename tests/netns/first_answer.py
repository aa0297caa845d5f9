# SPDX-License-Identifier: BSD-2-Clause
# first_answer.py ADDRESS PORT NAME: sends a datagram of a new flow every millisecond until
# the server NAME answers one, and prints when that one was sent, in ms since the epoch.
import socket
import sys
import time

address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
family = socket.AF_INET6 if ":" in address else socket.AF_INET
end = time.time() + 30
print("polling", file=sys.stderr, flush=True)
while time.time() < end:
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(0.02)
        sent = time.time()
        try:
            client.connect((address, port))
            client.send(b"who answers now?")
            if client.recv(100).split(b" ")[0] == name:
                print(int(sent * 1000))
                sys.exit(0)
        except OSError:
            pass
        time.sleep(max(0, sent + 0.001 - time.time()))
sys.exit(1)
