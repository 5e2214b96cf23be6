"""The words that everybody uses: errors, the API's enums, the kinds of value, time.

Everyone may use it, it uses no other wing.
"""
