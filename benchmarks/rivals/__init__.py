"""The clients that are measured: this library, and what its users would write by hand."""
