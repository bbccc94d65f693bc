package dev.fastjvm.cpython;

/**
 * Offsets into CPython's objects, in bytes; the only place where they stand.
 *
 * <pre>
 *                      3.10   3.11   3.12   3.13
 * PyObject             ob_refcnt 0, ob_type 8, header 16 (Py_ssize_t ob_size 16 in PyVarObject)
 * PyASCIIObject        length 16, hash 24, state 32 (interned:2 kind:3 compact:1 ascii:1)
 *   data                 48     48     40     40
 * PyCompactUnicode
 *   utf8_length          48     48     40     40
 *   utf8                 56     56     48     48
 *   data                 72     72     56     56
 * PyLongObject         size 16 (signed ob_size; 3.12+: lv_tag = ndigits &lt;&lt; 3 | sign), 30-bit digits 24
 * PyDictObject         ma_used 16, ma_version_tag 24, ma_keys 32, ma_values 40
 * PyDictKeysObject     3.10: dk_size 8, dk_nentries 32, dk_indices 40, 24-byte entries
 *                      3.11+: dk_log2_index_bytes 9, dk_kind 10, dk_nentries 24, dk_indices 32,
 *                             entries of 24 bytes {hash, key, value} in kind 0, else of 16 {key, value}
 * instance attributes  3.10: __dict__ at tp_dictoffset
 *                      3.11: values* at -32, dict* at -24
 *                      3.12: dict* or values* - 1 (odd) at -24
 *                      3.13: dict* at -24, else values embedded at tp_basicsize {4 × u8, PyObject*[]}
 * PyTypeObject         tp_basicsize 32, tp_flags 168, tp_dictoffset 288, tp_version_tag 384
 *   ht_name             848    848    856    856
 *   ht_cached_keys      872    872    880    880
 * gc_generation        PyGC_Head 16, int threshold, int count 4 behind it
 * </pre>
 *
 * <p>No field that is read depends on C's {@code long}, of four bytes on Windows, but tp_flags: its low bits are read, which stand
 * first in either size. Names of libc ({@code realloc}, {@code free}, {@code memmove}, {@code labs}) are in Windows' ucrtbase too.
 *
 * <p>Sources: Include/cpython/{unicodeobject,longintrepr,dictobject,object}.h and Include/internal/pycore_{dict,object}.h
 * of each version. {@link LayoutCheck} holds them against known objects before any builtin is used.
 */
final class Layout {
    private static final long VERSION = Spec.get("version") >> 16;

    static final boolean V310 = VERSION == 0x030A;
    static final boolean V311 = VERSION == 0x030B;
    static final boolean V312 = VERSION == 0x030C;
    static final boolean V313 = VERSION == 0x030D;
    static final boolean AT_LEAST_311 = VERSION >= 0x030B;
    static final boolean AT_LEAST_312 = VERSION >= 0x030C;

    static final long OB_REFCNT = 0;
    static final long OB_TYPE = 8;
    static final long OB_SIZE = 16;

    static final long UNICODE_LENGTH = 16;
    static final long UNICODE_STATE = 32;
    static final int STATE_COMPACT_ASCII = 1 << 5 | 1 << 6;
    static final long UNICODE_ASCII_DATA = AT_LEAST_312 ? 40 : 48;
    static final long UNICODE_UTF8_LENGTH = AT_LEAST_312 ? 40 : 48;
    static final long UNICODE_UTF8 = AT_LEAST_312 ? 48 : 56;
    static final long UNICODE_DATA = AT_LEAST_312 ? 56 : 72;

    static final long LONG_SIZE = 16;
    static final long LONG_DIGITS = 24;
    static final int LONG_SHIFT = 30;

    static final long FLOAT_VALUE = 16;
    static final long BYTES_DATA = 32;
    static final long LIST_ITEMS = 24;
    static final long TUPLE_ITEMS = 24;

    static final long SET_USED = 24;
    static final long SET_MASK = 32;
    static final long SET_TABLE = 40;

    static final long DICT_USED = 16;
    static final long DICT_VERSION = 24;
    static final long DICT_KEYS = 32;
    static final long DICT_VALUES = 40;
    static final long KEYS_SIZE = 8;
    static final long KEYS_LOG2_INDEX_BYTES = 9;
    static final long KEYS_KIND = 10;
    static final long KEYS_NENTRIES = AT_LEAST_311 ? 24 : 32;
    static final long KEYS_INDICES = AT_LEAST_311 ? 32 : 40;
    static final long ENTRY_GENERAL = 24;
    static final long ENTRY_UNICODE = 16;

    static final long MANAGED_VALUES_311 = -32;
    static final long MANAGED_DICT = -24;
    static final long EMBEDDED_VALUES_ITEMS = 8;
    static final long EMBEDDED_VALUES_VALID = 3;

    static final long TYPE_BASICSIZE = 32;
    static final long TYPE_FLAGS = 168;
    static final long TYPE_DICTOFFSET = 288;
    static final long TYPE_VERSION_TAG = 384;
    static final long HEAPTYPE_NAME = AT_LEAST_312 ? 856 : 848;
    static final long HEAPTYPE_CACHED_KEYS = AT_LEAST_312 ? 880 : 872;
    static final long FLAG_INLINE_VALUES = 1L << 2;
    static final long FLAG_MANAGED_DICT = 1L << 4;
    static final long FLAG_HEAPTYPE = 1L << 9;

    static final long DATETIME_HASTZINFO = 24;
    static final long DATETIME_DATA = 25;
    static final long DATETIME_FOLD = 35;
    static final long DATETIME_TZINFO = 40;
    static final long TIME_FOLD = 31;
    static final long TIME_TZINFO = 32;
    static final long DELTA_DAYS = 24;
    static final long DELTA_SECONDS = 28;
    static final long DELTA_MICROSECONDS = 32;
    static final long TIMEZONE_OFFSET = 16;
    static final long TIMEZONE_NAME = 24;

    static final long MEMBER_DESCR_DEF = 40;
    static final long MEMBER_OFFSET = 16;
    static final long CELL_CONTENTS = 16;
    static final long FUNCTION_CODE = 48;

    static final long GENERATION_COUNT = 4;

    private Layout() {}

    /** Throws IllegalStateException where this interpreter is none of those drawn above. */
    static void require() {
        if (!(V310 || V311 || V312 || V313)) {
            throw new IllegalStateException(
                    "CPython " + (VERSION >> 8) + "." + (VERSION & 255) + " is not known");
        }
        check("header", 16);
        check("unicode.ascii", UNICODE_ASCII_DATA);
        check("type.basicsize", HEAPTYPE_CACHED_KEYS, HEAPTYPE_CACHED_KEYS + 80);
        check("debug", 0);
        check("gil", 1);
    }

    private static void check(String fact, long... range) {
        long value = Spec.get(fact);
        if (value < range[0] || value > range[range.length - 1]) {
            throw new IllegalStateException(fact + " is " + value + ", not " + range[0]);
        }
    }
}
