"""What Prometheus reads: logins by outcome, Okta call times by issuer's host, refusals by code, requests by route."""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import REGISTRY as _REGISTRY
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

LOGINS = Counter("point_logins_total", "Logins that ended", ["method", "outcome"])
REFUSALS = Counter("point_refusals_total", "What was turned down", ["code", "reason"])
OKTA_CALLS = Histogram(
    "point_okta_call_seconds",
    "Calls to Okta",
    ["host", "outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUESTS = Histogram(
    "point_request_seconds",
    "Requests answered",
    ["route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def saw_call(host: str, seconds: float, outcome: str) -> None:
    """One call to `host` took `seconds`; `outcome` is a status code or a reason."""
    _call_series(host, outcome).observe(seconds)


@lru_cache(maxsize=5000)
def _call_series(host: str, outcome: str) -> Histogram:
    return OKTA_CALLS.labels(host, outcome)


@lru_cache(maxsize=2000)
def _request_series(route: str, status: str) -> Histogram:
    return REQUESTS.labels(route, status)


def count_request(route: str, status: str, seconds: float) -> None:
    """One request to `route` (a rule, so that there are few) was answered."""
    _request_series(route, status).observe(seconds)


def render() -> bytes:
    """The metrics of this process, or of all workers where PROMETHEUS_MULTIPROC_DIR is set, as Prometheus text."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(_REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
