#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An API server of Services, EndpointSlices and Nodes that does wrong what it is told to.

    fault_server.py --control SOCKET [--address ADDRESS] [--port PORT] [--services N --endpoints M] [--no-watch-list]
    fault_server.py --ask SOCKET '{"put": {...}}'

The second form sends a command to the first, and prints the answer:

    {"put": OBJECT}                an object comes or changes, and watches are told
    {"delete": "RESOURCE/NAMESPACE/NAME"}
    {"bookmark": true}             all watches get one
    {"fault": NAME, "resource": R, "times": N, ...}
                                   the next N requests of that sort go wrong, see FAULTS
    {"compact": "stream"|"status"} no version that is known can be watched any more: watches
                                   end with an error event, or end and are refused
    {"end_watches": true}          all watches end as they should
    {"listen": true|false}         connections are refused, and those that are there break
    {"counts": true}               how many lists, pages and watches of each resource there were
    {"get": PATH}                  a Service, Lease or Event as it is; null: there is none
    {"writes": true}               all writes: method, path, status, body; and the Events

What may be written, and what can go wrong with it, fault_writes.py says.

Everything in memory; versions count from 1.
"""
import argparse
import json
import queue
import select
import socket
import socketserver
import sys
import threading
import time
import urllib.parse

import fault_writes
import objects

RESOURCES = {
    "/api/v1/services": ("services", "v1", "Service"),
    "/apis/discovery.k8s.io/v1/endpointslices":
        ("endpointslices", "discovery.k8s.io/v1", "EndpointSlice"),
    "/api/v1/nodes": ("nodes", "v1", "Node"),
}
RESOURCE_OF_KIND = {kind: name for name, _, kind in RESOURCES.values()}

# What can go wrong with a list, and with a watch.
FAULTS = {
    "list": ("status",      # "code", "headers", "body"
             "empty",       # an empty list, with status "code"
             "garbage",     # status 200, and no JSON
             "truncate",    # half a list, then the connection breaks
             "drip",        # a byte every "every" seconds
             "hang",        # no answer
             "stale",       # an empty list of version 1
             "unpaged",     # limit is not looked at
             "expire_token"),
    "watch": ("watch_status", "watch_garbage", "watch_truncate", "watch_silent", "watch_short",
              "watch_drip", "watch_error"),
    "write": fault_writes.FAULTS,
}


class Ended(Exception):
    """The answer ends here, however it stands."""


class Store:
    """Objects as bytes of JSON, and the events of those who watch."""

    def __init__(self):
        self.lock = threading.Lock()
        self.version = 1
        self.compacted = 0
        self.refuse_by_status = False
        self.objects = {name: {} for name, _, _ in RESOURCES.values()}
        self.events = []  # (version, resource, bytes, bytes with TYPE_SELECTOR), from compacted on
        self.watchers = set()
        self.tokens = {}
        self.faults = []
        self.counts = {}
        self.watch_list = True
        self.written = fault_writes.Written(self)

    def count(self, resource, what):
        with self.lock:
            counts = self.counts.setdefault(resource, {"lists": 0, "pages": 0, "watches": 0})
            counts[what] += 1

    def take_fault(self, resource, names):
        with self.lock:
            for fault in self.faults:
                if fault["fault"] in names and fault.get("resource", resource) == resource:
                    fault["times"] -= 1
                    if fault["times"] <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def tell(self, resource, what, text):
        event = b'{"type":"%s","object":%s}\n'
        line = event % (what, text)
        filtered = line if is_load_balancer(text) else event % (b"DELETED", text)
        self.events.append((self.version, resource, line, filtered))
        for watcher in self.watchers:
            if watcher.resource == resource:
                watcher.queue.put((self.version, filtered if watcher.filters else line))

    def put(self, item):
        with self.lock:
            self.change(item)

    def change(self, item):
        """With the lock. One that is being deleted goes with its last finalizer."""
        resource = RESOURCE_OF_KIND[item["kind"]]
        metadata = item["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("uid", "uid-%s-%s" % key)
        text = json.dumps(item, separators=(",", ":")).encode()
        what = b"MODIFIED" if key in self.objects[resource] else b"ADDED"
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            what = b"DELETED"
            del self.objects[resource][key]
        else:
            self.objects[resource][key] = text
        self.tell(resource, what, text)

    def delete(self, path):
        resource, namespace, name = path.split("/")
        with self.lock:
            item = json.loads(self.objects[resource][(namespace, name)])
            item["metadata"]["deletionTimestamp"] = "2024-05-01T10:00:00Z"
            self.change(item)

    def bookmark(self):
        with self.lock:
            for watcher in self.watchers:
                watcher.queue.put((self.version, bookmark(watcher.path, self.version)))

    def compact(self, how):
        with self.lock:
            self.version += 1
            self.compacted = self.version
            self.events = []
            self.refuse_by_status = how == "status"
            for watcher in self.watchers:
                watcher.queue.put((0, None if self.refuse_by_status else EXPIRED_EVENT))
                watcher.queue.put((0, None))

    def end_watches(self):
        with self.lock:
            for watcher in self.watchers:
                watcher.queue.put((0, None))


def status(code, reason, message="", **more):
    return json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "reason": reason, "message": message, "code": code, **more}).encode()


EXPIRED = status(410, "Expired", "The provided resource version is too old")
EXPIRED_EVENT = b'{"type":"ERROR","object":%s}\n' % EXPIRED


def bookmark(path, version, annotations=None):
    _, api_version, kind = RESOURCES[path]
    metadata = {"resourceVersion": str(version)}
    if annotations:
        metadata["annotations"] = annotations
    item = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return b'{"type":"BOOKMARK","object":%s}\n' % json.dumps(item).encode()


# The only field selector that there is.
TYPE_SELECTOR = "spec.type=LoadBalancer"


def filters(query):
    return query.get("fieldSelector") == TYPE_SELECTOR


def is_load_balancer(text):
    return b'"type":"LoadBalancer"' in text


class Watcher:
    def __init__(self, path, query):
        self.filters = filters(query)
        self.path = path
        self.resource = RESOURCES[path][0]
        self.queue = queue.Queue()


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, server, sock):
        self.server, self.store, self.sock = server, server.store, sock
        self.reader = sock.makefile("rb")

    def serve(self):
        while True:
            line = self.reader.readline().split()
            if len(line) != 3:
                return
            self.headers = dict(self.read_headers())
            self.body = self.reader.read(int(self.headers.get("content-length", 0)))
            url = urllib.parse.urlsplit(line[1].decode())
            query = {k: v[0] for k, v in
                     urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
            self.answer(line[0].decode(), url.path, query)

    def read_headers(self):
        while True:
            line = self.reader.readline().decode().strip()
            if not line:
                return
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def answer(self, method, path, query):
        if self.store.written.find(path):
            self.write(method, path)
        elif path not in RESOURCES or method != "GET":
            self.reply(404, status(404, "NotFound"))
        elif query.get("watch") in ("1", "true"):
            self.watch(path, query)
        else:
            self.list(path, query)

    def reply(self, code, body, headers=None):
        head = "HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (
            code, len(body))
        for name, value in (headers or {}).items():
            head += "%s: %s\r\n" % (name, value)
        self.sock.sendall(head.encode() + b"\r\n" + body)

    def begin_chunks(self):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data):
        self.sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end_chunks(self):
        self.sock.sendall(b"0\r\n\r\n")

    def break_off(self, data):
        """A chunk of which half comes."""
        self.sock.sendall(b"%x\r\n%s" % (2 * len(data) + 1, data))
        raise Ended

    def client_left(self):
        ready, _, _ = select.select([self.sock], [], [], 0)
        return ready and not self.sock.recv(1, socket.MSG_PEEK)

    def drip(self, data, every):
        for byte in data:
            self.chunk(bytes([byte]))
            time.sleep(every)

    def write(self, method, path):
        resource = self.store.written.find(path)[0]
        fault = self.store.take_fault(resource, FAULTS["write"]) if method != "GET" else None
        name = fault["fault"] if fault else ""
        if name == "write_status":
            self.reply(fault["code"], status(fault["code"], "Told", "as it was told to"),
                       fault.get("headers"))
            return
        if name == "write_hang":
            time.sleep(fault.get("seconds", 3600))
            raise Ended
        code, item = self.store.written.answer(method, path, self.body,
                                               self.headers.get("content-type"), name)
        if name == "write_unnoticed":
            raise Ended
        self.reply(code, json.dumps(item).encode())

    # Lists

    def list(self, path, query):
        resource = RESOURCES[path][0]
        self.store.count(resource, "pages" if "continue" in query else "lists")
        fault = self.store.take_fault(resource, FAULTS["list"])
        name = fault["fault"] if fault else ""
        if name == "status":
            self.reply(fault["code"], json.dumps(fault.get("body", {})).encode(),
                       fault.get("headers"))
        elif name == "hang":
            time.sleep(fault.get("seconds", 3600))
            raise Ended
        elif name in ("empty", "stale"):
            self.reply(fault.get("code", 200), self.whole(path, [], 1 if name == "stale" else
                                                          self.store.version, ""))
        elif name == "garbage":
            self.reply(200, b"<html><body>Bad gateway</body></html>")
        elif name == "expire_token" and "continue" in query:
            self.reply(410, EXPIRED)
        else:
            self.list_really(path, query, fault)

    def list_really(self, path, query, fault):
        name = fault["fault"] if fault else ""
        with self.store.lock:
            known = int(query.get("resourceVersion") or 0)
            version = self.store.version
        if known > version:
            self.reply(504, status(504, "Timeout", "Too large resource version", details={
                "causes": [{"reason": "ResourceVersionTooLarge"}]}))
            return
        items, version, token = self.page(path, query, name == "unpaged")
        if name == "truncate":
            text = self.whole(path, items, version, token)
            self.begin_chunks()
            self.break_off(text[:len(text) // 2])
        if name == "drip":
            self.begin_chunks()
            self.drip(self.whole(path, items, version, token), fault.get("every", 0.1))
            self.end_chunks()
            return
        self.reply(200, self.whole(path, items, version, token))

    def page(self, path, query, unpaged):
        """Items, version, and the token of the next page."""
        with self.store.lock:
            if "continue" in query:
                items, version = self.store.tokens[query["continue"]]
            else:
                items = [item for item in self.store.objects[RESOURCES[path][0]].values()
                         if is_load_balancer(item) or not filters(query)]
                version = self.store.version
            limit = int(query.get("limit", 0))
            if unpaged or limit == 0 or len(items) <= limit:
                return items, version, ""
            token = "%s/%d/%d" % (RESOURCES[path][0], version, len(items) - limit)
            self.store.tokens[token] = (items[limit:], version)
            return items[:limit], version, token

    @staticmethod
    def whole(path, items, version, token):
        _, api_version, kind = RESOURCES[path]
        metadata = {"resourceVersion": str(version)}
        if token:
            metadata["continue"] = token
        return b'{"kind":"%sList","apiVersion":"%s","metadata":%s,"items":[%s]}\n' % (
            kind.encode(), api_version.encode(), json.dumps(metadata).encode(), b",".join(items))

    # Watches

    def watch(self, path, query):
        resource = RESOURCES[path][0]
        self.store.count(resource, "watches")
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.store.watch_list:
            self.reply(422, status(422, "Invalid", "sendInitialEvents: Forbidden"))
            return
        fault = self.store.take_fault(resource, FAULTS["watch"])
        if fault and self.fail_watch(path, fault):
            return
        watcher = Watcher(path, query)
        known = int(query.get("resourceVersion") or 0)
        with self.store.lock:
            expired = not initial and known < self.store.compacted
            refused = expired and self.store.refuse_by_status
            if not expired:
                self.fill(watcher, path, known, initial)
                self.store.watchers.add(watcher)
        try:
            if refused:
                self.reply(410, EXPIRED)
                return
            self.begin_chunks()
            if expired:
                self.chunk(EXPIRED_EVENT)
            else:
                self.stream(watcher, int(query.get("timeoutSeconds", 1800)), fault)
            self.end_chunks()
        finally:
            with self.store.lock:
                self.store.watchers.discard(watcher)

    def fill(self, watcher, path, known, initial):
        """What happened since that version, or all there is."""
        if not initial:
            for version, resource, line, filtered in self.store.events:
                if resource == watcher.resource and version > known:
                    watcher.queue.put((version, filtered if watcher.filters else line))
            return
        for item in self.store.objects[watcher.resource].values():
            if watcher.filters and not is_load_balancer(item):
                continue
            watcher.queue.put((0, b'{"type":"ADDED","object":%s}\n' % item))
        watcher.queue.put((0, bookmark(path, self.store.version,
                                       {"k8s.io/initial-events-end": "true"})))

    def stream(self, watcher, seconds, fault):
        end = time.monotonic() + seconds
        while True:
            try:
                _, line = watcher.queue.get(timeout=0.2)
            except queue.Empty:
                if time.monotonic() > end:
                    return
                if self.client_left():
                    raise Ended
                continue
            if line is None:
                return
            if not fault:
                self.chunk(line)
            elif fault["fault"] == "watch_truncate":
                self.break_off(line[:len(line) // 2])
            elif fault["fault"] == "watch_drip":
                self.drip(line, fault.get("every", 0.01))
            # else the line is lost: watch_silent

    def fail_watch(self, path, fault):
        """True when that was all of the watch."""
        name = fault["fault"]
        if name == "watch_status":
            self.reply(fault["code"], json.dumps(fault.get("body", {})).encode(),
                       fault.get("headers"))
        elif name == "watch_garbage":
            self.begin_chunks()
            self.chunk(b'{"type":"ADDED","object":{"kind":nonsense}}\n')
            self.end_chunks()
        elif name == "watch_short":
            self.begin_chunks()
            self.end_chunks()
        elif name == "watch_error":
            self.begin_chunks()
            self.chunk(b'{"type":"ERROR","object":%s}\n' %
                       status(fault["code"], fault.get("reason", "InternalError")))
            self.end_chunks()
        else:
            return False
        return True


class Server:
    def __init__(self, store, address, port):
        self.store, self.address, self.port = store, address, port
        self.listener = None
        self.connections = set()
        self.listen(True)

    def listen(self, shall_listen):
        if shall_listen and not self.listener:
            self.listener = socket.create_server((self.address, self.port), backlog=64)
            self.port = self.listener.getsockname()[1]
            threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        elif not shall_listen and self.listener:
            listener, self.listener = self.listener, None
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for sock in list(self.connections):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.store.end_watches()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.add(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            Connection(self, sock).serve()
        except (Ended, OSError):
            pass
        finally:
            self.connections.discard(sock)
            sock.close()


class Control(socketserver.StreamRequestHandler):
    def handle(self):
        command = json.loads(self.rfile.read())
        self.wfile.write(json.dumps(self.obey(command)).encode() + b"\n")

    def obey(self, command):
        store, server = self.server.store, self.server.http
        if "put" in command:
            store.put(command["put"])
        elif "delete" in command:
            store.delete(command["delete"])
        elif "bookmark" in command:
            store.bookmark()
        elif "fault" in command:
            if not any(command["fault"] in names for names in FAULTS.values()):
                return {"error": "no such fault"}
            with store.lock:
                store.faults.append({"times": 1, **command})
        elif "compact" in command:
            store.compact(command["compact"])
        elif "end_watches" in command:
            store.end_watches()
        elif "listen" in command:
            server.listen(command["listen"])
        elif "get" in command:
            code, item = store.written.answer("GET", command["get"], b"", None, "")
            return {"get": item if code == 200 else None}
        elif "writes" in command:
            with store.lock:
                return {"writes": store.written.log,
                        "events": [item for path, item in store.written.objects.items()
                                   if "/events/" in path]}
        elif "counts" in command:
            with store.lock:
                return {"counts": store.counts, "faults": store.faults,
                        "watchers": len(store.watchers), "version": store.version}
        else:
            return {"error": "no such command"}
        return {}


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(command.encode())
        sock.shutdown(socket.SHUT_WR)
        answer = json.loads(sock.makefile().readline())
    if "error" in answer:
        sys.exit(answer["error"])
    return answer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ask", nargs=2)
    parser.add_argument("--control")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--services", type=int, default=0)
    parser.add_argument("--endpoints", type=int, default=0)
    parser.add_argument("--no-watch-list", action="store_true")
    arguments = parser.parse_args()
    if arguments.ask:
        print(json.dumps(ask(*arguments.ask)))
        return
    store = Store()
    store.watch_list = not arguments.no_watch_list
    for index in range(arguments.services):
        store.put(objects.service(index))
        store.put(objects.endpoint_slice(index, range(arguments.endpoints)))
    store.events.clear()
    control = ControlServer(arguments.control, Control)
    control.store, control.http = store, Server(
        store, arguments.address, arguments.port)
    print("listening on %d" % control.http.port, flush=True)
    control.serve_forever()


if __name__ == "__main__":
    main()
