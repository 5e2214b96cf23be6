"""The open questions about the API, and how each is answered by what was seen."""
