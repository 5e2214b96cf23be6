"""Each log record about a payment has its reference in `extra`, so that a program can filter by it."""

from __future__ import annotations

import ast
import logging
from typing import TYPE_CHECKING
from uuid import UUID

from dollr_async import DollrClient
from dollr_async.journal import MemoryJournal
from tests.support.collections import REFERENCE, collect
from tests.support.paths import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from dollr_async.sandbox import Sandbox


async def test_the_records_of_a_lost_answer_have_the_reference(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dollr_async")
    sandbox.fail("executions.collection", "lose_answer")
    async with DollrClient(**sandbox.settings, journal=MemoryJournal()) as dollr:
        await (await collect(dollr, reference_id=REFERENCE)).wait()
    # The records of HTTP are about requests: some have the reference in their path.
    about = [record for record in caplog.records if REFERENCE in record.getMessage() and "http" not in record.name]
    assert any("no usable answer" in record.getMessage() for record in about)
    assert len(about) > 8
    assert {vars(record)["reference_id"] for record in about} == {UUID(REFERENCE)}


def calls_of_loggers() -> Iterator[tuple[str, ast.Call]]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
                yield f"{path.name}:{node.lineno}", node


def test_no_record_that_names_a_payment_is_without_it() -> None:
    without = [
        where
        for where, call in calls_of_loggers()
        if "reference_id" in ast.unparse(call) and "extra" not in {keyword.arg for keyword in call.keywords}
    ]
    assert not without
    assert len(list(calls_of_loggers())) > 10
