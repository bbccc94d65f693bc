package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;

/** {@code uuid.UUID}: ext 0 of {@code (module, name, obj.hex)}, the hex read off the digits of {@code obj.int}. */
final class UuidPlan extends ObjectPlan {
    private static final int HEX_DIGITS = 32;
    private static final int BITS = 128;
    private static final int DIGIT_BITS = 30;

    private final long intOffset;

    UuidPlan(byte[] prefix, long intOffset) {
        super(prefix, true);
        this.intOffset = intOffset;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long number = number(object);
        long start = encoder.open(this);
        encoder.openStr(HEX_DIGITS);
        encoder.hex(high(number));
        encoder.hex(low(number));
        encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
    }

    /** Writes a UUID that is a dict's key, {@code str(obj)}; aborts with nothing written. */
    void writeKey(Encoder encoder, long object) {
        long number = number(object);
        encoder.hyphenated(high(number), low(number));
    }

    /** The int of at most 128 bits, borrowed. */
    private long number(long object) {
        long number = Memory.getLong(object + intOffset);
        if (number == 0 || PyObjects.type(number) != PyLong.TYPE) {
            throw PlanAbort.OBJECT;
        }
        long digits = PyLong.signedDigits(number);
        if (digits < 0 || digits > 5
                || digits == 5 && PyLong.digit(number, 4) >>> BITS - 4 * DIGIT_BITS != 0) {
            throw PlanAbort.OBJECT;
        }
        return number;
    }

    private static long low(long number) {
        long low = 0;
        for (int i = 0, n = (int) Math.min(3, PyLong.signedDigits(number)); i < n; i++) {
            low |= PyLong.digit(number, i) << DIGIT_BITS * i;
        }
        return low;
    }

    private static long high(long number) {
        long high = 0;
        for (int i = 2, n = (int) PyLong.signedDigits(number); i < n; i++) {
            long digit = PyLong.digit(number, i);
            high |= i == 2 ? digit >>> 64 - 2 * DIGIT_BITS : digit << DIGIT_BITS * i - 64;
        }
        return high;
    }
}
