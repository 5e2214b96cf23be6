"""The token, parties, counterparties and payment accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dollr_async import (
    CounterpartyChanges,
    ExecutionKind,
    NewCounterparty,
    NewParty,
    NewPaymentAccount,
    PaymentAccount,
    PaymentMethod,
    RelationshipType,
)
from tests.resources.cases import shapes
from tests.resources.cases.case import TOKEN, WireCase

if TYPE_CHECKING:
    from tests.resources.cases.case import Wired


async def _token(wired: Wired) -> tuple[str, float]:
    token = await wired.session.token()
    return token.secret.reveal(), token.lifetime


CASES = (
    WireCase(
        operation="client_obtain_token",
        name="session.token",
        call=_token,
        method="POST",
        path="/v1/jwt/client/obtain/token",
        body={"client_id": "cid_demo", "client_secret": "not-a-real-secret"},
        answer=TOKEN,
        value=("aaa.bbb.ccc", 3600.0),
    ),
    WireCase(
        operation="create_party",
        name="parties.create",
        call=lambda api: api.parties.create(
            NewParty(fullname="Fatu Kollie", phone="+231 88-000-1122", email="fatu@shop.example", country_code="lr")
        ),
        method="POST",
        path="/v1/parties/create",
        body={
            "fullname": "Fatu Kollie",
            "phone": "231880001122",
            "email": "fatu@shop.example",
            "country_code": "LR",
        },
        answer=shapes.PARTY,
        value=shapes.A_PARTY,
    ),
    WireCase(
        operation="list_parties",
        name="parties.list",
        call=lambda api: api.parties.list(fullname="Fatu & Söhne"),
        method="GET",
        path="/v1/parties/list",
        query={"fullname": "Fatu & Söhne"},
        answer=[shapes.PARTY],
        value=(shapes.A_PARTY,),
    ),
    WireCase(
        operation="retrieve_parties",
        name="parties.retrieve",
        call=lambda api: api.parties.retrieve("310"),
        method="GET",
        path="/v1/parties/retrieve/310",
        answer=shapes.PARTY,
        value=shapes.A_PARTY,
    ),
    WireCase(
        operation="create_counterparty",
        name="counterparties.create",
        call=lambda api: api.counterparties.create(NewCounterparty(party_id="310")),
        method="POST",
        path="/v1/counterparties/create",
        body={"party_id": 310, "relationship_type": "CUSTOMER"},
        answer=shapes.COUNTERPARTY,
        value=shapes.A_COUNTERPARTY,
    ),
    WireCase(
        operation="list_counterparties",
        name="counterparties.list",
        call=lambda api: api.counterparties.list(fullname="Fatu", relationship_type="customer"),
        method="GET",
        path="/v1/counterparties/list",
        query={"fullname": "Fatu", "relationship_type": "CUSTOMER"},
        answer=[shapes.EMBEDDING, shapes.COUNTERPARTY],
        value=(shapes.AN_EMBEDDING, shapes.A_COUNTERPARTY),
    ),
    WireCase(
        operation="retrieve_counterparties",
        name="counterparties.retrieve",
        call=lambda api: api.counterparties.retrieve(77),
        method="GET",
        path="/v1/counterparties/retrieve/77",
        answer=shapes.EMBEDDING,
        value=shapes.AN_EMBEDDING,
    ),
    WireCase(
        operation="update_counterparty",
        name="counterparties.update",
        call=lambda api: api.counterparties.update(77, CounterpartyChanges(relationship_type="SUPPLIER")),
        method="PUT",
        path="/v1/counterparties/update/77",
        body={"relationship_type": "SUPPLIER"},
        answer={**shapes.COUNTERPARTY, "relationship_type": "SUPPLIER"},
        value=attrs.evolve(shapes.A_COUNTERPARTY, relationship_type=RelationshipType.SUPPLIER),
    ),
    WireCase(
        operation="create_payment_account",
        name="payment_accounts.create",
        call=lambda api: api.payment_accounts.create(
            NewPaymentAccount(
                account_name="Fatu wallet",
                provider="PAWAPAY",
                method="MTN_MOMO_LBR",
                party_id=310,
                country_code="LR",
                insensitive_account_number="231880001122",
            ),
            operation_type=ExecutionKind.PAYOUT,
        ),
        method="POST",
        path="/v1/payment-accounts/create",
        query={"operation_type": "PAYOUT"},
        body={
            "account_name": "Fatu wallet",
            "provider": "PAWAPAY",
            "method": "MTN_MOMO_LBR",
            "party_id": 310,
            "country_code": "LR",
            "insensitive_account_number": "231880001122",
        },
        answer={
            "id": 204,
            "account_name": "Fatu wallet",
            "provider": "PAWAPAY",
            "method": "MTN_MOMO_LBR",
            "party_id": 310,
            "country_code": None,
            "is_active": True,
            **shapes.MADE,
        },
        value=PaymentAccount(
            id=204,
            account_name="Fatu wallet",
            provider="PAWAPAY",
            method=PaymentMethod.MTN_MOMO_LBR,
            party_id=310,
            is_active=True,
            created_at=shapes.AT_NINE,
            updated_at=shapes.AT_NINE,
        ),
    ),
)
