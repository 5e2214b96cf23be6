"""A PostgreSQL server of a test's own, which it may stop, crash and copy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # What is not synced stays unsynced until a test has stopped the server.
    "wal_writer_delay": "10s",
    "autovacuum": "off",
    "bgwriter_lru_maxpages": "0",
    "max_wal_senders": "2",
}


class PostgresServer:
    """A server in a directory of its own, on a free port."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs, self.directory = programs, directory
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = int(found.getsockname()[1])

    @property
    def conninfo(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        # The server refuses to run as root.
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run(
            [self._programs / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.directory, user=user
        )

    def start(self) -> None:
        settings = " ".join(f"-c {name}={value!r}" for name, value in _SETTINGS.items())
        data = str(self.directory / "data")
        log = str(self.directory / "log")
        self.run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", f"-p {self.port} {settings}")

    def stop(self, mode: str) -> None:
        self.run("pg_ctl", "stop", "-m", mode, "-D", str(self.directory / "data"))

    @contextmanager
    def replica(self) -> Iterator[PostgresServer]:
        """Run a read-only replica of this server."""
        with _directory() as directory:
            replica = PostgresServer(self._programs, directory)
            self.run(
                "pg_basebackup", "-d", self.conninfo, "-D", str(directory / "data"), "-R", "-X", "stream", "-c", "fast"
            )
            replica.start()
            try:
                yield replica
            finally:
                replica.stop("immediate")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Make a server and start it; at the end it is stopped and removed."""
    with _directory() as directory:
        server = PostgresServer(_programs(), directory)
        server.run("initdb", "-D", str(directory / "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def flushed(server: PostgresServer) -> int:
    """Return how many bytes of its log the server has synced."""
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _directory() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres")
        yield directory


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = str(found[-1]) if found else shutil.which("initdb")
    if program is None:
        pytest.skip("needs the programs of a PostgreSQL server: initdb and pg_ctl")
    return Path(program).parent
