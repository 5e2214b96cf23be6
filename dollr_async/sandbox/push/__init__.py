"""The push channel: a Supabase Realtime of one table; uses `world`, used by the server and the controls."""
