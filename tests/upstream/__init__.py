"""The library's own test suites, with the patches on and off."""
