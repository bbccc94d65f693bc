"""Blobs and objects that want to break the reader, the walker or the process."""
