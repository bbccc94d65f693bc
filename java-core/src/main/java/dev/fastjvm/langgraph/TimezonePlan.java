package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDateTime;

/** {@code datetime.timezone}: ext 1 of {@code (module, name, (offset[, name]))}. */
final class TimezonePlan extends ObjectPlan {
    TimezonePlan(byte[] prefix) {
        super(prefix, false);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long name = PyDateTime.timezoneName(object);
        long start = encoder.open(this);
        encoder.arrayHead(name == 0 ? 1 : 2);
        encoder.value(PyDateTime.timezoneOffset(object), 2);
        if (name != 0) {
            encoder.value(name, 2);
        }
        encoder.close(this, start, EXT_CONSTRUCTOR_POS_ARGS);
    }
}
