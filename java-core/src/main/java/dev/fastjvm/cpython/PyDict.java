package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;

/**
 * View over {@code dict}. A combined table lies in its keys object as one array of entries in insertion order, some of them
 * empty (value NULL); a split table (instance attributes) keeps its values elsewhere and is walked by {@code PyDict_Next}.
 */
public final class PyDict {
    public static final long TYPE = Spec.get("type.dict");

    private PyDict() {}

    /** Number of items ({@code ma_used}). */
    public static long size(long dict) {
        return Memory.getLong(dict + Layout.DICT_USED);
    }

    /** {@code ma_version_tag}: moves with every change of the dict. */
    public static long version(long dict) {
        return Memory.getLong(dict + Layout.DICT_VERSION);
    }

    /** Whether the values live apart from the keys; on 3.10 every empty dict seems to, and is not counted. */
    public static boolean isSplit(long dict) {
        return Memory.getLong(dict + Layout.DICT_VALUES) != 0 && (!Layout.V310 || size(dict) != 0);
    }

    /** Address of the value pointers of a split table, in the order of its keys. */
    public static long splitValues(long dict) {
        long values = Memory.getLong(dict + Layout.DICT_VALUES);
        return Layout.V313 ? values + Layout.EMBEDDED_VALUES_ITEMS : values;
    }

    /** Address of the keys object ({@code ma_keys}); changes when the dict grows. */
    public static long keys(long dict) {
        return Memory.getLong(dict + Layout.DICT_KEYS);
    }

    /** Number of entries of a keys object, empty ones included. */
    public static long entryCount(long keys) {
        return Memory.getLong(keys + Layout.KEYS_NENTRIES);
    }

    /** Bytes from one entry to the next. */
    public static long stride(long keys) {
        return isGeneral(keys) ? Layout.ENTRY_GENERAL : Layout.ENTRY_UNICODE;
    }

    private static boolean isGeneral(long keys) {
        return Layout.V310 || Memory.getByte(keys + Layout.KEYS_KIND) == 0;
    }

    /** Address of the first entry's key pointer; the value pointer follows it. */
    public static long firstEntry(long keys) {
        long indices = keys + Layout.KEYS_INDICES;
        if (Layout.V310) {
            long size = Memory.getLong(keys + Layout.KEYS_SIZE);
            long width = size <= 0xFF ? 1 : size <= 0xFFFF ? 2 : size <= 0xFFFFFFFFL ? 4 : 8;
            return indices + size * width + 8;
        }
        long first = indices + (1L << Memory.getByte(keys + Layout.KEYS_LOG2_INDEX_BYTES));
        return isGeneral(keys) ? first + 8 : first;
    }

    /** Key of an entry, borrowed. */
    public static long entryKey(long entry) {
        return Memory.getLong(entry);
    }

    /** Value of an entry of a combined table, borrowed, or 0 where it is empty. */
    public static long entryValue(long entry) {
        return Memory.getLong(entry + 8);
    }

    /** Replaces the value pointer of an entry of a combined table; no count is touched. */
    public static void setEntryValue(long entry, long value) {
        Memory.putLong(entry + 8, value);
    }
}
