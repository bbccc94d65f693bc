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
        long number = Memory.getLong(object + intOffset);
        if (number == 0 || PyObjects.type(number) != PyLong.TYPE) {
            throw PlanAbort.OBJECT;
        }
        long digits = PyLong.signedDigits(number);
        if (digits < 0 || digits > 5
                || digits == 5 && PyLong.digit(number, 4) >>> BITS - 4 * DIGIT_BITS != 0) {
            throw PlanAbort.OBJECT;
        }
        long low = 0;
        long high = 0;
        for (int i = 0; i < digits; i++) {
            long digit = PyLong.digit(number, i);
            int shift = DIGIT_BITS * i;
            if (shift < 64) {
                low |= digit << shift;
                if (shift > 64 - DIGIT_BITS) {
                    high |= digit >>> 64 - shift;
                }
            } else {
                high |= digit << shift - 64;
            }
        }
        long start = encoder.open(this);
        encoder.openStr(HEX_DIGITS);
        encoder.hex(high);
        encoder.hex(low);
        encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
    }
}
