"""The sandbox's pages over bare HTTP, without a browser."""
