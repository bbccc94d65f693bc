package dev.fastjvm.cpython;

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
}
