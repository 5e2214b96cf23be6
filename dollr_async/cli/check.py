"""`dollr check`: whether the API can be used, and a report of what it answers."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - cyclopts reads the annotations when the program runs
from typing import TYPE_CHECKING

from dollr_async.base.errors import DollrError, InvalidInputError
from dollr_async.base.phones import optional_phone
from dollr_async.base.secret import Secret
from dollr_async.checking.check import Access, check_access, make_report
from dollr_async.cli.opening import asked_credential
from dollr_async.cli.options import Flag
from dollr_async.cli.output import reporting
from dollr_async.client.core import DEFAULT_BASE_URL
from dollr_async.client.settings import credential
from dollr_async.wire.addresses import checked_base_url

if TYPE_CHECKING:
    from dollr_async.checking.check import Report
    from dollr_async.checking.report import Basics
    from dollr_async.cli.output import Output


async def check(
    *,
    report: Path | None = None,
    phone: str | None = None,
    drafts: Flag = False,
    json: Flag = False,
) -> int:
    """Check the credentials, the address, the clock and the latency. No money moves.

    The credentials are DOLLR_CLIENT_ID and DOLLR_CLIENT_SECRET in the environment. DOLLR_BASE_URL is the address, by
    default that of the API. The exit code is 0 when the API can be used, 1 when it refused, 2 when nothing was tried
    or no connection could be made, and 3 when the API gave no clear answer.

    Args:
        report: Also write a report to this file: what the API answers to reads, predictions and fee tables, compared
            with its contract. It has no secret and no personal data, so it can be attached to an issue. It needs
            `pip install 'dollr-async[cli,check]'`.
        phone: A phone to ask the predictions of the report about. The report does not show it.
        drafts: For the report, also make a draft invoice, change it, and cancel it. It is never published.
        json: Print one JSON object.
    """
    async with reporting(json=json) as output:
        wanted = _checked(report, phone, drafts=drafts)
        access = _access()
        if report is None:
            _say(output, _basics_of(access, await check_access(access)))
            return output.code
        made = await make_report(access, phone=wanted, drafts=drafts)
        try:
            report.write_text(made.text, encoding="utf-8")  # noqa: ASYNC240 - nothing else runs by now
        except OSError as error:
            sentence = f"the report could not be written to {report}: {error.strerror}"
            raise DollrError(sentence) from error
        _say(output, _report_of(access, made, report))
        if made.left is not None:
            raise made.left
    return output.code


def _checked(report: Path | None, phone: str | None, *, drafts: bool) -> str | None:
    """Return the phone as the API wants it, and refuse what cannot be done before anything is sent."""
    if report is None and (drafts or phone is not None):
        sentence = "--phone and --drafts are for a report: add --report FILE"
        raise InvalidInputError(sentence)
    if report is not None and (report.is_dir() or not os.access(report.resolve().parent, os.W_OK)):
        sentence = f"the report cannot be written to {report}: name a file in a directory that exists"
        raise InvalidInputError(sentence)
    return optional_phone(phone)


def _access() -> Access:
    return Access(
        base_url=checked_base_url(os.environ.get("DOLLR_BASE_URL") or DEFAULT_BASE_URL),
        client_id=credential(asked_credential("DOLLR_CLIENT_ID"), "client_id"),
        client_secret=Secret(credential(asked_credential("DOLLR_CLIENT_SECRET"), "client_secret")),
    )


def _basics_of(access: Access, basics: Basics) -> dict[str, tuple[str, object]]:
    offset = basics.offset
    clock = f"{basics.clock}{': check the clock of this machine' * (offset is not None and offset.is_too_far)}"
    return {
        "credentials": (f"accepted; a token lives for {basics.minutes} minutes", "accepted"),
        "address": (f"{access.base_url} answers", access.base_url),
        "clock_offset": (clock, None if offset is None else round(offset.middle, 3)),
        "latency": (basics.times, round(basics.latency, 4)),
    }


def _report_of(access: Access, made: Report, file: Path) -> dict[str, tuple[str, object]]:
    found = made.findings
    count = sum(entry.answer is not None for entry in found.answered)
    words = f"{file}: {count} of {len(found.answered)} questions answered, {len(found.quirks)} differ from the sandbox"
    return {
        **_basics_of(access, made.basics),
        "report": (words, str(file)),
        "contract": (f"{found.fitting} answers fit, {len(found.departures)} differences", len(found.departures)),
    }


def _say(output: Output, found: dict[str, tuple[str, object]]) -> None:
    lines = [f"{name.partition('_')[0].capitalize():<12} {words}" for name, (words, _) in found.items()]
    output.say("\n".join(lines), **{name: value for name, (_, value) in found.items()})
