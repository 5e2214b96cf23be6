"""The pytest plugin, as a user's tests use it: each test here runs a pytest of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.testing.programs import COLLECT, run_plain_pytest, run_pytest

if TYPE_CHECKING:
    from pathlib import Path

SYNC = """
import asyncio, os
import pytest
from dollr_async.testing import QUICK
from shop import collect

def test_it_is_fresh_and_in_the_environment(dollr_sandbox):
    assert os.environ["DOLLR_BASE_URL"] == dollr_sandbox.url
    assert os.environ["DOLLR_CLIENT_ID"] == dollr_sandbox.client_id
    assert os.environ["DOLLR_CLIENT_SECRET"] == dollr_sandbox.client_secret
    assert asyncio.run(collect(dollr_sandbox.settings))[-1] == "COMPLETED"
    assert [entry.moved for entry in dollr_sandbox.ledger] == [True]

@pytest.mark.parametrize("turn", range(3))
def test_nothing_is_left_of_the_test_before(dollr_sandbox, turn):
    assert (dollr_sandbox.ledger, dollr_sandbox.requests, dollr_sandbox.tokens_issued) == ((), (), 0)
    assert asyncio.run(collect(QUICK))[-1] == "COMPLETED"

def test_the_environment_is_as_it_was():
    assert not [name for name in os.environ if name.startswith("DOLLR_")]
"""


def test_a_sync_test_gets_a_fresh_sandbox_that_is_in_the_environment(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, SYNC, shop=COLLECT)
    assert ran.counts["passed"] == 5, ran.out
    assert not ran.counts.keys() & {"failed", "error", "warning"}


def test_under_xdist_each_test_has_its_own(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, SYNC, "-n", "2", plugins=("xdist",), shop=COLLECT)
    assert ran.counts["passed"] == 5, ran.out


def test_the_installed_package_brings_the_plugin(tmp_path: Path) -> None:
    ran = run_plain_pytest(tmp_path, SYNC, shop=COLLECT)
    assert ran.counts["passed"] == 5, ran.out


def test_under_pytest_asyncio_with_any_scope_of_its_loop(tmp_path: Path) -> None:
    of_a_scope = """
class Test_{scope}:
    @pytest.mark.asyncio(loop_scope="{scope}")
    async def test_async(self, dollr_sandbox):
        assert (await collect(dollr_sandbox.settings))[-1] == "COMPLETED"
        assert [entry.status for entry in dollr_sandbox.ledger] == ["COMPLETED"]
        dollr_sandbox.reset()
        assert dollr_sandbox.ledger == ()

    @pytest.mark.asyncio(loop_scope="{scope}")
    @pytest.mark.dollr(outcome="decline")
    async def test_another(self, dollr_sandbox):
        assert (await collect(dollr_sandbox.settings))[-1] == "FAILED"
"""
    scopes = ("function", "class", "module", "package", "session")
    tests = "import pytest\nfrom shop import collect\n" + "".join(of_a_scope.format(scope=scope) for scope in scopes)
    scope_of_fixtures = ("-o", "asyncio_default_fixture_loop_scope=function")
    ran = run_pytest(tmp_path, tests, *scope_of_fixtures, plugins=("pytest_asyncio.plugin",), shop=COLLECT)
    assert ran.counts["passed"] == 10, ran.out


def test_under_anyio(tmp_path: Path) -> None:
    tests = """
import pytest
from shop import collect

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_async(dollr_sandbox):
    assert (await collect(dollr_sandbox.settings))[-1] == "COMPLETED"
    assert [entry.status for entry in dollr_sandbox.ledger] == ["COMPLETED"]
"""
    ran = run_pytest(tmp_path, tests, plugins=("anyio",), shop=COLLECT)
    assert ran.counts["passed"] == 1, ran.out


def test_with_the_test_client_of_django(tmp_path: Path) -> None:
    pytest.importorskip("django", reason="Django is not installed")
    site = """
from django.conf import settings
settings.configure(ROOT_URLCONF="site_of_shop", SECRET_KEY="x", ALLOWED_HOSTS=["*"], DATABASES={})
import django
django.setup()
from django.http import JsonResponse
from django.urls import path
from shop import collect

async def pay(request):
    return JsonResponse({"statuses": await collect(settings.SHOP)})

urlpatterns = [path("pay", pay)]
"""
    tests = """
import pytest
import site_of_shop
from django.test import Client, SimpleTestCase, override_settings

def test_a_function(dollr_sandbox):
    with override_settings(SHOP=dollr_sandbox.settings):
        assert Client().get("/pay").json()["statuses"][-1] == "COMPLETED"
    assert len(dollr_sandbox.ledger) == 1

class ShopTest(SimpleTestCase):
    @pytest.fixture(autouse=True)
    def sandbox(self, dollr_sandbox):
        self.dollr = dollr_sandbox

    def test_a_method(self):
        self.dollr.set_outcome("decline")
        with self.settings(SHOP=self.dollr.settings):
            assert self.client.get("/pay").json()["statuses"][-1] == "FAILED"
"""
    ran = run_pytest(tmp_path, tests, shop=COLLECT, site_of_shop=site)
    assert ran.counts["passed"] == 2, ran.out


def test_the_marker_sets_how_the_sandbox_begins(tmp_path: Path) -> None:
    tests = """
import asyncio
import pytest
from dollr_async.sandbox import AfterStatusChecks
from shop import collect

pytestmark = pytest.mark.dollr(settlement=AfterStatusChecks(processing=1, final=2))

@pytest.mark.dollr(outcome="decline")
def test_of_two_marks_both_apply(dollr_sandbox):
    assert asyncio.run(collect(dollr_sandbox.settings)) == ["PENDING", "PROCESSING", "FAILED"]

