"""Contract tests for the parts that you can write yourself. They run with or without pytest."""

from dollr_async.testing.indexed_journal_contract import IndexedJournalContract
from dollr_async.testing.journal_contract import JournalContract
from dollr_async.testing.outcome_journal_contract import OutcomeJournalContract

__all__ = ["IndexedJournalContract", "JournalContract", "OutcomeJournalContract"]
