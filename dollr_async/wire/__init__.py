"""One call of the API, from its token to its answer.

Uses `base` alone, and is used by the groups of operations and by push.
"""
