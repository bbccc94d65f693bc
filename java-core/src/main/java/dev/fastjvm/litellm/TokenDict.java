package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Tokens;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;

/** Tokens as a dict of bytes to int. */
final class TokenDict {
    private TokenDict() {}

    /** Whether a dict can be read. */
    static boolean isTable(long dict) {
        return PyObjects.type(dict) == PyDict.TYPE && !PyDict.isSplit(dict);
    }

    /** Takes a dict's items; whether each is a token. */
    static boolean read(long dict, Tokens tokens) {
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long entries = PyDict.entryCount(keys);
        for (long i = 0; i < entries; i++, entry += stride) {
            long value = PyDict.entryValue(entry);
            if (value == 0) {
                continue;
            }
            long key = PyDict.entryKey(entry);
            if (PyObjects.type(key) != PyBytes.TYPE || PyObjects.type(value) != PyLong.TYPE
                    || PyLong.signedDigits(value) < 0 || PyLong.signedDigits(value) > 1
                    || PyBytes.length(key) == 0) {
                return false;
            }
            int length = Math.toIntExact(PyBytes.length(key));
            byte[] to = tokens.room(length);
            for (int k = 0; k < length; k++) {
                to[tokens.used() + k] = Memory.getByte(PyBytes.data(key) + k);
            }
            tokens.took(length, (int) PyLong.value(value));
        }
        return true;
    }
}
