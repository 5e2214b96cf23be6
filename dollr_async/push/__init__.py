"""The live channel beside polling: one connection, a channel for each collection.

Uses `resources` and below, used by `following` and the client.
"""
