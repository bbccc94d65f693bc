package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over a type object. */
public final class PyType {
    private PyType() {}

    /** {@code tp_version_tag}: changes whenever the class or a base of it does; 0 while none is assigned. */
    public static int versionTag(long type) {
        return Memory.getInt(type + Layout.TYPE_VERSION_TAG);
    }

    /** Address of the {@code __name__} str of a class made in Python (renaming leaves the version tag), 0 for others. */
    public static long heapName(long type) {
        return (Memory.getLong(type + Layout.TYPE_FLAGS) & Layout.FLAG_HEAPTYPE) != 0
                ? Memory.getLong(type + Layout.HEAPTYPE_NAME)
                : 0;
    }

    /** Offset that a slot's member descriptor reads, in bytes. */
    public static long memberOffset(long descriptor) {
        return Memory.getLong(
                Memory.getLong(descriptor + Layout.MEMBER_DESCR_DEF) + Layout.MEMBER_OFFSET);
    }
}
