package dev.fastjvm.litellm;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The builtin {@code litellm_embeddings(content)}: the JSON of an embeddings response as a pair.
 *
 * <p>First the JSON with each array of numbers replaced by 0, which Python's own json reads: so all that is odd outside of the
 * arrays is met by the code that always met it. Then a list with a list of floats (None) for each object of "data". Numbers
 * are read without the GIL, floats made with it. Ints become floats, as the SDK makes them; what {@link EmbeddingScan} does
 * not serve is a decline.
 */
public final class EmbeddingsBuiltin extends Builtin {
    /** Beyond this no scan keeps its buffers. */
    private static final int KEPT = 1 << 20;

    private final AtomicReference<EmbeddingScan> idle = new AtomicReference<>();

    public EmbeddingsBuiltin() {
        super("litellm_embeddings",
                "litellm_embeddings($module, content, /)\n--\n\nSplit an embeddings response into its JSON and its numbers.");
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long content = Memory.getLong(args);
        if (nargs != 1 || PyObjects.type(content) != PyBytes.TYPE) {
            return decline();
        }
        EmbeddingScan taken = idle.getAndSet(null);
        EmbeddingScan scan = taken == null ? new EmbeddingScan() : taken;
        boolean[] served = new boolean[1];
        Gil.without(() -> served[0] = scan.scan(PyBytes.data(content), PyBytes.length(content)));
        long made = served[0] ? make(scan, content) : decline();
        if (PyBytes.length(content) <= 32L * KEPT) {
            idle.set(scan);
        }
        return made;
    }

    private static long make(EmbeddingScan scan, long content) {
        boolean gc = Interpreter.pauseGc();
        long lists = 0;
        try {
            lists = CApi.Leaf.PyList_New(scan.items());
            if (lists == 0) {
                return 0;
            }
            int number = 0;
            for (int i = 0; i < scan.items(); i++) {
                int size = scan.size(i);
                if (size < 0) {
                    PyList.setItem(lists, i, PyObjects.incref(PyObjects.NONE));
                    continue;
                }
                long list = CApi.Leaf.PyList_New(size);
                if (list == 0) {
                    return 0;
                }
                PyList.setItem(lists, i, list);
                for (int k = 0; k < size; k++) {
                    long made = CApi.Leaf.PyFloat_FromDouble(scan.number(number++));
                    if (made == 0) {
                        return 0;
                    }
                    PyList.setItem(list, k, made);
                }
            }
            long rest = rest(scan, content);
            if (rest == 0) {
                return 0;
            }
            long pair = PyTuple.of(rest, lists);
            lists = 0;
            return pair;
        } finally {
            if (lists != 0) {
                PyObjects.decref(lists);
            }
            Interpreter.resumeGc(gc);
        }
    }

    /** The bytes without the arrays. */
    private static long rest(EmbeddingScan scan, long content) {
        long from = PyBytes.data(content);
        long end = from + PyBytes.length(content);
        long made = PyBytes.of(0, PyBytes.length(content) - scan.cut() + scan.arrays());
        if (made == 0) {
            return 0;
        }
        long to = PyBytes.data(made);
        for (int i = 0; i < scan.items(); i++) {
            if (scan.size(i) >= 0) {
                long length = scan.start(i) - from;
                Memory.copy(from, to, length);
                Memory.putByte(to + length, (byte) '0');
                to += length + 1;
                from = scan.end(i);
            }
        }
        Memory.copy(from, to, end - from);
        return made;
    }

    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        new EmbeddingScan().scan(PyBytes.data(sample), PyBytes.length(sample));
        return System.nanoTime() - start;
    }
}
