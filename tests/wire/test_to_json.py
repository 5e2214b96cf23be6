"""Answers as JSON: `to_json` has everything but secrets, and encoding by hand never shows the card's secret."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import cattrs
import msgspec
import pytest
from cattrs.preconf.json import make_converter

from dollr_async import (
    ActionRequiredError,
    Execution,
    ExecutionKind,
    ExecutionStatus,
    PollTimeoutError,
    Progress,
    RealtimeKey,
    SourceType,
    StatusChange,
    StatusCheck,
    Verification,
    WatchFailure,
)
from dollr_async.base.enums import OutcomeStatus
from dollr_async.flows.outcome import Outcome
from dollr_async.wire.codec import Answer, decode
from tests.wire.test_readers import ANSWERS, _all

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = UUID("7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11")
SECRET = "pi_3Nf_secret_9tQx"
WIRE = f"""{{
    "reference_id": "{REFERENCE}", "status": "Processing", "payer_amount": 250.10, "payer_currency": "USD",
    "payee_amount": "0E-8", "payee_currency": "RWF", "operation_type": "COLLECTION", "requires_action": true,
    "client_secret": "{SECRET}", "fee": 1.50, "next": {{"clientSecret": "{SECRET}", "at": [1, null, 2.5]}}
}}"""
EXECUTION = decode(WIRE.encode(), Execution)
AT = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
CHANGE = StatusChange(
    reference_id=REFERENCE, status=EXECUTION.status, previous=ExecutionStatus.PENDING, execution=EXECUTION, at=AT
)


def test_an_execution_is_a_plain_dict_with_exact_amounts_and_no_secret() -> None:
    assert EXECUTION.to_json() == {
        "reference_id": str(REFERENCE),
        "status": "PROCESSING",
        "payer_amount": "250.10",
        "payer_currency": "USD",
        "payee_amount": "0.00000000",
        "payee_currency": "RWF",
        "operation_type": "COLLECTION",
        "provider_transaction_id": None,
        "gateway_message": None,
        "wallet_message": None,
        "requires_action": True,
        "raw_status": "Processing",
        "extra": {"fee": "1.50", "next": {"at": [1, None, "2.5"]}},
    }
    assert EXECUTION.client_secret == SECRET


def test_a_change_has_its_execution_and_whether_it_is_final() -> None:
    assert CHANGE.to_json() == {
        "reference_id": str(REFERENCE),
        "status": "PROCESSING",
        "previous": "PENDING",
        "execution": EXECUTION.to_json(),
        "at": "2026-07-01T09:00:00+00:00",
        "is_final": False,
        "requires_action": True,
    }
    assert type(CHANGE.to_json()["status"]) is str


def test_what_else_is_handed_out() -> None:
    progress = Progress(reference_id=REFERENCE, source_type=SourceType.INVOICE, source_id=300_001)
    assert progress.to_json()["source_type"] == "INVOICE"
    assert progress.to_json()["party_id"] is None
    check = StatusCheck(execution=None, is_final=False, next_in=2.5)
    assert check.to_json() == {"execution": None, "is_final": False, "next_in": 2.5}
    late = PollTimeoutError("still PENDING", reference_id=REFERENCE, last=EXECUTION, elapsed=600.0)
    failure = WatchFailure(reference_id=REFERENCE, error=late)
    told = {"type": "PollTimeoutError", "message": "still PENDING"}
    assert failure.to_json() == {"reference_id": str(REFERENCE), "error": told}
    assert Verification.__mro__[1].__name__ == "JsonRecord"


def test_an_outcome_has_everything_but_its_mark() -> None:
    async def mark(_: object) -> None:
        raise NotImplementedError

    progress = Progress(reference_id=REFERENCE)
    outcome = Outcome(
        reference_id=REFERENCE,
        kind=ExecutionKind.COLLECTION,
        status=OutcomeStatus.NOT_RUN,
        execution=None,
        began_at=AT,
        ended_at=AT,
        progress=progress,
        mark=mark,
    )
    assert outcome.to_json() == {
        "reference_id": str(REFERENCE),
        "kind": "COLLECTION",
        "status": "NOT_RUN",
        "execution": None,
        "began_at": "2026-07-01T09:00:00+00:00",
        "ended_at": "2026-07-01T09:00:00+00:00",
        "progress": progress.to_json(),
        "reason": None,
    }


@pytest.mark.parametrize("cls", ANSWERS, ids=lambda cls: cls.__name__)
def test_every_answer_can_be_written_as_json(cls: type[Answer]) -> None:
    _, reads = _all(cls)
    written = json.loads(json.dumps(cls(**reads).to_json()))
    hidden = {"_client_secret", "access_token", "hosted_path_or_token"}
    assert written.keys() == attrs.fields_dict(cls).keys() - hidden


def test_a_key_for_the_push_channel_stays_secret() -> None:
    key = decode(b'{"access_token": "eyJ.secret", "token_type": "bearer", "expires_in": 5}', RealtimeKey)
    assert "eyJ" not in json.dumps(key.to_json())
    assert key.access_token == "eyJ.secret"


PLAIN = attrs.evolve(EXECUTION, extra={})
BY_HAND: dict[str, Callable[[Any], object]] = {
    "json.dumps(default=str)": lambda value: json.dumps(value, default=str),
    "json.dumps(default=vars)": lambda value: json.dumps(value, default=vars),
    "attrs.asdict": attrs.asdict,
    "attrs.asdict as JSON": lambda value: json.dumps(attrs.asdict(value), default=str),
    "attrs.astuple": attrs.astuple,
    "cattrs": cattrs.unstructure,
    "cattrs for JSON": lambda value: make_converter().dumps(value),
    "msgspec": msgspec.json.encode,
    "msgspec with a hook": lambda value: msgspec.json.encode(value, enc_hook=str),
    "msgspec.to_builtins": msgspec.to_builtins,
    "vars": vars,
    "dict": dict,
    "repr": repr,
    "str": str,
}


@pytest.mark.parametrize("encode", BY_HAND.values(), ids=BY_HAND)
@pytest.mark.parametrize(
    "value", [attrs.evolve(EXECUTION, extra={}), attrs.evolve(CHANGE, execution=attrs.evolve(EXECUTION, extra={}))]
)
def test_encoding_by_hand_never_shows_the_secret_of_a_card(
    encode: Callable[[object], object], value: Execution | StatusChange
) -> None:
    try:
        shown = encode(value)
    except (TypeError, ValueError) as error:
        shown = error
    assert SECRET not in f"{shown!r} {shown}"
    assert SECRET not in repr(getattr(shown, "__cause__", None))


def test_the_encoder_of_fastapi_never_shows_it() -> None:
    encoders = pytest.importorskip("fastapi.encoders", reason="not installed; it calls dict() and vars(), tested above")
    with pytest.raises(ValueError, match="vars") as caught:
        encoders.jsonable_encoder(EXECUTION)
    assert SECRET not in str(caught.value)
    assert encoders.jsonable_encoder(EXECUTION.to_json()) == EXECUTION.to_json()


def test_the_error_that_asks_for_the_card_never_shows_it() -> None:
    error = ActionRequiredError("confirm it", reference_id=REFERENCE, execution=EXECUTION, client_secret=SECRET)
    assert error.client_secret == SECRET
    assert SECRET not in f"{vars(error)} {error!r} {error}"
    assert pickle.loads(pickle.dumps(error)).client_secret == SECRET  # noqa: S301 - made on the line above


def test_the_secret_survives_copies_and_pickles_and_counts_as_a_part_of_the_execution() -> None:
    for again in (pickle.loads(pickle.dumps(EXECUTION)), copy.deepcopy(EXECUTION)):  # noqa: S301 - made in this line
        assert again == EXECUTION
        assert again.client_secret == SECRET
    other = attrs.evolve(EXECUTION, client_secret="other")
    assert (other == EXECUTION, other.client_secret) == (False, "other")
    assert attrs.evolve(EXECUTION, payer_amount=Decimal(1)).client_secret == SECRET
    made = Execution(
        reference_id=str(REFERENCE),
        status=ExecutionStatus.PENDING,
        payer_amount=Decimal(1),
        payer_currency="USD",
        payee_amount=Decimal(1),
        payee_currency="USD",
        operation_type=ExecutionKind.COLLECTION,
        client_secret=SECRET,
    )
    assert made.client_secret == SECRET
