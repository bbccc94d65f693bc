package dev.fastjvm.store;

import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.memory.Memory;
import java.util.HashMap;
import java.util.Map;

/**
 * The operations of {@link ByteCacheBuiltin}. All of them keep the GIL, which is what guards the caches, and none runs Python code:
 * no value is freed while it is read. Arguments are borrowed and were checked by Python.
 */
final class ByteCacheCalls {
    private static final int OPEN = 0;
    private static final int GET = 1;
    private static final int PUT = 2;
    private static final int REMOVE = 3;
    private static final int CLEAR = 4;
    private static final int STATS = 5;
    private static final int CLOSE = 6;
    private static final int HAS = 7;

    private static final Map<Long, ByteCache> OPENED = new HashMap<>();
    private static long handles;

    private ByteCacheCalls() {}

    static long call(int operation, long args) {
        if (operation == OPEN) {
            OPENED.put(++handles, new ByteCache(number(args, 0), ByteCache.LARGEST_COUNT));
            return PyLong.of(handles);
        }
        long handle = number(args, 0);
        if (operation == CLOSE) {
            ByteCache closed = OPENED.remove(handle);
            if (closed != null) {
                closed.clear(new byte[0]);
            }
            return PyObjects.incref(PyObjects.NONE);
        }
        ByteCache cache = OPENED.get(handle);
        cache.at(number(args, 1));
        return switch (operation) {
            case GET -> get(cache, bytes(args, 2));
            case PUT -> PyBool.of(put(cache, args));
            case REMOVE -> PyBool.of(cache.remove(bytes(args, 2)));
            case CLEAR -> {
                cache.clear(bytes(args, 2));
                yield PyObjects.incref(PyObjects.NONE);
            }
            case STATS -> stats(cache);
            case HAS -> PyBool.of(cache.has(bytes(args, 2)));
            default -> throw new IllegalArgumentException();
        };
    }

    private static long number(long args, int index) {
        return PyLong.value(Memory.getLong(args + 8L * index));
    }

    private static byte[] bytes(long args, int index) {
        long bytes = Memory.getLong(args + 8L * index);
        return Memory.bytes(PyBytes.data(bytes), Math.toIntExact(PyBytes.length(bytes)));
    }

    private static boolean put(ByteCache cache, long args) {
        byte[] key = bytes(args, 2);
        long head = Memory.getLong(args + 24);
        long data = Memory.getLong(args + 32);
        return cache.put(key, PyBytes.data(head), PyBytes.length(head), PyBytes.data(data),
                PyBytes.length(data), number(args, 5));
    }

    private static long get(ByteCache cache, byte[] key) {
        ByteCache.Value value = cache.get(key);
        if (value == null) {
            return PyObjects.incref(PyObjects.NONE);
        }
        boolean gc = Interpreter.pauseGc();
        try {
            return PyTuple.of(PyBytes.of(value.head(), value.headLength()),
                    PyBytes.of(value.data(), value.dataLength()));
        } finally {
            Interpreter.resumeGc(gc);
        }
    }

    private static long stats(ByteCache cache) {
        boolean gc = Interpreter.pauseGc();
        try {
            return PyTuple.of(PyLong.of(cache.hits()), PyLong.of(cache.misses()),
                    PyLong.of(cache.count()), PyLong.of(cache.bytes()),
                    PyLong.of(cache.evictions()), PyLong.of(cache.expirations()));
        } finally {
            Interpreter.resumeGc(gc);
        }
    }
}
