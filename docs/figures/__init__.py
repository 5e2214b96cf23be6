"""The figures of the documentation, each drawn from the code that it shows: `python3 -m docs.figures` writes them."""
