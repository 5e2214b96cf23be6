"""Which operator carries a payment, and the account that is registered for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from dollr_async.base.enums import PaymentMethod, PaymentProvider
from dollr_async.base.errors import APIStatusError, InvalidInputError, InvalidRequestError
from dollr_async.base.record import Record
from dollr_async.flows.arguments import Card, MobileMoney, SavedAccount
from dollr_async.resources.payment_accounts import NewPaymentAccount

if TYPE_CHECKING:
    from dollr_async.base.enums import ExecutionKind
    from dollr_async.flows.arguments import KnownPayer, Payer
    from dollr_async.resources.predictions import Predictions


_ABOUT_ROUTE = re.compile(r"\b(method|provider)\b", re.IGNORECASE)


@attrs.frozen(eq=False, repr=False)
class Route(Record):
    """The API's two words for how the money travels: passed on as they were predicted, never translated."""

    method: str
    provider: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Contact(Record):
    """What is known of the payer so far."""

    party_id: int | None
    phone: str | None
    name: str | None = None
    country_code: str | None = None


def known_route(pay_with: MobileMoney | Card) -> Route | None:
    """Return the route where the arguments name it, or None."""
    if isinstance(pay_with, Card):
        return Route(PaymentMethod.CREDIT_CARD, PaymentProvider.STRIPE) if pay_with.payment_method_id is None else None
    return Route(pay_with.method, pay_with.provider) if pay_with.method and pay_with.provider else None


def phone_to_charge(payer: Payer | KnownPayer, pay_with: MobileMoney | Card | SavedAccount) -> str | None:
    """Return the wallet's phone where the caller gave it, or None."""
    own = pay_with.phone if isinstance(pay_with, MobileMoney) else None
    return own or payer.phone


async def predicted_route(
    predictions: Predictions, pay_with: MobileMoney | Card, phone: str | None, operation: ExecutionKind
) -> Route:
    """Ask the API for the route of a card or of a phone; a method or a provider that the caller gave wins.

    An operator is never guessed from a phone's first digits. For Rwanda alone the provider has a proven default.

    Raises:
        InvalidInputError: there is no phone to ask about.
        DollrError: the API did not answer, or does not know.
    """
    if isinstance(pay_with, Card):
        token = pay_with.payment_method_id or ""
        card = await predictions.card_provider_info(payment_method_id=token, operation_type=operation)
        return Route(card.payment_method, card.gateway_provider)
    try:
        found = await predictions.mmo_provider_info(phone=charged_phone(pay_with, phone), operation_type=operation)
    except APIStatusError:
        if pay_with.method is None or not pay_with.method.endswith("_RWA"):
            raise
        return Route(pay_with.method, pay_with.provider or PaymentProvider.PAWAPAY)
    return Route(pay_with.method or found.payment_method, pay_with.provider or found.gateway_provider)


def charged_phone(pay_with: MobileMoney, phone: str | None) -> str:
    """Return the phone of the wallet to charge: the one given for it, or the payer's own."""
    charged = pay_with.phone or phone
    if charged is None:
        sentence = 'the API has no phone for this payer: name the wallet, as in MobileMoney(phone="231771234567")'
        raise InvalidInputError(sentence)
    return charged


def account_to_register(pay_with: MobileMoney | Card, route: Route, contact: Contact) -> NewPaymentAccount:
    """Return the account to register for the payer; that of a card has no number.

    Raises:
        InvalidInputError: the payer is no party of the API.
    """
    if contact.party_id is None:
        sentence = "the API has no party for this payer: give KnownPayer(counterparty_id, party_id=...)"
        raise InvalidInputError(sentence)
    if isinstance(pay_with, Card):
        return NewPaymentAccount(
            account_name=pay_with.account_name,
            provider=route.provider,
            method=route.method,
            party_id=contact.party_id,
            country_code=contact.country_code,
        )
    phone = charged_phone(pay_with, contact.phone)
    return NewPaymentAccount(
        account_name=pay_with.account_name or contact.name or phone,
        provider=route.provider,
        method=route.method,
        party_id=contact.party_id,
        # The payer's country says nothing about another person's phone.
        country_code=contact.country_code if phone == contact.phone else None,
        insensitive_account_number=phone,
    )


def advice_on_route(error: BaseException | None, route: Route, pay_with: MobileMoney | Card) -> str:
    """Return what to do about an account that was refused for its method or its provider; else an empty text."""
    if not isinstance(error, InvalidRequestError) or not _ABOUT_ROUTE.search(error.detail):
        return ""
    other = "SavedAccount(id), an account that you register with dollr.payment_accounts.create(...)"
    if isinstance(pay_with, MobileMoney):
        other = "MobileMoney(method=..., provider=...)"
    return (
        f"The account was sent with method '{route.method}' and provider '{route.provider}': to use another pair, "
        f"start a new payment with pay_with={other}"
    )
