package dev.fastjvm.store;

import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The arguments of a builtin, borrowed; Python has checked their types. */
final class Arguments {
    private Arguments() {}

    static long argument(long args, int index) {
        return Memory.getLong(args + 8L * index);
    }

    static long number(long args, int index) {
        return PyLong.value(argument(args, index));
    }

    /** The bytes of an object in place: the caller keeps it. */
    static MemorySegment segment(long bytes) {
        return Memory.segment(PyBytes.data(bytes), PyBytes.length(bytes));
    }

    static byte[] bytes(long args, int index) {
        return bytes(argument(args, index));
    }

    static byte[] bytes(long bytes) {
        return segment(bytes).toArray(ValueLayout.JAVA_BYTE);
    }
}
