"""Spans and metrics of OpenTelemetry, read back from its SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dollr_async import CollectError, DollrClient, OutcomeUnknownError, PaymentFailedError, PollTimeoutError
from dollr_async.integrations.opentelemetry import OpenTelemetryObserver, _OpenPayments
from tests.support.collections import REFERENCE, collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from dollr_async.sandbox import Sandbox


class Telemetry:
    """What a program's SDK has collected."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def points(self) -> dict[str, list[HistogramDataPoint | NumberDataPoint]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [it for it in metric.data.data_points if isinstance(it, HistogramDataPoint | NumberDataPoint)]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def number(self, name: str) -> float:
        (point,) = self.points()[name]
        assert isinstance(point, NumberDataPoint)
        return point.value

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()


@pytest.fixture
async def dollr(sandbox: Sandbox, telemetry: Telemetry) -> AsyncIterator[DollrClient]:
    """A client of the sandbox with the observer."""
    observer = OpenTelemetryObserver(telemetry.tracers, telemetry.meters)
    async with DollrClient(**sandbox.settings, observer=observer) as dollr:
        yield dollr


async def test_each_awaited_operation_is_a_span_and_nothing_else_is(dollr: DollrClient, telemetry: Telemetry) -> None:
    collection = await collect(dollr, reference_id=REFERENCE)
    async for _ in collection:
        pass
    await collection.wait()
    await dollr.fees.tiers()
    assert [span.name for span in telemetry.spans] == ["dollr.collect", "dollr.wait"]
    assert [dict(span.attributes or {}) for span in telemetry.spans] == [
        {
            "dollr.operation": name,
            "dollr.kind": "COLLECTION",
            "dollr.reference_id": REFERENCE,
            "dollr.status": status,
        }
        for name, status in (("collect", "PENDING"), ("wait", "COMPLETED"))
    ]


async def test_what_a_program_instruments_itself_is_inside_the_span(dollr: DollrClient, telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("the shop")
    before = context.get_current()
    with tracer.start_as_current_span("checkout"):
        await collect(dollr)
    assert context.get_current() == before
    ours, shop = telemetry.spans
    assert ours.parent is not None
    assert shop.context is not None
    assert ours.parent.span_id == shop.context.span_id


async def test_a_request_of_an_operation_sees_its_span(sandbox: Sandbox, telemetry: Telemetry) -> None:
    seen: set[int] = set()

    class Both(OpenTelemetryObserver):
        def observe(self, event: object) -> None:
            super().observe(event)  # type: ignore[arg-type] # any event
            seen.add(trace.get_current_span().get_span_context().span_id)

    async with DollrClient(**sandbox.settings, observer=Both(telemetry.tracers, telemetry.meters)) as dollr:
        await collect(dollr)
    (span,) = telemetry.spans
    assert span.context is not None
    # 0 is no span: the token, which is not fetched for one operation alone, and the end.
    assert seen == {0, span.context.span_id}


async def test_a_failed_payment_is_no_error_of_its_span(
    sandbox: Sandbox, dollr: DollrClient, telemetry: Telemetry
) -> None:
    sandbox.set_outcome("decline")
    with pytest.raises(PaymentFailedError):
        await (await collect(dollr)).wait()
    span = telemetry.spans[-1]
    assert span.status.status_code is trace.StatusCode.UNSET
    assert dict(span.attributes or {})["dollr.status"] == "FAILED"


async def test_what_is_raised_is_an_error_of_the_span_without_its_text(
    sandbox: Sandbox, dollr: DollrClient, telemetry: Telemetry
) -> None:
    sandbox.fail("create_invoice", 422)
    with pytest.raises(CollectError):
        await collect(dollr)
    sandbox.set_outcome("stay_pending")
    with pytest.raises(PollTimeoutError):
        await (await collect(dollr)).wait(timeout=3.0)
    failed = [span for span in telemetry.spans if span.status.status_code is trace.StatusCode.ERROR]
    assert [(span.name, span.status.description, span.events) for span in failed] == [
        ("dollr.collect", "CollectError", ()),
        ("dollr.wait", "PollTimeoutError", ()),
    ]


async def test_the_metrics_count_and_never_have_a_reference(
    sandbox: Sandbox, dollr: DollrClient, telemetry: Telemetry
) -> None:
    collection = await collect(dollr, reference_id=REFERENCE)
    assert telemetry.number("dollr.payments.open") == 1
    await collection.wait()
    assert telemetry.number("dollr.payments.open") == 0
    points = telemetry.points()
    assert {(it.attributes or {})["dollr.operation"] for it in points["dollr.operation.duration"]} == {
        "collect",
        "wait",
    }
    (delays,) = points["dollr.poll.delay"]
    assert isinstance(delays, HistogramDataPoint)
    assert delays.count == len(sandbox.requests_to("get_collection_status")) - 1, "one is the check of the reference"
    labels = {name for many in points.values() for it in many for name in it.attributes or {}}
    assert labels == {"dollr.operation", "dollr.kind", "dollr.status"}


async def test_an_outcome_that_stays_unknown_is_counted(
    sandbox: Sandbox, dollr: DollrClient, telemetry: Telemetry
) -> None:
    sandbox.fail("collect", "lose_answer")
    await collect(dollr)
    assert "dollr.outcome.unknown" not in telemetry.points()
    sandbox.fail("collect", "lose_answer")
    sandbox.fail("get_collection_status", 503, times=None)
    with pytest.raises(OutcomeUnknownError):
        await collect(dollr)
    assert telemetry.number("dollr.outcome.unknown") == 1


def test_a_payment_that_nobody_checks_any_more_is_not_counted_for_ever() -> None:
    times = [0.0]
    payments = _OpenPayments(lambda: times[0])
    payments.note(uuid4(), "PENDING", is_final=False)
    times[0] = 600.0
    payments.note(uuid4(), "PENDING", is_final=False)
    payments.note(uuid4(), None, is_final=False)
    assert payments.count() == 2
    times[0] = 901.0
    assert payments.count() == 1
