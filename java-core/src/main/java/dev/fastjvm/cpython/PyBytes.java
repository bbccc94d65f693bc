package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code bytes}. */
public final class PyBytes {
    public static final long TYPE = Spec.get("type.bytes");

    private PyBytes() {}

    /** Length in bytes. */
    public static long length(long bytes) {
        return PyObjects.size(bytes);
    }

    /** Address of the first byte. */
    public static long data(long bytes) {
        return bytes + Layout.BYTES_DATA;
    }

    /** Makes an owned copy of so many bytes at an address; 0 where there is no memory ({@code PyBytes_FromStringAndSize}). */
    public static long of(long address, long length) {
        return CApi.Leaf.PyBytes_FromStringAndSize(address, length);
    }

    /** Makes an owned copy; 0 where there is no memory. */
    public static long of(byte[] data) {
        long made = of(0, data.length);
        if (made != 0) {
            Memory.copyIn(data, data(made), data.length);
        }
        return made;
    }
}
