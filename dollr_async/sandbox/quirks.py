"""The open questions of the contract, each with a setting: how the API might also answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

import attrs

_PAYMENT_STATUSES = ("PENDING", "PROCESSING", "COMPLETED", "FAILED")


def _only_payment_statuses(_: object, __: object, words: Mapping[str, str]) -> None:
    unknown = sorted(words.keys() - set(_PAYMENT_STATUSES))
    if unknown:
        message = f"{unknown[0]!r} is not a status of a payment. Use one of: {', '.join(_PAYMENT_STATUSES)}."
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class Quirks:
    """How the API might behave where its documentation is silent or contradicts itself, one field for each question.

    The defaults follow the contract. Each other value is an answer that a client should handle too.
    """

    publish_reply: Literal["document", "without_total", "empty", "no_content"] = "document"
    """What a publish answers with."""
    cancel_reply: Literal["document", "empty", "no_content"] = "document"
    """What a cancel answers with."""
    remove_item_reply: Literal["empty", "no_content"] = "empty"
    """What the removal of a line answers with."""
    created_status: int = 200
    """The HTTP status of a call that creates something; it may also be 201."""
    liberian_provider: Literal["PAWAPAY", "OPERATOR"] = "PAWAPAY"
    """The provider that the prediction names for a Liberian phone: the aggregator, or the operator itself."""
    only_predicted_provider: bool = False
    """Whether a Liberian account with another provider than the predicted one is refused."""
    prediction_country: Literal["alpha2", "alpha3"] = "alpha2"
    """How the phone prediction writes the country."""
    account_country: Literal["either", "alpha2", "alpha3"] = "either"
    """How a payment account's `country_code` must be written, where it is given at all."""
    checkout_url: bool = True
    """Whether the checkout's answer carries `url`."""
    link_url: bool = True
    """Whether the answer to `links/pay` and `links/receipt` carries `url`."""
    checkout_total: bool = True
    """Whether the checkout's answer carries `total_amount`."""
    checkout_status: Literal["ACTIVE", "IDLE"] = "ACTIVE"
    """The status of a new checkout's source."""
    refuse_direct: bool = False
    """Whether a checkout of mode DIRECT is refused."""
    bare_orders: bool = False
    """Whether only the answers to an update and a cancel of an order have its `total_amount` and its owner."""
    order_items_key: str = "order_items"
    """The key under which an order's detail lists its lines; it may also be `items`."""
    counterparty_party_id: bool = True
    """Whether a counterparty's answer carries `party_id`."""
    unpaid_receipt_status: Literal[404, 422] = 404
    """The HTTP status for a receipt that does not exist yet."""
    no_token_status: Literal[401, 403] = 401
    """The HTTP status for a call without an Authorization header."""
    repeated_reference: Literal["same_answer", "refused"] = "same_answer"
    """What a second execution with the same reference and the same body gets."""
    status_words: Mapping[str, str] = attrs.field(factory=dict, validator=_only_payment_statuses, hash=False)
    """Other words for the status of a payment, wherever the API writes it: `{"COMPLETED": "SUCCESSFUL"}`.

    Documents and the ledger keep the contract's words: with `{"PROCESSING": "HELD", "COMPLETED": "HELD"}` a payment
    stays at an unknown word while its document becomes PAID.
    """
    pending_payee_amount: bool = True
    """Whether a payment that is PENDING has its `payee_amount`, or null in its place."""
    refund_key: Literal["payment_intent", "session"] = "payment_intent"
    """What a refund's `original_payment_intent_id` must be: the collection's payment intent, or its session's id."""
    payment_intent_id: bool = True
    """Whether a collection's answer carries the undocumented `payment_intent_id` that refunds need."""
    status_lag: float = 0.0
    """Seconds for which the status of an accepted execution still answers 404."""
    source_lag: float = 0.0
    """Seconds from a payment's COMPLETED to its source's PAID."""
    subscription_lag: float = 0.0
    """Seconds from an accepted join of the push channel until it sends changes."""
    naive_times: bool = False
    """Whether times are written without their offset."""
    data_wrapper: bool = False
    """Whether every successful answer is wrapped in `{"data": ...}`."""
    amounts_as_strings: bool = False
    """Whether every amount is written as a string."""

    def apply(self, answer: object) -> object:
        """Return a successful answer as these quirks write it."""
        if self.naive_times or self.amounts_as_strings:
            answer = self._rewrite(answer)
        return {"data": answer} if self.data_wrapper else answer

    def status_word(self, status: str) -> str:
        """Return the word that the API writes for a payment's status."""
        return self.status_words.get(status, status)

    def _rewrite(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._rewrite(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self._rewrite(entry) for entry in value]
        if self.naive_times and isinstance(value, datetime):
            return value.replace(tzinfo=None)
        if self.amounts_as_strings and isinstance(value, Decimal):
            return format(value, "f")
        return value
