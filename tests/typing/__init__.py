"""Programs for type checkers: read by them, never run."""
