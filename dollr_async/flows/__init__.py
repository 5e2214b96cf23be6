"""How money moves: the chain of each kind, its steps, recovery, the handles given back.

Uses `following` and below, used by the journal and the client.
"""
