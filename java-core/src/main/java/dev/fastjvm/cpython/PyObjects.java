package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** The header that all objects share, their reference counts, and the singletons. */
public final class PyObjects {
    public static final long NONE = Spec.get("None");
    public static final long TRUE = Spec.get("True");
    public static final long FALSE = Spec.get("False");
    public static final long NOT_IMPLEMENTED = Spec.get("NotImplemented");

    private PyObjects() {}

    /** {@code Py_TYPE}: the type's address, borrowed. */
    public static long type(long object) {
        return Memory.getLong(object + Layout.OB_TYPE);
    }

    /** {@code Py_INCREF}: immortal objects of 3.12+ (a negative 32-bit count) are left alone. */
    public static long incref(long object) {
        if (Layout.AT_LEAST_312) {
            int count = Memory.getInt(object);
            if (count >= 0) {
                Memory.putInt(object, count + 1);
            }
        } else {
            Memory.putLong(object, Memory.getLong(object) + 1);
        }
        return object;
    }

    /** {@code Py_DECREF}: a plain store while other references stay, else CPython's own, which may run finalizers. */
    public static void decref(long object) {
        if (Layout.AT_LEAST_312) {
            int count = Memory.getInt(object);
            if (count < 0) {
                return;
            }
            if (count > 1) {
                Memory.putInt(object, count - 1);
                return;
            }
        } else {
            long count = Memory.getLong(object);
            if (count > 1) {
                Memory.putLong(object, count - 1);
                return;
            }
        }
        CApi.Py_DecRef(object);
    }

    /** The 64-bit (3.12+: 32-bit) reference count. */
    public static long refcount(long object) {
        return Layout.AT_LEAST_312 ? Memory.getInt(object) : Memory.getLong(object);
    }

    /** {@code Py_SIZE} of a variable-size object. */
    static long size(long object) {
        return Memory.getLong(object + Layout.OB_SIZE);
    }
}
