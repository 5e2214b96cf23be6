"""The `dollr` command: its commands and its demo; uses the client and the sandbox, and only `__main__` uses it."""
