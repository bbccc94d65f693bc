package dev.fastjvm.litellm;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;
import java.io.IOException;

/** A builtin of a vocabulary's number and a str; declines other types, lone surrogates, and texts beyond a length. */
abstract class TextBuiltin extends Builtin {
    /** Texts beyond are worked at without the GIL. */
    static final int SHORT = 1 << 13;

    private final long most;
    private final long cell = Memory.allocate(8);

    TextBuiltin(String name, String doc, long most) {
        super(name, doc);
        this.most = most;
    }

    @Override
    protected final long call(long args, long nargs) throws IOException {
        long str = Memory.getLong(args + 8);
        if (nargs != 2 || PyObjects.type(str) != PyUnicode.TYPE || PyUnicode.length(str) > most) {
            return decline();
        }
        int number = (int) PyLong.value(Memory.getLong(args));
        if (PyUnicode.isCompactAscii(str)) {
            return of(number, PyUnicode.asciiData(str), (int) PyUnicode.length(str));
        }
        long data = PyUnicode.utf8(str, cell);
        return data == 0 ? decline() : of(number, data, (int) Memory.getLong(cell));
    }

    /** Of {@code length} bytes of UTF-8 at an address. */
    abstract long of(int number, long data, int length) throws IOException;
}
