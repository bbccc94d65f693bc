package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDateTime;
import dev.fastjvm.cpython.PyObjects;

/**
 * {@code datetime.datetime}: ext 3 of {@code (module, name, obj.isoformat(), "fromisoformat")}.
 *
 * <p>Without a tzinfo, or with an exact {@code datetime.timezone}, whose offset is data; any other tzinfo is code.
 */
final class DateTimePlan extends ObjectPlan {
    private static final byte[] METHOD = str("fromisoformat");
    private static final int SECONDS_A_DAY = 86_400;

    private final long timezone;

    DateTimePlan(byte[] prefix, long timezone) {
        super(prefix, true);
        this.timezone = timezone;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        long start = encoder.open(this);
        text(encoder, object, false);
        encoder.raw(METHOD);
        encoder.close(this, start, EXT_METHOD_SINGLE_ARG);
    }

    /** Writes a datetime that is a dict's key: ormsgpack's own text, which has no seconds in an offset. */
    void writeKey(Encoder encoder, long object) {
        text(encoder, object, true);
    }

    private void text(Encoder encoder, long object, boolean minutes) {
        long tzinfo = PyDateTime.tzinfo(object);
        int microsecond = PyDateTime.microsecond(object, 4);
        int length = microsecond != 0 ? 26 : 19;
        int offset = 0;
        int fraction = 0;
        if (tzinfo != 0) {
            if (PyObjects.type(tzinfo) != timezone) {
                throw PlanAbort.OBJECT;
            }
            long delta = PyDateTime.timezoneOffset(tzinfo);
            offset = PyDateTime.days(delta) * SECONDS_A_DAY + PyDateTime.seconds(delta);
            fraction = PyDateTime.microseconds(delta);
            if (fraction != 0 || minutes && offset % 60 != 0) {
                throw PlanAbort.OBJECT;
            }
            length += offset % 60 != 0 ? 9 : 6;
        }
        encoder.openStr(length);
        encoder.ensure40();
        int year = PyDateTime.year(object);
        encoder.twoDigits(year / 100);
        encoder.twoDigits(year % 100);
        encoder.character('-');
        encoder.twoDigits(PyDateTime.month(object));
        encoder.character('-');
        encoder.twoDigits(PyDateTime.day(object));
        encoder.character('T');
        encoder.twoDigits(PyDateTime.hour(object, 4));
        encoder.character(':');
        encoder.twoDigits(PyDateTime.minute(object, 4));
        encoder.character(':');
        encoder.twoDigits(PyDateTime.second(object, 4));
        if (microsecond != 0) {
            encoder.character('.');
            encoder.twoDigits(microsecond / 10_000);
            encoder.twoDigits(microsecond / 100 % 100);
            encoder.twoDigits(microsecond % 100);
        }
        if (tzinfo != 0) {
            encoder.character(offset < 0 ? '-' : '+');
            int magnitude = Math.abs(offset);
            encoder.twoDigits(magnitude / 3600);
            encoder.character(':');
            encoder.twoDigits(magnitude / 60 % 60);
            if (magnitude % 60 != 0) {
                encoder.character(':');
                encoder.twoDigits(magnitude % 60);
            }
        }
    }
}
