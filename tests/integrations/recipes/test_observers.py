"""The recipes for Prometheus, structlog and Sentry, as they are, with the real libraries."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from dollr_async import DollrClient, OutcomeUnknownError
from tests.support.collections import REFERENCE, collect
from tests.support.examples import EXAMPLES
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.sandbox import Sandbox

PHONE = "231770000001"


def recipe(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / name))


async def test_prometheus_has_durations_and_unknown_outcomes_and_no_reference(sandbox: Sandbox) -> None:
    registry = CollectorRegistry()
    observer = recipe("observe_prometheus.py")["PrometheusObserver"](registry)
    async with DollrClient(**sandbox.settings, observer=observer) as dollr:
        await (await collect(dollr)).wait()
        sandbox.fail("collect", "lose_answer")
        sandbox.fail("get_collection_status", 503, times=None)
        with pytest.raises(OutcomeUnknownError):
            await collect(dollr)
    page = generate_latest(registry).decode()
    assert 'dollr_operation_seconds_count{error="",operation="wait",status="COMPLETED"} 1.0' in page
    assert 'dollr_operation_seconds_count{error="OutcomeUnknownError",operation="collect",status=""} 1.0' in page
    assert 'dollr_request_seconds_count{route="executions/collection",status="200"} 1.0' in page
    assert "dollr_outcome_unknown_total 1.0" in page
    assert not any(str(entry.reference_id) in page for entry in sandbox.ledger)


@pytest.fixture
def structlog_as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("structlog_as_it_was")
async def test_structlog_writes_a_line_of_json_for_each_event(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    observer = recipe("observe_structlog.py")["StructlogObserver"]()
    async with DollrClient(**sandbox.settings, observer=observer) as dollr:
        await (await collect(dollr, reference_id=REFERENCE)).wait()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    steps = [line for line in lines if line["event"] == "StepEnded"]
    assert {line["step"] for line in steps} >= {"party", "document", "execution"}
    assert {line["reference_id"] for line in steps} == {REFERENCE}
    assert lines[-1]["event"] == "OperationEnded"
    assert lines[-1]["status"] == "COMPLETED"
    assert "RequestEnded" not in {line["event"] for line in lines}


async def sentry(sandbox: Sandbox, *options: str) -> str:
    own = {f"DOLLR_{name.upper()}": str(value) for name, value in sandbox.settings.items()}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.sentry_program", *options),
        cwd=ROOT,
        env={**os.environ, **own, "PHONE": PHONE},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await program.communicate()
    assert program.returncode == 0
    return out.decode()


@pytest.mark.real_time  # another process runs in real time
async def test_sentry_gets_each_step_and_no_phone_number(sandbox: Sandbox) -> None:
    sent = await sentry(sandbox)
    assert '"step":"payment_account"' in sent
    assert "predictions/mmo-provider-info" in sent
    assert PHONE not in sent
    assert "Amara" not in sent
    assert PHONE in await sentry(sandbox, "--unfiltered"), "the filter has nothing to do any more"
