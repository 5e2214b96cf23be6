"""The example shops and bots, each with its own framework. `nox -s examples` runs them."""
