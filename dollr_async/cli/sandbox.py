"""`dollr sandbox`: run a local sandbox, and control one that runs."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Literal

from cyclopts import App

from dollr_async.base import fields
from dollr_async.base.errors import ConnectError, InvalidInputError, TransportError
from dollr_async.cli.exit_codes import FAILED
from dollr_async.cli.options import Flag
from dollr_async.cli.output import Output, reporting
from dollr_async.cli.sandbox_control import SandboxControl
from dollr_async.cli.signals import was_stopped

if TYPE_CHECKING:
    from typing import Any

sandbox = App(name="sandbox", help="Run a local sandbox of the API to develop against, or control one that runs.")

_PAGE = 100
_FOLLOW_EVERY = 0.5
"""Seconds between two reads of the requests."""


@sandbox.default
async def run(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    seconds: float = 3.0,
    latency: float = 0.0,
    json: Flag = False,
) -> int:
    """Run a sandbox until Ctrl-C or SIGTERM. No real money moves, and all state is lost when it stops.

    Args:
        port: The port to listen on; 0 for a free one.
        host: A loopback address of this machine.
        seconds: How many seconds each payment takes to end.
        latency: How many seconds each answer takes.
        json: Print one JSON object: the URL, and the credentials of the sandbox.
    """
    from dollr_async.sandbox import __main__ as program  # noqa: PLC0415 - the other commands need none of it

    async with reporting(json=json) as output:
        words = [f"--port={port}", f"--host={host}", f"--seconds={seconds}", f"--latency={latency}"]
        try:
            options = program.parser(exit_on_error=False).parse_args([*words, *["--json"] * json])
        except argparse.ArgumentError as error:
            raise InvalidInputError(str(error)) from None
        try:
            await program.serve(options)
        except OSError as error:
            message = program.cannot_listen(options, error)
            output.count(FAILED)
            output.warn(message, error="OSError", message=message)
    return output.code


@sandbox.command
async def fail(operation: str, fault: str, *, times: int = 1, url: str | None = None, json: Flag = False) -> int:
    """Make the next requests to an operation go wrong, such as: dollr sandbox fail collect lose_answer.

    Args:
        operation: The operation, as in collect, executions/collection or invoices.add_item; * is any.
        fault: What goes wrong: a word such as lose_answer, drop, hang or cut_body, or a status such as 503.
        times: How many requests.
        url: The sandbox; by default the environment variable DOLLR_BASE_URL.
        json: Print one JSON object for each planned fault.
    """
    from dollr_async.sandbox.api.operations import operation_id  # noqa: PLC0415 - the other commands need none of it

    async with reporting(json=json) as output:
        control = SandboxControl(url)
        try:
            name = operation_id(operation)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        for planned in await control.post("faults", operation=name, fault=fault, times=times):
            output.say(f"{planned['operation']}: {planned['fault']}, {planned['left']} left", **planned)
    return output.code


@sandbox.command
async def advance(seconds: float, *, url: str | None = None, json: Flag = False) -> int:
    """Skip time on the sandbox's clock, so that payments settle, and tokens and sessions expire.

    Args:
        seconds: How many seconds.
        url: The sandbox; by default the environment variable DOLLR_BASE_URL.
        json: Print one JSON object.
    """
    async with reporting(json=json) as output:
        clock = await SandboxControl(url).post("clock", seconds=seconds)
        output.say(f"It is {clock['now']} at the sandbox.", **clock)
    return output.code


@sandbox.command
async def settle(
    reference: str,
    status: Literal["COMPLETED", "FAILED"] = "COMPLETED",
    /,
    *,
    url: str | None = None,
    json: Flag = False,
) -> int:
    """End a payment, as its payer would: COMPLETED, or FAILED.

    Args:
        reference: The payment's reference.
        status: How it ends.
        url: The sandbox; by default the environment variable DOLLR_BASE_URL.
        json: Print one JSON object.
    """
    async with reporting(json=json) as output:
        action = "approve" if status == "COMPLETED" else "decline"
        control = SandboxControl(url)
        payment = await control.post(f"payments/{fields.reference(reference)}/{action}")
        output.say(f"{payment['reference_id']} {payment['status']}", **payment)
    return output.code


@sandbox.command
async def requests(*, follow: Flag = False, url: str | None = None, json: Flag = False) -> int:
    """Show the requests that the sandbox received, with secrets hidden.

    Args:
        follow: Also show new requests, until Ctrl-C.
        url: The sandbox; by default the environment variable DOLLR_BASE_URL.
        json: Print one JSON object for each request.
    """
    async with reporting(json=json) as output:
        control = SandboxControl(url)
        if follow:
            await was_stopped(_follow_requests(control, output))
        else:
            await _show_requests(control, 0, output)
    return output.code


async def _show_requests(control: SandboxControl, after: int, output: Output) -> int:
    """Show the requests after a number, and return the number of the last one."""
    while page := await control.get("requests", after=after, limit=_PAGE):
        for request in page:
            output.say(_line(request), **request)
            after = request["number"]
    return after


async def _follow_requests(control: SandboxControl, output: Output) -> None:
    after = await _show_requests(control, 0, output)
    while True:
        await asyncio.sleep(_FOLLOW_EVERY)
        try:
            after = await _show_requests(control, after, output)
        except ConnectError as error:
            message = f"the sandbox at {control.url} has stopped"
            raise TransportError(message) from error


def _line(request: dict[str, Any]) -> str:
    """One line for people: when, what, and what came of it."""
    answer = request["status"] if request["delivered"] else "no answer"
    fault = f"  fault: {request['fault']}" if request["fault"] else ""
    time = str(request["at"])[11:19]
    return f"{request['number']:>5}  {time}  {request['method']:<6} {request['path']}  {answer}{fault}"
