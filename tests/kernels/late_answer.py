# SPDX-License-Identifier: BSD-2-Clause
# late_answer.py serve PORT FILE: answers each TCP connection once FILE is there.
# late_answer.py await ADDRESS PORT: says nothing but "connected", and prints the answer.
import os
import socket
import sys
import threading
import time


def answer(client, file):
    while not os.path.exists(file):
        time.sleep(0.05)
    client.sendall(b"late\n")
    client.close()


def serve(port, file):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=answer, args=(server.accept()[0], file)).start()


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), sys.argv[3])
with socket.create_connection((sys.argv[2], int(sys.argv[3])), 60) as client:
    print("connected", flush=True)
    client.settimeout(120)
    print(client.recv(100).decode(), end="")
