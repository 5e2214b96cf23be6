"""The migrations of the journal's tables."""
