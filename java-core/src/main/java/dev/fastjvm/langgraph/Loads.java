package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Decline;

/** placeholder */
public final class Loads extends Builtin {
    public Loads() {
        super("langgraph_loads", "langgraph_loads($module, data, ext_hook, /)\n--\n\nDecode; NotImplemented is a decline.");
    }

    void configure(Dumps.Settings settings) {}

    @Override
    protected long call(long args, long nargs) {
        throw Decline.CALL;
    }
}
