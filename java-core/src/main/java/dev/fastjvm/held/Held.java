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
 * The builtin {@code held(objects, values, deep)}: takes down what instances hold in their {@code __dict__}, and what values hold
 * at all levels, which are dicts with str keys, lists and tuples of str, int, float, bool, None and those instances. Where it is to
 * be deep, what the instances hold are such values too.
 *
 * <p>Representation: a tuple, so the collector and the counts are CPython's. Its first item is bytes, longs: for each container its
 * {@link #code}, and for a dict its version too. Then come, for each, the container itself and what tells it apart:
 * {@code [list, item, …]}, {@code [dict]}, {@code [object, type, dict]}, {@code [object, type, dict, key, value, …]}. {@link Same}
 * compares. What is named is alive, so no other object has its address, and as scalars never change, equal pointers are equal
 * values. A dict's version ({@code ma_version_tag}) is one that no other change of any dict had; of attributes that share their
 * keys with others of the class ({@link PyDict#isSplit}) the entries are taken down, as not every store moves the version there.
 *
 * <p>Runs no Python code. Declined: other classes, keys that are no str, more than {@link #DEPTH_LIMIT} levels or {@link #LIMIT} pointers, instances
 * whose attributes are in no dict.
 */
public final class Held extends Builtin {
    static final int LIST = 0;
    static final int DICT = 1;
    static final int INSTANCE = 2;
    static final int SPLIT = 3;
    private static final int DEPTH_LIMIT = 100;
    private static final int LIMIT = 1 << 22;
    /** Instances that are looked for among values. */
    private static final int LISTED = 256;
    /** Pointers, and containers, that are room for between calls. */
    private static final int KEPT = 1 << 14;
    private static final long NONE_TYPE = PyObjects.type(PyObjects.NONE);

    private final long cursor = Memory.allocate(24);
    private long[] found = new long[1024];
    private int count;
    private long[] codes = new long[256];
    private int used;
    private long looked;

    public Held() {
        super("held", "held($module, objects, values, deep, /)\n--\n\nTake down what they hold.");
    }

    /** Kind and number of entries of a container. */
    static long code(int kind, long size) {
        return size << 2 | kind;
    }

    @Override
    protected long call(long args, long nargs) {
        long objects = nargs == 3 ? Memory.getLong(args) : PyObjects.NONE;
        long values = nargs == 3 ? Memory.getLong(args + 8) : PyObjects.NONE;
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
                value(PyList.item(values, i), objects, 0);
            }
            if (Memory.getLong(args + 16) == PyObjects.TRUE) {
                for (long i = 0; i < PyList.size(objects); i++) {
                    long object = PyList.item(objects, i);
                    long dict = PyInstance.dict(object, PyObjects.type(object));
                    entries(dict, objects, 0);
                }
            }
            return made();
        } finally {
            if (found.length > KEPT) {
                found = new long[1024];
            }
            if (codes.length > KEPT) {
                codes = new long[256];
            }
            Interpreter.resumeGc(gc);
        }
    }

    private long made() {
        long shape = PythonError.check(PyBytes.of(0, 8L * used));
        for (int i = 0; i < used; i++) {
            Memory.putLong(PyBytes.data(shape) + 8L * i, codes[i]);
        }
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

    private void code(long code) {
        if (used == codes.length) {
            codes = Arrays.copyOf(codes, 2 * used);
        }
        codes[used++] = code;
    }

    private void instance(long object) {
        long type = PyObjects.type(object);
        long dict = PyInstance.dict(object, type);
        require(dict != 0 && PyObjects.type(dict) == PyDict.TYPE);
        put(object);
        put(type);
        put(dict);
        if (!PyDict.isSplit(dict)) {
            code(code(INSTANCE, 0));
            code(PyDict.version(dict));
            return;
        }
        int first = count;
        Memory.putLong(cursor, 0);
        while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
            put(Memory.getLong(cursor + 8));
            put(Memory.getLong(cursor + 16));
        }
        code(code(SPLIT, count - first));
    }

    private static boolean isScalar(long type) {
        return type == PyUnicode.TYPE || type == PyLong.TYPE || type == PyFloat.TYPE
                || type == PyBool.TYPE || type == NONE_TYPE;
    }

    private static boolean isListed(long object, long objects) {
        long size = PyList.size(objects);
        require(size <= LISTED);
        for (long i = 0; i < size; i++) {
            if (PyList.item(objects, i) == object) {
                return true;
            }
        }
        return false;
    }

    private void value(long object, long objects, int depth) {
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
                value(PyTuple.item(object, i), objects, depth + 1);
            }
            return;
        }
        if (type == PyList.TYPE) {
            long size = PyList.size(object);
            require(size < LIMIT);
            code(code(LIST, size));
            put(object);
            int first = count;
            for (long i = 0; i < size; i++) {
                put(PyList.item(object, i));
            }
            for (int i = 0; i < size; i++) {
                value(found[first + i], objects, depth + 1);
            }
            return;
        }
        if (type != PyDict.TYPE) {
            require(isListed(object, objects));
            return;
        }
        require(!PyDict.isSplit(object));
        code(code(DICT, 0));
        code(PyDict.version(object));
        put(object);
        entries(object, objects, depth);
    }

    /** Takes down what the values of a dict hold. */
    private void entries(long dict, long objects, int depth) {
        if (PyDict.isSplit(dict)) {
            Memory.putLong(cursor, 0);
            while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
                value(Memory.getLong(cursor + 16), objects, depth + 1);
            }
            return;
        }
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long end = entry + PyDict.entryCount(keys) * stride;
        for (; entry < end; entry += stride) {
            long item = PyDict.entryValue(entry);
            if (item != 0) {
                require(PyObjects.type(PyDict.entryKey(entry)) == PyUnicode.TYPE);
                value(item, objects, depth + 1);
            }
        }
    }
}
