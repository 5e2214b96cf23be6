"""Tests of `dollr_async.checking`: what a report finds on sandboxes with every quirk, and what it never shows."""
