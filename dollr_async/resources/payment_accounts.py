"""Payment accounts: wallets and cards of a party (`/v1/payment-accounts`)."""

from __future__ import annotations

from datetime import datetime

import attrs

from dollr_async.base import fields
from dollr_async.base.enums import ExecutionKind, PaymentMethod
from dollr_async.resources import enum_values
from dollr_async.resources.base import Resource
from dollr_async.wire.codec import Answer, Body


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewPaymentAccount(Body):
    """A wallet or a card to register for a party. For mobile money the account number is the wallet's phone.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    account_name: str = attrs.field(validator=fields.text)
    provider: str = attrs.field(validator=fields.text)
    method: str = attrs.field(validator=fields.text)
    party_id: int = attrs.field(converter=fields.identifier)
    country_code: str | None = attrs.field(default=None, converter=fields.account_country)
    insensitive_account_number: str | None = attrs.field(default=None, validator=fields.optional_text, repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PaymentAccount(Answer):
    """A registered account. It can be used only if `is_active` is True. The API never returns its number."""

    id: int
    account_name: str
    provider: str
    method: PaymentMethod
    party_id: int
    is_active: bool
    created_at: datetime
    updated_at: datetime
    country_code: str | None = None


class PaymentAccounts(Resource):
    """Payment accounts: wallets and cards of a party (`/v1/payment-accounts`)."""

    async def create(
        self, account: NewPaymentAccount, *, operation_type: ExecutionKind | str = ExecutionKind.COLLECTION
    ) -> PaymentAccount:
        """Register an account for one kind of payment, such as COLLECTION (`create_payment_account`)."""
        query = {"operation_type": enum_values.operation_type(operation_type)}
        return await self._post("payment-accounts/create", PaymentAccount, account, **query)
