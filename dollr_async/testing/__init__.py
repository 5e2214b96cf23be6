"""For your own tests: the contract tests of parts that you can write yourself, and policies that make tests quick.

The contract tests run with or without pytest.
"""

from dollr_async.testing.indexed_journal_contract import IndexedJournalContract
from dollr_async.testing.journal_contract import JournalContract
from dollr_async.testing.outcome_journal_contract import OutcomeJournalContract
from dollr_async.testing.poll_budget_contract import PollBudgetContract
from dollr_async.testing.quick import QUICK
from dollr_async.testing.searchable_journal_contract import SearchableOutcomeJournalContract
from dollr_async.testing.token_store_contract import TokenStoreContract

__all__ = [
    "QUICK",
    "IndexedJournalContract",
    "JournalContract",
    "OutcomeJournalContract",
    "PollBudgetContract",
    "SearchableOutcomeJournalContract",
    "TokenStoreContract",
]
