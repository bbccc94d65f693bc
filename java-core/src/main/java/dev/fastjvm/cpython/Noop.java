package dev.fastjvm.cpython;

/** The builtin {@code noop()}: what a call into Java costs. */
public final class Noop extends Builtin {
    public Noop() {
        super("noop", "noop($module, /)\n--\n\nReturn None.");
    }

    @Override
    protected long call(long args, long nargs) {
        return PyObjects.incref(PyObjects.NONE);
    }
}
