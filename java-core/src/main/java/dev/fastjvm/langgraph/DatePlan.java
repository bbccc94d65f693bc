package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDateTime;

/** {@code datetime.date}: ext 1 of {@code (module, name, (year, month, day))}. */
final class DatePlan extends ObjectPlan {
    DatePlan(byte[] prefix) {
        super(prefix, true);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long start = encoder.open(this);
        encoder.arrayHead(3);
        encoder.integer(PyDateTime.year(object));
        encoder.integer(PyDateTime.month(object));
        encoder.integer(PyDateTime.day(object));
        encoder.close(this, start, EXT_CONSTRUCTOR_POS_ARGS);
    }
}
