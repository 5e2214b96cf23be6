"""A stateful local Dollr for tests, demos and CI, written from the API's contract alone.

It uses nothing of the client; tests, the `dollr` command and the benchmarks use it.
"""

from dollr_async.sandbox.faults import FAULT_WORDS, Fault, FaultKind
from dollr_async.sandbox.outcomes import (
    OUTCOMES,
    TEST_CARDS,
    TEST_PHONES,
    UNKNOWN_OPERATOR_PHONES,
    AfterSeconds,
    AfterStatusChecks,
    Outcome,
    Settlement,
    TestCard,
)
from dollr_async.sandbox.passcodes import PASSCODE, PASSCODE_PHONE, PASSCODE_USER_ID
from dollr_async.sandbox.push.controls import RealtimeCounts
from dollr_async.sandbox.quirks import Quirks
from dollr_async.sandbox.recording import RecordedAnswer, RecordedRequest
from dollr_async.sandbox.sandbox import Sandbox
from dollr_async.sandbox.thread import SandboxThread
from dollr_async.sandbox.world.records import LedgerEntry

__all__ = [
    "FAULT_WORDS",
    "OUTCOMES",
    "PASSCODE",
    "PASSCODE_PHONE",
    "PASSCODE_USER_ID",
    "TEST_CARDS",
    "TEST_PHONES",
    "UNKNOWN_OPERATOR_PHONES",
    "AfterSeconds",
    "AfterStatusChecks",
    "Fault",
    "FaultKind",
    "LedgerEntry",
    "Outcome",
    "Quirks",
    "RealtimeCounts",
    "RecordedAnswer",
    "RecordedRequest",
    "Sandbox",
    "SandboxThread",
    "Settlement",
    "TestCard",
]
