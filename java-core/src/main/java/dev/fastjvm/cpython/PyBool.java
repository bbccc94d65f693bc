package dev.fastjvm.cpython;

/** The type of {@code True} and {@code False}. */
public final class PyBool {
    public static final long TYPE = Spec.get("type.bool");

    private PyBool() {}
}
