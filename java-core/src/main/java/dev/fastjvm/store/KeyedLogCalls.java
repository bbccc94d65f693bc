package dev.fastjvm.store;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.log.Durability;
import dev.fastjvm.log.KeyedLog;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The operations of {@link KeyedLogBuiltin}; the GIL is dropped where one may have to wait. */
final class KeyedLogCalls {
    private static final int OPEN = 0;
    private static final int PUT = 1;
    private static final int GET = 2;
    private static final int LIST = 3;
    private static final int REMOVE = 4;
    private static final int HAS = 5;
    private static final int LOCK = 6;
    private static final int UNLOCK = 7;
    private static final int FORCE = 8;
    private static final int CLOSE = 9;
    private static final int COMPACT = 20;
    private static final int TIDY = 21;
    private static final int REMOVE_ALL = 22;
    private static final int TRIM = 23;

    private static final OpenLogs<KeyedLog> OPENED = new OpenLogs<>(KeyedLog::open);

    private KeyedLogCalls() {}

    /** Does one operation; its arguments are borrowed and were checked by Python. */
    static long call(int operation, long args) {
        try {
            if (operation == OPEN) {
                return OPENED.open(args);
            }
            int handle = (int) Arguments.number(args, 0);
            KeyedLog log = OPENED.get(handle);
            if (log == null) {
                if (operation == CLOSE) {
                    return PyObjects.incref(PyObjects.NONE);
                }
                throw new IOException("the log is closed");
            }
            if (log.stale() && operation != CLOSE) {
                release(log);
            }
            switch (operation) {
                case PUT -> {
                    return put(log, args);
                }
                case GET -> {
                    return get(log, args);
                }
                case LIST -> {
                    return list(log, args);
                }
                case HAS -> {
                    return PyBool.of(log.has(Arguments.bytes(args, 1)));
                }
                case REMOVE -> {
                    byte[] key = Arguments.bytes(args, 1);
                    locked(log, () -> log.remove(key));
                }
                case LOCK -> {
                    if (!log.tryLock()) {
                        Gil.without(log::lock);
                    }
                }
                case UNLOCK -> log.unlock();
                case FORCE -> Gil.without(log::force);
                case COMPACT -> {
                    long[] given = new long[1];
                    Gil.without(() -> given[0] = log.compact());
                    release(log);
                    return PyLong.of(given[0]);
                }
                case TIDY -> log.tidy();
                case REMOVE_ALL -> {
                    byte[][] keys = new byte[(int) Arguments.number(args, 1)][];
                    for (int i = 0; i < keys.length; i++) {
                        keys[i] = Arguments.bytes(args, i + 2);
                    }
                    locked(log, () -> log.removeAll(keys));
                }
                case TRIM -> {
                    byte[] list = Arguments.bytes(args, 1);
                    locked(log, () -> log.trim(list));
                }
                case CLOSE -> close(log, handle);
                default -> throw new IllegalArgumentException();
            }
            return PyObjects.incref(PyObjects.NONE);
        } catch (Exception | InternalError e) {
            return LogErrors.text(e);
        }
    }

    private static void close(KeyedLog log, int handle) throws IOException {
        Gil.without(log::enter); // a batch of another thread ends first
        try {
            // readers hold the GIL: from here on there are none
            if (OPENED.forget(handle) != null) {
                Gil.without(log::close);
            }
        } finally {
            log.leave();
        }
    }

    /** Gives removed segments back; readers hold the GIL and writers the lock, so nobody reads in them. */
    private static void release(KeyedLog log) throws IOException {
        if (log.tryLock()) {
            try {
                log.release();
            } finally {
                log.unlock();
            }
        }
    }

    /** Does work that writes. Whoever has the lock never waits for the GIL: all other processes would wait with it. */
    private static void locked(KeyedLog log, Gil.Work work) throws IOException {
        if (log.durability() == Durability.DISK || !log.tryLock()) {
            Gil.without(() -> {
                log.lock();
                try {
                    work.run();
                } finally {
                    log.unlock();
                }
            });
            return;
        }
        try {
            work.run();
        } finally {
            log.unlock();
        }
    }

    /**
     * Puts a tuple of tuples (key, list, head, data, share, absent, unless) where a list, if one is named, ends at a place;
     * returns where it ends now, see {@link KeyedLog#put(List, byte[], long)}.
     */
    private static long put(KeyedLog log, long args) throws IOException {
        long all = Arguments.argument(args, 1);
        List<KeyedLog.Put> values = new ArrayList<>();
        for (int i = 0; i < PyTuple.size(all); i++) {
            long value = PyTuple.item(all, i);
            values.add(new KeyedLog.Put(Arguments.bytes(PyTuple.item(value, 0)),
                    Arguments.bytes(PyTuple.item(value, 1)),
                    Arguments.bytes(PyTuple.item(value, 2)),
                    Arguments.segment(PyTuple.item(value, 3)),
                    PyTuple.item(value, 4) == PyObjects.TRUE,
                    PyTuple.item(value, 5) == PyObjects.TRUE,
                    Arguments.bytes(PyTuple.item(value, 6))));
        }
        byte[] list = Arguments.bytes(args, 2);
        long end = Arguments.number(args, 3);
        long[] ends = new long[1];
        locked(log, () -> ends[0] = log.put(values, list.length == 0 ? null : list, end));
        return PyLong.of(ends[0]);
    }

    private static long object(MemorySegment data) {
        return PyBytes.of(data.address(), data.byteSize());
    }

    private static long get(KeyedLog log, long args) throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            var found = log.get(Arguments.bytes(args, 1), memory);
            if (found.isEmpty()) {
                return PyObjects.incref(PyObjects.NONE);
            }
            KeyedLog.Value value = found.get();
            boolean gc = Interpreter.pauseGc();
            try {
                return PyTuple.of(PyBytes.of(value.head()), object(value.data()));
            } finally {
                Interpreter.resumeGc(gc);
            }
        }
    }

    private static long list(KeyedLog log, long args) throws IOException {
        long before = Arguments.number(args, 2);
        long limit = Arguments.number(args, 3);
        boolean withData = Arguments.argument(args, 4) == PyObjects.TRUE;
        boolean damaged = Arguments.argument(args, 5) == PyObjects.TRUE;
        byte[] key = before < 0 ? null : Arguments.bytes(args, 6);
        List<KeyedLog.Value> values = new ArrayList<>();
        try (Arena memory = Arena.ofConfined()) {
            log.list(Arguments.bytes(args, 1), key, before, withData ? memory : null, damaged,
                    value -> {
                        values.add(value);
                        return values.size() < limit;
                    });
            return object(values, withData);
        }
    }

    private static long object(List<KeyedLog.Value> values, boolean withData) {
        boolean gc = Interpreter.pauseGc();
        try {
            long made = CApi.Leaf.PyList_New(values.size());
            for (int i = 0; i < values.size(); i++) {
                KeyedLog.Value value = values.get(i);
                PyList.setItem(made, i,
                        PyTuple.of(PyBytes.of(value.key()), PyBytes.of(value.head()),
                                withData ? object(value.data()) : PyObjects.incref(PyObjects.NONE),
                                PyLong.of(value.position())));
            }
            return made;
        } finally {
            Interpreter.resumeGc(gc);
        }
    }
}
