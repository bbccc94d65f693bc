package dev.fastjvm.store;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code keyed_log(operation, ...)}: {@link dev.fastjvm.log.KeyedLog} for Python, see {@code fast_jvm._keyed_log}.
 *
 * <p>One builtin for all operations, and the class that does them is loaded at the first call: a process that stores nothing
 * pays for neither. Never declines; an error comes back as a str, "errno text".
 */
public final class KeyedLogBuiltin extends Builtin {
    public KeyedLogBuiltin() {
        super("keyed_log",
                "keyed_log($module, operation, /, *arguments)\n--\n\nA log of values by their keys.");
    }

    @Override
    protected long call(long args, long nargs) {
        return KeyedLogCalls.call((int) PyLong.value(Memory.getLong(args)), args + 8);
    }
}
