"""The names of the Rust package, and the profiler."""
