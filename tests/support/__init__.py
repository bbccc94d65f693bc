"""What the suites share: the comparison, the two sides, the values."""
