"""Predictions: the route of a phone, and quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.checking.questions.question import Answer, Question
from dollr_async.checking.reads import OTHER_PROVIDER

if TYPE_CHECKING:
    from dollr_async.checking.seen import Fields, Seen

_LIBERIA = "_LBR"
_USUAL = "PAWAPAY"
_LETTERS = 2
_PHONE = "--phone"


def _route(seen: Seen) -> Fields | None:
    return seen.first("predict_mmo_provider_info")


def provider(seen: Seen) -> Answer | None:
    """A quote accepts the predicted provider and the other one that is named for Liberia."""
    quotes, others = seen.named("predict_amount_and_fee"), seen.named("predict_amount_and_fee", purpose=OTHER_PROVIDER)
    if not quotes or not others or not quotes[0].is_success or not others[0].status:
        return None
    if others[0].is_success:
        return Answer("a Liberian quote accepts PAWAPAY and the operator's own name")
    words = f"a Liberian quote accepts only the predicted provider: {others[0].refused_with} for the other"
    return Answer(words, {"only_predicted_provider": True})


def field_names(seen: Seen) -> Answer | None:
    """The prediction has the long names of its fields."""
    route = _route(seen)
    if route is None:
        return None
    names = [name for name in ("payment_method", "gateway_provider", "method", "provider") if name in route]
    return Answer(f"has {', '.join(names) or 'none of them'}")


def liberian_provider(seen: Seen) -> Answer | None:
    """The prediction names the aggregator for a Liberian phone."""
    route = _route(seen)
    if route is None or not str(route.get("payment_method", "")).endswith(_LIBERIA):
        return None
    found, method = route.get("gateway_provider"), route["payment_method"]
    if found == _USUAL:
        return Answer(f"{_USUAL} for {seen.word(method)}")
    if found == method:
        return Answer(f"the operator's own name, {seen.word(method)}", {"liberian_provider": "OPERATOR"})
    return Answer(f"another word, {seen.word(found)}")


def target_currency(seen: Seen) -> Answer | None:
    """The target currency of a quote is the payer's."""
    quote = next((answer for answer in seen.named("predict_amount_and_fee") if answer.is_success), None)
    if quote is None or not quote.entries:
        return None
    payer, payee = (quote.entries[0].get(f"{side}_currency") for side in ("payer", "payee"))
    whose = {(True, False): "the payer's", (False, True): "the payee's"}
    key = (payer not in {"USD", None}, payee not in {"USD", None})
    return Answer(f"it is {whose[key]} currency" if key in whose else "it is neither the payer's nor the payee's alone")


def country(seen: Seen) -> Answer | None:
    """The country of a phone has two letters."""
    found = (_route(seen) or {}).get("country")
    if not isinstance(found, str):
        return None
    if not found.isalpha() or not found.isupper() or len(found) not in {_LETTERS, _LETTERS + 1}:
        return Answer("neither two nor three letters")
    return Answer(f"{len(found)} letters", {} if len(found) == _LETTERS else {"prediction_country": "alpha3"})


QUESTIONS = (
    Question(1, "Provider value", "which words does the API accept?", f"a quote, or {_PHONE} of Liberia", provider),
    Question(19, "Prediction field names", "the long or the short ones?", _PHONE, field_names),
    Question(27, "Liberian provider", "PAWAPAY or the operator?", f"{_PHONE} of Liberia", liberian_provider),
    Question(28, "`target_currency`", "the payer's or the payee's?", "a quote", target_currency),
    Question(30, "`country` of the phone prediction", "how many letters?", _PHONE, country),
)
