package dev.fastjvm.store;

import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.limits.CounterTable;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The operations of {@link RateLimitsBuiltin}. They keep the GIL, which guards what is reused here, but for opening: a table's lock is
 * held for microseconds.
 */
final class RateLimitsCalls {
    private static final int OPEN = 0;
    private static final int ADD = 1;
    private static final int GET = 2;
    private static final int ACQUIRE = 3;
    private static final int RELEASE = 4;
    private static final int IN_FLIGHT = 5;
    private static final int USED = 6;
    private static final int CHECK = 7;

    private static final long NOW = (1L << 32) - 1;
    private static final long LONGEST = (1L << 31) - 1;

    private static final List<CounterTable> TABLES = new ArrayList<>();
    private static final KeyHash HASH = new KeyHash();
    private static final long[] TOLD = new long[2];

    private RateLimitsCalls() {}

    static long call(int operation, long args) {
        try {
            if (operation == OPEN) {
                return open(args);
            }
            CounterTable table = TABLES.get((int) integer(args, 0));
            return switch (operation) {
                case CHECK -> check(table, args);
                case ADD -> add(table, args);
                case GET -> {
                    hash(table, Arguments.argument(args, 1));
                    yield told(table.get(HASH.high, HASH.low, integer(args, 2) != 0,
                            seconds(args, 3, NOW), seconds(args, 4, LONGEST), TOLD));
                }
                case ACQUIRE -> acquire(table, args);
                case RELEASE -> {
                    long request = request(table, Arguments.argument(args, 2));
                    hash(table, Arguments.argument(args, 1));
                    table.release(HASH.high, HASH.low, request);
                    yield PyObjects.incref(PyObjects.NONE);
                }
                case IN_FLIGHT -> {
                    hash(table, Arguments.argument(args, 1));
                    yield PyLong.of(table.inFlight(HASH.high, HASH.low,
                            Math.max(0, moment(args, 2) - (seconds(args, 3, LONGEST) << 32))));
                }
                case USED -> PyLong.of(table.used());
                default -> throw new IllegalArgumentException();
            };
        } catch (IOException | InternalError e) {
            return LogErrors.text(e);
        }
    }

    /** Opens a table, or one again whose handle is given. */
    private static long open(long args) throws IOException {
        Path folder = Path.of(new String(Arguments.bytes(args, 0), StandardCharsets.UTF_8));
        long keys = integer(args, 1);
        int handle = (int) integer(args, 2);
        CounterTable before = handle < 0 ? null : TABLES.get(handle);
        List<CounterTable> made = new ArrayList<>(1);
        Gil.without(() -> made.add(CounterTable.open(folder, keys)));
        if (handle < 0) {
            handle = TABLES.size();
            TABLES.add(made.get(0));
        } else if (TABLES.get(handle) == before) {
            TABLES.set(handle, made.get(0));
            before.close();
        } else { // another thread was first
            made.get(0).close();
        }
        boolean gc = Interpreter.pauseGc();
        try {
            return PyTuple.of(PyLong.of(handle), PyLong.of(made.get(0).origin().ordinal()));
        } finally {
            Interpreter.resumeGc(gc);
        }
    }

    private static long integer(long args, int index) {
        return integer(Arguments.argument(args, index));
    }

    private static long integer(long value) {
        if (PyObjects.type(value) != PyLong.TYPE || Math.abs(PyLong.signedDigits(value)) > 2) {
            throw Decline.CALL;
        }
        return PyLong.value(value);
    }

    /** A time or a length of time: what is longer has no room in a slot. */
    private static long seconds(long args, int index, long most) {
        long value = integer(args, index);
        if (value < 0 || value > most) {
            throw Decline.CALL;
        }
        return value;
    }

