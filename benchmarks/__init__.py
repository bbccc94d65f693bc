"""Benchmarks: the original and ours, side by side, equal before anything is timed."""
