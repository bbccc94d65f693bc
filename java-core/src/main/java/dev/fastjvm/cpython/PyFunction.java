package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over a function made in Python. */
public final class PyFunction {
    public static final long TYPE = Spec.get("type.function");

    private PyFunction() {}

    /** The code object ({@code func_code}), borrowed: the same for all closures of one definition. */
    public static long code(long function) {
        return Memory.getLong(function + Layout.FUNCTION_CODE);
    }
}
