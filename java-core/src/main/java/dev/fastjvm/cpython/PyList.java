package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code list}; size and storage are read anew at each call, since Python code may change both. */
public final class PyList {
    public static final long TYPE = Spec.get("type.list");

    private PyList() {}

    /** Number of items. */
    public static long size(long list) {
        return PyObjects.size(list);
    }

    /** Address of the item pointers ({@code ob_item}). */
    public static long items(long list) {
        return Memory.getLong(list + Layout.LIST_ITEMS);
    }

    /** Item at {@code index}, borrowed. */
    public static long item(long list, long index) {
        return Memory.getLong(items(list) + 8 * index);
    }

    /** Stores an owned reference into a list that nobody else has seen ({@code PyList_SET_ITEM}). */
    public static void setItem(long list, long index, long owned) {
        Memory.putLong(items(list) + 8 * index, owned);
    }
}
