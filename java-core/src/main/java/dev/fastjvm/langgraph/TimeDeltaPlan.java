package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDateTime;

/** {@code datetime.timedelta}: ext 1 of {@code (module, name, (days, seconds, microseconds))}. */
final class TimeDeltaPlan extends ObjectPlan {
    TimeDeltaPlan(byte[] prefix) {
        super(prefix, true);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long start = encoder.open(this);
        encoder.arrayHead(3);
        encoder.integer(PyDateTime.days(object));
        encoder.integer(PyDateTime.seconds(object));
        encoder.integer(PyDateTime.microseconds(object));
        encoder.close(this, start, EXT_CONSTRUCTOR_POS_ARGS);
    }
}
