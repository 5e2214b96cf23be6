"""Following payments and documents to their final status: pollers, their schedule, the iterators.

Uses `push` and below, used by the flows and the client.
"""
