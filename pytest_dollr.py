"""The pytest plugin of dollr_async: a local Dollr for each test, for sync and async tests of any plugin.

It imports nothing of dollr_async until a test asks for a fixture, so that other tests do not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from dollr_async.testing.fixtures import QuickSandbox

_KEYWORDS = ("outcome", "settlement", "faults", "seed")
_EXAMPLE = '@pytest.mark.dollr(outcome="decline", faults={"executions.collection": "lose_answer"})'
_SANDBOX: pytest.StashKey[QuickSandbox] = pytest.StashKey()
"""Where a test, and the session for the shared one, keeps its sandbox for the report of a failure."""


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers", "dollr(outcome=, settlement=, faults={operation: fault}, seed=): how dollr_sandbox behaves"
    )


@pytest.fixture
def dollr_sandbox(request: pytest.FixtureRequest) -> Iterator[QuickSandbox]:
    """A fresh local Dollr in a thread of its own, with `DOLLR_CLIENT_ID` and so on in the environment.

    Make the client of your program with `DollrClient(**dollr_sandbox.settings)`: it polls and recovers quickly. All
    controls and records of `Sandbox` are on it. `@pytest.mark.dollr(...)` sets how it begins.
    """
    from dollr_async.testing.fixtures import new_sandbox  # noqa: PLC0415 - only a test that asks for it imports it

    try:
        sandbox = new_sandbox(**_marked(request.node))
    except (TypeError, ValueError) as error:
        pytest.fail(f"@pytest.mark.dollr: {error}", pytrace=False)
    with sandbox, pytest.MonkeyPatch.context() as environment:
        request.node.stash[_SANDBOX] = sandbox
        for name in ("client_id", "client_secret", "url"):
            variable = "DOLLR_BASE_URL" if name == "url" else f"DOLLR_{name.upper()}"
            environment.setenv(variable, getattr(sandbox, name))
        yield sandbox


@pytest.fixture(scope="session")
def dollr_sandbox_shared(request: pytest.FixtureRequest) -> Iterator[QuickSandbox]:
    """One local Dollr for all tests; it sets nothing in the environment.

    Call `reset()` before each test that counts requests or money.
    """
    from dollr_async.testing.fixtures import new_sandbox  # noqa: PLC0415 - only a test that asks for it imports it

    with new_sandbox() as sandbox:
        request.session.stash[_SANDBOX] = sandbox
        yield sandbox


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse the marker where it would change what other tests use."""
    if item.get_closest_marker("dollr") and _uses_shared(item):
        pytest.fail(
            "@pytest.mark.dollr is for dollr_sandbox: dollr_sandbox_shared is also used by other tests. "
            "Use dollr_sandbox, or call the controls of dollr_sandbox_shared in the test.",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the last requests and the ledger with a test that failed."""
    report = yield
    if report.failed:
        from_session = item.session.stash.get(_SANDBOX, None) if _uses_shared(item) else None
        for sandbox in filter(None, (item.stash.get(_SANDBOX, None), from_session)):
            from dollr_async.testing.fixtures import report as sections_of  # noqa: PLC0415 - imported by the fixture

            report.sections.extend(sections_of(sandbox))
    return report


def _uses_shared(item: pytest.Item) -> bool:
    return "dollr_sandbox_shared" in getattr(item, "fixturenames", ())


def _marked(item: pytest.Item) -> dict[str, Any]:
    """Return the keywords of all `dollr` marks of a test; where two name the same, the mark nearest to it decides."""
    marked: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("dollr"))):
        unknown = [repr(value) for value in marker.args] + [name for name in marker.kwargs if name not in _KEYWORDS]
        if unknown:
            names = f"{', '.join(unknown)} is not one of its keywords ({', '.join(_KEYWORDS)})"
            message = f"{names}. Use it as in {_EXAMPLE}"
            raise ValueError(message)
        marked.update(marker.kwargs)
    return marked
