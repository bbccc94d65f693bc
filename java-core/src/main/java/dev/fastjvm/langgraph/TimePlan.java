package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDateTime;
import dev.fastjvm.cpython.PyObjects;

/** {@code datetime.time}: ext 2 of {@code (module, name, {"hour": …, …, "tzinfo": …, "fold": …})}. */
final class TimePlan extends ObjectPlan {
    private static final byte[] HOUR = str("hour");
    private static final byte[] MINUTE = str("minute");
    private static final byte[] SECOND = str("second");
    private static final byte[] MICROSECOND = str("microsecond");
    private static final byte[] TZINFO = str("tzinfo");
    private static final byte[] FOLD = str("fold");

    TimePlan(byte[] prefix) {
        super(prefix, false);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long tzinfo = PyDateTime.timeTzinfo(object);
        long start = encoder.open(this);
        encoder.mapHead(6);
        encoder.raw(HOUR);
        encoder.integer(PyDateTime.hour(object, 0));
        encoder.raw(MINUTE);
        encoder.integer(PyDateTime.minute(object, 0));
        encoder.raw(SECOND);
        encoder.integer(PyDateTime.second(object, 0));
        encoder.raw(MICROSECOND);
        encoder.integer(PyDateTime.microsecond(object, 0));
        encoder.raw(TZINFO);
        encoder.value(tzinfo == 0 ? PyObjects.NONE : tzinfo, 2);
        encoder.raw(FOLD);
        encoder.integer(PyDateTime.timeFold(object));
        encoder.close(this, start, EXT_CONSTRUCTOR_KW_ARGS);
    }
}
