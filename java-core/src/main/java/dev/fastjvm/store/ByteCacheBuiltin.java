package dev.fastjvm.store;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code byte_cache(operation, ...)}: {@link ByteCache} for Python, see {@code fast_langgraph._cache}.
 *
 * <p>One builtin for all operations, and the class that does them is loaded at the first call, Caffeine with it: a process that
 * caches nothing pays for neither.
 */
public final class ByteCacheBuiltin extends Builtin {
    public ByteCacheBuiltin() {
        super("byte_cache",
                "byte_cache($module, operation, /, *arguments)\n--\n\nA cache of bytes, bounded by bytes.");
    }

    @Override
    protected long call(long args, long nargs) {
        return ByteCacheCalls.call((int) PyLong.value(Memory.getLong(args)), args + 8);
    }
}
