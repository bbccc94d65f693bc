package dev.fastjvm.langgraph;

/** A member of an {@code enum.Enum} class: ext 0 of {@code (module, name, obj.value)}; the value lies in {@code _value_}. */
final class EnumPlan extends ObjectPlan {
    private final Attributes attributes;

    /** {@code asked}: names that {@code _msgpack_default} asks a member for before it takes it for one. */
    EnumPlan(byte[] prefix, long valueName, long[] asked) {
        super(prefix, true);
        attributes = new Attributes(new long[] {valueName}, new long[1], false, asked);
    }

    @Override
    void write(Encoder encoder, long object, long type, int depth) {
        int at = encoder.reserve(1);
        attributes.read(object, type, encoder.values(), at);
        long value = encoder.values()[at];
        encoder.release(at);
        long start = encoder.open(this);
        encoder.valueOutsideModel(value, 1);
        encoder.close(this, start, EXT_CONSTRUCTOR_SINGLE_ARG);
    }
}
