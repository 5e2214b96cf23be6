"""The `dollr` command line: `commands` has the commands and their output, `demo` what `dollr demo` does."""
