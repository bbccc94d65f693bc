package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyInstance;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;

/**
 * Reads the named attributes of an instance from where they lie: slots, the array of shared-key values, or a dict.
 *
 * <p>References are borrowed; a missing attribute aborts, since the class may have a default.
 */
final class Attributes {
    private final long[] names;
    private final long[] offsets;
    private final boolean exact;
    private final boolean slots;
    private final long[] forbidden;

    private final int[] index;
    private final int[] forbiddenIndex;
    private int forbiddenCount;
    private long indexedKeys;
    private long indexedCount = -1;

    /**
     * @param names interned str objects, kept alive by the caller
     * @param offsets of slots, all above 0; or all 0
     * @param exact whether an instance with any other attribute aborts
     * @param forbidden names in ASCII, interned like the others: an instance with an attribute of these aborts
     */
    Attributes(long[] names, long[] offsets, boolean exact, long[] forbidden) {
        this.names = names;
        this.offsets = offsets;
        this.exact = exact;
        this.forbidden = forbidden;
        slots = offsets.length > 0 && offsets[0] != 0;
        index = new int[names.length];
        forbiddenIndex = new int[forbidden.length];
    }

    /** Reads all attributes to {@code into}, from {@code at}. */
    void read(long object, long type, long[] into, int at) {
        if (slots) {
            requireNoDict(object, type);
            for (int i = 0; i < names.length; i++) {
                into[at + i] = present(Memory.getLong(object + offsets[i]));
            }
            return;
        }
        long dict = PyInstance.dict(object, type);
        if (dict == 0) {
            long values = PyInstance.values(object, type);
            if (values == 0) {
                throw PlanAbort.OBJECT;
            }
            readValues(values, PyInstance.sharedKeys(type), into, at);
        } else if (PyDict.isSplit(dict)) {
            readValues(PyDict.splitValues(dict), PyDict.keys(dict), into, at);
        } else {
            readEntries(dict, into, at);
        }
    }

    private void readEntries(long dict, long[] into, int at) {
        long keys = PyDict.keys(dict);
        long count = PyDict.entryCount(keys);
        if (exact && (count != names.length || PyDict.size(dict) != count)) {
            throw PlanAbort.OBJECT;
        }
        long first = PyDict.firstEntry(keys);
        long stride = PyDict.stride(keys);
        if (forbidden.length > 0) {
            for (long i = 0; i < count; i++) {
                requireAllowed(PyDict.entryKey(first + i * stride),
                        PyDict.entryValue(first + i * stride));
            }
        }
        for (int i = 0; i < names.length; i++) {
            into[at + i] = present(entryValue(first, stride, count, i));
        }
    }

    /** Value of the name at {@code i}, which is looked for at its own index first; 0 where it is missing. */
    private long entryValue(long first, long stride, long count, int i) {
        if (i < count && PyDict.entryKey(first + i * stride) == names[i]) {
            return PyDict.entryValue(first + i * stride);
        }
        for (long j = 0; j < count; j++) {
            if (PyDict.entryKey(first + j * stride) == names[i]) {
                return PyDict.entryValue(first + j * stride);
            }
        }
        return 0;
    }

    /** A key that is no str may answer to a name as well, by its {@code __eq__}. */
    private void requireAllowed(long key, long value) {
        if (value == 0) {
            return;
        }
        if (PyObjects.type(key) != PyUnicode.TYPE) {
            throw PlanAbort.OBJECT;
        }
        for (long name : forbidden) {
            if (Shape.sameAscii(name, key)) {
                throw PlanAbort.OBJECT;
            }
        }
    }

    /** Slots with a dict beside them, which a base without slots brings: it must be empty. */
    private static void requireNoDict(long object, long type) {
        long dict = PyInstance.dict(object, type);
        if (dict != 0) {
            if (PyDict.size(dict) != 0) {
                throw PlanAbort.OBJECT;
            }
            return;
        }
        long values = PyInstance.values(object, type);
        if (values != 0) {
            requireCount(values, PyDict.entryCount(PyInstance.sharedKeys(type)), 0);
        }
    }

    private void readValues(long values, long keys, long[] into, int at) {
        long count = PyDict.entryCount(keys);
        if (keys != indexedKeys || count != indexedCount) {
            index(keys, count);
        }
        if (exact && count != names.length) {
            requireCount(values, count, names.length);
        }
        for (int i = 0; i < forbiddenCount; i++) {
            if (PyInstance.value(values, forbiddenIndex[i]) != 0) {
                throw PlanAbort.OBJECT;
            }
        }
        for (int i = 0; i < names.length; i++) {
            into[at + i] = present(index[i] < 0 ? 0 : PyInstance.value(values, index[i]));
        }
    }

    private void index(long keys, long count) {
        for (int i = 0; i < names.length; i++) {
            index[i] = -1;
            for (int j = 0; j < count; j++) {
                if (PyInstance.sharedName(keys, j) == names[i]) {
                    index[i] = j;
                    break;
                }
            }
        }
        forbiddenCount = 0;
        for (long name : forbidden) {
            for (int j = 0; j < count; j++) {
                if (Shape.sameAscii(name, PyInstance.sharedName(keys, j))) {
                    forbiddenIndex[forbiddenCount++] = j;
                    break;
                }
            }
        }
        indexedKeys = keys;
        indexedCount = count;
    }

    private static void requireCount(long values, long count, int expected) {
        long present = 0;
        for (long j = 0; j < count; j++) {
            if (PyInstance.value(values, j) != 0) {
                present++;
            }
        }
        if (present != expected) {
            throw PlanAbort.OBJECT;
        }
    }

    private static long present(long value) {
        if (value == 0) {
            throw PlanAbort.OBJECT;
        }
        return value;
    }
}
