package dev.fastjvm.cpython;

/** The type of {@code True} and {@code False}. */
public final class PyBool {
    public static final long TYPE = Spec.get("type.bool");

    private PyBool() {}

    /** The singleton, as an owned reference. */
    public static long of(boolean value) {
        return PyObjects.incref(value ? PyObjects.TRUE : PyObjects.FALSE);
    }
}
