package dev.fastjvm.held;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyInstance;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * The builtin {@code held(objects, values)}: takes down what instances hold in their {@code __dict__}, and what values hold at all
 * levels, which are dicts with str keys, lists and tuples of str, int, float, bool and None.
 *
 * <p>Representation: a tuple, so the collector and the counts are CPython's. Its first item is bytes, an int for each container,
 * {@link #code}; then come, for each, the container itself and what it held, in order: {@code [object, type, dict, key, value, …]},
 * {@code [dict, key, value, …]}, {@code [list, item, …]}. Everything named is kept alive by the tuple, so no other object can have its
 * address, and as scalars never change, equal pointers are equal values. {@link Same} compares.
 *
 * <p>Runs no Python code. Declined: other classes, keys that are no str, more than {@link #DEPTH_LIMIT} levels or {@link #LIMIT} pointers, instances
 * whose attributes are in no dict.
 */
public final class Held extends Builtin {
    static final int LIST = 0;
    static final int DICT = 1;
    static final int INSTANCE = 2;
    private static final int DEPTH_LIMIT = 100;
    private static final int LIMIT = 1 << 22;
    /** Pointers, and containers, that are room for between calls. */
    private static final int KEPT = 1 << 14;
    private static final long NONE_TYPE = PyObjects.type(PyObjects.NONE);

    private final long cursor = Memory.allocate(24);
    private long[] found = new long[1024];
    private int count;
    private byte[] codes = new byte[1024];
    private int used;
    private long looked;

    public Held() {
        super("held", "held($module, objects, values, /)\n--\n\nTake down what they hold.");
    }

    /** Kind and number of entries of a container. */
    static int code(int kind, long size) {
        return (int) size << 2 | kind;
    }

    @Override
    protected long call(long args, long nargs) {
        long objects = nargs == 2 ? Memory.getLong(args) : PyObjects.NONE;
        long values = nargs == 2 ? Memory.getLong(args + 8) : PyObjects.NONE;
        if (PyObjects.type(objects) != PyList.TYPE || PyObjects.type(values) != PyList.TYPE) {
            return decline();
        }
        boolean gc = Interpreter.pauseGc();
        try {
            count = 0;
            used = 0;
            looked = 0;
            for (long i = 0; i < PyList.size(objects); i++) {
                instance(PyList.item(objects, i));
            }
            for (long i = 0; i < PyList.size(values); i++) {
                value(PyList.item(values, i), 0);
            }
            return made();
        } finally {
            if (found.length > KEPT) {
                found = new long[1024];
            }
            if (codes.length > KEPT) {
                codes = new byte[1024];
            }
            Interpreter.resumeGc(gc);
        }
    }

    private long made() {
        long shape = PythonError.check(PyBytes.of(0, used));
        Memory.copyIn(codes, PyBytes.data(shape), used);
        long tuple = CApi.Leaf.PyTuple_New(count + 1L);
        if (tuple == 0) {
            PyObjects.decref(shape);
            throw PythonError.SET;
        }
        PyTuple.setItem(tuple, 0, shape);
        for (int i = 0; i < count; i++) {
            PyTuple.setItem(tuple, i + 1L, PyObjects.incref(found[i]));
        }
        return tuple;
    }

    private static void require(boolean known) {
        if (!known) {
            throw Decline.CALL;
        }
    }

    private void put(long object) {
        if (count == found.length) {
            require(count < LIMIT);
            found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = object;
    }

    private void begin(int kind, long size, long container) {
        require(size < LIMIT);
        if (used == codes.length) {
            codes = Arrays.copyOf(codes, 2 * used);
        }
        int code = code(kind, size);
        for (int shift = 0; shift < 32; shift += 8) {
            codes[used++] = (byte) (code >>> shift);
        }
        put(container);
    }

    private void instance(long object) {
        long type = PyObjects.type(object);
        long dict = PyInstance.dict(object, type);
        require(dict != 0 && PyObjects.type(dict) == PyDict.TYPE);
        long size = PyDict.size(dict);
        begin(INSTANCE, size, object);
        put(type);
        put(dict);
        int first = count;
        entries(dict);
        require(count - first == 2 * size);
    }

    /** Puts the keys and values of a dict. */
    private void entries(long dict) {
        if (PyDict.isSplit(dict)) {
            Memory.putLong(cursor, 0);
            while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
                put(Memory.getLong(cursor + 8));
                put(Memory.getLong(cursor + 16));
            }
            return;
        }
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long end = entry + PyDict.entryCount(keys) * stride;
        for (; entry < end; entry += stride) {
            long value = PyDict.entryValue(entry);
            if (value != 0) {
                put(PyDict.entryKey(entry));
                put(value);
            }
        }
    }

    private static boolean isScalar(long type) {
        return type == PyUnicode.TYPE || type == PyLong.TYPE || type == PyFloat.TYPE
                || type == PyBool.TYPE || type == NONE_TYPE;
    }

    private void value(long object, int depth) {
        long type = PyObjects.type(object);
        if (isScalar(type)) {
            return;
        }
        require(depth < DEPTH_LIMIT);
        if (type == PyTuple.TYPE) {
            // it never changes; it is held by what leads to it, which is taken down
            looked += 1 + PyTuple.size(object);
            require(looked < LIMIT);
            for (long i = 0; i < PyTuple.size(object); i++) {
                value(PyTuple.item(object, i), depth + 1);
            }
            return;
        }
        if (type == PyList.TYPE) {
            long size = PyList.size(object);
            begin(LIST, size, object);
            long items = PyList.items(object);
            int first = count;
            for (long i = 0; i < size; i++) {
                put(Memory.getLong(items + 8 * i));
            }
            for (int i = 0; i < size; i++) {
                value(found[first + i], depth + 1);
            }
            return;
        }
        require(type == PyDict.TYPE);
        long size = PyDict.size(object);
        begin(DICT, size, object);
        int first = count;
        entries(object);
        require(count - first == 2 * size);
        for (int i = 0; i < size; i++) {
            require(PyObjects.type(found[first + 2 * i]) == PyUnicode.TYPE);
            value(found[first + 2 * i + 1], depth + 1);
        }
    }
}
