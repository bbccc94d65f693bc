package dev.fastjvm.litellm;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.json.NumberWriter;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The builtin {@code litellm_float_text(numbers)}: a list of floats as {@code json.dumps} writes it.
 *
 * <p>The text is made without the GIL. Declines anything but an exact list of exact and finite floats.
 */
public final class FloatText extends Builtin {
    private static final int MOST = 1 << 20;

    private final AtomicReference<Room> idle = new AtomicReference<>();

    public FloatText() {
        super("litellm_float_text",
                "litellm_float_text($module, numbers, /)\n--\n\nWrite a list of floats as JSON.");
    }

    /** Numbers and their text; for one call at a time. */
    private static final class Room {
        private double[] numbers = new double[2048];
        private byte[] text = new byte[2048 * (NumberWriter.LONGEST + 2) + 2];

        private void reserve(int size) {
            if (size > numbers.length) {
                numbers = new double[size];
                text = new byte[size * (NumberWriter.LONGEST + 2) + 2];
            }
        }

        /** Length of the text; -1 where a number is not finite. */
        private int write(int size) {
            int at = 0;
            text[at++] = '[';
            for (int i = 0; i < size; i++) {
                if (i > 0) {
                    text[at++] = ',';
                    text[at++] = ' ';
                }
                at = NumberWriter.put(numbers[i], text, at);
                if (at < 0) {
                    return -1;
                }
            }
            text[at++] = ']';
            return at;
        }
    }

    @Override
    protected long call(long args, long nargs) throws IOException {
        long list = Memory.getLong(args);
        if (nargs != 1 || PyObjects.type(list) != PyList.TYPE || PyList.size(list) > MOST) {
            return decline();
        }
        int size = (int) PyList.size(list);
        Room taken = idle.getAndSet(null);
        Room room = taken == null ? new Room() : taken;
        room.reserve(size);
        long items = PyList.items(list);
        for (int i = 0; i < size; i++) {
            long item = Memory.getLong(items + 8L * i);
            if (PyObjects.type(item) != PyFloat.TYPE) {
                return decline();
            }
            room.numbers[i] = Double.longBitsToDouble(PyFloat.bits(item));
        }
        int[] length = new int[1];
        Gil.without(() -> length[0] = room.write(size));
        long made = length[0] < 0 ? decline() : str(room, length[0]);
        if (size <= 1 << 14) {
            idle.set(room);
        }
        return made;
    }

    private static long str(Room room, int length) {
        long bytes = Memory.allocate(length);
        try {
            Memory.copyIn(room.text, bytes, length);
            return PyUnicode.fromAscii(bytes, length);
        } finally {
            Memory.free(bytes);
        }
    }

    /** Writes the floats of a sample, a list, once. */
    @Override
    public long warm(long sample) {
        long start = System.nanoTime();
        Room room = new Room();
        int size = Math.min((int) PyList.size(sample), room.numbers.length);
        for (int i = 0; i < size; i++) {
            room.numbers[i] = Double.longBitsToDouble(PyFloat.bits(PyList.item(sample, i)));
        }
        room.write(size);
        return System.nanoTime() - start;
    }
}
