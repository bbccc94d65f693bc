package dev.fastjvm.dump;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * Walks a model and makes what {@code model_dump(mode="json")} of a copy of it returns: new dicts and lists, scalars as they are.
 *
 * <p>A dict is copied as a whole, then its values are replaced. No Python code runs. What no container holds yet is owned by
 * {@link #loose}, so that a walk that ends early gives it back. Declined is what {@link PlainText} declines, and private attributes: the
 * original copies them.
 */
final class PlainDump {
    private static final long NONE_TYPE = PyObjects.type(PyObjects.NONE);

    private final long[] path = new long[PlainText.DEPTH_LIMIT];
    private long[] loose = new long[PlainText.DEPTH_LIMIT + 1];
    private int top;

    /** Owned; throws Decline or PythonError, nothing being left behind. */
    long dump(long object, long shape) {
        try {
            return shaped(object, shape, 0);
        } finally {
            while (top > 0) {
                PyObjects.decref(loose[--top]);
            }
        }
    }

    private static void require(boolean known) {
        if (!known) {
            throw Decline.CALL;
        }
    }

    private void enter(long container, int depth) {
        require(depth < PlainText.DEPTH_LIMIT);
        for (int i = 0; i < depth; i++) {
            require(path[i] != container);
        }
        path[depth] = container;
    }

    private int hold(long made) {
        if (top == loose.length) {
            loose = Arrays.copyOf(loose, 2 * top);
        }
        loose[top] = made;
        return top++;
    }

    /** Whether a value is a scalar that stays as it is; declines one that pydantic has its own ways with. */
    private static boolean isScalar(long object) {
        long type = PyObjects.type(object);
        if (type == PyUnicode.TYPE) {
            require(PyUnicode.isCompactAscii(object) || !PyUnicode.mayHoldSurrogates(object));
            return true;
        }
        if (type == PyFloat.TYPE) {
            require(Double.isFinite(Double.longBitsToDouble(PyFloat.bits(object))));
            return true;
        }
        return type == PyLong.TYPE || type == PyBool.TYPE || type == NONE_TYPE;
    }

    private long value(long object, int depth) {
        if (isScalar(object)) {
            return PyObjects.incref(object);
        }
        long type = PyObjects.type(object);
        if (type == PyDict.TYPE) {
            return dict(object, PyObjects.NONE, depth);
        }
        if (type == PyList.TYPE) {
            return items(object, PyList.size(object), false, PyObjects.NONE, depth);
        }
        require(type == PyTuple.TYPE);
        return items(object, PyTuple.size(object), true, PyObjects.NONE, depth);
    }

    private long shaped(long object, long shape, int depth) {
        if (shape == PyObjects.NONE) {
            return value(object, depth);
        }
        if (PyObjects.type(shape) == PyLong.TYPE) {
            require(Shapes.fits(object, shape));
            return value(object, depth);
        }
        switch (Shapes.code(shape)) {
            case Shapes.NULLABLE -> {
                return object == PyObjects.NONE ? PyObjects.incref(object)
                        : shaped(object, PyTuple.item(shape, 1), depth);
            }
            case Shapes.LIST -> {
                require(PyObjects.type(object) == PyList.TYPE);
                return items(object, PyList.size(object), false, PyTuple.item(shape, 1), depth);
            }
            case Shapes.DICT -> {
                require(PyObjects.type(object) == PyDict.TYPE);
                return dict(object, PyTuple.item(shape, 1), depth);
            }
            case Shapes.UNION -> {
                return shaped(object, Shapes.choice(object, shape), depth);
            }
            case Shapes.LITERAL -> {
                require(Shapes.isListed(object, shape));
                return PyObjects.incref(object);
            }
            case Shapes.MODEL -> {
                return model(object, shape, depth);
            }
            default -> throw Decline.CALL;
        }
    }

    private long items(long container, long size, boolean tuple, long shape, int depth) {
        enter(container, depth);
        long made = PythonError.check(CApi.Leaf.PyList_New(size));
        int slot = hold(made);
        long items = tuple ? PyTuple.items(container) : PyList.items(container);
        for (long i = 0; i < size; i++) {
            PyList.setItem(made, i, shaped(Memory.getLong(items + 8 * i), shape, depth + 1));
        }
        top = slot;
        return made;
    }

    private long dict(long dict, long shape, int depth) {
        if (PyDict.size(dict) == 0) {
            return PythonError.check(CApi.Leaf.PyDict_New());
        }
        require(!PyDict.isSplit(dict));
        enter(dict, depth);
        long made = PythonError.check(CApi.Leaf.PyDict_Copy(dict));
        int slot = hold(made);
        long keys = PyDict.keys(made);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long end = entry + PyDict.entryCount(keys) * stride;
        for (; entry < end; entry += stride) {
            long item = PyDict.entryValue(entry);
            if (item == 0) {
                continue;
            }
            long key = PyDict.entryKey(entry);
            require(PyObjects.type(key) == PyUnicode.TYPE && isScalar(key));
            replace(made, entry, shape, depth);
        }
        top = slot;
        return made;
    }

    /** Puts the dump of a value in its place in a copy of what held it. */
    private void replace(long made, long entry, long shape, int depth) {
        long item = PyDict.entryValue(entry);
        if (shape == PyObjects.NONE && isScalar(item)) {
            return;
        }
        long dumped = shaped(item, shape, depth + 1);
        if (PyObjects.type(item) == PyTuple.TYPE) {
            // the collector may not have seen the dict so far, for all that it held
            int slot = hold(dumped);
            long key = PyDict.entryKey(entry);
            if (CApi.Leaf.PyDict_SetItem(made, key, dumped) != 0) {
                throw PythonError.SET;
            }
            top = slot;
            PyObjects.decref(dumped);
        } else {
            PyDict.setEntryValue(entry, dumped);
            PyObjects.decref(item); // the original holds another
        }
    }

    private long model(long object, long shape, int depth) {
        long dict = Shapes.attributes(object, shape);
        require(dict != 0 && Shapes.hasNoPrivate(object, shape));
        long fields = Shapes.fields(shape);
        if (fields == 0) {
            return PythonError.check(CApi.Leaf.PyDict_New());
        }
        enter(object, depth);
        long made = PythonError.check(CApi.Leaf.PyDict_Copy(dict));
        int slot = hold(made);
        long keys = PyDict.keys(made);
        long entry = PyDict.firstEntry(keys);
        for (long i = 0; i < fields; i++) {
            replace(made, entry, Shapes.field(shape, i), depth);
            entry += PyDict.stride(keys);
        }
        top = slot;
        return made;
    }
}
