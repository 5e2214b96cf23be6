"""`Groups`: all groups of operations, as attributes with the API's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.base.enums import SourceType
from dollr_async.resources.checkouts import Checkouts
from dollr_async.resources.counterparties import Counterparties
from dollr_async.resources.executions import Executions
from dollr_async.resources.fees import Fees
from dollr_async.resources.invoices import Invoices
from dollr_async.resources.links import Links
from dollr_async.resources.merchants import Merchants
from dollr_async.resources.orders import Orders
from dollr_async.resources.parties import Parties
from dollr_async.resources.payment_accounts import PaymentAccounts
from dollr_async.resources.predictions import Predictions
from dollr_async.resources.realtime_keys import RealtimeKeys
from dollr_async.resources.sessions import Sessions
from dollr_async.resources.status import Status

if TYPE_CHECKING:
    from dollr_async.resources.base import Caller


class Groups:
    """All groups of operations, under the plural nouns that the API itself uses."""

    def __init__(self, caller: Caller) -> None:
        """Make every group with the same caller."""
        self.parties = Parties(caller)
        self.counterparties = Counterparties(caller)
        self.invoices = Invoices(caller)
        self.orders = Orders(caller)
        self.checkouts = Checkouts(caller)
        self.sessions = Sessions(caller)
        self.payment_accounts = PaymentAccounts(caller)
        self.executions = Executions(caller)
        self.status = Status(caller)
        self.predictions = Predictions(caller)
        self.fees = Fees(caller)
        self.links = Links(caller)
        self.merchants = Merchants(caller)
        self.realtime_keys = RealtimeKeys(caller)

    def documents(self, source_type: SourceType) -> Invoices | Orders:
        """Return the group of a type of document: `orders` or `invoices`."""
        return self.orders if source_type == SourceType.ORDER else self.invoices
