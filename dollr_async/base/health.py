"""The health file of a worker: a file that its event loop touches, so that a supervisor sees whether it is alive."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dollr_async.base.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TOUCH_EVERY = 2.0
"""Seconds between two touches."""


@asynccontextmanager
async def health_file(path: str | None) -> AsyncIterator[None]:
    """Touch a file every two seconds from this event loop, and remove it at the end; None is no file.

    Raises:
        ConfigurationError: the file cannot be made.
    """
    if path is None:
        yield
        return
    file = Path(path)
    try:
        file.touch()  # noqa: ASYNC240 - a thread could touch it while the loop hangs
    except OSError as error:
        message = f"the health file {path} cannot be written ({error.strerror}): name a file in a directory that exists"
        raise ConfigurationError(message) from error
    touching = asyncio.create_task(_touch(file), name="dollr_async health file")
    try:
        yield
    finally:
        touching.cancel()
        await asyncio.gather(touching, return_exceptions=True)
        with suppress(OSError):
            file.unlink(missing_ok=True)  # noqa: ASYNC240 - a thread would only take longer


async def _touch(file: Path) -> None:
    while True:
        await asyncio.sleep(_TOUCH_EVERY)
        # A file that cannot be touched gets old, which the supervisor sees. Payments go on meanwhile.
        with suppress(OSError):
            file.touch()  # noqa: ASYNC240 - as above
