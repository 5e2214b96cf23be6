"""Live updates beside polling: one connection to Supabase Realtime, with a channel for each collection.

Uses `resources` and below, used by `following` and the client.
"""
