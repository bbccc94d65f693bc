package dev.fastjvm.copy;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;

/**
 * The copy with a memo that Python code sees: each step of {@code copy.deepcopy} in its order, on the dict itself, so that a
 * {@code __deepcopy__} finds what it would find there. What is not a dict, list, tuple or atomic goes through {@code copy.deepcopy(x, memo)}.
 *
 * <p>Each object in hand is owned, and each container's size is read anew at each step: any of them may run Python code.
 */
final class MixedCopy {
    private static final long SIZE_CHANGED =
            Memory.immortalText("dictionary changed size during iteration");
    private static final long KEYS_CHANGED =
            Memory.immortalText("dictionary keys changed during iteration");

    private final Kinds kinds;
    private final long deepcopy;
    private final long keepAlive;
    private final Runnable count;
    private final long memo;
    private final long memoKey;
    /** Grows with each call into Python. */
    private long calls;
    private long handedOver;
    private long containers;

    MixedCopy(Kinds kinds, long deepcopy, long keepAlive, Runnable count, long memo) {
        this.kinds = kinds;
        this.deepcopy = deepcopy;
        this.keepAlive = keepAlive;
        this.count = count;
        this.memo = memo;
        memoKey = PythonError.check(PyLong.ofUnsigned(memo));
    }

    void free() {
        PyObjects.decref(memoKey);
    }

    /** Owned copy, or throws PythonError. */
    long value(long object, int depth) {
        long type = PyObjects.type(object);
        boolean dict = type == PyDict.TYPE;
        boolean list = type == PyList.TYPE;
        boolean tuple = type == PyTuple.TYPE;
        boolean atomic = kinds.isAtomic(type);
        if (!(dict || list || tuple || atomic) || depth >= PlainCopy.DEPTH_LIMIT && !atomic) {
            return other(object);
        }
        containers += atomic ? 0 : 1;
        PyObjects.incref(object);
        long id = 0;
        long made = 0;
        try {
            id = PythonError.check(PyLong.ofUnsigned(object));
            long known = find(id);
            if (known != 0) {
                return PyObjects.incref(known);
            }
            if (atomic) {
                return PyObjects.incref(object);
            }
            long before = calls;
            made = dict ? dict(object, id, depth)
                    : list ? list(object, id, depth) : tuple(object, id, depth);
            if (made != object) {
                // dicts and lists were noted before their items; items' code may have put another there
                if (tuple || before != calls) {
                    put(id, made);
                }
                keep(object);
            }
            long answer = made;
            made = 0;
            return answer;
        } finally {
            if (made != 0) {
                PyObjects.decref(made);
            }
            if (id != 0) {
                PyObjects.decref(id);
            }
            PyObjects.decref(object);
        }
    }

    /** Whether enough was copied here to outweigh the ways into Python. */
    boolean paid() {
        return containers > 2 * handedOver;
    }

    private long other(long object) {
        calls++;
        handedOver++;
        count.run();
        PyObjects.incref(object);
        boolean paused = Interpreter.enterPython();
        try {
            return PythonError.check(CApi.call(deepcopy, object, memo));
        } finally {
            Interpreter.leavePython(paused);
            PyObjects.decref(object);
        }
    }

    private long dict(long dict, long id, int depth) {
        long made = PythonError.check(CApi.Leaf.PyDict_New());
        long cursor = Memory.allocate(24);
        try {
            put(id, made);
            long size = PyDict.size(dict);
            long left = size;
            Memory.putLong(cursor, 0);
            while (true) {
                if (PyDict.size(dict) != size) {
                    throw raised(SIZE_CHANGED);
                }
                if (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) == 0) {
                    break;
                }
                if (left-- == 0) {
                    throw raised(KEYS_CHANGED);
                }
                pair(made, Memory.getLong(cursor + 8), Memory.getLong(cursor + 16), depth);
            }
            return made;
        } catch (Throwable thrown) {
            PyObjects.decref(made);
            throw thrown;
        } finally {
            Memory.free(cursor);
        }
    }

    /** {@code made[deepcopy(key)] = deepcopy(value)}: Python evaluates the right side first. */
    private void pair(long made, long key, long item, int depth) {
        PyObjects.incref(key);
        PyObjects.incref(item);
        long value = 0;
        long name = 0;
        try {
            value = value(item, depth + 1);
            name = value(key, depth + 1);
            if (CApi.PyDict_SetItem(made, name, value) != 0) {
                throw PythonError.SET;
            }
        } finally {
            if (name != 0) {
                PyObjects.decref(name);
            }
            if (value != 0) {
                PyObjects.decref(value);
            }
            PyObjects.decref(item);
            PyObjects.decref(key);
        }
    }

    private long list(long list, long id, int depth) {
        long made = PythonError.check(CApi.Leaf.PyList_New(0));
        try {
            put(id, made);
            for (long i = 0; i < PyList.size(list); i++) {
                append(made, value(PyList.item(list, i), depth + 1));
            }
            return made;
        } catch (Throwable thrown) {
            PyObjects.decref(made);
            throw thrown;
        }
    }

    private static void append(long list, long owned) {
        int failed = CApi.Leaf.PyList_Append(list, owned);
        PyObjects.decref(owned);
        if (failed != 0) {
            throw PythonError.SET;
        }
    }

    private long tuple(long tuple, long id, int depth) {
        long size = PyTuple.size(tuple);
        long copies = PythonError.check(CApi.Leaf.PyList_New(0));
        try {
            boolean changed = false;
            for (long i = 0; i < size; i++) {
                long item = PyTuple.item(tuple, i);
                long copied = value(item, depth + 1);
                changed |= copied != item;
                append(copies, copied);
            }
            long known = find(id);
            if (known != 0 || !changed) {
                return PyObjects.incref(known != 0 ? known : tuple);
            }
            long made = PythonError.check(CApi.Leaf.PyTuple_New(size));
            for (long i = 0; i < size; i++) {
                PyTuple.setItem(made, i, PyObjects.incref(PyList.item(copies, i)));
            }
            return made;
        } finally {
            PyObjects.decref(copies);
        }
    }

    /** Borrowed, or 0. */
    private long find(long id) {
        long found = CApi.PyDict_GetItemWithError(memo, id);
        if (found == 0 && CApi.Leaf.PyErr_Occurred() != 0) {
            throw PythonError.SET;
        }
        return found;
    }

    private void put(long id, long copy) {
        if (CApi.PyDict_SetItem(memo, id, copy) != 0) {
            throw PythonError.SET;
        }
    }

    private void keep(long object) {
        long kept = find(memoKey);
        if (kept != 0 && PyObjects.type(kept) == PyList.TYPE) {
            if (CApi.Leaf.PyList_Append(kept, object) != 0) {
                throw PythonError.SET;
            }
            return;
        }
        calls++;
        boolean paused = Interpreter.enterPython();
        try {
            PyObjects.decref(PythonError.check(CApi.call(keepAlive, object, memo)));
        } finally {
            Interpreter.leavePython(paused);
        }
    }

    private static RuntimeException raised(long message) {
        CApi.PyErr_SetString(CApi.PyExc_RuntimeError, message);
        throw PythonError.SET;
    }
}
