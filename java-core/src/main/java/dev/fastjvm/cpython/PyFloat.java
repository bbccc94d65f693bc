package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code float}. */
public final class PyFloat {
    public static final long TYPE = Spec.get("type.float");

    private PyFloat() {}

    /** The IEEE 754 bits of {@code ob_fval}. */
    public static long bits(long object) {
        return Memory.getLong(object + Layout.FLOAT_VALUE);
    }
}
