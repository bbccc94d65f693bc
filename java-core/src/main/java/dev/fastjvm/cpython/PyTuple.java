package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code tuple}. */
public final class PyTuple {
    public static final long TYPE = Spec.get("type.tuple");

    private PyTuple() {}

    /** Number of items. */
    public static long size(long tuple) {
        return PyObjects.size(tuple);
    }

    /** Address of the item pointers. */
    public static long items(long tuple) {
        return tuple + Layout.TUPLE_ITEMS;
    }

    /** Item at {@code index}, borrowed. */
    public static long item(long tuple, long index) {
        return Memory.getLong(tuple + Layout.TUPLE_ITEMS + 8 * index);
    }

    /** Stores an owned reference into a tuple that nobody else has seen ({@code PyTuple_SET_ITEM}). */
    public static void setItem(long tuple, long index, long owned) {
        Memory.putLong(tuple + Layout.TUPLE_ITEMS + 8 * index, owned);
    }

    /**
     * Makes a tuple of owned objects and takes them; the collector is paused, see {@link Interpreter#pauseGc}.
     *
     * @throws OutOfMemoryError where it, or one of them (0), could not be made
     */
    public static long of(long... owned) {
        long made = CApi.Leaf.PyTuple_New(owned.length);
        for (int i = 0; i < owned.length; i++) {
            if (made == 0 || owned[i] == 0) {
                throw new OutOfMemoryError();
            }
            setItem(made, i, owned[i]);
        }
        return made;
    }
}
