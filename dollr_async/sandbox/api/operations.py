"""The 59 operations of the contract as one table: id, method, path, what is read from the request, and the handler."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import attrs

from dollr_async.sandbox.api import (
    checkouts,
    counterparties,
    executions,
    fees,
    links,
    merchants,
    parties,
    payment_accounts,
    predictions,
    realtime_keys,
    sessions,
    status,
    tokens,
)
from dollr_async.sandbox.api.documents import Documents
from dollr_async.sandbox.api.receipts import Receipts
from dollr_async.sandbox.requests import bodies, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "/v1/"

_Shape = type[attrs.AttrsInstance]


@attrs.frozen
class Operation:
    """One operation: its id, its method and path, what is read from the request, and its handler.

    The handler gets the world, and `path`, `query` and `body` where their classes are named here.
    """

    id: str
    method: str
    path: str
    handler: Callable[..., object]
    body: _Shape | None = None
    query: _Shape | None = None
    path_shape: _Shape | None = None
    public: bool = False

    @property
    def creates(self) -> bool:
        """Whether it creates a record."""
        return self.method == "POST" and not self.public

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which `fail` knows it: its id, its route, and its route as a verb of its group."""
        fixed = "/".join(part for part in self.path.split("/") if not part.startswith("{"))
        dotted = fixed.replace("/number", "/by/number")
        for verb in ("add", "update", "remove"):
            dotted = dotted.replace(f"items/{verb}", f"{verb}/item")
        return (self.id, fixed, dotted)


@attrs.frozen
class _DocumentPaths:
    inside: _Shape
    item: _Shape
    number: _Shape


_PATHS = {
    "INVOICE": _DocumentPaths(parameters.InvoicePath, parameters.InvoiceItemPath, parameters.InvoiceNumberPath),
    "ORDER": _DocumentPaths(parameters.OrderPath, parameters.OrderItemPath, parameters.OrderNumberPath),
}


def _documents(source_type: str) -> Iterable[Operation]:
    kind = source_type.lower()
    base, lines = f"{kind}s", f"{kind}s/{{{kind}_id}}/items"
    documents, receipts, paths = Documents(source_type), Receipts(source_type), _PATHS[source_type]
    yield _post(f"create_{kind}", f"{base}/create", documents.create, bodies.NewDocument)
    yield _get(f"list_{kind}", f"{base}/list", documents.list, parameters.DocumentFilter)
    yield _by_id(f"retrieve_{kind}_by_id", f"{base}/retrieve/{{id}}", documents.retrieve)
    yield _at(
        f"retrieve_{kind}_by_number",
        "GET",
        f"{base}/retrieve/number/{{{kind}_number}}",
        documents.retrieve_by_number,
        paths.number,
    )
    yield _at(
        f"update_{kind}", "PUT", f"{base}/update/{{id}}", documents.update, parameters.IdPath, bodies.DocumentChanges
    )
    yield _at(f"add_{kind}_item", "POST", f"{lines}/add", documents.add_item, paths.inside, bodies.NewItem)
    yield _at(
        f"update_{kind}_item", "PUT", f"{lines}/{{id}}/update", documents.update_item, paths.item, bodies.ItemChanges
    )
    yield _at(f"remove_{kind}_item", "DELETE", f"{lines}/{{id}}/remove", documents.remove_item, paths.item)
    yield _at(f"publish_{kind}", "PUT", f"{base}/publish/{{id}}", documents.publish, parameters.IdPath)
    yield _at(f"cancel_{kind}", "DELETE", f"{base}/cancel/{{id}}", documents.cancel, parameters.IdPath)
    yield _by_id(f"retrieve_{kind}_receipt_by_id", f"{base}/receipt/{{id}}", receipts.by_id)
    yield _at(
        f"retrieve_{kind}_receipt_by_number",
        "GET",
        f"{base}/receipt/number/{{{kind}_number}}",
        receipts.by_number,
        paths.number,
    )


def _post(name: str, path: str, handler: Callable[..., object], body: _Shape, query: _Shape | None = None) -> Operation:
    return Operation(name, "POST", path, handler, body, query)


def _get(name: str, path: str, handler: Callable[..., object], query: _Shape | None = None) -> Operation:
    return Operation(name, "GET", path, handler, query=query)


def _at(
    name: str, method: str, path: str, handler: Callable[..., object], path_shape: _Shape, body: _Shape | None = None
) -> Operation:
    return Operation(name, method, path, handler, body, path_shape=path_shape)


def _by_id(name: str, path: str, handler: Callable[..., object]) -> Operation:
    return _at(name, "GET", path, handler, parameters.IdPath)


def _status(kind: str) -> Operation:
    handler = status.ExecutionStatus(kind.upper()).retrieve
    path = f"status/{kind}/{{reference_id}}"
    return _at(f"get_{kind}_status", "GET", path, handler, parameters.ReferencePath)


