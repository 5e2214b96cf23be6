"""A check of the API: are the credentials good, is the address reachable, and, for a report, what does it answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from dollr_async.base.clock import LoopClock
from dollr_async.base.secret import Secret
from dollr_async.checking.contract import Contract
from dollr_async.checking.drafts import DraftLeftError, try_draft
from dollr_async.checking.findings import Findings, find
from dollr_async.checking.probe import Probe
from dollr_async.checking.reads import read_briefly, read_everything
from dollr_async.checking.report import Basics, markdown
from dollr_async.checking.timing import clock_offset, latency
from dollr_async.wire.addresses import is_loopback
from dollr_async.wire.redaction import hide
from dollr_async.wire.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


_PUBLIC = "https://api.heydollr.app"
_TIMEOUT = 30.0


@attrs.frozen(kw_only=True)
class Access:
    """Where the API is, and the credentials."""

    base_url: str
    client_id: str = attrs.field(repr=False)
    client_secret: Secret


@attrs.frozen(kw_only=True)
class Report:
    """A report: its text, what it says, and the draft that could not be cancelled, if there is one."""

    text: str
    basics: Basics
    findings: Findings
    left: DraftLeftError | None


async def check_access(access: Access) -> Basics:
    """Fetch a token, and read a fee table a few times.

    Raises:
        ConfigurationError: the address is not https. Nothing was sent.
        ConnectError: no connection could be made.
        APIStatusError: the API refused; `AuthenticationError` means that the credentials are wrong.
        TransportError: no usable answer arrived.
        DecodeError: something else than the API answers at the address.
    """
    async with _signed_in(access) as probe:
        await read_briefly(probe)
        return _basics(access, probe)


async def make_report(
    access: Access, *, phone: str | None = None, drafts: bool = False, contract: Contract | None = None
) -> Report:
    """Ask all that can be asked without moving money, and write down what was answered.

    `phone` is for the predictions, in the form of the API; it is not in the report. With `drafts` a draft invoice is
    made, changed and cancelled. `contract` is one that was read before; reading it takes a second.

    Raises:
        ConfigurationError: the extra `check` is not installed, or the address is not https. Nothing was sent.
        DollrError: as for `check_access`.
    """
    contract = contract or Contract()
    left: DraftLeftError | None = None
    async with _signed_in(access) as probe:
        await read_everything(probe, phone)
        try:
            with_draft = drafts and await try_draft(probe)
        except DraftLeftError as error:
            left, with_draft = error, True
        basics, found, made_at = _basics(access, probe), find(probe.seen, contract), LoopClock().now()
        text = markdown(basics, found, made_at=made_at, with_phone=phone is not None, with_draft=with_draft)
    # The text has no secret. This hides one all the same, should a change ever let one in.
    shown = hide(text, (*probe.secrets, *filter(None, [phone])))
    return Report(text=shown, basics=basics, findings=found, left=left)


@asynccontextmanager
async def _signed_in(access: Access) -> AsyncIterator[Probe]:
    transport = Transport(access.base_url, timeout=_TIMEOUT)
    try:
        probe = Probe(transport, LoopClock())
        await probe.sign_in(access.client_id, access.client_secret)
        yield probe
    finally:
        await transport.close()


def _basics(access: Access, probe: Probe) -> Basics:
    answers = [answer for answer in probe.seen.answers if answer.timed is not None]
    timed = [answer.timed for answer in answers if answer.timed is not None]
    reads = [answer.timed for answer in answers if answer.method == "GET" and answer.timed is not None]
    return Basics(
        address=shown_address(access.base_url),
        minutes=str(probe.lifetime),
        offset=clock_offset(timed),
        first=timed[0].seconds,
        latency=latency(reads or timed),
        reads=sum(answer.method == "GET" for answer in probe.seen.answers),
        changes=sum(answer.method != "GET" for answer in probe.seen.answers[1:]),
    )


def shown_address(base_url: str) -> str:
    """Return the address for a report, which does not name a host of the user's own."""
    if base_url.strip().rstrip("/") == _PUBLIC:
        return _PUBLIC
    return "a sandbox on this machine" if is_loopback(urlsplit(base_url).hostname or "") else "another address"
