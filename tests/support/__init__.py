"""What tests of more than one wing share: fakes at the seams, servers that do as they are told, ordinary payments."""
