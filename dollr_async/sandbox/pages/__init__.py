"""The pages that a payer sees, and what paying on one does.

It may use `api`, `world` and the data modules; the server and the controls use it.
"""
