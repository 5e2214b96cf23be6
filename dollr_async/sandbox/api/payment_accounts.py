"""Payment accounts: the wallets and cards that money comes from and goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.outcomes import Outcome, outcome_of_card, outcome_of_phone
from dollr_async.sandbox.refusals import Refusal, unprocessable
from dollr_async.sandbox.requests.reading import problem
from dollr_async.sandbox.world.pricing import CARD, MOBILE_METHODS
from dollr_async.sandbox.world.providers import check_provider
from dollr_async.sandbox.world.records import Account, Answer
from dollr_async.sandbox.world.settlement import BY_HAND

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import NewAccount
    from dollr_async.sandbox.requests.parameters import OperationTypeQuery
    from dollr_async.sandbox.world.world import World


def create_account(world: World, query: OperationTypeQuery, body: NewAccount) -> Answer:
    """Register a wallet or a card for one operation type."""
    _check_country(world, body.country_code)
    check_provider(world.quirks, body.method, body.provider, query.operation_type)
    party = world.parties.get(body.party_id)
    if party is None:
        raise unprocessable(f"Party {body.party_id} not found")
    if body.method in MOBILE_METHODS and body.insensitive_account_number is None:
        raise unprocessable("insensitive_account_number is required for mobile money")
    now = world.clock.now()
    account = Account(
        id=world.next_id("account"),
        account_name=body.account_name,
        provider=body.provider,
        method=body.method,
        party=party,
        country_code=body.country_code,
        number=body.insensitive_account_number,
        operation_type=query.operation_type,
        card_token=_card_token(world, body),
        created_at=now,
        updated_at=now,
    )
    world.accounts[account.id] = account
    return _account_answer(account)


def _check_country(world: World, country_code: str | None) -> None:
    letters = {"alpha2": 2, "alpha3": 3}.get(world.quirks.account_country)
    if country_code is not None and letters not in {None, len(country_code)}:
        pattern = f"String should match pattern '^[A-Za-z]{{{letters}}}$'"
        raise Refusal(422, [problem(("body", "country_code"), "string_pattern_mismatch", pattern)])


def _card_token(world: World, body: NewAccount) -> str | None:
    if body.method != CARD:
        return None
    predicted, world.predicted_card = world.predicted_card, None
    return body.payment_method_id or predicted


def usable_account(world: World, account_id: int, operation_type: str) -> Account:
    """The account to execute with, or a refusal: it must be active and registered for this operation type."""
    account = world.accounts.get(account_id)
    if account is None or account.operation_type != operation_type:
        raise unprocessable(f"Payment account {account_id} not found for {operation_type}")
    if not account.is_active:
        raise unprocessable(f"Payment account {account_id} is not active")
    if account.method == CARD and account.used:
        raise unprocessable(f"Payment account {account_id} is a card that was already used; create a new one")
    return account


def outcome_of(world: World, account: Account) -> Outcome:
    """The outcome of a payment with this account."""
    if account.method == CARD:
        known = outcome_of_card(account.card_token, account.account_name)
    elif world.handsets.is_by_hand(account.number or "") and account.operation_type == "COLLECTION":
        known = BY_HAND
    else:
        known = outcome_of_phone(account.number or "")
    return known or world.default_outcome


def _account_answer(account: Account) -> Answer:
    return {
        "id": account.id,
        "account_name": account.account_name,
        "provider": account.provider,
        "method": account.method,
        "party_id": account.party.id,
        "country_code": account.country_code,
        "is_active": account.is_active,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }
