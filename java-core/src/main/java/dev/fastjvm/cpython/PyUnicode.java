package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.nio.charset.StandardCharsets;

/** View over {@code str}. */
public final class PyUnicode {
    public static final long TYPE = Spec.get("type.str");

    private PyUnicode() {}

    /** Whether the text lies as ASCII bytes behind the header: then {@link #asciiData} and {@link #length} are all of it. */
    public static boolean isCompactAscii(long str) {
        return (Memory.getInt(str + Layout.UNICODE_STATE)
                & Layout.STATE_COMPACT_ASCII) == Layout.STATE_COMPACT_ASCII;
    }

    /** Length in code points. */
    public static long length(long str) {
        return Memory.getLong(str + Layout.UNICODE_LENGTH);
    }

    /** Address of the text of a compact ASCII str. */
    public static long asciiData(long str) {
        return str + Layout.UNICODE_ASCII_DATA;
    }

    /** Address of the UTF-8 that a compact non-ASCII str has cached, or 0; its length is {@link #utf8Length}. */
    public static long cachedUtf8(long str) {
        return isCompact(str) ? Memory.getLong(str + Layout.UNICODE_UTF8) : 0;
    }

    /** Length in bytes of the cached UTF-8. */
    public static long utf8Length(long str) {
        return Memory.getLong(str + Layout.UNICODE_UTF8_LENGTH);
    }

    /** Bytes that a code point of a compact str takes; 0 where the text lies elsewhere, as a subclass's does. */
    public static int unitSize(long str) {
        return isCompact(str) ? Memory.getInt(str + Layout.UNICODE_STATE) >> 2 & 7 : 0;
    }

    private static boolean isCompact(long str) {
        return (Memory.getInt(str + Layout.UNICODE_STATE) >> 5 & 1) != 0;
    }

    /** Whether a str may hold a lone surrogate, which UTF-8 can't express; true where the text lies elsewhere, as a subclass's does. */
    public static boolean mayHoldSurrogates(long str) {
        int kind = Memory.getInt(str + Layout.UNICODE_STATE) >> 2 & 7;
        if (!isCompact(str)) {
            return true;
        }
        long data = str + Layout.UNICODE_DATA;
        long length = length(str);
        if (kind == 2) {
            for (long i = 0; i < length; i++) {
                if ((Memory.getShort(data + 2 * i) & 0xF800) == 0xD800) {
                    return true;
                }
            }
        } else if (kind == 4) {
            for (long i = 0; i < length; i++) {
                if ((Memory.getInt(data + 4 * i) & 0xFFFFF800) == 0xD800) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * Address of the UTF-8 of a str that is not ASCII, which the str caches as it does for C extensions; its length at {@code size}.
     * 0, with no error set, where UTF-8 can't express it. Runs no Python code: of all that the call allocates only the error for a
     * surrogate is an object that may start the cyclic GC, which is off meanwhile.
     */
    public static long utf8(long str, long size) {
        boolean gc = !Layout.AT_LEAST_312 && CApi.Leaf.PyGC_Disable();
        long data = expressed(isLeaf(str) ? CApi.Leaf.PyUnicode_AsUTF8AndSize(str, size)
                : CApi.PyUnicode_AsUTF8AndSize(str, size));
        if (gc) {
            CApi.Leaf.PyGC_Enable();
        }
        return data;
    }

    private static boolean isLeaf(long str) {
        return isCompact(str) && length(str) <= LONGEST_LEAF;
    }

    /**
     * Has the exact strs at the start of {@code count} references cache their UTF-8, as {@link #utf8} does and without running Python code; ends
     * at a long one and at one that UTF-8 can't express. {@code size} is a cell that is written to.
     */
    public static void cacheUtf8(long references, long count, long size) {
        boolean gc = !Layout.AT_LEAST_312 && CApi.Leaf.PyGC_Disable();
        for (long i = 0; i < count; i++) {
            long str = Memory.getLong(references + 8 * i);
            if (PyObjects.type(str) != TYPE) {
                break;
            }
            if (!isCompactAscii(str) && cachedUtf8(str) == 0 && (!isLeaf(str)
                    || expressed(CApi.Leaf.PyUnicode_AsUTF8AndSize(str, size)) == 0)) {
                break;
            }
        }
        if (gc) {
            CApi.Leaf.PyGC_Enable();
        }
    }

    private static long expressed(long data) {
        if (data == 0) {
            CApi.PyErr_Clear();
        }
        return data;
    }

    /** Code points whose encoding is short enough to keep a collection of Java's waiting. */
    private static final long LONGEST_LEAF = 4096;

    /** Owned str of ASCII bytes; the caller has checked that none is above 127. */
    public static long fromAscii(long bytes, long length) {
        long str = CApi.Leaf.PyUnicode_New(length, 127);
        if (str != 0) {
            Memory.copy(bytes, str + Layout.UNICODE_ASCII_DATA, length);
        }
        return str;
    }

    /** Owned str of {@code length} code points of one {@code kind} (1, 2 or 4 bytes), not yet filled; 0 with PyErr set. */
    public static long allocate(long length, int kind) {
        return CApi.Leaf.PyUnicode_New(length, kind == 1 ? 0xFF : kind == 2 ? 0xFFFF : 0x10FFFF);
    }

    /** Address of the code points of a compact str that is not ASCII, as one from {@link #allocate}. */
    public static long data(long str) {
        return str + Layout.UNICODE_DATA;
    }

    /** Owned str of a Java String without lone surrogates. */
    public static long of(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        long copy = Memory.allocate(utf8.length + 1L);
        try {
            Memory.copyIn(utf8, copy, utf8.length);
            return PythonError.check(CApi.Leaf.PyUnicode_DecodeUTF8(copy, utf8.length));
        } finally {
            Memory.free(copy);
        }
    }

    /** The text as UTF-8; throws IllegalArgumentException for a str that UTF-8 can't express. */
    public static byte[] utf8(long str) {
        if (isCompactAscii(str)) {
            return Memory.bytes(asciiData(str), Math.toIntExact(length(str)));
        }
        if (mayHoldSurrogates(str)) {
            throw new IllegalArgumentException("surrogates");
        }
        long size = Memory.allocate(8);
        try {
            long data = PythonError.check(CApi.Leaf.PyUnicode_AsUTF8AndSize(str, size));
            return Memory.bytes(data, Math.toIntExact(Memory.getLong(size)));
        } finally {
            Memory.free(size);
        }
    }

    /** The text as a Java String; see {@link #utf8}. */
    public static String string(long str) {
        return new String(utf8(str), StandardCharsets.UTF_8);
    }
}
