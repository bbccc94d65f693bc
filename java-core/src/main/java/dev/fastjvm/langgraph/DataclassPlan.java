package dev.fastjvm.langgraph;

/** A dataclass: ext 2 of {@code (module, name, {field: value})}, in the order of its fields. */
final class DataclassPlan extends ObjectPlan {
    private final byte[][] keys;
    private final Attributes attributes;

    DataclassPlan(byte[] prefix, byte[][] keys, Attributes attributes) {
        super(prefix, false);
        this.keys = keys;
        this.attributes = attributes;
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        int at = encoder.reserve(keys.length);
        attributes.read(object, type, encoder.values(), at);
        long start = encoder.open(this);
        encoder.mapHead(keys.length);
        for (int i = 0; i < keys.length; i++) {
            encoder.raw(keys[i]);
            encoder.value(encoder.values()[at + i], 2);
        }
        encoder.close(this, start, EXT_CONSTRUCTOR_KW_ARGS);
        encoder.release(at);
    }
}
