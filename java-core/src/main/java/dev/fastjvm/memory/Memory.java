package dev.fastjvm.memory;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Loads and stores at native addresses, in bytes; an invalid address ends the process.
 *
 * <p>Representation: one segment over the whole address space in a {@code static final} field, so that the JIT folds its
 * bounds and session checks away and a load is one machine instruction. {@code sun.misc.Unsafe} would print warnings.
 */
@SuppressWarnings("restricted")
public final class Memory {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
    private static final VarHandle LONG_IN_BYTES = java.lang.invoke.MethodHandles
            .byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    /** Above this many bytes a call beats the word loop. */
    private static final long BULK = 64;

    static {
        // the log's kinds of segments: loaded later, they would end what the JIT took to be the only kind, and with profiles of
        // an AOT cache it compiles all loads anew as calls
        MemorySegment.ofArray(new byte[1]);
        try {
            Class.forName("jdk.internal.foreign.MappedMemorySegmentImpl");
        } catch (ClassNotFoundException e) {
            // another JDK names it otherwise: slower, not wrong
        }
    }

    private Memory() {}

    /** The C heap; its own class so that plain loads never link it. */
    private static final class Heap {
        static final MethodHandle REALLOC = handle("realloc");
        static final MethodHandle FREE = handle("free");
        static final MethodHandle MOVE = handle("memmove");

        // the shape that the C API's functions have, see CApi: linked once for both
        private static MethodHandle handle(String name) {
            FunctionDescriptor descriptor = FunctionDescriptor.of(WORD, WORD, WORD, WORD, WORD);
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor,
                    Linker.Option.critical(false));
        }
    }

    /** A view of so many bytes at an address. */
    public static MemorySegment segment(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size);
    }

    public static byte getByte(long address) {
        return ALL.get(ValueLayout.JAVA_BYTE, address);
    }

    public static short getShort(long address) {
        return ALL.get(SHORT, address);
    }

    public static int getInt(long address) {
        return ALL.get(INT, address);
    }

    public static long getLong(long address) {
        return ALL.get(LONG, address);
    }

    public static double getDouble(long address) {
        return ALL.get(DOUBLE, address);
    }

    public static void putByte(long address, byte value) {
        ALL.set(ValueLayout.JAVA_BYTE, address, value);
    }

    public static void putShort(long address, short value) {
        ALL.set(SHORT, address, value);
    }

    public static void putInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    public static void putLong(long address, long value) {
        ALL.set(LONG, address, value);
    }

    /** Copies {@code length} bytes between regions that do not overlap; reads and writes nothing outside of them. */
    public static void copy(long from, long to, long length) {
        if (length >= 8) {
            if (length > BULK) {
                move(from, to, length);
                return;
            }
            long last = length - 8;
            for (long i = 0; i < last; i += 8) {
                putLong(to + i, getLong(from + i));
            }
            putLong(to + last, getLong(from + last));
        } else if (length >= 4) {
            int tail = getInt(from + length - 4);
            putInt(to, getInt(from));
            putInt(to + length - 4, tail);
        } else if (length > 0) {
            byte middle = getByte(from + (length >> 1));
            byte tail = getByte(from + length - 1);
            putByte(to, getByte(from));
            putByte(to + (length >> 1), middle);
            putByte(to + length - 1, tail);
        }
    }

    /**
     * Copies {@code length} bytes, of up to seven bytes a whole word: both regions must reach to the next multiple of eight bytes, as
     * objects of CPython's do, being allocated in multiples of 16. Like C's {@code memcpy} it branches on the size class alone, since
     * the lengths of texts are hard to predict.
     */
    public static void copyWords(long from, long to, long length) {
        if (length <= 16) {
            putLong(to, getLong(from));
            if (length > 8) {
                putLong(to + length - 8, getLong(from + length - 8));
            }
        } else {
            copyMore(from, to, length);
        }
    }

    private static void copyMore(long from, long to, long length) {
        if (length <= 32) {
            pair(from, to);
            pair(from + length - 16, to + length - 16);
        } else {
            move(from, to, length);
        }
    }

    private static void pair(long from, long to) {
        long second = getLong(from + 8);
        putLong(to, getLong(from));
        putLong(to + 8, second);
    }

    /** C's {@code memmove}, which beats the JVM's own copy from some hundred bytes on. */
    public static void move(long from, long to, long length) {
        try {
            long ignored = (long) Heap.MOVE.invokeExact(to, from, length, 0L);
        } catch (Throwable thrown) {
            throw sneaky(thrown);
        }
    }

    /** Copies {@code length} bytes of {@code from}, starting at its first, to an address. */
    public static void copyIn(byte[] from, long to, int length) {
        if (length <= BULK && length >= 8) {
            int last = length - 8;
            for (int i = 0; i < last; i += 8) {
                putLong(to + i, (long) LONG_IN_BYTES.get(from, i));
            }
            putLong(to + last, (long) LONG_IN_BYTES.get(from, last));
        } else {
            MemorySegment.copy(from, 0, ALL, ValueLayout.JAVA_BYTE, to, length);
        }
    }

    /** Returns a copy of {@code length} bytes at an address. */
    public static byte[] bytes(long address, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, address, copy, 0, length);
        return copy;
    }

    /** Whether the {@code length} bytes at both addresses are equal. */
    public static boolean equal(long left, long right, long length) {
        if (length >= 8) {
            long last = length - 8;
            for (long i = 0; i < last; i += 8) {
                if (getLong(left + i) != getLong(right + i)) {
                    return false;
                }
            }
            return getLong(left + last) == getLong(right + last);
        }
        for (long i = 0; i < length; i++) {
            if (getByte(left + i) != getByte(right + i)) {
                return false;
            }
        }
        return true;
    }

    /** Reads NUL-terminated UTF-8. */
    public static String text(long address) {
        return ALL.asSlice(address).getString(0, StandardCharsets.UTF_8);
    }

    /** Returns the address of a NUL-terminated UTF-8 copy that is never freed. */
    public static long immortalText(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        long address = allocate(utf8.length + 1L);
        MemorySegment.copy(utf8, 0, ALL, ValueLayout.JAVA_BYTE, address, utf8.length);
        putByte(address + utf8.length, (byte) 0);
        return address;
    }

    /** C's {@code malloc}; throws OutOfMemoryError where it returns NULL. */
    public static long allocate(long size) {
        return reallocate(0, size);
    }

    /** C's {@code realloc}; throws OutOfMemoryError (and leaves the old block) where it returns NULL. */
    public static long reallocate(long address, long size) {
        try {
            long grown = (long) Heap.REALLOC.invokeExact(address, size, 0L, 0L);
            if (grown == 0) {
                throw new OutOfMemoryError("realloc of " + size + " bytes");
            }
            return grown;
        } catch (Throwable thrown) {
            throw sneaky(thrown);
        }
    }

    /** C's {@code free}. */
    public static void free(long address) {
        try {
            long ignored = (long) Heap.FREE.invokeExact(address, 0L, 0L, 0L);
        } catch (Throwable thrown) {
            throw sneaky(thrown);
        }
    }

    /** Rethrows without wrapping: method handles declare Throwable. */
    @SuppressWarnings("unchecked")
    public static <T extends Throwable> RuntimeException sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
