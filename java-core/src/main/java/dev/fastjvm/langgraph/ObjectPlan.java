package dev.fastjvm.langgraph;

/** A class whose instances become an ext of their own. */
abstract class ObjectPlan extends TypePlan {
    private final boolean opaque;

    /** {@code opaque}: pydantic's model_dump leaves instances as they are. */
    ObjectPlan(byte[] prefix, boolean opaque) {
        super(prefix);
        this.opaque = opaque;
    }

    @Override
    final void encode(Encoder encoder, long object, long type, int depth) {
        encoder.planned(this, object, type, depth);
    }

    @Override
    void encodeInModel(Encoder encoder, long object, long type, int depth) {
        if (!opaque) {
            throw PlanAbort.OBJECT;
        }
        encoder.planned(this, object, type, depth);
    }

    @Override
    abstract void write(Encoder encoder, long object, long type, int depth);
}
