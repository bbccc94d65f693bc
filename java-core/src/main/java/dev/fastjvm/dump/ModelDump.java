package dev.fastjvm.dump;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.memory.Memory;

/** The builtin {@code model_dump(model, shape)}: {@code model.model_copy(deep=True).model_dump(mode="json")}, see {@link PlainDump}. */
public final class ModelDump extends Builtin {
    private final PlainDump walk = new PlainDump();

    public ModelDump() {
        super("model_dump",
                "model_dump($module, model, shape, /)\n--\n\nReturn the dump of a model of that shape.");
    }

    @Override
    protected long call(long args, long nargs) {
        long shape = nargs == 2 ? Memory.getLong(args + 8) : 0;
        if (shape == 0 || PyObjects.type(shape) != PyTuple.TYPE || PyTuple.size(shape) == 0) {
            return decline();
        }
        boolean gc = Interpreter.pauseGc();
        try {
            return walk.dump(Memory.getLong(args), shape);
        } finally {
            Interpreter.resumeGc(gc);
        }
    }
}
