# SPDX-License-Identifier: BSD-2-Clause
"""What clients write to the API server of fault_server.py: the status of Services, by strategic
merge patch; Leases; Events. Strict: what a real server would not do, or what no patch of ours
should ask for, is refused.

Faults, by resource (services, leases, events):

    write_status     "code", "headers"
    write_conflict   somebody else changes the object first
    write_hang       no answer
    write_unnoticed  it is written, but the connection breaks before the answer
"""
import datetime
import json
import re

FAULTS = ("write_status", "write_conflict", "write_hang", "write_unnoticed")

SERVICE = re.compile(r"/api/v1/namespaces/([^/]+)/services/([^/]+)(/status)?$")
LEASE = re.compile(r"/apis/coordination\.k8s\.io/v1/namespaces/([^/]+)/leases(?:/([^/]+))?$")
EVENT = re.compile(r"/apis/events\.k8s\.io/v1/namespaces/([^/]+)/events(?:/([^/]+))?$")
STRATEGIC = "application/strategic-merge-patch+json"
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Refused(Exception):
    def __init__(self, code, reason, message=""):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


def demand(condition, message):
    if not condition:
        raise Refused(422, "Invalid", message)


def check_version(known, said):
    if said is not None and said != known["metadata"]["resourceVersion"]:
        raise Refused(409, "Conflict", "the object has been modified")


def merge_conditions(known, patch):
    conditions = {c["type"]: c for c in known}
    for item in patch:
        if item.get("$patch") == "delete":
            conditions.pop(item["type"], None)
            continue
        demand(set(item) <= {"type", "status", "reason", "message", "lastTransitionTime"},
               "a condition's fields: %s" % item)
        conditions[item["type"]] = {**conditions.get(item["type"], {}), **item}
    for condition in conditions.values():
        demand(condition.get("reason") and "message" in condition, "reason and message")
        datetime.datetime.strptime(condition["lastTransitionTime"], "%Y-%m-%dT%H:%M:%SZ")
    return list(conditions.values())


def merge_finalizers(known, metadata):
    gone = metadata.get("$deleteFromPrimitiveList/finalizers", [])
    kept = [f for f in known if f not in gone]
    return kept + [f for f in metadata.get("finalizers", []) if f not in kept]


def patch_service(item, patch):
    """The Service as it is then."""
    item = json.loads(json.dumps(item))
    metadata, status = patch.get("metadata", {}), patch.get("status", {})
    demand(set(patch) <= {"metadata", "status"}, "fields: %s" % patch)
    demand(set(metadata) <= {"resourceVersion", "finalizers",
                             "$deleteFromPrimitiveList/finalizers"}, "metadata: %s" % metadata)
    demand(set(status) <= {"loadBalancer", "conditions"}, "status: %s" % status)
    finalizers = merge_finalizers(item["metadata"].get("finalizers", []), metadata)
    added = set(finalizers) - set(item["metadata"].get("finalizers", []))
    demand(not (added and item["metadata"].get("deletionTimestamp")), "finalizer while deleting")
    item["metadata"]["finalizers"] = finalizers
    written = item.setdefault("status", {})
    if "loadBalancer" in status:
        ingress = status["loadBalancer"]["ingress"]
        demand(ingress is None or item["spec"]["type"] == "LoadBalancer", "ingress")
        written["loadBalancer"] = {"ingress": ingress} if ingress else {}
    if "conditions" in status:
        written["conditions"] = merge_conditions(written.get("conditions", []),
                                                 status["conditions"])
    return item


class Written:
    """Leases and Events by path, and a log of all writes."""

    def __init__(self, store):
        self.store = store
        self.objects = {}
        self.log = []

    def next_version(self):
        self.store.version += 1
        return str(self.store.version)

    def keep(self, path, item):
        item["metadata"]["resourceVersion"] = self.next_version()
        item["metadata"].setdefault("uid", "uid" + path)
        self.objects[path] = item
        return item

    # Each is called with the store's lock, and gives status and object.

    def service(self, method, match, body, content_type):
        namespace, name, status = match.groups()
        known = self.store.objects["services"].get((namespace, name))
        if known is None:
            raise Refused(404, "NotFound")
        known = json.loads(known)
        if method == "GET" and not status:
            return 200, known
        if method != "PATCH" or not status:
            raise Refused(403, "Forbidden", "services/status may be patched, no more")
        if content_type != STRATEGIC:
            raise Refused(415, "UnsupportedMediaType", content_type)
        check_version(known, body.get("metadata", {}).get("resourceVersion"))
        item = patch_service(known, body)
        known["metadata"].setdefault("finalizers", [])
        known.setdefault("status", {})
        if item != known:
            self.store.change(item)
        return 200, item

    def lease(self, method, match, body, _):
        path = match.group(0)
        if method == "POST":
            demand(body["kind"] == "Lease", "kind")
            path += "/" + body["metadata"]["name"]
            if path in self.objects:
                raise Refused(409, "AlreadyExists")
            return 201, self.keep(path, body)
        if path not in self.objects:
            raise Refused(404, "NotFound")
        if method == "PUT":
            check_version(self.objects[path], body["metadata"]["resourceVersion"])
            for field in ("acquireTime", "renewTime"):
                datetime.datetime.strptime(body["spec"][field], MICRO_TIME)
            self.keep(path, body)
        elif method != "GET":
            raise Refused(405, "MethodNotAllowed")
        return 200, self.objects[path]

    def event(self, method, match, body, content_type):
        path = match.group(0)
        if method == "POST":
            for field in ("eventTime", "reportingController", "reportingInstance", "action",
                          "reason", "regarding", "note"):
                demand(body.get(field), "an Event without %s" % field)
            demand(body["type"] in ("Normal", "Warning") and len(body["note"]) <= 1024, "type")
            datetime.datetime.strptime(body["eventTime"], MICRO_TIME)
            return 201, self.keep(path + "/" + body["metadata"]["name"], body)
        if method != "PATCH" or content_type != "application/merge-patch+json":
            raise Refused(405, "MethodNotAllowed")
        if path not in self.objects:
            raise Refused(404, "NotFound")
        demand(set(body) == {"series"} and body["series"]["count"] >= 2, "series")
        return 200, self.keep(path, {**self.objects[path], **body})

    def find(self, path):
        for resource, pattern, handler in (("services", SERVICE, self.service),
                                           ("leases", LEASE, self.lease),
                                           ("events", EVENT, self.event)):
            match = pattern.match(path)
            if match:
                return resource, match, handler
        return None

    def touch(self, path):
        """Somebody else changes it."""
        match = SERVICE.match(path)
        if match:
            item = json.loads(self.store.objects["services"][match.groups()[:2]])
            annotations = item["metadata"].setdefault("annotations", {})
            annotations["touched"] = str(self.store.version)
            self.store.change(item)
        elif path in self.objects:
            self.keep(path, self.objects[path])

    def answer(self, method, path, body, content_type, fault):
        """Status and object of an answer."""
        _, match, handler = self.find(path)
        with self.store.lock:
            if fault == "write_conflict":
                self.touch(path)
            try:
                code, item = handler(method, match, json.loads(body) if body else None,
                                     content_type)
            except Refused as refused:
                code, item = refused.code, {
                    "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": refused.reason, "message": refused.message, "code": refused.code}
            if method != "GET":
                self.log.append({"method": method, "path": path, "code": code,
                                 "body": json.loads(body)})
        return code, item
