"""The API's words where a caller hands them over: any case is accepted, and an unknown word is sent as it is."""

from __future__ import annotations

from typing import TypeVar

from dollr_async.base.enums import (
    CheckoutMode,
    ExecutionKind,
    FeeBearer,
    MerchantType,
    OpenEnum,
    OwnerType,
    RelationshipType,
    SourceStatus,
    SourceType,
)
from dollr_async.base.errors import InvalidInputError

W = TypeVar("W", bound=OpenEnum)


def _word(kind: type[W], value: object) -> W:
    if isinstance(value, str) and value.strip():
        return kind(value)
    sentence = f"{value!r} is not a {kind.__name__}: use one of {', '.join(kind.__members__)}"
    raise InvalidInputError(sentence)


def source_type(value: SourceType | str) -> SourceType:
    """Return the kind of a document that is paid."""
    return _word(SourceType, value)


def optional_status(value: SourceStatus | str | None) -> SourceStatus | None:
    """Return how far a document is, or None for None."""
    return None if value is None else _word(SourceStatus, value)


def operation_type(value: ExecutionKind | str) -> ExecutionKind:
    """Return the direction of a movement of money."""
    return _word(ExecutionKind, value)


def fee_bearer(value: FeeBearer | str) -> FeeBearer:
    """Return who pays the fees."""
    return _word(FeeBearer, value)


def optional_fee_bearer(value: FeeBearer | str | None) -> FeeBearer | None:
    """Return who pays the fees, or None for None."""
    return None if value is None else fee_bearer(value)


def relationship(value: RelationshipType | str) -> RelationshipType:
    """Return how a counterparty relates to the merchant."""
    return _word(RelationshipType, value)


def optional_relationship(value: RelationshipType | str | None) -> RelationshipType | None:
    """Return how a counterparty relates to the merchant, or None for None."""
    return None if value is None else relationship(value)


def checkout_mode(value: CheckoutMode | str) -> CheckoutMode:
    """Return how a checkout is paid."""
    return _word(CheckoutMode, value)


def owner_type(value: OwnerType | str) -> OwnerType:
    """Return the kind of an account's owner."""
    return _word(OwnerType, value)


def optional_owner_type(value: OwnerType | str | None) -> OwnerType | None:
    """Return the kind of an account's owner, or None for None."""
    return None if value is None else owner_type(value)


def merchant_type(value: MerchantType | str) -> MerchantType:
    """Return the kind of a merchant."""
    return _word(MerchantType, value)
