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
 * <p>Some ns a container, less than one a pointer, and no count is touched: what it costs is the memory that is read. A tuple that was
 * not made there is declined or gets an answer without a meaning, but is not read past its end.
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
        long last = code + PyBytes.length(shape) - 4;
        long at = PyTuple.items(taken) + 8;
        long end = PyTuple.items(taken) + 8 * PyTuple.size(taken);
        for (; code <= last; code += 4) {
            int kind = Memory.getInt(code) & 3;
            long size = Memory.getInt(code) >>> 2;
            long object = at < end ? Memory.getLong(at) : PyObjects.NONE;
            long type = PyObjects.type(object);
            at += 8;
            if (kind == Held.LIST) {
                if (8 * size > end - at || type != PyList.TYPE || PyList.size(object) != size) {
                    return false;
                }
                long items = PyList.items(object);
                for (long offset = 0; offset < 8 * size; offset += 8) {
                    if (Memory.getLong(items + offset) != Memory.getLong(at + offset)) {
                        return false;
                    }
                }
                at += 8 * size;
                continue;
            }
            if (16 * size > end - at) {
                return false;
            }
            long dict = object;
            if (kind == Held.INSTANCE) {
                if (16 + 16 * size > end - at || type != Memory.getLong(at)) {
                    return false;
                }
                dict = PyInstance.dict(object, type);
                if (dict == 0 || dict != Memory.getLong(at + 8)) {
                    return false;
                }
                at += 16;
            }
            if (PyObjects.type(dict) != PyDict.TYPE || PyDict.size(dict) != size
                    || !hasEntries(dict, at, at + 16 * size)) {
                return false;
            }
            at += 16 * size;
        }
        return true;
    }

    /** Whether a dict of as many items holds what is written down here. */
    private boolean hasEntries(long dict, long from, long to) {
        long at = from;
        if (PyDict.isSplit(dict)) {
            Memory.putLong(cursor, 0);
            while (CApi.Leaf.PyDict_Next(dict, cursor, cursor + 8) != 0) {
                if (at == to || Memory.getLong(cursor + 8) != Memory.getLong(at)
                        || Memory.getLong(cursor + 16) != Memory.getLong(at + 8)) {
                    return false;
                }
                at += 16;
            }
            return at == to;
        }
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        for (; at < to; entry += stride) {
            long value = PyDict.entryValue(entry);
            if (value == 0) {
                continue;
            }
            if (PyDict.entryKey(entry) != Memory.getLong(at)
                    || value != Memory.getLong(at + 8)) {
                return false;
            }
            at += 16;
        }
        return true;
    }
}
