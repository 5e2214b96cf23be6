"""Traces and metrics by OpenTelemetry: `DollrClient(observer=OpenTelemetryObserver())`.

Needs `pip install 'dollr-async[otel]'`, which is the API of OpenTelemetry alone: your program brings the SDK.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from dollr_async.base.extras import extra
from dollr_async.base.observing import DoubtEnded, Event, OperationBegan, OperationEnded, StatusChecked
from dollr_async.base.version import VERSION

with extra("otel"):
    from opentelemetry import context, metrics, trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from uuid import UUID

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_DURATIONS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_DELAYS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_FINAL = frozenset({"COMPLETED", "FAILED"})
_FORGOTTEN_AFTER = 900.0
"""Seconds after which a payment that nobody checks any more is not counted as open."""


class OpenTelemetryObserver:
    """An observer that makes a span for each awaited operation, and metrics. It may observe several clients.

    A span covers a `collect()`, `payout()`, `transfer()`, `refund()`, `hosted_checkout()` or `wait()`. Its children are
    the spans of your own instrumentation, such as that of aiohttp. An iterator and a single request have no span. A
    span is an error when the call raised, not when the payment is FAILED. The reference is an attribute of the span,
    and never of a metric.

    Args:
        tracer_provider: makes the tracer; by default the program's own.
        meter_provider: makes the meter; by default the program's own.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        """Make the instruments."""
        self._tracer = trace.get_tracer("dollr_async", VERSION, tracer_provider)
        meter = metrics.get_meter("dollr_async", VERSION, meter_provider)
        self._spans: dict[str, tuple[Span, Token[Context]]] = {}
        self._open = _OpenPayments()
        self._durations = meter.create_histogram(
            "dollr.operation.duration",
            "s",
            "How long a call took.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._delays = meter.create_histogram(
            "dollr.poll.delay",
            "s",
            "How much later than due a status check began.",
            explicit_bucket_boundaries_advisory=_DELAYS,
        )
        self._unknown = meter.create_counter(
            "dollr.outcome.unknown", "{payment}", "Executions whose outcome was not found out in time."
        )
        meter.create_observable_gauge(
            "dollr.payments.open",
            [lambda _: [metrics.Observation(self._open.count())]],
            "{payment}",
            "Payments whose last status check, in the last 15 minutes, was not final.",
        )

        self._takes: dict[type[Event], Callable[[Any], None]] = {
            OperationBegan: self._began,
            OperationEnded: self._ended,
            StatusChecked: self._checked,
            DoubtEnded: self._doubt_ended,
        }

    def observe(self, event: Event) -> None:
        """Take an event of a client."""
        take = self._takes.get(type(event))
        if take is not None:
            take(event)

    def _began(self, event: OperationBegan) -> None:
        attributes = {"dollr.operation": event.operation}
        if event.kind is not None:
            attributes["dollr.kind"] = event.kind
        if event.reference_id is not None:
            attributes["dollr.reference_id"] = str(event.reference_id)
        span = self._tracer.start_span(f"dollr.{event.operation}", attributes=attributes)
        self._spans[event.operation_id] = span, context.attach(trace.set_span_in_context(span))

    def _ended(self, event: OperationEnded) -> None:
        labels = {"dollr.operation": event.operation}
        if event.kind is not None:
            labels["dollr.kind"] = event.kind
        if event.status is not None:
            labels["dollr.status"] = event.status
        if event.error is not None:
            labels["error.type"] = event.error
        self._durations.record(event.seconds, labels)
        self._open.note(event.reference_id, event.status, is_final=event.status in _FINAL)
        span, token = self._spans.pop(event.operation_id)
        context.detach(token)
        span.set_attributes(labels)
        if event.error is not None:
            span.set_status(trace.StatusCode.ERROR, event.error)
        span.end()

    def _checked(self, event: StatusChecked) -> None:
        labels = {"dollr.source_type": event.source_type} if event.kind is None else {"dollr.kind": event.kind}
        self._delays.record(event.delay, {name: word for name, word in labels.items() if word is not None})
        self._open.note(event.reference_id, event.status, is_final=event.is_final)

    def _doubt_ended(self, event: DoubtEnded) -> None:
        if event.outcome == "UNKNOWN":
            self._unknown.add(1)


class _OpenPayments:
    """The payments that were not final when they were last seen; clients in several threads may note them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen_at: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def note(self, reference_id: UUID | None, status: str | None, *, is_final: bool) -> None:
        if reference_id is None or status is None:
            return
        with self._lock:
            self._seen_at.pop(reference_id, None)
            if not is_final:
                self._seen_at[reference_id] = self._now()
            self._forget()

    def count(self) -> int:
        with self._lock:
            self._forget()
            return len(self._seen_at)

    def _forget(self) -> None:
        # The one that was seen longest ago stands first.
        before = self._now() - _FORGOTTEN_AFTER
        while self._seen_at and next(iter(self._seen_at.values())) < before:
            del self._seen_at[next(iter(self._seen_at))]
