package dev.fastjvm.langgraph;

/** A subclass of str, int, list or dict: ormsgpack reads its storage as that of the base and asks none of its methods. */
final class SubclassPlan extends TypePlan {
    enum Base {
        STR, INT, LIST, DICT
    }

    private final Base builtin;

    SubclassPlan(Base builtin) {
        super(new byte[0]);
        this.builtin = builtin;
    }

    boolean isStr() {
        return builtin == Base.STR;
    }

    boolean isInt() {
        return builtin == Base.INT;
    }

    @Override
    void encode(Encoder encoder, long object, long type, int depth) {
        switch (builtin) {
            case STR -> encoder.text(object, depth);
            case INT -> encoder.integer(object, depth);
            case LIST -> encoder.list(object, depth);
            case DICT -> encoder.map(object, depth);
        }
    }
}
