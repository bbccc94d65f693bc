package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/** View over {@code set} and {@code frozenset}: an open-addressing table of {key, hash}; dummies have the hash -1. */
public final class PySet {
    private PySet() {}

    /** Number of members. */
    public static long size(long set) {
        return Memory.getLong(set + Layout.SET_USED);
    }

    /** Number of slots. */
    public static long slots(long set) {
        return Memory.getLong(set + Layout.SET_MASK) + 1;
    }

    /** Member in a slot, borrowed, or 0 where there is none; the order of slots is the order of iteration. */
    public static long member(long set, long slot) {
        long entry = Memory.getLong(set + Layout.SET_TABLE) + 16 * slot;
        return Memory.getLong(entry + 8) == -1 ? 0 : Memory.getLong(entry);
    }
}
