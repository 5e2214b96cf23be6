"""What every other package uses: errors, the API's enums, checks of values, and the clock.

It imports no other package of this library.
"""
