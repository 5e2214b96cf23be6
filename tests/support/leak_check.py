"""A program for `python -X dev`: success, failure, cancellation and push, in two loops; nothing may be left open."""

from __future__ import annotations

import asyncio

from dollr_async import CollectError, DollrClient, RealtimeSettings
from dollr_async.sandbox import Sandbox
from tests.support.collections import collect


async def _success(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings) as dollr:
        collection = await collect(dollr)
        async for _ in collection:
            break


async def _failure(sandbox: Sandbox) -> None:
    sandbox.fail("publish_invoice", 422)
    async with DollrClient(**sandbox.settings) as dollr:
        try:
            await collect(dollr)
        except CollectError:
            return


async def _cancellation(sandbox: Sandbox) -> None:
    sandbox.fail("create_checkout_session", "hang")
    async with DollrClient(**sandbox.settings) as dollr:
        task = asyncio.create_task(collect(dollr))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
    sandbox.clear_faults()  # on a busy machine the task may be cancelled before it reaches the request that hangs


async def _many_by_push(sandbox: Sandbox) -> None:
    async with DollrClient(**sandbox.settings, realtime=RealtimeSettings(**sandbox.realtime)) as dollr:
        collections = [await collect(dollr) for _ in range(3)]
        async for _ in dollr.watch_many(collections):
            break
        async for _ in collections[0]:
            await asyncio.sleep(0.2)
            break


async def _all() -> None:
    # A callback that is slow on a busy machine is no leak.
    asyncio.get_running_loop().slow_callback_duration = 10.0
    async with Sandbox() as sandbox:
        for work in (_success, _failure, _cancellation, _many_by_push):
            await work(sandbox)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        raise SystemExit(f"still running: {left}")


def main() -> None:
    """Run everything in one loop, and again in a second one."""
    asyncio.run(_all())
    asyncio.run(_all())
    print("success failure cancellation push")  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main()
