"""The pages that a payer sees, and what paying on one does.

Uses `api` and `world`, used by the server and the controls.
"""
