"""Payments in Sentry: steps and unknown outcomes, and not the phone that is in the query of the operator's look-up.

python3 -m pip install sentry-sdk && SENTRY_DSN=... python3 examples/observe_sentry.py
"""

import asyncio
from typing import Any

import sentry_sdk

from dollr_async import DollrClient, LineItem, Payer
from dollr_async.observing import DoubtEnded, Event, StepEnded


def without_query(record: Any, _: object) -> Any:  # noqa: ANN401 - an event of Sentry
    for part in (record, *record.get("spans", ()), *record.get("breadcrumbs", {}).get("values", ())):
        (part.get("data") or {}).pop("http.query", None)
    return record


class SentryObserver:
    def observe(self, event: Event) -> None:
        if isinstance(event, StepEnded):
            sentry_sdk.add_breadcrumb(category="dollr", message=event.step, data=event.to_json())
        elif isinstance(event, DoubtEnded) and event.outcome == "UNKNOWN":
            sentry_sdk.capture_message(f"the outcome of payment {event.reference_id} is unknown", level="error")


async def main(phone: str, **settings: Any) -> None:  # noqa: ANN401 - Sentry's own
    # Local variables hold names and phones. So does the command line, which Sentry records too.
    filters: Any = {"before_send": without_query, "before_send_transaction": without_query}
    sentry_sdk.init(traces_sample_rate=1.0, include_local_variables=False, **filters, **settings)
    with sentry_sdk.start_transaction(name="a ticket"):
        async with DollrClient(observer=SentryObserver()) as dollr:
            await dollr.collect(payer=Payer("Amara Kamara", phone), items=[LineItem("Ticket", 25)], currency="USD")


if __name__ == "__main__":
    asyncio.run(main(input("The payer's phone: ")))
