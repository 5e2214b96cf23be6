"""The API's operations, one module for each group, and the way from a request to its answer.

Uses `requests` and `world`.
"""
