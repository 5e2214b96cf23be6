"""Paying a published document by hand, without the merchant's session, account or execution."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from dollr_async.sandbox.api.executions import charge
from dollr_async.sandbox.arithmetic import in_own_context
from dollr_async.sandbox.outcomes import operator_of
from dollr_async.sandbox.refusals import unprocessable
from dollr_async.sandbox.world.providers import predicted_provider, wallet_currencies
from dollr_async.sandbox.world.records import Account, Document, Payment, Session

if TYPE_CHECKING:
    from dollr_async.sandbox.world.world import World


@in_own_context
def pay_document(world: World, document: Document) -> Payment:
    """Charge the document's payer on its phone, with a new reference, in a currency that the phone's wallet has.

    A document that is not payable is refused.
    """
    now = world.clock.now()
    party = document.counterparty.party
    method = operator_of(party.phone)
    if method is None:
        raise unprocessable("No mobile-money operator found for this phone")
    account = Account(
        id=world.next_id("account"),
        account_name=party.fullname,
        provider=predicted_provider(world.quirks, method),
        method=method,
        party=party,
        country_code=party.country_code,
        number=party.phone,
        operation_type="COLLECTION",
        card_token=None,
        created_at=now,
        updated_at=now,
    )
    session = Session(
        id=world.next_id("session"),
        kind="COLLECTION",
        expires_at=now + timedelta(seconds=world.session_lifetime),
        created_at=now,
        document=document,
    )
    carried = wallet_currencies(method)
    currency = document.currency if document.currency in carried else carried[0]
    return charge(world, session, account, currency, str(uuid4()), ("HOSTED", str(document.id)))
