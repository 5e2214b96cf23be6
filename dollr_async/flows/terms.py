"""All arguments of one collection, checked together before anything is sent."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from dollr_async.base import fields, money
from dollr_async.base.enums import CheckoutMode, FeeBearer, SourceType
from dollr_async.base.errors import InvalidInputError
from dollr_async.flows.arguments import (
    Card,
    KnownPayer,
    KnownSource,
    LineItem,
    MobileMoney,
    Payer,
    SavedAccount,
    one_of,
    plain_values,
    source_type,
)
from dollr_async.resources import enum_values

if TYPE_CHECKING:
    from collections.abc import Iterable


_LONGEST_NOTE = 200


def _fee_bearer(value: FeeBearer | str) -> FeeBearer:
    return fields.enum_member(FeeBearer, value)


def _mode(value: CheckoutMode | str | None) -> CheckoutMode | None:
    return None if value is None else enum_values.checkout_mode(value)


def _items(values: Iterable[LineItem] | None) -> tuple[LineItem, ...]:
    if values is None:
        return ()
    items = tuple(values) if isinstance(values, list | tuple) else ()
    if not items or not all(isinstance(item, LineItem) for item in items):
        sentence = (
            "items must be a list of at least one LineItem, as in "
            '[LineItem(name="Strategy session", amount=Decimal("250.00"))]'
        )
        raise InvalidInputError(sentence)
    return items


def _fitting(item: LineItem, currency: str) -> LineItem:
    amount = money.amount_in(item.amount, currency)
    return item if amount is item.amount else attrs.evolve(item, amount=amount)


_PAYER = 'Payer(fullname="Amara Kamara", phone="231771234567") or KnownPayer(77)'
_MEANS = "MobileMoney(), Card(account_name=...) or SavedAccount(id)"
A_KNOWN_SOURCE = 'a document that exists, as in KnownSource("INVOICE", 310, Decimal("250.00"))'


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Terms:
    """All arguments of one collection, checked together."""

    payer: Payer | KnownPayer = attrs.field(validator=one_of(Payer, KnownPayer, shown=_PAYER))
    currency: str = attrs.field(converter=fields.currency_code)
    items: tuple[LineItem, ...] = attrs.field(converter=_items)
    pay_with: MobileMoney | Card | SavedAccount = attrs.field(
        validator=one_of(MobileMoney, Card, SavedAccount, shown=_MEANS)
    )
    source_type: SourceType = attrs.field(converter=source_type)
    direct: bool = attrs.field(validator=fields.flag)
    mode: CheckoutMode | None = attrs.field(converter=_mode)
    payer_currency: str = attrs.field(converter=fields.currency_code)
    fee_bearer: FeeBearer = attrs.field(converter=_fee_bearer)
    note: str | None = attrs.field(validator=fields.optional_text)
    due_date: datetime | None = attrs.field(converter=fields.utc_time)
    document_reference: str | None = attrs.field(validator=fields.optional_text)
    reference_id: UUID = attrs.field(converter=fields.reference)
    is_own_reference: bool
    source: KnownSource | None = attrs.field(
        default=None, validator=one_of(KnownSource, NoneType, shown=A_KNOWN_SOURCE)
    )

    def __attrs_post_init__(self) -> None:
        """Check the rules between several arguments."""
        object.__setattr__(self, "items", tuple(_fitting(item, self.currency) for item in self.items))
        if self.source is not None:
            money.amount_in(self.source.expected_total, self.currency)
            if self.source_type not in (SourceType.INVOICE, self.source.source_type):  # an invoice is the default
                sentence = (
                    f"source is an {self.source.source_type}, but source_type is {self.source_type}: leave source_type "
                    "out"
                )
                raise InvalidInputError(sentence)
            object.__setattr__(self, "source_type", self.source.source_type)
        for refused, sentence in self._refusals():
            if refused:
                raise InvalidInputError(sentence)

    def _refusals(self) -> tuple[tuple[bool, str], ...]:
        unquotable = isinstance(self.pay_with, SavedAccount) and not (self.pay_with.method and self.pay_with.provider)
        return (
            (
                bool(self.items) == (self.source is not None),
                (
                    "give either items=[LineItem(...)] for a new document, or source=KnownSource(...) for one that "
                    "exists"
                ),
            ),
            (
                self.source is not None and self._describes_new_document,
                (
                    "source=KnownSource(...) is a document that exists already: leave out direct, mode, note, "
                    "due_date, document_reference and fee_bearer"
                ),
            ),
            (
                self.direct and self.fee_bearer != FeeBearer.PAYER,
                "fee_bearer PAYEE is not possible with direct=True: leave direct out, or use FeeBearer.PAYER",
            ),
            (
                not self.direct and self.source_type == SourceType.ORDER and self.due_date is not None,
                "an order has no due_date: leave it out, use SourceType.INVOICE, or direct=True",
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
    def _describes_new_document(self) -> bool:
        texts = (self.mode, self.note, self.due_date, self.document_reference)
        return self.direct or self.fee_bearer != FeeBearer.PAYER or any(text is not None for text in texts)

    @property
    def makes_party(self) -> bool:
        """Whether the payer must be a party before an account can be registered or a document be made."""
        needs_no_party = self.source is not None and isinstance(self.pay_with, SavedAccount)
        return not self.direct and not needs_no_party

    @property
    def total(self) -> Decimal:
        """What has to be paid, exactly, in major units of `currency`."""
        if self.source is not None:
            return self.source.expected_total
        total = Decimal(0)
        for item in self.items:
            total = money.plus(total, item.total)
        return total

    @property
    def note_text(self) -> str:
        """The note, or the names of the items, since a document must have one."""
        return self.note if self.note is not None else ", ".join(item.name for item in self.items)[:_LONGEST_NOTE]

    @property
    def document_text(self) -> str:
        """The text by which the document is found after a lost answer: the caller's, or the payment's reference."""
        return self.document_reference or str(self.reference_id)

    def compared(self) -> dict[str, object]:
        """Return what must be the same when the reference is used again; note, due date and own text may differ."""
        return {
            "payer": plain_values(self.payer),
            "items": [plain_values(item) for item in self.items],
            "source": None if self.source is None else plain_values(self.source),
            "currencies": [self.currency, self.payer_currency],
            "source_type": self.source_type,
            "route": [self.direct, self.mode],
            "fee_bearer": self.fee_bearer,
            "pay_with": plain_values(self.pay_with),
        }

    def priced(self) -> tuple[Decimal, str | None, str]:
        """Return the amount in major units, its currency, and the amounts and quantities of the lines."""
        lines = " + ".join(f"{money.plain_text(item.amount)} x {item.qty}" for item in self.items)
        return self.total, self.currency, lines
