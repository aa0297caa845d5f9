#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays the kubelet of one node: a pod is a network namespace with its programs in it.

    kubelet.py --server URL --pki DIR --node NAME --address A --pods FIRST-LAST/LENGTH
               --prefix PREFIX --lan NAME --image NAME=COMMAND...

Registers the node and runs every pod that is bound to it: makes its namespace, called PREFIX-pod-
and the last number of its address, on the switch PREFIX-LAN (see scripts/netns.sh); starts what
its image stands for, where {pod} is the pod's name; asks its readiness probe; restarts what ends.
A pod that is deleted gets what a kubelet gives it: the preStop command, SIGTERM, the rest of its
grace period, SIGKILL. It is asked meanwhile, and its conditions say what it answered; then it is
gone. Each pod is a thread.
"""
import argparse
import datetime
import http.client
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICK_S = 0.05
MERGE = "application/strategic-merge-patch+json"
HUGE = {"cpu": "64", "memory": "256Gi", "pods": "250", "ephemeral-storage": "100Gi"}


def log(*words):
    print(datetime.datetime.now().strftime("%H:%M:%S.%f")[:-3], *words, flush=True)


def now():
    return datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """Calls to the API server; one that finds no server is made again until there is one."""

    def __init__(self, server, pki):
        self.host = urllib.parse.urlsplit(server).netloc
        self.tls = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        self.tls.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")

    def open(self, method, path, body=None, content_type="application/json", timeout=30):
        connection = http.client.HTTPSConnection(self.host, context=self.tls, timeout=timeout)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": content_type})
        return connection, connection.getresponse()

    def call(self, method, path, body=None, content_type="application/json"):
        """The answer's status and object."""
        while True:
            try:
                connection, response = self.open(method, path, body, content_type)
                status, text = response.status, response.read()
                connection.close()
                if status < 500 and status != 429:
                    return status, json.loads(text)
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.3)

    def watch(self, path, version):
        """Events, until the watch ends for whatever reason."""
        path = f"{path}&watch=1&resourceVersion={version}"
        connection = None
        try:
            connection, response = self.open("GET", path, timeout=3600)
            for line in response if response.status == 200 else ():
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            if connection:
                connection.close()


class Container:
    """One program of a pod, and its readiness."""

    def __init__(self, pod, spec):
        self.pod, self.spec = pod, spec
        self.command = pod.node.images.get(spec["image"].split(":")[0])
        self.process, self.started, self.restarts = None, None, -1
        self.ready, self.failures, self.next_probe = False, 0, 0.0

    def start(self):
        command = shlex.split(self.command.replace("{pod}", self.pod.name))
        self.process = self.pod.spawn(command, self.spec.get("env", ()))
        self.started, self.restarts = now(), self.restarts + 1
        self.ready, self.failures, self.next_probe = False, 0, 0.0

    def has_ended(self):
        return self.process is None or self.process.poll() is not None

    def port(self, wanted):
        named = {p.get("name"): p["containerPort"] for p in self.spec.get("ports", ())}
        return named.get(wanted, wanted)

    def answers(self, probe):
        timeout = probe.get("timeoutSeconds", 1)
        get = probe.get("httpGet")
        address = (self.pod.address, self.port((get or probe["tcpSocket"])["port"]))
        try:
            with socket.create_connection(address, timeout) as connection:
                if not get:
                    return True
                request = f"GET {get.get('path', '/')} HTTP/1.0\r\nHost: {address[0]}\r\n\r\n"
                connection.sendall(request.encode())
                status = connection.makefile("rb").readline().split()[1]
                return b"200" <= status < b"400"
        except (OSError, IndexError):
            return False

    def look(self):
        """Asks, when it is time to; what was never ready is asked at every look."""
        probe = self.spec.get("readinessProbe")
        if self.has_ended() or not probe:
            self.ready = not self.has_ended()
        elif time.monotonic() >= self.next_probe:
            self.failures = 0 if self.answers(probe) else self.failures + 1
            patience = probe.get("failureThreshold", 3) if self.ready else 1
            self.ready = self.failures < patience
            pause = probe.get("periodSeconds", 10) if self.ready else 0
            self.next_probe = time.monotonic() + pause

    def pre_stop(self):
        """Its process, if there is such a command."""
        hook = self.spec.get("lifecycle", {}).get("preStop", {}).get("exec")
        return self.pod.spawn(hook["command"]) if hook else None

    def state(self):
        if self.process is None:
            return {"waiting": {"reason": "ContainerCreating"}}
        if not self.has_ended():
            return {"running": {"startedAt": self.started}}
        code = self.process.returncode
        code = code if code >= 0 else 128 - code  # as a shell tells a signal
        return {"terminated": {"exitCode": code, "startedAt": self.started, "finishedAt": now()}}

    def status(self):
        return {
            "name": self.spec["name"],
            "image": self.spec["image"],
            "imageID": self.spec["image"],
            "containerID": f"netns://{self.pod.uid}/{self.restarts}",
            "ready": self.ready,
            "started": not self.has_ended(),
            "restartCount": max(self.restarts, 0),
            "state": self.state(),
        }


