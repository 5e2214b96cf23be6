"""How the API may refuse an execution, by how long the status is checked before the refusal is believed.

See docs/design.md, rule 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs
import pytest

from dollr_async.sandbox import Fault

if TYPE_CHECKING:
    from dollr_async.sandbox import Sandbox

_HTML = b"<html><body>Refused</body></html>"
_KINDS = ("collection", "payout", "transfer", "refund")


class ApiRefusal(NamedTuple):
    """A refusal, for how many seconds the status is checked after it, and how often at least and at most."""

    fault: Fault
    seconds: float
    least: int
    most: int

    @property
    def landed(self) -> Fault:
        """The same answer to an execution that was carried out all the same."""
        return attrs.evolve(self.fault, after_work=True)

    def check_requests(self, sandbox: Sandbox, kind: str = "COLLECTION") -> None:
        """Hold the status checks after the only execution of this kind against the rule."""
        own = kind.lower()
        (refused,) = sandbox.requests_to("collect" if own == "collection" else own)
        checks = [request.second for request in sandbox.requests_to(f"get_{own}_status")]
        assert self.least <= len(checks) <= self.most
        assert checks[0] == pytest.approx(refused.second, abs=0.01), "the first check is not late"
        assert checks[-1] - refused.second == pytest.approx(self.seconds, abs=0.1)
        others = [len(sandbox.requests_to(f"get_{other}_status")) for other in _KINDS if other != own]
        assert others == ([1, 1, 1] if self.seconds == CONFLICT_SECONDS else [0, 0, 0])


TEXT_SECONDS = 10.0
CONFLICT_SECONDS = 30.0


def _names_a_field(status: int, field: str, message: str = "Input should be a valid value") -> Fault:
    problem = {"loc": ["body", field], "msg": message, "type": "value_error"}
    return Fault.answer(status, {"detail": [problem]})


def _says(status: int, text: str) -> Fault:
    return Fault.answer(status, {"detail": text})


def _page(status: int) -> Fault:
    return Fault.answer(status, _HTML, headers={"Content-Type": "text/html"})


BELIEVED_AT_ONCE = {
    name: ApiRefusal(fault, 0.0, 1, 1)
    for name, fault in {
        "422 that names a field": _names_a_field(422, "currency"),
        "400 that names a field": _names_a_field(400, "currency"),
        "422 that names the account's field": _names_a_field(422, "payment_account_id"),
        "403 with a reason": _says(403, "Verification is not complete"),
    }.items()
}
"""The answer itself shows that nothing has run."""

BELIEVED_LATER = {
    name: ApiRefusal(fault, TEXT_SECONDS, 4, 9)
    for name, fault in {
        "422 with a text": _says(422, "Invalid method and provider"),
        "404 with a text": _says(404, "Not Found"),
        "404 that names a field": _names_a_field(404, "currency"),
    }.items()
}
"""A text that raises no doubt, or a 404."""

CONFLICTS = {
    name: ApiRefusal(fault, CONFLICT_SECONDS, 4, 13)
    for name, fault in {
        "409": _says(409, "Conflict"),
        "409 in progress": _says(409, "A request is in progress"),
        "409 that names a field": _names_a_field(409, "currency"),
        "400 with a text": _says(400, "Bad request"),
        "410": _says(410, "Gone"),
        "425": _says(425, "Too early"),
        "444": Fault.answer(444),
        "451": _says(451, "Unavailable"),
        "460": Fault.answer(460),
        "499": Fault.answer(499),
        "403 as a page": _page(403),
        "404 as a page": _page(404),
        "422 as a page": _page(422),
        "403 without a body": Fault.answer(403),
        "422 without a reason": Fault.answer(422, {}),
        "422 about the reference": _names_a_field(422, "reference_id"),
        "422 about the session": _names_a_field(422, "session_id"),
        "422 whose field speaks of a duplicate": _names_a_field(422, "currency", "duplicate reference"),
        "422 that says it exists": _says(422, "reference_id already exists"),
        "422 about the account's state": _says(422, "The account is not active"),
        "422 about the document's state": _says(422, "Source is not active"),
        "403 about the session": _says(403, "The session is expired"),
    }.items()
}
"""They may be about another run's execution, or come from a proxy after the request was passed on."""

ALL = {**BELIEVED_AT_ONCE, **BELIEVED_LATER, **CONFLICTS}

ONE_OF_EACH = {
    name: ALL[name]
    for name in (
        "422 that names a field",
        "403 with a reason",
        "422 with a text",
        "404 with a text",
        "409",
        "499",
        "403 as a page",
    )
}
"""Fewer, for tests that run each of them many times."""
