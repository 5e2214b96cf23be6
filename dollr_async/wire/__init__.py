"""HTTP: the token, one call with its retries, JSON in both directions, and the transport on aiohttp.

It imports only `base`.
"""
