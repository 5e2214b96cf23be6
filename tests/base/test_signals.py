"""SIGTERM and Ctrl-C end a program in order, also on a loop that cannot handle signals, as those of Windows."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dollr_async.base.signals import stop_event

if TYPE_CHECKING:
    from collections.abc import Iterator

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class LoopWithoutSignals(asyncio.SelectorEventLoop):
    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("loop_factory", [asyncio.SelectorEventLoop, LoopWithoutSignals])
def test_a_signal_sets_the_event(loop_factory: LoopFactory, number: signal.Signals) -> None:
    async def main() -> bool:
        before = signal.getsignal(number)
        with stop_event() as stop:
            signal.raise_signal(number)
            await asyncio.wait_for(stop.wait(), 5.0)
        assert signal.getsignal(number) == before
        return stop.is_set()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(main())
