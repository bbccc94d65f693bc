/**
 * LangGraph's checkpoint codec: {@code JsonPlusSerializer.dumps_typed} and {@code loads_typed} of
 * {@code langgraph.checkpoint.serde.jsonplus}, byte for byte, over the object layout of {@code cpython} and the format of
 * {@code msgpack}.
 *
 * <p>{@link dev.fastjvm.langgraph.Dumps} and {@link dev.fastjvm.langgraph.Loads} are the builtins; a {@code TypePlan} knows one
 * Python class, a {@code Shape} one schema of pydantic's; which class gets which plan is decided in Python
 * ({@code fast_langgraph._plans}), where classes can be inspected.
 */
package dev.fastjvm.langgraph;
