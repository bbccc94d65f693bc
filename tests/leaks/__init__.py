"""Reference counts and memory over many calls."""
