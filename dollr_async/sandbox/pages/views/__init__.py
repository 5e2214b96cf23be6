"""One file for each page: a function that reads the sandbox and returns the page, or does what a form asks for."""
