package dev.fastjvm.langgraph;

/** A class whose ext holds {@code (module, name, callable(obj))}, where the callable runs Python code of the standard library. */
final class PayloadPlan extends TypePlan {
    private final int code;
    private final long callable;
    private final long misfits;
    private final Attributes asked;

    /**
     * @param misfits tuple of the errors that an instance which was never initialized makes
     * @param asked names that {@code _msgpack_default} asks the object for before; none where instances have no dict
     */
    PayloadPlan(byte[] prefix, int code, long callable, long misfits, long[] asked) {
        super(prefix);
        this.code = code;
        this.callable = callable;
        this.misfits = misfits;
        this.asked = asked.length == 0 ? null
                : new Attributes(new long[0], new long[0], false, asked);
    }

    @Override
    void encode(Encoder encoder, long object, long type, int depth) {
        encoder.asked(this, object, type, depth);
    }

    /** Aborts where the object has an attribute of those names. */
    void requirePlain(Encoder encoder, long object, long type) {
        if (asked != null) {
            asked.read(object, type, encoder.values(), 0);
        }
    }

    long callable() {
        return callable;
    }

    long misfits() {
        return misfits;
    }

    void writePayload(Encoder encoder, long payload) {
        long start = encoder.open(this);
        encoder.value(payload, 1);
        encoder.close(this, start, code);
    }
}
