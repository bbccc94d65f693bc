package dev.fastjvm.cpython;

/**
 * Tells in a few loads whether a name of a module is still bound to the object that was seen at install: the entry is found
 * where it was found last, else looked up anew.
 */
public final class DictGuard {
    private final long dict;
    private final long name;
    private final long expected;
    private long index;

    /** Takes references to all three, for ever. */
    public DictGuard(long dict, long name, long expected) {
        this.dict = PyObjects.incref(dict);
        this.name = PyObjects.incref(name);
        this.expected = PyObjects.incref(expected);
    }

    /** Whether {@code dict[name] is expected}. */
    public boolean holds() {
        long keys = PyDict.keys(dict);
        if (index < PyDict.entryCount(keys) && !PyDict.isSplit(dict)) {
            long entry = PyDict.firstEntry(keys) + index * PyDict.stride(keys);
            if (PyDict.entryKey(entry) == name) {
                return PyDict.entryValue(entry) == expected;
            }
        }
        return lookUp(keys);
    }

    private boolean lookUp(long keys) {
        if (!PyDict.isSplit(dict)) {
            for (long i = 0; i < PyDict.entryCount(keys); i++) {
                if (PyDict.entryKey(PyDict.firstEntry(keys) + i * PyDict.stride(keys)) == name) {
                    index = i;
                    break;
                }
            }
        }
        return CApi.Leaf.PyDict_GetItemWithError(dict, name) == expected;
    }

    /** Guards of a Python list of tuples {@code (dict, interned name, expected)}. */
    public static DictGuard[] of(long list) {
        DictGuard[] guards = new DictGuard[Math.toIntExact(PyList.size(list))];
        for (int i = 0; i < guards.length; i++) {
            long tuple = PyList.item(list, i);
            guards[i] = new DictGuard(PyTuple.item(tuple, 0), PyTuple.item(tuple, 1), PyTuple.item(tuple, 2));
        }
        return guards;
    }

    /** Whether all hold. */
    public static boolean all(DictGuard[] guards) {
        for (DictGuard guard : guards) {
            if (!guard.holds()) {
                return false;
            }
        }
        return true;
    }
}
