"""`dollr check`: asks the API without moving money, and holds its answers against the contract in `openapi.yaml`."""
