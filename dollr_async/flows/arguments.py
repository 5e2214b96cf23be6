"""What a caller passes: who pays or is paid, for what, and how. Each is checked when it is made."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from dollr_async.base import fields, money, phones
from dollr_async.base.enums import SourceType
from dollr_async.base.errors import InvalidInputError
from dollr_async.base.record import Record, field_names

if TYPE_CHECKING:
    from collections.abc import Callable


def one_of(*kinds: type, shown: str) -> Callable[[object, attrs.Attribute[Any], Any], None]:
    """Return an attrs validator that refuses a value that is of none of these classes; `shown` is the right form."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kinds):
            sentence = f"{field.name} must be {shown}"
            raise InvalidInputError(sentence)

    return check


def plain_values(argument: Record) -> dict[str, object]:
    """Return an argument as plain values: the name of its class, and its fields."""
    values = {name: getattr(argument, name) for name in field_names(type(argument))}
    shown = {name: money.plain_text(value) if isinstance(value, Decimal) else value for name, value in values.items()}
    return {"is": type(argument).__name__, **shown}


def source_type(value: SourceType | str) -> SourceType:
    """Return the kind of a document that can be paid; a subscription cannot."""
    kind = fields.enum_member(SourceType, value)
    if kind not in (SourceType.INVOICE, SourceType.ORDER):
        sentence = f"a document of the type {kind} cannot be paid: use SourceType.INVOICE or SourceType.ORDER"
        raise InvalidInputError(sentence)
    return kind


@attrs.frozen(eq=False, repr=False)
class Payer(Record):
    """A person who pays or is paid, by name and phone.

    `phone` is international (`231771234567`; a leading plus and spaces are removed), or as it is dialled inside the
    country that `country_code` names (LR or RW). `country_code` is ISO 3166-1 alpha-2.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    fullname: str = attrs.field(validator=fields.text)
    phone: str = attrs.field(repr=False)
    email: str | None = attrs.field(default=None, validator=fields.optional_text, repr=False)
    country_code: str | None = attrs.field(default=None, converter=fields.country)

    def __attrs_post_init__(self) -> None:
        """Bring the phone into the form that is sent; its country is known."""
        object.__setattr__(self, "phone", phones.phone_number(self.phone, self.country_code))


@attrs.frozen(eq=False, repr=False)
class KnownPayer(Record):
    """A person whom the API already knows, by the counterparty's id. What you leave out is read from the API once.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    counterparty_id: int = attrs.field(converter=fields.identifier)
    party_id: int | None = attrs.field(default=None, converter=fields.optional_identifier)
    phone: str | None = attrs.field(default=None, converter=phones.optional_phone, repr=False)


@attrs.frozen(eq=False, repr=False)
class LineItem(Record):
    """One thing that is paid for: `amount` is for one piece, in major units (a `Decimal` or an `int`).

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    name: str = attrs.field(validator=fields.text)
    amount: Decimal = attrs.field(converter=money.amount)
    qty: int = attrs.field(default=1, validator=fields.quantity)

    @property
    def total(self) -> Decimal:
        """The price of all pieces, exactly."""
        return money.times(self.amount, self.qty)


@attrs.frozen(eq=False, repr=False)
class MobileMoney(Record):
    """Pay from a mobile-money wallet; by default the payer's own phone, whose operator the API predicts.

    With `method` and `provider` (`MTN_MOMO_LBR`, `PAWAPAY`) no prediction is needed. `account_name` gives the account
    another name than the payer's.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    phone: str | None = attrs.field(default=None, converter=phones.optional_phone, repr=False)
    method: str | None = attrs.field(default=None, validator=fields.optional_text)
    provider: str | None = attrs.field(default=None, validator=fields.optional_text)
    account_name: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(eq=False, repr=False)
class Card(Record):
    """Pay by card: a new card account is made for each payment, named `account_name`.

    `payment_method_id` is the token (`pm_...`) that the browser got from Stripe. The API finds the route from it.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    account_name: str = attrs.field(validator=fields.text)
    payment_method_id: str | None = attrs.field(default=None, validator=fields.optional_text, repr=False)


@attrs.frozen(eq=False, repr=False)
class SavedAccount(Record):
    """Pay from a payment account that exists, by its id.

    `method` and `provider` are needed only for a quote in another currency.

    Raises:
        InvalidInputError: a value is not of the form shown.
    """

    id: int = attrs.field(converter=fields.identifier)
    method: str | None = attrs.field(default=None, validator=fields.optional_text)
    provider: str | None = attrs.field(default=None, validator=fields.optional_text)


@attrs.frozen(eq=False, repr=False)
class KnownSource(Record):
    """A document that exists and is ACTIVE, with the total that you expect it to have, in major units.

    Raises:
        InvalidInputError: a value is not of the form shown; a float is refused as an amount.
    """

    source_type: SourceType = attrs.field(converter=source_type)
    source_id: int = attrs.field(converter=fields.identifier)
    expected_total: Decimal = attrs.field(converter=money.amount)
