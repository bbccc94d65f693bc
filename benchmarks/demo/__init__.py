"""The demo: a LangGraph agent that stores its conversation in SQLite, original and accelerated."""
