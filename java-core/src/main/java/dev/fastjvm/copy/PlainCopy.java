package dev.fastjvm.copy;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PySet;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * The copy while nothing but plain data is met: no Python code runs, so what is read stays as it is, and the memo needs only
 * the objects that more than one reference leads to.
 *
 * <p>Representation: the memo is an open-addressing table of {original, copy}, both borrowed. Copies that no container holds yet are
 * owned by {@link #loose}, so that a walk that ends early gives them back. Depth: {@link #DEPTH_LIMIT} levels, then the original
 * decides, which fails at a depth that depends on its caller's.
 */
final class PlainCopy {
    /** Fewer levels than the original manages from any usual place. */
    static final int DEPTH_LIMIT = 100;

    private final Kinds kinds;
    private long[] loose = new long[64];
    private int top;
    private long[] memo = new long[128];
    private int used;

    PlainCopy(Kinds kinds) {
        this.kinds = kinds;
    }

    /** Owned copy; throws {@link Odd}, Decline or PythonError, nothing being left behind. */
    long copy(long object) {
        try {
            return value(object, 0);
        } finally {
            while (top > 0) {
                PyObjects.decref(loose[--top]);
            }
            if (used > 0) {
                used = 0;
                if (memo.length > 1 << 16) {
                    memo = new long[128];
                } else {
                    Arrays.fill(memo, 0);
                }
            }
        }
    }

    private long value(long object, int depth) {
        long type = PyObjects.type(object);
        if (type == PyDict.TYPE) {
            return dict(object, depth);
        }
        if (type == PyList.TYPE) {
            return list(object, depth);
        }
        if (kinds.isAtomic(type)) {
            return PyObjects.incref(object);
        }
        if (type == PyTuple.TYPE) {
            return tuple(object, depth);
        }
        if (type == Kinds.SET || type == Kinds.FROZENSET) {
            return set(object, type);
        }
        throw Odd.OBJECT;
    }

    private long dict(long dict, int depth) {
        boolean shared = PyObjects.refcount(dict) != 1;
        if (shared) {
            long known = find(dict);
            if (known != 0) {
                return PyObjects.incref(known);
            }
        }
        long size = PyDict.size(dict);
        if (size == 0) {
            long empty = PythonError.check(CApi.Leaf.PyDict_New());
            if (shared) {
                put(dict, empty);
            }
            return empty;
        }
        if (depth >= DEPTH_LIMIT) {
            throw Decline.CALL;
        }
        if (PyDict.isSplit(dict)) {
            return split(dict, shared, depth);
        }
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long end = entry + PyDict.entryCount(keys) * stride;
        for (; entry < end; entry += stride) {
            if (PyDict.entryValue(entry) != 0 && !Kinds.isPlainKey(PyDict.entryKey(entry))) {
                throw Odd.OBJECT;
            }
        }
        long made = PythonError.check(CApi.Leaf.PyDict_Copy(dict));
        int slot = hold(made);
        if (shared) {
            put(dict, made);
        }
        keys = PyDict.keys(made);
        stride = PyDict.stride(keys);
        entry = PyDict.firstEntry(keys);
        end = entry + PyDict.entryCount(keys) * stride;
        for (; entry < end; entry += stride) {
            long item = PyDict.entryValue(entry);
            if (item == 0 || kinds.isAtomic(PyObjects.type(item))) {
                continue;
            }
            long copied = value(item, depth + 1);
            PyDict.setEntryValue(entry, copied);
            PyObjects.decref(item); // the original holds another
        }
        top = slot;
        return made;
    }

    /** The attributes of an instance; the copy's table is a common one, like the original's. */
    private long split(long dict, boolean shared, int depth) {
        long made = PythonError.check(CApi.Leaf.PyDict_New());
        int slot = hold(made);
        if (shared) {
            put(dict, made);
        }
        long cursor = Memory.allocate(24);
        try {
            Memory.putLong(cursor, 0);
            while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
                long key = Memory.getLong(cursor + 8);
                if (PyObjects.type(key) != PyUnicode.TYPE) {
                    throw Odd.OBJECT;
                }
                int item = hold(value(Memory.getLong(cursor + 16), depth + 1));
                if (CApi.Leaf.PyDict_SetItem(made, key, loose[item]) != 0) {
                    throw PythonError.SET;
                }
                top = item;
                PyObjects.decref(loose[item]);
            }
        } finally {
            Memory.free(cursor);
        }
        top = slot;
        return made;
    }

    private long list(long list, int depth) {
        boolean shared = PyObjects.refcount(list) != 1;
        if (shared) {
            long known = find(list);
            if (known != 0) {
                return PyObjects.incref(known);
            }
        }
        if (depth >= DEPTH_LIMIT) {
            throw Decline.CALL;
        }
        long size = PyList.size(list);
        long made = PythonError.check(CApi.Leaf.PyList_New(size));
        int slot = hold(made);
        if (shared) {
            put(list, made);
        }
        for (long i = 0; i < size; i++) {
            long item = PyList.item(list, i);
            PyList.setItem(made, i,
                    kinds.isAtomic(PyObjects.type(item)) ? PyObjects.incref(item)
                            : value(item, depth + 1));
        }
        top = slot;
        return made;
    }

    /** A tuple whose items are their own copies is its own copy. */
    private long tuple(long tuple, int depth) {
        boolean shared = PyObjects.refcount(tuple) != 1;
        if (shared) {
            long known = find(tuple);
            if (known != 0) {
                return PyObjects.incref(known);
            }
        }
        long size = PyTuple.size(tuple);
        long first = 0;
        while (first < size
                && kinds.isAtomic(PyObjects.type(PyTuple.item(tuple, first)))) {
            first++;
        }
        if (first == size) {
            return PyObjects.incref(tuple);
        }
        if (depth >= DEPTH_LIMIT) {
            throw Decline.CALL;
        }
        long made = PythonError.check(CApi.Leaf.PyTuple_New(size));
        int slot = hold(made);
        boolean changed = false;
        for (long i = 0; i < size; i++) {
            long item = PyTuple.item(tuple, i);
            long copied = i < first ? PyObjects.incref(item) : value(item, depth + 1);
            PyTuple.setItem(made, i, copied);
            changed |= copied != item;
        }
        top = slot;
        // a cycle through it may have copied it meanwhile
        long known = shared ? find(tuple) : 0;
        if (known != 0 || !changed) {
            PyObjects.decref(made);
            return PyObjects.incref(known != 0 ? known : tuple);
        }
        if (shared) {
            put(tuple, made);
        }
        return made;
    }

    /** As {@code __reduce_ex__} has it: the type called with a list of the members. */
    private long set(long set, long type) {
        boolean shared = PyObjects.refcount(set) != 1;
        if (shared) {
            long known = find(set);
            if (known != 0) {
                return PyObjects.incref(known);
            }
        }
        if (!kinds.setsReduce(type)) {
            throw Odd.OBJECT;
        }
        long members = PythonError.check(CApi.Leaf.PyList_New(PySet.size(set)));
        int slot = hold(members);
        long count = 0;
        long slots = PySet.slots(set);
        for (long i = 0; i < slots; i++) {
            long member = PySet.member(set, i);
            if (member != 0) {
                if (!Kinds.isLeaf(PyObjects.type(member))) {
                    throw Odd.OBJECT;
                }
                PyList.setItem(members, count++, PyObjects.incref(member));
            }
        }
        long made = PythonError.check(CApi.call(type, members));
        top = slot;
        PyObjects.decref(members);
        if (shared) {
            put(set, made);
        }
        return made;
    }

    private int hold(long made) {
        if (top == loose.length) {
            loose = Arrays.copyOf(loose, 2 * top);
        }
        loose[top] = made;
        return top++;
    }

    private static int spread(long object, int mask) {
        return (int) ((object >>> 4) * 0x9E3779B97F4A7C15L >>> 40) & mask;
    }

    private long find(long object) {
        if (used == 0) {
            return 0;
        }
        int mask = (memo.length >> 1) - 1;
        int at = spread(object, mask);
        while (memo[2 * at] != 0) {
            if (memo[2 * at] == object) {
                return memo[2 * at + 1];
            }
            at = at + 1 & mask;
        }
        return 0;
    }

    private void put(long object, long copy) {
        if (4 * ++used > memo.length) {
            long[] old = memo;
            memo = new long[2 * old.length];
            for (int i = 0; i < old.length; i += 2) {
                if (old[i] != 0) {
                    insert(old[i], old[i + 1]);
                }
            }
        }
        insert(object, copy);
    }

    private void insert(long object, long copy) {
        int mask = (memo.length >> 1) - 1;
        int at = spread(object, mask);
        while (memo[2 * at] != 0) {
            at = at + 1 & mask;
        }
        memo[2 * at] = object;
        memo[2 * at + 1] = copy;
    }
}