    /** Seconds as 32.32; a float near now has no finer digits. */
    private static long moment(long args, int index) {
        long value = Arguments.argument(args, index);
        if (PyObjects.type(value) != PyFloat.TYPE) {
            throw Decline.CALL;
        }
        double seconds = Double.longBitsToDouble(PyFloat.bits(value));
        if (!(seconds >= 0 && seconds < 1L << 32)) {
            throw Decline.CALL;
        }
        long whole = (long) seconds;
        return whole << 32 | (long) ((seconds - whole) * 0x1p32);
    }

    /** Hashes the code points of a str, as it has them; equal strs have them alike. */
    private static void hash(CounterTable table, long str) {
        if (PyObjects.type(str) != PyUnicode.TYPE) {
            throw Decline.CALL;
        }
        long size = PyUnicode.unitSize(str);
        if (size == 0) {
            throw Decline.CALL;
        }
        boolean ascii = PyUnicode.isCompactAscii(str);
        HASH.hash(table.hashKey(0), table.hashKey(1), ascii ? 0 : size,
                ascii ? PyUnicode.asciiData(str) : PyUnicode.data(str),
                PyUnicode.length(str) * size);
    }

    private static long request(CounterTable table, long str) {
        hash(table, str);
        return HASH.low == 0 ? 1 : HASH.low;
    }

    /** True where a request was counted; the system's time where none is given. */
    private static long check(CounterTable table, long args) throws IOException {
        hash(table, Arguments.argument(args, 1));
        long now = Arguments.argument(args, 5) == PyObjects.NONE ? System.currentTimeMillis() / 1000
                : seconds(args, 5, NOW);
        int status = table.add(HASH.high, HASH.low, false, now, seconds(args, 3, LONGEST),
                integer(args, 4), integer(args, 2), -1, TOLD);
        return PyBool.of(status == CounterTable.ADMITTED);
    }

    private static long add(CounterTable table, long args) throws IOException {
        hash(table, Arguments.argument(args, 1));
        return told(table.add(HASH.high, HASH.low, integer(args, 2) != 0,
                seconds(args, 3, NOW), seconds(args, 4, LONGEST), integer(args, 5),
                integer(args, 6), integer(args, 7), TOLD));
    }

    /** (start, counter); the counter alone where it was refused; None where there is no window, False where there is no room. */
    private static long told(int status) {
        return switch (status) {
            case CounterTable.ADMITTED -> {
                boolean gc = Interpreter.pauseGc();
                try {
                    yield PyTuple.of(PyLong.of(TOLD[0]), PyLong.of(TOLD[1]));
                } finally {
                    Interpreter.resumeGc(gc);
                }
            }
            case CounterTable.REFUSED -> PyLong.of(TOLD[1]);
            case CounterTable.ABSENT -> PyObjects.incref(PyObjects.NONE);
            default -> PyObjects.incref(PyObjects.FALSE);
        };
    }

    /** A tuple of how many were in flight of each; or (number of the gauge that is full, how many) as one int. */
    private static long acquire(CounterTable table, long args) throws IOException {
        long gauges = Arguments.argument(args, 1);
        long wanted = Arguments.argument(args, 2);
        int many = (int) PyTuple.size(gauges);
        long[] hashes = new long[2 * many];
        long[] limits = new long[many];
        long[] counts = new long[many];
        for (int i = 0; i < many; i++) {
            hash(table, PyTuple.item(gauges, i));
            hashes[2 * i] = HASH.high;
            hashes[2 * i + 1] = HASH.low;
            limits[i] = integer(PyTuple.item(wanted, i));
        }
        int full = table.acquire(hashes, limits, request(table, Arguments.argument(args, 3)),
                moment(args, 4), seconds(args, 5, LONGEST), counts);
        if (full >= 0) {
            return PyLong.of((long) full << 32 | counts[full]);
        }
        boolean gc = Interpreter.pauseGc();
        try {
            long[] told = new long[many];
            for (int i = 0; i < many; i++) {
                told[i] = PyLong.of(counts[i]);
            }
            return PyTuple.of(told);
        } finally {
            Interpreter.resumeGc(gc);
        }
    }
}
