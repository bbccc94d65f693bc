package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code int}: digits of 30 bits, least significant first. */
public final class PyLong {
    public static final long TYPE = Spec.get("type.int");

    /** Bits of a digit. */
    public static final int SHIFT = Layout.LONG_SHIFT;

    private static final int SMALLEST = -5;
    private static final int SMALL_COUNT = 262;
    private static final long SMALL = Spec.get("smallints");

    private PyLong() {}

    /** Number of digits, negative for a negative int, 0 for 0. */
    public static long signedDigits(long integer) {
        long size = Memory.getLong(integer + Layout.LONG_SIZE);
        if (Layout.AT_LEAST_312) {
            long digits = size >>> 3;
            return (size & 3) == 0 ? digits : (size & 3) == 1 ? 0 : -digits;
        }
        return size;
    }

    /** The digit at {@code index}, 0 to 2³⁰ - 1. */
    public static long digit(long integer, long index) {
        return Memory.getInt(integer + Layout.LONG_DIGITS + 4 * index);
    }

    /** The magnitude of an int of at most three digits; may be beyond 64 bits, see {@link #overflows}. */
    public static long magnitude(long integer, long digits) {
        long value = digit(integer, 0);
        if (digits > 1) {
            value |= digit(integer, 1) << Layout.LONG_SHIFT;
            if (digits > 2) {
                value |= digit(integer, 2) << 2 * Layout.LONG_SHIFT;
            }
        }
        return value;
    }

    /**
     * The magnitude of an int of at most two digits, without a branch. Both digits are read at once: an int is allocated with room
     * for two, whatever it has.
     */
    public static long shortMagnitude(long integer, long digits) {
        long both = Memory.getLong(integer + Layout.LONG_DIGITS);
        long mask = (1L << Layout.LONG_SHIFT) - 1;
        long first = both & mask & -(digits + 1 >> 1);
        return first | (both >>> 32 & mask) << Layout.LONG_SHIFT & -(digits >> 1);
    }

    /** Whether the magnitude of an int of {@code digits} digits is 2⁶⁴ or more. */
    public static boolean overflows(long integer, long digits) {
        return digits > 3 || digits == 3 && digit(integer, 2) > 15;
    }

    /** Owned int, or 0 with PyErr set. */
    public static long of(long value) {
        long index = value - SMALLEST;
        if (index >= 0 && index < SMALL_COUNT) {
            return PyObjects.incref(Memory.getLong(SMALL + 8 * index));
        }
        return CApi.Leaf.PyLong_FromLongLong(value);
    }

    /** Owned int of an unsigned 64-bit value, or 0 with PyErr set. */
    public static long ofUnsigned(long value) {
        return value >= 0 ? of(value) : CApi.Leaf.PyLong_FromUnsignedLongLong(value);
    }

    /** The value of an int that is known to fit 64 signed bits. */
    public static long value(long integer) {
        long digits = signedDigits(integer);
        if (digits == 0) {
            return 0;
        }
        long magnitude = magnitude(integer, Math.abs(digits));
        return digits < 0 ? -magnitude : magnitude;
    }
}
