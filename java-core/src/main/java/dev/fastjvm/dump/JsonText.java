package dev.fastjvm.dump;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.json.JsonWriter;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code json_text(value, shape)}: {@code json.dumps(value)} of plain data where the shape is None, else
 * {@code json.dumps(value.model_dump(mode="json"))} of a model. What is not written is told in {@link PlainText}.
 */
public final class JsonText extends Builtin {
    private final PlainText walk = new PlainText();
    private final PlainText warming = new PlainText();

    public JsonText() {
        super("json_text",
                "json_text($module, value, shape, /)\n--\n\nReturn the JSON of plain data, or of a model of that shape.");
    }

    @Override
    protected long call(long args, long nargs) {
        long shape = nargs == 2 ? Memory.getLong(args + 8) : 0;
        if (shape != PyObjects.NONE && (shape == 0 || PyObjects.type(shape) != PyTuple.TYPE
                || PyTuple.size(shape) == 0)) {
            return decline();
        }
        JsonWriter text = walk.write(Memory.getLong(args), shape);
        return PythonError.check(PyUnicode.fromAscii(text.data(), text.length()));
    }

    /** Writes a sample, a tuple of value and shape, once. */
    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        warming.write(PyTuple.item(sample, 0), PyTuple.item(sample, 1));
        return System.nanoTime() - start;
    }
}
