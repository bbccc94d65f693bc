package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code datetime}, {@code date}, {@code time}, {@code timedelta} and {@code timezone} (Include/datetime.h). */
public final class PyDateTime {
    private PyDateTime() {}

    private static int octet(long object, int index) {
        return Memory.getByte(object + Layout.DATETIME_DATA + index) & 255;
    }

    /** 1 to 9999; of a date or datetime. */
    public static int year(long date) {
        return octet(date, 0) << 8 | octet(date, 1);
    }

    public static int month(long date) {
        return octet(date, 2);
    }

    public static int day(long date) {
        return octet(date, 3);
    }

    /** Hour of a datetime; {@code first} is 4 there and 0 in a time: the index of its first octet. */
    public static int hour(long object, int first) {
        return octet(object, first);
    }

    public static int minute(long object, int first) {
        return octet(object, first + 1);
    }

    public static int second(long object, int first) {
        return octet(object, first + 2);
    }

    public static int microsecond(long object, int first) {
        return octet(object, first + 3) << 16 | octet(object, first + 4) << 8
                | octet(object, first + 5);
    }

    /** The tzinfo of a datetime, borrowed, or 0. */
    public static long tzinfo(long datetime) {
        return Memory.getByte(datetime + Layout.DATETIME_HASTZINFO) != 0
                ? Memory.getLong(datetime + Layout.DATETIME_TZINFO)
                : 0;
    }

    /** The tzinfo of a time, borrowed, or 0. */
    public static long timeTzinfo(long time) {
        return Memory.getByte(time + Layout.DATETIME_HASTZINFO) != 0
                ? Memory.getLong(time + Layout.TIME_TZINFO)
                : 0;
    }

    /** 0 or 1; of a time. */
    public static int timeFold(long time) {
        return Memory.getByte(time + Layout.TIME_FOLD) & 255;
    }

    /** The name that a {@code timezone} was given, borrowed, or 0. */
    public static long timezoneName(long timezone) {
        return Memory.getLong(timezone + Layout.TIMEZONE_NAME);
    }

    /** The timedelta of a {@code timezone}, borrowed. */
    public static long timezoneOffset(long timezone) {
        return Memory.getLong(timezone + Layout.TIMEZONE_OFFSET);
    }

    public static int days(long timedelta) {
        return Memory.getInt(timedelta + Layout.DELTA_DAYS);
    }

    public static int seconds(long timedelta) {
        return Memory.getInt(timedelta + Layout.DELTA_SECONDS);
    }

    public static int microseconds(long timedelta) {
        return Memory.getInt(timedelta + Layout.DELTA_MICROSECONDS);
    }
}
