"""Metrics for Prometheus: the labels are words of the library, so their number is bounded.

python3 -m pip install prometheus-client && python3 examples/observe_prometheus.py 231771234567
"""

import asyncio
import sys

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, start_http_server

from dollr_async import DollrClient, LineItem, Payer
from dollr_async.observing import DoubtEnded, Event, OperationEnded, RequestEnded


class PrometheusObserver:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        words = ("operation", "status", "error")
        self.operations = Histogram("dollr_operation_seconds", "Duration of a call", words, registry=registry)
        self.requests = Histogram("dollr_request_seconds", "One request", ("route", "status"), registry=registry)
        self.unknown = Counter("dollr_outcome_unknown", "Payments with an unknown outcome", registry=registry)

    def observe(self, event: Event) -> None:
        if isinstance(event, OperationEnded):
            self.operations.labels(event.operation, event.status or "", event.error or "").observe(event.seconds)
        elif isinstance(event, RequestEnded):
            self.requests.labels(event.route, event.status or "").observe(event.seconds)
        elif isinstance(event, DoubtEnded) and event.outcome == "UNKNOWN":
            self.unknown.inc()


async def main(phone: str) -> None:
    start_http_server(9100, "127.0.0.1")
    async with DollrClient(observer=PrometheusObserver()) as dollr:
        items = [LineItem("Ticket", 25)]
        await (await dollr.collect(payer=Payer("Amara Kamara", phone), items=items, currency="USD")).wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
