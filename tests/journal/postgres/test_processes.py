"""Processes that share a journal in PostgreSQL and collect under one reference at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from uuid import uuid4

import pytest

from dollr_async.sandbox import SandboxThread
from tests.support.postgres import CONNINFO

pytestmark = [pytest.mark.real_time, pytest.mark.full(reason="it starts processes")]

_PROCESSES, _TASKS = 4, 5
_PROGRAM = """
import asyncio, json, sys
from dollr_async import DollrClient
from dollr_async.journal import open_journal
from tests.support.collections import collect

async def main(settings, journal, reference_id, tasks):
    sys.stdin.readline()
    async with open_journal(journal) as opened, DollrClient(**settings, journal=opened) as dollr:
        collections = await asyncio.gather(*(collect(dollr, reference_id=reference_id) for _ in range(tasks)))
        ends = [str((await one.wait()).status) for one in collections]
    print(json.dumps([ends, [one.source_id for one in collections]]))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


def test_twenty_tasks_in_four_processes_make_one_invoice_and_one_charge(schema: str) -> None:
    with SandboxThread() as sandbox:
        terms = [sandbox.settings, f"{CONNINFO}?schema={schema}", str(uuid4()), _TASKS]
        command = [sys.executable, "-c", _PROGRAM, json.dumps(terms)]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(_PROCESSES)
        ]
        found = [json.loads(process.communicate("go\n", timeout=120)[0]) for process in processes]
        ends = [end for process in found for end in process[0]]
        assert ends == ["COMPLETED"] * _PROCESSES * _TASKS
        assert len({source_id for process in found for source_id in process[1]}) == 1
        assert len(sandbox.ledger) == 1
        assert len(sandbox.requests_to("publish_invoice")) == 1
