"""How a request is read: the contract's bodies and parameters as data, with a check for each field.

It uses nothing else of the sandbox; `api` uses it.
"""
