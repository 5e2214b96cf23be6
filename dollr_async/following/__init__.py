"""Payments and documents followed to their end: pollers, their schedule, the iterators.

Uses `push` and below, used by the flows and the client.
"""
