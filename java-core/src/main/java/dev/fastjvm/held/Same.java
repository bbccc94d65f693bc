package dev.fastjvm.held;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyInstance;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code same_held(taken)}: whether everything in a tuple of {@link Held} holds the very objects that it held, in that order.
 *
 * <p>Some ns a container, less than one an item of a list, and no count is touched: what it costs is the memory that is read. A tuple
 * that was not made there is declined or gets an answer without a meaning, but is not read past its end.
 */
public final class Same extends Builtin {
    private final long cursor = Memory.allocate(24);

    public Same() {
        super("same_held",
                "same_held($module, taken, /)\n--\n\nSay whether all holds what it held.");
    }

    @Override
    protected long call(long args, long nargs) {
        long taken = nargs == 1 ? Memory.getLong(args) : PyObjects.NONE;
        if (PyObjects.type(taken) != PyTuple.TYPE || PyTuple.size(taken) == 0
                || PyObjects.type(PyTuple.item(taken, 0)) != PyBytes.TYPE) {
            return decline();
        }
        return PyObjects.incref(isSame(taken) ? PyObjects.TRUE : PyObjects.FALSE);
    }

    /** {@code sample} holds no split dicts: they alone have the interpreter walk them. */
    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        isSame(sample);
        return System.nanoTime() - start;
    }

    private boolean isSame(long taken) {
        long shape = PyTuple.item(taken, 0);
        long code = PyBytes.data(shape);
        long last = code + PyBytes.length(shape) - 16;
        long at = PyTuple.items(taken) + 8;
        long end = PyTuple.items(taken) + 8 * PyTuple.size(taken);
        for (; code <= last + 8; code += 8) {
            int kind = Memory.getInt(code) & 3;
            long size = Memory.getLong(code) >>> 2;
            long needed = kind == Held.LIST ? 1 + size : kind == Held.DICT ? 1 : 3 + size;
            if (needed > end - at >>> 3) {
                return false;
            }
            long object = Memory.getLong(at);
            long type = PyObjects.type(object);
            at += 8;
            if (kind == Held.LIST) {
                if (type != PyList.TYPE || PyList.size(object) != size
                        || !equal(PyList.items(object), at, at + 8 * size)) {
                    return false;
                }
                at += 8 * size;
                continue;
            }
            long dict = object;
            if (kind != Held.DICT) {
                dict = type == Memory.getLong(at) ? PyInstance.dict(object, type) : 0;
                if (dict == 0 || dict != Memory.getLong(at + 8)) {
                    return false;
                }
                at += 16;
            }
            if (PyObjects.type(dict) != PyDict.TYPE) {
                return false;
            }
            if (kind == Held.SPLIT) {
                if (!hasEntries(dict, at, at + 8 * size)) {
                    return false;
                }
                at += 8 * size;
                continue;
            }
            if (code > last || PyDict.version(dict) != Memory.getLong(code + 8)) {
                return false;
            }
            code += 8;
        }
        return true;
    }

    private static boolean equal(long items, long from, long to) {
        for (long at = from; at < to; at += 8) {
            if (Memory.getLong(items + at - from) != Memory.getLong(at)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a dict holds what is written down here, in that order. */
    private boolean hasEntries(long dict, long from, long to) {
        long at = from;
        Memory.putLong(cursor, 0);
        while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
            if (at >= to - 8 || Memory.getLong(cursor + 8) != Memory.getLong(at)
                    || Memory.getLong(cursor + 16) != Memory.getLong(at + 8)) {
                return false;
            }
            at += 16;
        }
        return at == to;
    }
}
