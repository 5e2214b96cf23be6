"""The sandbox's pages and the documentation in a real browser.

Without Playwright or a Chromium on this machine, these tests are skipped.
"""
