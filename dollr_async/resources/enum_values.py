"""Converts arguments to the API's enums: any case is accepted, and an unknown word is sent as it is."""

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


def _member(kind: type[W], value: object) -> W:
    if isinstance(value, str) and value.strip():
        return kind(value)
    message = f"{value!r} is not a {kind.__name__}: use one of {', '.join(kind.__members__)}"
    raise InvalidInputError(message)


def source_type(value: SourceType | str) -> SourceType:
    """Return the type of a document that is paid."""
    return _member(SourceType, value)


def optional_status(value: SourceStatus | str | None) -> SourceStatus | None:
    """Return the status of a document, or None for None."""
    return None if value is None else _member(SourceStatus, value)


def operation_type(value: ExecutionKind | str) -> ExecutionKind:
    """Return the kind of a movement of money."""
    return _member(ExecutionKind, value)


def fee_bearer(value: FeeBearer | str) -> FeeBearer:
    """Return who pays the fees."""
    return _member(FeeBearer, value)


def optional_fee_bearer(value: FeeBearer | str | None) -> FeeBearer | None:
    """Return who pays the fees, or None for None."""
    return None if value is None else fee_bearer(value)


def relationship(value: RelationshipType | str) -> RelationshipType:
    """Return how a counterparty relates to the merchant."""
    return _member(RelationshipType, value)


def optional_relationship(value: RelationshipType | str | None) -> RelationshipType | None:
    """Return how a counterparty relates to the merchant, or None for None."""
    return None if value is None else relationship(value)


def checkout_mode(value: CheckoutMode | str) -> CheckoutMode:
    """Return how a checkout is paid."""
    return _member(CheckoutMode, value)


def owner_type(value: OwnerType | str) -> OwnerType:
    """Return the kind of an account's owner."""
    return _member(OwnerType, value)


def optional_owner_type(value: OwnerType | str | None) -> OwnerType | None:
    """Return the kind of an account's owner, or None for None."""
    return None if value is None else owner_type(value)


def merchant_type(value: MerchantType | str) -> MerchantType:
    """Return the kind of a merchant."""
    return _member(MerchantType, value)
