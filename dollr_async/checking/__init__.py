"""`dollr check`: asks the API without moving money, and compares its answers with the contract in `openapi.yaml`."""
