"""What a caller hands to `collect()`: who pays, for what, and how; all of it checked before anything is sent."""

from __future__ import annotations

from datetime import datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from dollr_async import fields
from dollr_async.enums import CheckoutMode, FeeBearer, SourceType
from dollr_async.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXACT = Context(prec=64)
_LONGEST_NOTE = 200


@attrs.frozen
class Payer:
    """Somebody who pays, given by name and phone.

    `phone` is international (`231771234567`; a leading plus and spaces are dropped), `country_code` is ISO 3166-1
    alpha-2 (`LR`).

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    fullname: str = attrs.field(validator=fields.text)
    phone: str = attrs.field(repr=False)
    email: str | None = attrs.field(default=None, validator=fields.optional_text, repr=False)
    country_code: str | None = attrs.field(default=None, converter=fields.country)

    def __attrs_post_init__(self) -> None:
        """Bring the phone into the form that is sent, knowing the country."""
        object.__setattr__(self, "phone", fields.phone_number(self.phone, self.country_code))


@attrs.frozen
class KnownPayer:
    """Somebody whom the API knows already, by the counterparty's id; what is left out is read from there once.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    counterparty_id: int = attrs.field(converter=fields.identifier)
    party_id: int | None = attrs.field(default=None, converter=fields.optional_identifier)
    phone: str | None = attrs.field(default=None, converter=fields.optional_phone, repr=False)


@attrs.frozen
class LineItem:
    """One thing that is paid for: `amount` is for one piece, in major units (a `Decimal` or an `int`).

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    amount: Decimal = attrs.field(converter=fields.amount)
    qty: int = attrs.field(default=1, validator=fields.quantity)

    @property
    def total(self) -> Decimal:
        """The price of all pieces, exactly."""
        return _EXACT.multiply(self.amount, Decimal(self.qty))


@attrs.frozen
class MobileMoney:
    """Pay from a mobile-money wallet; by default the payer's own phone, its operator asked from the API.

    Give `method` and `provider` (`MTN_MOMO_LBR`, `PAWAPAY`) to skip the question, `account_name` to name the account
    other than the payer.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    phone: str | None = attrs.field(default=None, converter=fields.optional_phone, repr=False)
    method: str | None = attrs.field(default=None, validator=fields.optional_text)
    provider: str | None = attrs.field(default=None, validator=fields.optional_text)
    account_name: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen
class Card:
    """Pay by card: a new card account is made for each payment, named `account_name`.

    `payment_method_id` is the token (`pm_...`) that the browser got from Stripe; with it the card's route is asked.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    account_name: str = attrs.field(validator=fields.text)
    payment_method_id: str | None = attrs.field(default=None, validator=fields.optional_text, repr=False)


@attrs.frozen
class SavedAccount:
    """Pay from a payment account that exists, by its id.

    `method` and `provider` are needed only to be quoted in another currency.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    id: int = attrs.field(converter=fields.identifier)
    method: str | None = attrs.field(default=None, validator=fields.optional_text)
    provider: str | None = attrs.field(default=None, validator=fields.optional_text)


def _source_type(value: SourceType | str) -> SourceType:
    return fields.word(SourceType, value)


def _fee_bearer(value: FeeBearer | str) -> FeeBearer:
    return fields.word(FeeBearer, value)


def _mode(value: CheckoutMode | str | None) -> CheckoutMode | None:
    return None if value is None else CheckoutMode(value)


def _items(values: Iterable[LineItem]) -> tuple[LineItem, ...]:
    items = tuple(values) if isinstance(values, list | tuple) else ()
    if not items or not all(isinstance(item, LineItem) for item in items):
        sentence = (
            "items must be a list of at least one LineItem, as in "
            '[LineItem(name="Strategy session", amount=Decimal("250.00"))]'
        )
        raise InvalidInputError(sentence)
    return items


def _a_payer(_: object, __: object, value: Payer | KnownPayer) -> None:
    if not isinstance(value, Payer | KnownPayer):
        sentence = 'payer must be Payer(fullname="Amara Kamara", phone="231771234567") or KnownPayer(77)'
        raise InvalidInputError(sentence)


def _a_means(_: object, __: object, value: MobileMoney | Card | SavedAccount) -> None:
    if not isinstance(value, MobileMoney | Card | SavedAccount):
        sentence = "pay_with must be MobileMoney(), Card(account_name=...) or SavedAccount(id)"
        raise InvalidInputError(sentence)


@attrs.frozen(kw_only=True)
class Terms:
    """Everything that a collection was asked with, checked as a whole."""

    payer: Payer | KnownPayer = attrs.field(validator=_a_payer)
    currency: str = attrs.field(converter=fields.currency_code)
    items: tuple[LineItem, ...] = attrs.field(converter=_items)
    pay_with: MobileMoney | Card | SavedAccount = attrs.field(validator=_a_means)
    source_type: SourceType = attrs.field(converter=_source_type)
    direct: bool = attrs.field(validator=fields.flag)
    mode: CheckoutMode | None = attrs.field(converter=_mode)
    payer_currency: str = attrs.field(converter=fields.currency_code)
    fee_bearer: FeeBearer = attrs.field(converter=_fee_bearer)
    note: str | None = attrs.field(validator=fields.optional_text)
    due_date: datetime | None = attrs.field(converter=fields.aware)
    document_reference: str | None = attrs.field(validator=fields.optional_text)
    reference_id: UUID = attrs.field(converter=fields.reference)
    is_own_reference: bool

    def __attrs_post_init__(self) -> None:
        """Check what concerns more than one value."""
        fitting = tuple(attrs.evolve(item, amount=fields.amount_in(item.amount, self.currency)) for item in self.items)
        object.__setattr__(self, "items", fitting)
        for refused, sentence in self._refusals():
            if refused:
                raise InvalidInputError(sentence)

    def _refusals(self) -> tuple[tuple[bool, str], ...]:
        unquotable = isinstance(self.pay_with, SavedAccount) and not (self.pay_with.method and self.pay_with.provider)
        return (
            (
                self.source_type not in (SourceType.INVOICE, SourceType.ORDER),
                f"a {self.source_type} cannot be collected for: use SourceType.INVOICE or SourceType.ORDER",
            ),
            (
                self.direct and self.fee_bearer != FeeBearer.PAYER,
                "fee_bearer PAYEE cannot be carried by direct=True: leave direct out, or let the payer bear the fees",
            ),
            (
                not self.direct and self.source_type == SourceType.ORDER and self.due_date is not None,
                "due_date cannot be carried by an order: leave it out, use SourceType.INVOICE, or direct=True",
            ),
            (
                self.mode is not None and not self.direct,
                "mode belongs to the one-call checkout: give it together with direct=True",
            ),
            (
                self.payer_currency != self.currency and unquotable,
                (
                    "payer_currency needs a quote, and a saved account is quoted by its method and provider: "
                    'write SavedAccount(204, method="MTN_MOMO_LBR", provider="PAWAPAY")'
                ),
            ),
        )

    @property
    def total(self) -> Decimal:
        """What the items come to, exactly, in major units of `currency`."""
        total = Decimal(0)
        for item in self.items:
            total = _EXACT.add(total, item.total)
        return total

    @property
    def note_text(self) -> str:
        """The note, or the names of the items, since a document must have one."""
        return self.note if self.note is not None else ", ".join(item.name for item in self.items)[:_LONGEST_NOTE]

    @property
    def document_text(self) -> str:
        """The text by which the document can be found again: the caller's, or the payment's reference."""
        return self.document_reference or str(self.reference_id)
