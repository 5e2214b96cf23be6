"""`dollr_watch`, `dollr_reconcile` and `dollr_check`."""
