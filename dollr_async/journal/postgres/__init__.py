"""The journal in PostgreSQL. Users import `PostgresJournal` from `dollr_async.journal`.

`journal` is the public class. `payments`, `outcomes` and `followers` are its three parts: the leases and entries, what
is handed out, and who follows what. `database` runs their statements, again where a connection was lost; `statements`
has the SQL, `schema` the tables, `rows` an entry's values; `failures` says what to do about an error; `releases` waits
until leases are given back, and `moving` copies a journal to another place.
"""
