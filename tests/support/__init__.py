"""What the tests of several packages share: fakes at the seams, test servers, ordinary payments."""