class Pod:
    """From being bound to the node to being gone."""

    def __init__(self, node, thing, address):
        metadata = thing["metadata"]
        self.node, self.address, self.start_time = node, address, now()
        self.name, self.uid = metadata["name"], metadata["uid"]
        self.path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{self.name}"
        self.space = f"pod-{address.rpartition('.')[2]}"
        self.containers = [Container(self, spec) for spec in thing["spec"]["containers"]]
        self.conditions, self.told = {}, None
        self.grace = None  # seconds: it was deleted

    def netns(self, script):
        """Shell, with the functions of scripts/netns.sh. True: it went well."""
        environment = dict(os.environ, netns_prefix=self.node.prefix)
        command = ["bash", "-euc", f". {ROOT}/scripts/netns.sh; {script}"]
        return subprocess.run(command, env=environment, check=False).returncode == 0

    def spawn(self, command, variables=()):
        """Starts a program in the pod."""
        environment = dict(os.environ, HOSTNAME=self.name)
        environment.update((v["name"], v.get("value", "")) for v in variables)
        inside = ["nsenter", f"--net=/run/netns/{self.node.prefix}-{self.space}", *command]
        return subprocess.Popen(inside, env=environment, stdin=subprocess.DEVNULL, cwd=ROOT)

    def condition(self, kind, is_true):
        status = "True" if is_true else "False"
        if self.conditions.get(kind, {}).get("status") != status:
            self.conditions[kind] = {"type": kind, "status": status, "lastTransitionTime": now()}

    def tell(self):
        """The API server, when there is something new."""
        ready = all(c.ready for c in self.containers)
        told = [(c.ready, c.restarts, c.has_ended()) for c in self.containers]
        if told == self.told:
            return
        self.told = told
        for kind in ("Initialized", "PodScheduled"):
            self.condition(kind, True)
        for kind in ("Ready", "ContainersReady"):
            self.condition(kind, ready)
        status = {
            "phase": "Running",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "hostIP": self.node.address,
            "startTime": self.start_time,
            "conditions": list(self.conditions.values()),
            "containerStatuses": [c.status() for c in self.containers],
        }
        body = {"metadata": {"uid": self.uid}, "status": status}
        code, _ = self.node.api.call("PATCH", f"{self.path}/status", body, MERGE)
        log(self.name, self.address, "ready" if ready else "not ready", told, code)

    def look(self):
        for container in self.containers:
            container.look()
        self.tell()

    def live(self):
        log(self.name, self.address, "starts")
        if all(c.command for c in self.containers) and self.begin():
            while self.grace is None:
                self.look()
                for container in self.containers:
                    if container.has_ended():
                        container.start()
                time.sleep(TICK_S)
            self.stop()
        else:
            log(self.name, "cannot be started: no --image for it, or no namespace")
        self.node.forget(self)

    def begin(self):
        where = f"{self.space} eth0 {self.address}/{self.node.prefix_length}"
        made = self.netns(f"namespaces {self.space}; lan_join {self.node.lan} {where}")
        for container in self.containers if made else ():
            container.start()
        return made

    def wait(self, processes, end):
        """Until all have ended or it is time."""
        while any(p.poll() is None for p in processes) and time.monotonic() < end():
            self.look()
            time.sleep(TICK_S)

    def signal(self, number):
        for container in self.containers:
            if not container.has_ended():
                container.process.send_signal(number)

    def stop(self):
        began = time.monotonic()
        programs = [c.process for c in self.containers]
        log(self.name, "stops within", self.grace, "s")

        def end():  # a second deletion can shorten it
            return began + self.grace

        hooks = [hook for hook in (c.pre_stop() for c in self.containers) if hook]
        self.wait(hooks, end)
        self.signal(signal.SIGTERM)
        self.wait(programs, end)
        self.signal(signal.SIGKILL)
        self.wait(programs, lambda: time.monotonic() + 1)
        self.look()
        self.netns(f"ip netns delete {self.node.prefix}-{self.space}")
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        code, _ = self.node.api.call("DELETE", self.path, body)
        log(self.name, "is gone", code)


