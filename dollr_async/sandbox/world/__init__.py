"""The sandbox's state: its records, its money, its tokens and its clock, and the rules by which they change.

It may use the data modules; every package above uses it.
"""