OPERATIONS = (
    Operation(
        "client_obtain_token",
        "POST",
        "jwt/client/obtain/token",
        tokens.obtain_token,
        bodies.ClientCredentials,
        public=True,
    ),
    _post("create_party", "parties/create", parties.create_party, bodies.NewParty),
    _get("list_parties", "parties/list", parties.list_parties, parameters.PartyFilter),
    _by_id("retrieve_parties", "parties/retrieve/{id}", parties.retrieve_party),
    _post("create_counterparty", "counterparties/create", counterparties.create_counterparty, bodies.NewCounterparty),
    _get(
        "list_counterparties", "counterparties/list", counterparties.list_counterparties, parameters.CounterpartyFilter
    ),
    _by_id("retrieve_counterparties", "counterparties/retrieve/{id}", counterparties.retrieve_counterparty),
    _at(
        "update_counterparty",
        "PUT",
        "counterparties/update/{id}",
        counterparties.update_counterparty,
        parameters.IdPath,
        bodies.CounterpartyChanges,
    ),
    *_documents("INVOICE"),
    *_documents("ORDER"),
    _post("create_checkout_source", "checkouts/create", checkouts.create_checkout, bodies.NewCheckout),
    _post("create_checkout_session", "sessions/checkout", sessions.create_checkout_session, bodies.NewCheckoutSession),
    _post("create_payout_session", "sessions/payout", sessions.create_payout_session, bodies.NewPayoutSession),
    _post("create_transfer_session", "sessions/transfer", sessions.create_transfer_session, bodies.NewTransferSession),
    _post("create_refund_session", "sessions/refund", sessions.create_refund_session, bodies.NewRefundSession),
    _post(
        "create_payment_account",
        "payment-accounts/create",
        payment_accounts.create_account,
        bodies.NewAccount,
        parameters.OperationTypeQuery,
    ),
    _post("collect", "executions/collection", executions.collect, bodies.NewCollection),
    _post("payout", "executions/payout", executions.payout, bodies.NewPayout),
    _post("transfer", "executions/transfer", executions.transfer, bodies.NewExecution),
    _post("refund", "executions/refund", executions.refund, bodies.NewExecution),
    _status("collection"),
    _status("payout"),
    _status("transfer"),
    _status("refund"),
    _get("get_payment_source_status", "status/source", status.source_status, parameters.SourceQuery),
    _get("predict_amount_and_fee", "predictions/amount-and-fees", predictions.amount_and_fees, parameters.QuoteQuery),
    _get(
        "predict_payment_source_amount_and_fee",
        "predictions/payment-source/amount-and-fees",
        predictions.source_amount_and_fees,
        parameters.SourceQuoteQuery,
    ),
    _get(
        "predict_mmo_provider_info",
        "predictions/mmo-provider-info",
        predictions.mmo_provider_info,
        parameters.PhoneQuery,
    ),
    _get(
        "predict_card_provider_info",
        "predictions/card-provider-info",
        predictions.card_provider_info,
        parameters.CardQuery,
    ),
    _get("get_gateway_fees", "fees/gateway", fees.gateway_fees, parameters.GatewayFeeQuery),
    _get("get_platform_fees", "fees/platform", fees.platform_fees, parameters.PlatformFeeQuery),
    _get("get_merchant_fee_tier", "fees/merchant-tier", fees.merchant_tier, parameters.OwnerQuery),
    _get("list_fee_tier", "fees/tiers", fees.tiers),
    _get("get_payment_link", "links/pay", links.pay_link, parameters.LinkQuery),
    _get("get_receipt_link", "links/receipt", links.receipt_link, parameters.LinkQuery),
    _get("get_merchant_info", "merchants/merchant-info", merchants.merchant_info, parameters.MerchantQuery),
    _post(
        "get_collection_realtime_key",
        "realtime-keys/collection",
        realtime_keys.create_realtime_key,
        bodies.RealtimeKeyRequest,
    ),
)
"""Every operation of the contract."""


def _plain(name: str) -> str:
    fixed = "/".join(part for part in name.strip("/").removeprefix("v1/").split("/") if not part.startswith("{"))
    return fixed.replace(".", "_").replace("-", "_").replace("/", "_")


_NAMES = {_plain(name): operation.id for operation in OPERATIONS for name in operation.names}


def operation_id(name: str) -> str:
    """The contract's id of an operation, named by that id, its route (`executions/collection`) or `invoices.add_item`.

    "*" stands for any operation. An unknown name is a ValueError that lists the nearest ones.
    """
    if name == "*":
        return name
    found = _NAMES.get(_plain(name))
    if found is None:
        near = get_close_matches(_plain(name), _NAMES, n=5, cutoff=0.4)
        message = f"{name!r} is not an operation of the contract. Near names: {', '.join(near) or 'none'}."
        raise ValueError(message)
    return found
