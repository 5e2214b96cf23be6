"""How a request is read: the contract's bodies and parameters as data, each field checked.

Uses no other wing of the sandbox.
"""