class Node:
    """The pods that are bound to it."""

    def __init__(self, options):
        self.api = Api(options.server, options.pki)
        self.name, self.address = options.node, options.address
        self.prefix, self.lan = options.prefix, options.lan
        self.images = dict(pair.split("=", 1) for pair in options.image)
        pods, self.prefix_length = options.pods.split("/")
        first, last = pods.split("-")
        net, _, low = first.rpartition(".")
        # Taken from the front and given back at the end: an address rests before it is used anew.
        self.free = [f"{net}.{i}" for i in range(int(low), int(last.rpartition(".")[2]) + 1)]
        self.pods = {}

    def register(self, zone):
        labels = {"kubernetes.io/hostname": self.name, "topology.kubernetes.io/zone": zone}
        node = {"metadata": {"name": self.name, "labels": labels}}
        self.api.call("POST", "/api/v1/nodes", node)
        conditions = [
            {"type": kind, "status": status, "reason": "Played", "lastTransitionTime": now()}
            for kind, status in (("Ready", "True"), ("MemoryPressure", "False"))
        ]
        status = {
            "capacity": HUGE,
            "allocatable": HUGE,
            "addresses": [{"type": "InternalIP", "address": self.address}],
            "conditions": conditions,
            "nodeInfo": {k: "" for k in ("machineID", "systemUUID", "bootID", "kubeProxyVersion")}
            | {"operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": "played"}
            | {"osImage": "namespace", "kernelVersion": os.uname().release}
            | {"containerRuntimeVersion": "netns://1"},
        }
        path = f"/api/v1/nodes/{self.name}/status"
        code, _ = self.api.call("PATCH", path, {"status": status}, MERGE)
        log("node", self.name, code)

    def see(self, thing, is_gone=False):
        metadata = thing["metadata"]
        pod = self.pods.get(metadata["uid"])
        if is_gone or metadata.get("deletionTimestamp"):
            if pod:
                pod.grace = 0 if is_gone else metadata.get("deletionGracePeriodSeconds", 0)
        elif not pod and self.free:
            pod = Pod(self, thing, self.free.pop(0))
            self.pods[metadata["uid"]] = pod
            threading.Thread(target=pod.live, daemon=True).start()

    def forget(self, pod):
        self.free.append(pod.address)
        self.pods.pop(pod.uid, None)

    def follow(self):
        """One list, and what happens after it until the watch ends."""
        path = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.name}"
        status, things = self.api.call("GET", path)
        if status != 200:
            return
        listed = {thing["metadata"]["uid"] for thing in things["items"]}
        for thing in things["items"]:
            self.see(thing)
        for uid, pod in list(self.pods.items()):
            if uid not in listed:
                pod.grace = 0
        for event in self.api.watch(path, things["metadata"]["resourceVersion"]):
            if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                return
            self.see(event["object"], event["type"] == "DELETED")


def main():
    parser = argparse.ArgumentParser()
    for name in ("server", "pki", "node", "address", "pods", "prefix", "lan"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--zone", default="zone-a")
    parser.add_argument("--image", action="append", default=[])
    options = parser.parse_args()
    node = Node(options)
    node.register(options.zone)
    while True:
        node.follow()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
