"""The API's operations, one module for each group, and the dispatch from a request to its answer.

`documents` has the invoices and the orders, `receipts` the receipts of both. It may use `requests`, `world` and the
data modules; the server, the controls and the pages use it.
"""
