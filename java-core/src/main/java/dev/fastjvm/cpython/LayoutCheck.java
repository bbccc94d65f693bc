package dev.fastjvm.cpython;

import dev.fastjvm.memory.Memory;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The builtin {@code verify(facts)}: holds {@link Layout} against known objects of the running interpreter.
 *
 * <p>{@code facts} is a list of tuples {@code (kind, object, expected bytes)}; the views read the object anew and must come to
 * the same bytes. Answers None, or a str that names the first difference: then no builtin may be used.
 */
public final class LayoutCheck extends Builtin {
    public LayoutCheck() {
        super("verify",
                "verify($module, facts, /)\n--\n\nCompare the layout that Java reads with known objects.");
    }

    @Override
    protected long call(long args, long nargs) {
        long facts = Memory.getLong(args);
        if (nargs != 1 || PyObjects.type(facts) != PyList.TYPE) {
            return PyUnicode.of("facts is no list");
        }
        for (long i = 0; i < PyList.size(facts); i++) {
            long fact = PyList.item(facts, i);
            String kind = PyUnicode.string(PyTuple.item(fact, 0));
            long object = PyTuple.item(fact, 1);
            long expected = PyTuple.item(fact, 2);
            byte[] wanted =
                    Memory.bytes(PyBytes.data(expected), Math.toIntExact(PyBytes.length(expected)));
            byte[] read;
            try {
                read = read(kind, object);
            } catch (RuntimeException unreadable) {
                return PyUnicode.of(kind + " " + i + ": " + unreadable);
            }
            if (!Arrays.equals(read, wanted)) {
                return PyUnicode.of(kind + " " + i + " is read as " + Arrays.toString(read)
                        + ", not " + Arrays.toString(wanted));
            }
        }
        return PyObjects.incref(PyObjects.NONE);
    }

    private static byte[] read(String kind, long object) {
        return switch (kind) {
            case "str" -> PyUnicode.utf8(object);
            case "int" -> word(PyLong.value(object));
            case "float" -> word(PyFloat.bits(object));
            case "bytes" ->
                Memory.bytes(PyBytes.data(object), Math.toIntExact(PyBytes.length(object)));
            case "list" -> items(PyList.size(object), i -> PyList.item(object, i));
            case "tuple" -> items(PyTuple.size(object), i -> PyTuple.item(object, i));
            case "dict" -> dict(object);
            case "set" -> set(object);
            case "attrs" -> attributes(object);
            case "immortal" ->
                new byte[] {(byte) (Layout.AT_LEAST_312 ? Memory.getInt(object) < 0 ? 1 : 0 : 0)};
            case "name" -> PyUnicode.utf8(PyType.heapName(object));
            case "code" -> word(PyFunction.code(object));
            default -> throw new IllegalArgumentException("unknown fact");
        };
    }

    private interface Items {
        long at(long index);
    }

    private static byte[] word(long value) {
        return ByteBuffer.allocate(8).putLong(value).array();
    }

    private static byte[] items(long count, Items items) {
        ByteArrayOutputStream ids = new ByteArrayOutputStream();
        for (long i = 0; i < count; i++) {
            ids.writeBytes(word(items.at(i)));
        }
        return ids.toByteArray();
    }

    private static byte[] dict(long dict) {
        ByteArrayOutputStream ids = new ByteArrayOutputStream();
        if (PyDict.isSplit(dict)) {
            long pair = Memory.allocate(24);
            Memory.putLong(pair + 16, 0);
            while (CApi.Leaf.PyDict_Next(dict, pair + 16, pair) != 0) {
                ids.writeBytes(word(Memory.getLong(pair)));
                ids.writeBytes(word(Memory.getLong(pair + 8)));
            }
            Memory.free(pair);
            return ids.toByteArray();
        }
        long keys = PyDict.keys(dict);
        long entry = PyDict.firstEntry(keys);
        for (long i = 0; i < PyDict.entryCount(keys); i++, entry += PyDict.stride(keys)) {
            if (PyDict.entryValue(entry) != 0) {
                ids.writeBytes(word(PyDict.entryKey(entry)));
                ids.writeBytes(word(PyDict.entryValue(entry)));
            }
        }
        return ids.toByteArray();
    }

    private static byte[] set(long set) {
        ByteArrayOutputStream ids = new ByteArrayOutputStream();
        for (long slot = 0; slot < PySet.slots(set); slot++) {
            long member = PySet.member(set, slot);
            if (member != 0) {
                ids.writeBytes(word(member));
            }
        }
        return ids.toByteArray();
    }

    private static byte[] attributes(long object) {
        long type = PyObjects.type(object);
        long dict = PyInstance.dict(object, type);
        ByteArrayOutputStream ids = new ByteArrayOutputStream();
        if (dict != 0) {
            byte[] pairs = dict(dict);
            for (int i = 8; i < pairs.length; i += 16) {
                ids.write(pairs, i, 8);
            }
            return ids.toByteArray();
        }
        long values = PyInstance.values(object, type);
        if (values == 0) {
            throw new IllegalStateException("no attributes");
        }
        long keys = PyInstance.sharedKeys(type);
        for (long i = 0; i < PyDict.entryCount(keys); i++) {
            if (PyInstance.value(values, i) != 0) {
                ids.writeBytes(word(PyInstance.value(values, i)));
            }
        }
        return ids.toByteArray();
    }
}
