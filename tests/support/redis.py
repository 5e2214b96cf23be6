"""The Redis server of the tests, and servers of a test's own that it can take down."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis

from tests.support.servers import free_port, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = os.environ.get("DOLLR_TEST_REDIS", "redis://127.0.0.1:6379/0")


def require_redis() -> None:
    """Skip the test where the server is not reachable."""
    client = redis.Redis.from_url(URL, socket_connect_timeout=3)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip("needs a Redis server: set DOLLR_TEST_REDIS to its URL")
    finally:
        client.close()


class RedisServer:
    """A Redis of a test's own."""

    def __init__(self, program: str, directory: Path) -> None:
        self._command = [program, "--save", "", "--appendonly", "no", "--dir", str(directory)]
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it, on the same port each time."""
        self._process = subprocess.Popen(
            [*self._command, "--port", str(self._port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until_listening(self._port)

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def own_redis(directory: Path) -> Iterator[RedisServer]:
    """Run a Redis; the test is skipped where the program is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server")
    server = RedisServer(program, directory)
    try:
        yield server
    finally:
        server.stop()


def remove_keys(pattern: str) -> None:
    """Remove the keys of a test."""
    client = redis.Redis.from_url(URL)
    for key in client.scan_iter(pattern):
        client.delete(key)
    client.close()
