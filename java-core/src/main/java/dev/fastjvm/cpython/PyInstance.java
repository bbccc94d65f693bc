package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/**
 * View over the attributes of an instance of a class made in Python: a dict, or (3.11+) an array of values beside or inside
 * the object whose names stand in the class's shared keys ({@code ht_cached_keys}). All references are borrowed.
 */
public final class PyInstance {
    private PyInstance() {}

    /** The instance's {@code __dict__} where one exists already, else 0. */
    public static long dict(long object, long type) {
        if (Layout.V310) {
            long offset = Memory.getLong(type + Layout.TYPE_DICTOFFSET);
            return offset > 0 ? Memory.getLong(object + offset) : 0;
        }
        if (!isManaged(type)) {
            long offset = Memory.getLong(type + Layout.TYPE_DICTOFFSET);
            return offset > 0 ? Memory.getLong(object + offset) : 0;
        }
        long word = Memory.getLong(object + Layout.MANAGED_DICT);
        return Layout.V312 && (word & 1) != 0 ? 0 : word;
    }

    private static boolean isManaged(long type) {
        return (Memory.getLong(type + Layout.TYPE_FLAGS) & Layout.FLAG_MANAGED_DICT) != 0;
    }

    /** Address of the array of attribute values of an instance without a dict, or 0 where it has none. */
    public static long values(long object, long type) {
        if (Layout.V310 || !isManaged(type)) {
            return 0;
        }
        if (Layout.V311) {
            return Memory.getLong(object + Layout.MANAGED_VALUES_311);
        }
        if (Layout.V312) {
            long word = Memory.getLong(object + Layout.MANAGED_DICT);
            return (word & 1) != 0 ? word + 1 : 0;
        }
        if ((Memory.getLong(type + Layout.TYPE_FLAGS) & Layout.FLAG_INLINE_VALUES) == 0) {
            return 0;
        }
        long embedded = object + Memory.getLong(type + Layout.TYPE_BASICSIZE);
        return Memory.getByte(embedded + Layout.EMBEDDED_VALUES_VALID) != 0
                ? embedded + Layout.EMBEDDED_VALUES_ITEMS
                : 0;
    }

    /** The shared keys object that names the values, or 0. */
    public static long sharedKeys(long type) {
        return Memory.getLong(type + Layout.HEAPTYPE_CACHED_KEYS);
    }

    /** Name of the value at {@code index} of the shared keys. */
    public static long sharedName(long keys, long index) {
        return PyDict.entryKey(PyDict.firstEntry(keys) + index * PyDict.stride(keys));
    }

    /** Value at {@code index} of {@link #values}, or 0 where the attribute is not set. */
    public static long value(long values, long index) {
        return Memory.getLong(values + 8 * index);
    }
}