@pytest.mark.dollr(faults={"executions.collection": ["lose_answer", 503], "invoices.publish": "drop"}, seed=7)
def test_faults(dollr_sandbox):
    assert asyncio.run(collect(dollr_sandbox.settings))[-1] == "COMPLETED"
    assert [request.fault for request in dollr_sandbox.requests if request.fault] == ["drop", "drop after the work"]
    assert len(dollr_sandbox.ledger) == 1

def test_without_a_fixture_it_does_nothing():
    pass
"""
    ran = run_pytest(tmp_path, tests, shop=COLLECT)
    assert ran.counts["passed"] == 3, ran.out


REFUSED = {
    'outcom="decline"': "outcom is not one of its keywords (outcome, settlement, faults, seed)",
    '"decline"': "'decline' is not one of its keywords",
    'outcome="declin"': "'declin' is not an outcome",
    'faults={"colect": "drop"}': "'colect' is not an operation of the contract",
    'faults={"collect": "dorp"}': "'dorp' is not a fault",
    'faults=["drop"]': "faults must be a dict",
}


def test_a_mark_that_cannot_be_is_an_error_that_says_why(tmp_path: Path) -> None:
    marked = "\n\n".join(
        f"@pytest.mark.dollr({mark})\ndef test_{number}(dollr_sandbox):\n    pass"
        for number, mark in enumerate(REFUSED)
    )
    shared = "@pytest.mark.dollr(seed=1)\ndef test_shared(dollr_sandbox_shared):\n    pass"
    ran = run_pytest(tmp_path, f"import pytest\n\n{marked}\n\n{shared}\n")
    assert ran.counts == {"error": len(REFUSED) + 1}, ran.out
    for sentence in [*REFUSED.values(), "dollr_sandbox_shared is also used by other tests"]:
        assert sentence in ran.out
    assert "Traceback" not in ran.out


def test_the_shared_sandbox_is_one_for_all_tests_and_sets_nothing(tmp_path: Path) -> None:
    tests = """
import asyncio, os
import pytest
from shop import collect

urls = set()

@pytest.mark.parametrize("turn", range(3))
def test_one_url(dollr_sandbox_shared, turn):
    urls.add(dollr_sandbox_shared.url)
    assert len(urls) == 1
    assert "DOLLR_BASE_URL" not in os.environ
    assert asyncio.run(collect(dollr_sandbox_shared.settings))[-1] == "COMPLETED"
    assert len(dollr_sandbox_shared.ledger) == 1
    dollr_sandbox_shared.reset()
"""
    ran = run_pytest(tmp_path, tests, shop=COLLECT)
    assert ran.counts["passed"] == 3, ran.out


@pytest.mark.parametrize(("arguments", "plugins"), [((), ()), (("-n", "2"), ("xdist",))], ids=["one process", "xdist"])
def test_a_failed_test_shows_its_last_requests_and_its_ledger(
    tmp_path: Path, arguments: tuple[str, ...], plugins: tuple[str, ...]
) -> None:
    tests = """
import asyncio
import pytest
from shop import collect

@pytest.mark.dollr(faults={"executions.collection": "lose_answer", "invoices.publish": 503})
def test_fails(dollr_sandbox):
    asyncio.run(collect(dollr_sandbox.settings))
    assert not dollr_sandbox.ledger

@pytest.fixture
def broken(dollr_sandbox_shared):
    raise OSError

def test_fails_at_its_setup(broken):
    pass

def test_passes(dollr_sandbox):
    asyncio.run(collect(dollr_sandbox.settings))
"""
    ran = run_pytest(tmp_path, tests, *arguments, plugins=plugins, shop=COLLECT)
    assert (ran.counts["passed"], ran.counts["failed"], ran.counts["error"]) == (1, 1, 1), ran.out
    assert ran.out.count("dollr sandbox: ledger") == 2
    assert ran.out.count("dollr sandbox: requests") == 2
    assert re.search(r"POST   /v1/executions/collection -> 200 \(fault: drop after the work\)", ran.out), ran.out
    assert re.search(r"publish\S* -> no answer \(fault: answer 503\)", ran.out), ran.out
    assert re.search(r"COLLECTION [0-9a-f-]{36} 10\.28 USD COMPLETED", ran.out)
    assert "sandbox-secret" not in ran.out
    assert "Bearer" not in ran.out


def test_a_run_that_uses_no_fixture_imports_nothing_of_the_package(tmp_path: Path) -> None:
    tests = """
import sys

def test_it():
    assert "pytest_dollr" in sys.modules
    assert not [name for name in sys.modules if name.startswith(("dollr_async", "aiohttp", "attrs", "msgspec"))]

def test_a_failure():
    assert not [name for name in sys.modules if name.startswith("dollr_async")]
    raise OSError
"""
    ran = run_pytest(tmp_path, tests)
    assert (ran.counts["passed"], ran.counts["failed"]) == (1, 1), ran.out
    assert "dollr sandbox" not in ran.out


def test_a_lost_answer_takes_less_than_a_second(tmp_path: Path) -> None:
    tests = """
import asyncio, time
import pytest
from shop import collect

@pytest.mark.parametrize("fault", ["lose_answer", "drop", 503, "503_after", "in_progress"])
def test_it(dollr_sandbox, fault):
    dollr_sandbox.fail("executions.collection", fault)
    began = time.perf_counter()
    assert asyncio.run(collect(dollr_sandbox.settings))[-1] == "COMPLETED"
    assert time.perf_counter() - began < 1
    assert len(dollr_sandbox.ledger) == 1
"""
    ran = run_pytest(tmp_path, tests, shop=COLLECT)
    assert ran.counts["passed"] == 5, ran.out
