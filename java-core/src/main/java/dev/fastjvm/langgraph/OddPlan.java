package dev.fastjvm.langgraph;

/** A class that only the original can encode. */
final class OddPlan extends TypePlan {
    OddPlan() {
        super(new byte[0]);
    }

    @Override
    void encode(Encoder encoder, long object, long type, int depth) {
        encoder.odd(object, depth);
    }
}
