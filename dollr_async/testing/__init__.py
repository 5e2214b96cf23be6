"""Contract tests for the parts that you can write yourself. They run with or without pytest."""

from dollr_async.testing.journal_contract import JournalContract

__all__ = ["JournalContract"]
