"""What the fixtures of the pytest plugin hand out. `pytest_dollr` imports it when a test asks for one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox import AfterSeconds, SandboxThread
from dollr_async.sandbox.sandbox import Settings
from dollr_async.testing.quick import QUICK, QuickPolicies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dollr_async.sandbox import LedgerEntry, Outcome, RecordedRequest, Settlement

_LAST = 20
"""How many of the last requests are shown."""
_LONGEST = 200
"""How many characters of a refusal are shown."""
QUICK_SETTLEMENT = AfterSeconds(processing=0.05, final=0.15)


class QuickSettings(Settings, QuickPolicies):
    """The keywords that make a client of a sandbox, with policies for tests."""


class QuickSandbox(SandboxThread):
    """A sandbox for one test or for many: its payments settle soon, and its settings poll and recover quickly."""

    @property
    def settings(self) -> QuickSettings:
        """The keywords of a client for tests: where the sandbox is, its credentials, and `QUICK`."""
        return {**super().settings, **QUICK}


def new_sandbox(
    *, outcome: str | Outcome = "approve", settlement: Settlement | None = None, faults: object = None, seed: int = 0
) -> QuickSandbox:
    """Make a sandbox with the keywords of `@pytest.mark.dollr`; a ValueError for one that it refuses."""
    sandbox = QuickSandbox(outcome=outcome, settlement=settlement or QUICK_SETTLEMENT, seed=seed)
    if faults is None:
        return sandbox
    if not isinstance(faults, dict):
        message = f'faults must be a dict, as in faults={{"executions.collection": "lose_answer"}}, not {faults!r}.'
        raise ValueError(message)  # noqa: TRY004 - the plugin shows every refused keyword in the same way
    for operation, planned in faults.items():
        for fault in planned if isinstance(planned, list | tuple) else (planned,):
            sandbox.fail(operation, fault)
    return sandbox


def report(sandbox: SandboxThread) -> Iterator[tuple[str, str]]:
    """Yield the title and the text of each section that a failed test shows."""
    requests = sandbox.requests
    last = requests[-_LAST:]
    title = f"the last {len(last)} of {len(requests)} requests" if len(requests) > len(last) else "requests"
    yield f"dollr sandbox: {title}", "\n".join(map(_request_line, last)) or "none"
    yield "dollr sandbox: ledger", "\n".join(map(_ledger_line, sandbox.ledger)) or "no payment was accepted"


def _request_line(request: RecordedRequest) -> str:
    answer = "no answer" if request.status is None else str(request.status)
    fault = "" if request.fault is None else f" (fault: {request.fault})"
    refusal = "" if request.answer is None or request.answer.status < 400 else f" {_shortened(request.answer.content)}"  # noqa: PLR2004 - the statuses that refuse
    return f"{request.number:4} {request.second:8.3f} s  {request.method:6} {request.path} -> {answer}{fault}{refusal}"


def _shortened(content: bytes) -> str:
    text = content.decode(errors="replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _ledger_line(entry: LedgerEntry) -> str:
    sends = "" if entry.sends == 1 else f", sent {entry.sends} times"
    return f"{entry.kind} {entry.reference_id} {entry.amount} {entry.currency} {entry.status}{sends}"
