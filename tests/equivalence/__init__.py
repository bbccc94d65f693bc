"""The patched serializer against the original, value by value."""
