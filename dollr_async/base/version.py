"""The version of this library. It is written here and nowhere else; the build reads it from this file."""

VERSION = "0.1.0"
