"""The example in the servers that people run it in: one payment in a browser's requests, and a clean end."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from dollr_async.sandbox import AfterSeconds, SandboxThread
from tests.integrations.django.projects import without_settings
from tests.support.paths import ROOT
from tests.support.servers import free_port, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WARNINGS_ARE_ERRORS = (sys.executable, "-X", "dev", "-W", "error")
WSGI = "django.core.wsgi:get_wsgi_application()"
SERVERS = {
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "shop.asgi:application"),
    "gunicorn": ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "--log-level", "warning", WSGI),
    "runserver": ("manage.py", "runserver", "--noreload", "{port}"),
}


@contextmanager
def served(server: str, place: Path, sandbox: SandboxThread) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the example in a server, and return its address."""
    shutil.copytree(ROOT / "examples" / "django_shop", place, ignore=shutil.ignore_patterns("*.sqlite3*"))
    environment = without_settings() | {
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "DOLLR_BASE_URL": sandbox.url,
        "DOLLR_CLIENT_ID": sandbox.client_id,
        "DOLLR_CLIENT_SECRET": sandbox.client_secret,
    }
    migrate = [*WARNINGS_ARE_ERRORS, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=place, env=environment, check=True)
    port = free_port()
    words = [*WARNINGS_ARE_ERRORS, *(word.format(port=port) for word in SERVERS[server])]
    with subprocess.Popen(
        words, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_listening(port)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


@pytest.mark.full(reason="it starts three servers")
@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn and SIGTERM are of POSIX")
@pytest.mark.parametrize("server", SERVERS)
def test_a_payment_in_a_server_that_is_then_terminated(server: str, tmp_path: Path) -> None:
    with (
        SandboxThread(settlement=AfterSeconds(processing=0.1, final=0.3)) as sandbox,
        served(server, tmp_path / "shop", sandbox) as (address, process),
    ):
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        page = browser.open(f"{address}/", timeout=30).read().decode()
        token = re.search('csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page
        for _ in range(2):
            order = {"fullname": "Amara Kamara", "phone": "231771234567", "amount": "25.00"}
            content = urlencode(order | {"csrfmiddlewaretoken": token[1]}).encode()
            with browser.open(f"{address}/checkout/", content, timeout=30) as status:
                place, shown = status.url, status.read()
            while not shown.endswith(b"COMPLETED\n"):
                assert server != "uvicorn", "it streams to the end"
                time.sleep(0.1)
                shown = browser.open(place, timeout=30).read()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode in {0, -signal.SIGTERM}, errors
        assert not re.search("Traceback|Exception|Unclosed|ResourceWarning", errors), errors
        assert [entry.status for entry in sandbox.ledger] == ["COMPLETED", "COMPLETED"]
        tokens = [request for request in sandbox.requests if request.operation == "client_obtain_token"]
        assert len(tokens) == 1
