"""One package or module for each foreign library that works with `dollr_async`. None of them imports another.

Each is imported only by who names it, and needs the extra of the same name: `pip install 'dollr-async[django]'`.
"""
