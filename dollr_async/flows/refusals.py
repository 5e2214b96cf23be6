"""What the answer to an execution proves (docs/design.md, rule 2).

A refusal counts as "not run" only where the answer itself shows that nothing can have run. Everything else is doubt,
or is checked for a while before it is believed.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from dollr_async.base.errors import (
    APIStatusError,
    AuthenticationError,
    DecodeError,
    DollrError,
    RateLimitError,
    TransportError,
)
from dollr_async.flows.attempt import SendResult
from dollr_async.wire.retry import is_ambiguous

# A text may raise doubt, and never remove it: these speak of the reference, a duplicate, progress, a session, the
# account or the document's state.
_RAISES_DOUBT = re.compile(
    r"reference|idempoten|duplicat|already|exist|conflict|progress|pending|processing|session|intent|expired"
    r"|account|source|invoice|order\b|document|checkout|publish|\bstat(e|us)\b|\bpaid\b|\b(in)?active\b",
    re.IGNORECASE,
)
_KEYS_OF_THE_ATTEMPT = ("session_id", "reference_id")


def result_of(error: DollrError) -> SendResult:
    """Return how a send of an execution ended that raised `error`.

    Raises:
        DollrError: the error itself, where it is none of the API: the execution landed in a shape that cannot be
            read, or the client is closed.
    """
    is_answer = isinstance(error, APIStatusError | DecodeError)
    if isinstance(error, AuthenticationError) or (error.nothing_sent and is_answer):
        return SendResult.NO_TOKEN  # the answer of the token's own request is none to the execution
    if isinstance(error, RateLimitError):
        return SendResult.LIMITED
    if error.nothing_sent:
        return SendResult.NOT_ARRIVED
    if is_ambiguous(error) or (isinstance(error, DecodeError) and error.status is None):
        return SendResult.UNREACHABLE if is_unreachable(error) else SendResult.AMBIGUOUS
    if isinstance(error, APIStatusError):
        return refusal_of(error)
    raise error


def is_unreachable(error: DollrError) -> bool:
    """Whether the last try of a request made no connection."""
    return isinstance(error, TransportError) and error.is_unreachable


def refusal_of(error: APIStatusError) -> SendResult:
    """Return what a 4xx other than 401, 408 and 429 proves."""
    is_documented = error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    names_fields = bool(error.fields) and all(field.path for field in error.fields)
    if not (is_documented or (names_fields and error.status == HTTPStatus.BAD_REQUEST)):
        return SendResult.CONFLICT  # a proxy's own status, or one that the API does not document
    if not error.detail:
        return SendResult.CONFLICT  # an HTML page or an empty body: a proxy's
    if _RAISES_DOUBT.search(_messages(error)) or any(
        field.path.rpartition(".")[2] in _KEYS_OF_THE_ATTEMPT for field in error.fields
    ):
        return SendResult.CONFLICT
    if error.status == HTTPStatus.FORBIDDEN or (names_fields and error.status != HTTPStatus.NOT_FOUND):
        return SendResult.REFUSED
    return SendResult.REFUSED_BY_TEXT


def _messages(error: APIStatusError) -> str:
    # The path of a field is no text: `body.payment_account_id` alone raises no doubt.
    return "\n".join(field.message for field in error.fields) if error.fields else error.detail
