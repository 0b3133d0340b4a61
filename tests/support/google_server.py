"""A Google Cloud on this machine: gRPC services that answer what a test says, page it, and fail when they are told to.

`server.answers["ListAssets"] = lambda request: [Asset(…), …]` gives the whole list; pages of `server.page_size` are cut
from it. What was asked is kept in `server.asked`, so that a test can compare it with what was declared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
from google.cloud import asset_v1, billing_v1, monitoring_v3, recommender_v1
from google.protobuf import any_pb2, struct_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ingest.locations import Retries

QUICK = Retries(attempts=3, base_seconds=0.001, cap_seconds=0.002)
NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)
Answer = Callable[[Any], list[Any]]
#: Service -> method -> the module of its types and the name of the answer's list.
SERVICES = {
    "google.cloud.asset.v1.AssetService": {"ListAssets": (asset_v1, "assets")},
    "google.cloud.billing.v1.CloudBilling": {
        "ListBillingAccounts": (billing_v1, "billing_accounts"),
        "ListProjectBillingInfo": (billing_v1, "project_billing_info"),
    },
    "google.cloud.billing.v1.CloudCatalog": {
        "ListServices": (billing_v1, "services"), "ListSkus": (billing_v1, "skus"),
    },
    "google.cloud.recommender.v1.Recommender": {"ListRecommendations": (recommender_v1, "recommendations")},
    "google.monitoring.v3.MetricService": {"ListTimeSeries": (monitoring_v3, "time_series")},
}  # fmt: skip


@dataclass
class Fault:
    """What goes wrong with a method: the first `after` calls pass, the next `times` fail. `code` None spoils the bytes.

    `reason`: of the ErrorInfo that Google sends beside some errors. Only requests that hold the text `where` are meant.
    """

    method: str
    code: grpc.StatusCode | None
    times: int = 1_000_000
    after: int = 0
    reason: str = ""
    where: str = ""
    seen: int = 0


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    request: Any = field(repr=False)


class GoogleServer:
    """Listens on a free port of this machine, in the clear. `url` is the endpoint of a connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(4))
        for service, methods in SERVICES.items():
            handlers = {name: self._handler(name, *what) for name, what in methods.items()}
            self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        self.reset()

    def reset(self) -> None:
        """Forget answers, faults and what was asked."""
        self.answers: dict[str, Answer] = {}
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.page_size = 1_000_000

    def fail(self, method: str, code: grpc.StatusCode | None, **how: Any) -> None:
        """Let calls of a method fail, or spoil their bytes (code None)."""
        self.faults.append(Fault(method, code, **how))

    def methods(self) -> set[str]:
        """What was asked."""
        return {one.method for one in self.asked}

    def close(self) -> None:
        """Stop at once."""
        self._server.stop(None).wait()

    def _handler(self, name: str, types: Any, key: str) -> Any:
        question, answer = getattr(types, f"{name}Request"), getattr(types, f"{name}Response")

        def serve(request: Any, context: Any) -> bytes:
            with self._lock:
                self.asked.append(Asked(name, request))
                fault = next((one for one in self.faults if _hits(one, name, request)), None)
            if fault is not None and fault.code is not None:
                _refuse(context, fault)
            everything = self.answers.get(name, lambda _: [])(request)
            size = min(self.page_size, request.page_size or self.page_size)
            start = int(request.page_token or 0)
            token = str(start + size) if start + size < len(everything) else ""
            page = answer(**{key: everything[start : start + size], "next_page_token": token})
            data: bytes = answer.serialize(page)
            return b"\xff" + data[: len(data) // 2] if fault is not None else data

        return grpc.unary_unary_rpc_method_handler(serve, request_deserializer=question.deserialize)


def _hits(fault: Fault, name: str, request: Any) -> bool:
    if fault.method != name or fault.where not in str(request):
        return False
    fault.seen += 1
    return fault.after < fault.seen <= fault.after + fault.times


def _refuse(context: Any, fault: Fault) -> None:
    """As Google refuses: a text that must not be repeated, and a reason that may."""
    status = status_pb2.Status(code=fault.code.value[0], message="secret-in-message of somebody@example.invalid")
    if fault.reason:
        info = any_pb2.Any()
        info.Pack(error_details_pb2.ErrorInfo(reason=fault.reason, domain="googleapis.com"))
        status.details.append(info)
    context.abort_with_status(rpc_status.to_status(status))


def asset(name: str, type_: str, location: str, data: dict[str, Any]) -> asset_v1.Asset:
    """A resource as Cloud Asset Inventory lists it."""
    fields = struct_pb2.Struct()
    fields.update(data)
    return asset_v1.Asset(name=name, asset_type=type_, resource=asset_v1.Resource(location=location, data=fields))


def machine(number: int, project: str = "pragati-content", zone: str = "asia-south1-a", **data: Any) -> asset_v1.Asset:
    """A virtual machine called vm-<number>; the bill knows it by 1000000 + number."""
    root = f"https://www.googleapis.com/compute/v1/projects/{project}/zones/{zone}"
    return asset(
        f"//compute.googleapis.com/projects/{project}/zones/{zone}/instances/vm-{number}",
        "compute.googleapis.com/Instance", zone,
        {"id": str(1_000_000 + number), "name": f"vm-{number}", "status": "RUNNING", "zone": root,
         "machineType": f"{root}/machineTypes/n2-standard-8",
         "creationTimestamp": "2024-06-11T05:30:00.000+05:30"} | data,
    )  # fmt: skip


def rows_of(location: Any) -> list[dict[str, Any]]:
    """Everything that a location has now."""
    tables = [location.pull(part, print) for part in location.parts()]
    return [row for table in tables if table is not None for row in table.to_pylist()]
