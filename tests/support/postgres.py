"""The PostgreSQL server of the tests, with a schema of its own for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.support.servers import free_port, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONNINFO = os.environ.get("DOLLR_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


def require_postgres() -> None:
    """Skip the test where the server is not reachable."""
    try:
        psycopg.connect(CONNINFO, connect_timeout=3).close()
    except psycopg.OperationalError:
        pytest.skip("needs a PostgreSQL server: set DOLLR_TEST_POSTGRES to its URL")


@contextmanager
def own_schema() -> Iterator[str]:
    """Return the name of a schema that does not exist yet; at the end it is dropped."""
    require_postgres()
    name = f"dollr_test_{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with psycopg.connect(CONNINFO, autocommit=True) as connection:
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(name)))


@contextmanager
def own_database() -> Iterator[str]:
    """Make a database, and return its connection string; at the end it is dropped."""
    require_postgres()
    name = f"dollr_test_{uuid4().hex[:12]}"
    with psycopg.connect(CONNINFO, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield psycopg.conninfo.make_conninfo(CONNINFO, dbname=name)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def pgbouncer(directory: Path) -> Iterator[str]:
    """Run a pgbouncer that gives a connection for one transaction only; return its connection string."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("needs pgbouncer")
    require_postgres()
    port = free_port()
    directory.chmod(0o777)  # it refuses to run as root, so it runs as another user
    users, settings = directory / "users.txt", directory / "pgbouncer.ini"
    users.write_text('"postgres" ""\n')
    server = psycopg.conninfo.conninfo_to_dict(CONNINFO)
    settings.write_text(
        f"[databases]\ntest = host={server['host']} port={server['port']} dbname={server['dbname']} pool_size=2\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n"
        "pool_mode = transaction\nunix_socket_dir =\n"
    )
    for file in (users, settings):
        file.chmod(0o644)
    user = "nobody" if os.geteuid() == 0 else None
    process = subprocess.Popen([program, "-q", str(settings)], cwd=directory, user=user)
    try:
        wait_until_listening(port)
        yield f"host=127.0.0.1 port={port} dbname=test user=postgres"
    finally:
        process.terminate()
        process.wait(10)
