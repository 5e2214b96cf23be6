"""The API's operations, one module for each group: the bodies that are sent, the answers, and the methods."""
