"""The push channel: a Supabase Realtime server with one table.

It may use `world`; the server and the controls use it.
"""
