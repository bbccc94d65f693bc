package dev.fastjvm.store;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code rate_limits(operation, ...)}: {@link dev.fastjvm.limits.CounterTable} for Python, see
 * {@code fast_litellm._limits}.
 *
 * <p>The class that does the operations is loaded at the first call. It declines arguments of other types than those it knows; an error
 * comes back as a str, "errno text".
 */
public final class RateLimitsBuiltin extends Builtin {
    public RateLimitsBuiltin() {
        super("rate_limits",
                "rate_limits($module, operation, /, *arguments)\n--\n\nCounters of rate limits in a shared file.");
    }

    @Override
    protected long call(long args, long nargs) {
        return RateLimitsCalls.call((int) PyLong.value(Memory.getLong(args)), args + 8);
    }
}
