package dev.fastjvm.store;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code batch_log(operation, ...)}: {@link dev.fastjvm.log.SegmentedLog} for Python's datasets, see
 * {@code fast_jvm.datasets}.
 *
 * <p>The class that does the operations is loaded at the first call. Never declines; an error comes back as a str,
 * "errno text".
 */
public final class BatchLogBuiltin extends Builtin {
    public BatchLogBuiltin() {
        super("batch_log",
                "batch_log($module, operation, /, *arguments)\n--\n\nA log of batches of rows.");
    }

    @Override
    protected long call(long args, long nargs) {
        return BatchLogCalls.call((int) PyLong.value(Memory.getLong(args)), args + 8);
    }
}
