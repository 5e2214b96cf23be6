"""What an observer costs: `python -m benchmarks.observing`.

Four clients take turns in one process, in blocks of equal work of about 30 ms: one without an observer, a second one
without, as a check, one whose observer does nothing, and one with `OpenTelemetryObserver` and the SDK, which keeps the
spans. A figure is the median of the ratios of all blocks' CPU time to that of the first client.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from benchmarks.calls.ratio_to_floor import Block, alternate
from benchmarks.harness.processes import stub_server
from benchmarks.harness.tables import table
from benchmarks.rivals.ours import Ours
from dollr_async import DollrClient
from dollr_async.integrations.opentelemetry import OpenTelemetryObserver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from dollr_async.observing import Event, Observer

WORK = {"status": "a call", "document_first": "a collection"}
NONE = "none"


class Idle:
    """An observer that does nothing."""

    def observe(self, event: Event) -> None:
        """Do nothing."""


class Nowhere(SpanExporter):
    """Takes spans, and sends them nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - nobody wants them
        """Do nothing."""
        return SpanExportResult.SUCCESS


def observers() -> dict[str, Observer | None]:
    """Return what the four clients have."""
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(Nowhere()))
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    telemetry = OpenTelemetryObserver(tracers, meters)
    return {NONE: None, "none, a second time": None, "does nothing": Idle(), "OpenTelemetry": telemetry}


def each(block: Block) -> float:
    """Return the microseconds of CPU time of one piece of a block's work."""
    return block.cpu / len(block.each) * 1e6


async def measure(url: str, rounds: int, at_once: int) -> dict[str, list[str]]:
    """Return each observer's cells: for each kind of work the CPU time, and the ratio to none."""
    cells: dict[str, list[str]] = {}
    async with AsyncExitStack() as stack:
        clients = {
            name: Ours(
                await stack.enter_async_context(DollrClient("client", "secret", base_url=url, observer=observer))
            )
            for name, observer in observers().items()
        }
        for kind in WORK:
            found = await alternate({name: getattr(client, kind) for name, client in clients.items()}, at_once, rounds)
            for name, blocks in found.items():
                ratios = [one.cpu / other.cpu for one, other in zip(blocks, found[NONE], strict=True)]
                micro = statistics.median(each(block) for block in blocks)
                cells.setdefault(name, []).extend([f"{micro:.0f} µs", f"{statistics.median(ratios):.3f}"])
    return cells


def main() -> None:
    """Read the options, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=240, help="how many blocks each client does")
    parser.add_argument("--at-once", type=int, default=32)
    options = parser.parse_args()
    with stub_server() as url:
        cells = asyncio.run(measure(url, options.rounds, options.at_once))
    head = ["observer", *(cell for words in WORK.values() for cell in (f"CPU time of {words}", "ratio"))]
    print(table(head, [[name, *row] for name, row in cells.items()]))


if __name__ == "__main__":
    main()
