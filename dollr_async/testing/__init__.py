"""What the parts that you can write yourself have to keep to, as tests that run with pytest or without."""

from dollr_async.testing.journal_contract import JournalContract

__all__ = ["JournalContract"]
