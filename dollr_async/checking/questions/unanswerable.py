"""The questions that a check cannot answer, each with what it would take."""

from __future__ import annotations

from dollr_async.checking.questions.question import Question

_PAYMENT = "a payment, which moves money"
_PAYOUT = "a payout, which moves money"
_REFUND = "a refund, which moves money"
_CHECKOUT = "a checkout, which makes a document that a payer can see"
_CONTACT = "a new contact, which can never be deleted"
_ACCOUNT = "a new payment account, which can never be deleted"
_CARD = "a card's token, which only a payer's browser makes"

QUESTIONS = (
    Question(5, "Checkout mode", "which modes are accepted?", _CHECKOUT),
    Question(6, "Checkout reply", "does it have an `id` and a `url`?", _CHECKOUT),
    Question(7, "Payout calls", "is the account text or a number?", _PAYOUT),
    Question(16, "Retry sample of the documentation", "does PENDING count as landed?", _PAYMENT),
    Question(17, "Realtime reference", "is it the execution's?", _PAYMENT),
    Question(18, "Card link", "how is a card's token bound to its account?", _CARD),
    Question(20, "Card prediction", "which fields does it have?", _CARD),
    Question(22, "SUBSCRIPTION", "is it usable?", "a subscription, which no call makes"),
    Question(23, "Sandbox", "does Dollr have one?", "test credentials from Dollr"),
    Question(29, "Mode of an embedded checkout", "DIRECT or HOSTED?", _CHECKOUT),
    Question(31, "Counterparty body", "which fields does it take?", _CONTACT),
    Question(32, "After not found", "how soon does a status check find a payment?", _PAYMENT),
    Question(34, "Country of a payment account", "two or three letters?", _ACCOUNT),
    Question(36, "`note`", "may an invoice have no note?", "a second draft, which might stay"),
    Question(37, "Refund key, a lead", "is it the checkout session's id?", _REFUND),
    Question(38, "A conflict on an execution", "what does a used reference answer?", _PAYMENT),
    Question(None, "Push channel", "how soon after joining does it send changes?", _PAYMENT),
    Question(None, "Publish reply", "what does a publish answer?", "a published document, which a payer can see"),
)
