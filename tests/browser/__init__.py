"""The sandbox's pages in a real browser. Without Playwright or a Chromium on this machine, these tests are skipped."""
