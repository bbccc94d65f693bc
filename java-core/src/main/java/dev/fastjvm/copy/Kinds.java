package dev.fastjvm.copy;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.Spec;

/** Which types {@code copy.deepcopy} returns as they are, and whether its dispatch tables are those that were seen. */
final class Kinds {
    static final long SET = Spec.get("type.set");
    static final long FROZENSET = Spec.get("type.frozenset");

    private final long[] atomic;
    private final int mask;
    private final DictGuards guards;
    private final long dispatch;
    private final long reducers;

    /** From {@code _deepcopy.settings()}: list of atomic types, list of guards, {@code _deepcopy_dispatch}, {@code dispatch_table}. */
    Kinds(long types, long guards, long dispatch, long reducers) {
        int size = 16;
        while (size < 4 * PyList.size(types)) {
            size *= 2;
        }
        atomic = new long[size];
        mask = size - 1;
        for (long i = 0; i < PyList.size(types); i++) {
            long type = PyObjects.incref(PyList.item(types, i));
            int at = slot(type);
            while (atomic[at] != 0) {
                at = at + 1 & mask;
            }
            atomic[at] = type;
        }
        this.guards = new DictGuards(guards);
        this.dispatch = PyObjects.incref(dispatch);
        this.reducers = PyObjects.incref(reducers);
    }

    boolean hold() {
        return guards.hold();
    }

    /** Whether the type is one that stands in a dict as a key, and is hashed and compared, without Python code. */
    static boolean isLeaf(long type) {
        return type == PyUnicode.TYPE || type == PyLong.TYPE || type == PyFloat.TYPE
                || type == PyBool.TYPE || type == PyBytes.TYPE
                || type == PyObjects.type(PyObjects.NONE);
    }

    /** Whether a key is a leaf, or a tuple of leaves. */
    static boolean isPlainKey(long key) {
        long type = PyObjects.type(key);
        if (type != PyTuple.TYPE) {
            return isLeaf(type);
        }
        for (long i = 0; i < PyTuple.size(key); i++) {
            if (!isLeaf(PyObjects.type(PyTuple.item(key, i)))) {
                return false;
            }
        }
        return true;
    }

    /** Whether deepcopy returns objects of exactly this type as they are. */
    boolean isAtomic(long type) {
        return isLeaf(type) || isListed(type);
    }

    private boolean isListed(long type) {
        int at = slot(type);
        while (atomic[at] != 0) {
            if (atomic[at] == type) {
                return true;
            }
            at = at + 1 & mask;
        }
        return false;
    }

    private int slot(long type) {
        return (int) (type >>> 4) * 0x9E3779B1 >>> 8 & mask;
    }

    /** Whether sets go the way of {@code __reduce_ex__}: nobody registered another. */
    boolean setsReduce(long type) {
        return CApi.Leaf.PyDict_GetItemWithError(dispatch, type) == 0
                && CApi.Leaf.PyDict_GetItemWithError(reducers, type) == 0;
    }
}
