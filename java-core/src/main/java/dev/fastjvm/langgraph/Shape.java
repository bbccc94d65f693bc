package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import dev.fastjvm.msgpack.Marker;

/**
 * One node of a pydantic core schema: for a value that conforms to it exactly, without coercion, model_dump returns an equal
 * copy, and validation accepts it as it is. So writing reads the value itself; one that does not conform aborts the plan.
 */
abstract class Shape {
    /** Whether the value's own type fits; what is inside is left to {@link #write}. */
    abstract boolean accepts(long value);

    /** Writes a value in {@code depth} containers; aborts where it does not conform. */
    abstract void write(Encoder encoder, long value, int depth);

    /** Whether a value whose msgpack begins with the marker may conform. */
    boolean starts(int marker) {
        return true;
    }

    /** Reads a value in {@code depth} containers that validation would pass on unchanged: owned; aborts where it does not conform. */
    long read(Decoder decoder, int depth) {
        throw PlanAbort.OBJECT;
    }

    /** {@code any_schema}: copied by type. */
    static final class Any extends Shape {
        @Override
        boolean accepts(long value) {
            return true;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            encoder.value(value, depth);
        }

        @Override
        long read(Decoder decoder, int depth) {
            return decoder.value(depth);
        }
    }

    /** {@code str_schema}. */
    static final class Str extends Shape {
        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == PyUnicode.TYPE;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value));
            encoder.text(value, depth);
        }

        @Override
        boolean starts(int marker) {
            return marker >= 0xA0 && marker < 0xC0
                    || marker >= Marker.STR8 && marker <= Marker.STR32;
        }

        @Override
        long read(Decoder decoder, int depth) {
            long length = decoder.strHead();
            require(length >= 0);
            return decoder.text(length);
        }
    }

    /** {@code int_schema}, {@code float_schema}, {@code bool_schema}, {@code none_schema}, {@code bytes_schema}, or a class that stays as it is. */
    static final class Exact extends Shape {
        private final long type;

        Exact(long type) {
            this.type = type;
        }

        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == type;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value));
            if (type == PyLong.TYPE) {
                encoder.integer(value, depth);
            } else if (type == PyFloat.TYPE) {
                encoder.float64(PyFloat.bits(value));
            } else if (type == PyBool.TYPE) {
                encoder.bool(value == PyObjects.TRUE);
            } else {
                encoder.value(value, depth);
            }
        }

        @Override
        boolean starts(int marker) {
            if (type == PyLong.TYPE) {
                return marker < 0x80 || marker >= 0xE0
                        || marker >= Marker.UINT8 && marker <= Marker.INT64;
            }
            if (type == PyFloat.TYPE) {
                return marker == Marker.FLOAT64;
            }
            return type == PyBool.TYPE && (marker == Marker.TRUE || marker == Marker.FALSE);
        }

        @Override
        long read(Decoder decoder, int depth) {
            require(starts(decoder.peek()));
            return decoder.value(depth);
        }
    }

    /** {@code nullable_schema}. */
    static final class Nullable extends Shape {
        private final Shape inner;

        Nullable(Shape inner) {
            this.inner = inner;
        }

        @Override
        boolean accepts(long value) {
            return value == PyObjects.NONE || inner.accepts(value);
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            if (value == PyObjects.NONE) {
                encoder.nil();
            } else {
                inner.write(encoder, value, depth);
            }
        }

        @Override
        boolean starts(int marker) {
            return marker == Marker.NIL || inner.starts(marker);
        }

        @Override
        long read(Decoder decoder, int depth) {
            return decoder.peek() == Marker.NIL ? decoder.value(depth) : inner.read(decoder, depth);
        }
    }

    /** {@code literal_schema} of str: the very objects, or equal ones. */
    static final class Literal extends Shape {
        private final long[] expected;
        private final int[] lengths;
        private final long packed;

        Literal(long[] expected) {
            this.expected = expected;
            byte[][] texts = new byte[expected.length][];
            lengths = new int[expected.length];
            for (int i = 0; i < expected.length; i++) {
                texts[i] = TypePlan.str(PyUnicode.utf8(expected[i]));
                lengths[i] = texts[i].length;
            }
            packed = pack(texts);
        }

        @Override
        boolean accepts(long value) {
            for (long one : expected) {
                if (one == value) {
                    return true;
                }
            }
            if (PyObjects.type(value) != PyUnicode.TYPE || !PyUnicode.isCompactAscii(value)) {
                return false;
            }
            for (long one : expected) {
                if (sameAscii(one, value)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value));
            encoder.text(value, depth);
        }

        @Override
        boolean starts(int marker) {
            return marker >= 0xA0 && marker < 0xC0;
        }

        @Override
        long read(Decoder decoder, int depth) {
            long at = packed;
            for (int i = 0; i < expected.length; i++) {
                if (decoder.take(at, lengths[i])) {
                    return PyObjects.incref(expected[i]);
                }
                at += lengths[i];
            }
            throw PlanAbort.OBJECT;
        }
    }

    /** {@code list_schema}. */
    static final class ListOf extends Shape {
        private final Shape item;

        ListOf(Shape item) {
            this.item = item;
        }

        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == PyList.TYPE;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value) && depth < DEPTH_LIMIT);
            long size = PyList.size(value);
            encoder.arrayHead(size);
            for (long i = 0; i < size; i++) {
                item.write(encoder, PyList.item(value, i), depth + 1);
            }
        }

        @Override
        boolean starts(int marker) {
            return (marker & 0xF0) == Marker.FIXARRAY || marker == Marker.ARRAY16
                    || marker == Marker.ARRAY32;
        }

        @Override
        long read(Decoder decoder, int depth) {
            long length = decoder.listHead();
            require(length >= 0 && length <= decoder.left() && depth < DEPTH_LIMIT);
            long list = PythonError.check(CApi.Leaf.PyList_New(length));
            try {
                for (long i = 0; i < length; i++) {
                    PyList.setItem(list, i, item.read(decoder, depth + 1));
                }
            } catch (Throwable thrown) {
                PyObjects.decref(list);
                throw thrown;
            }
            return list;
        }
    }

    /** {@code dict_schema} with keys of str or any; the values may have a schema of their own. */
    static final class DictOf extends Shape {
        private final boolean strKeys;
        private final Shape item;

        DictOf(boolean strKeys, Shape item) {
            this.strKeys = strKeys;
            this.item = item;
        }

        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == PyDict.TYPE;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value) && depth < DEPTH_LIMIT && !PyDict.isSplit(value));
            if (!strKeys && item instanceof Any) {
                encoder.map(value, depth);
                return;
            }
            encoder.mapHead(PyDict.size(value));
            long keys = PyDict.keys(value);
            long count = PyDict.entryCount(keys);
            long stride = PyDict.stride(keys);
            long entry = PyDict.firstEntry(keys);
            for (long i = 0; i < count; i++, entry += stride) {
                long found = PyDict.entryValue(entry);
                if (found != 0) {
                    long key = PyDict.entryKey(entry);
                    require(PyObjects.type(key) == PyUnicode.TYPE);
                    encoder.text(key, depth + 1);
                    item.write(encoder, found, depth + 1);
                }
            }
        }

        @Override
        boolean starts(int marker) {
            return (marker & 0xF0) == Marker.FIXMAP || marker == Marker.MAP16
                    || marker == Marker.MAP32;
        }

        @Override
        long read(Decoder decoder, int depth) {
            require(starts(decoder.peek()) && depth < DEPTH_LIMIT);
            if (!strKeys && item instanceof Any) {
                return decoder.value(depth);
            }
            long length = decoder.mapHead();
            long dict = PythonError.check(CApi.Leaf.PyDict_New());
            try {
                for (long i = 0; i < length; i++) {
                    long size = decoder.strHead();
                    require(size >= 0);
                    long key = decoder.keyText(size);
                    long value;
                    try {
                        value = item.read(decoder, depth + 1);
                    } catch (Throwable thrown) {
                        PyObjects.decref(key);
                        throw thrown;
                    }
                    decoder.put(dict, key, value);
                }
            } catch (Throwable thrown) {
                PyObjects.decref(dict);
                throw thrown;
            }
            return dict;
        }
    }

    /** {@code typed_dict_schema}: items in the dict's own order. */
    static final class TypedDict extends Shape {
        private final long[] names;
        private final byte[][] keys;
        private final Shape[] shapes;
        private final long required;
        private final Shape extra;
        private final long packed;

        /** {@code required}: a bit per field; {@code extra}: the shape of other items, or null. At most 64 fields. */
        TypedDict(long[] names, byte[][] keys, Shape[] shapes, long required, Shape extra) {
            this.names = names;
            this.keys = keys;
            this.shapes = shapes;
            this.required = required;
            this.extra = extra;
            packed = pack(keys);
        }

        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == PyDict.TYPE;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value) && depth < DEPTH_LIMIT && !PyDict.isSplit(value));
            encoder.mapHead(PyDict.size(value));
            long table = PyDict.keys(value);
            long count = PyDict.entryCount(table);
            long stride = PyDict.stride(table);
            long entry = PyDict.firstEntry(table);
            long seen = 0;
            for (long i = 0; i < count; i++, entry += stride) {
                long found = PyDict.entryValue(entry);
                if (found == 0) {
                    continue;
                }
                long key = PyDict.entryKey(entry);
                int field = i < names.length && names[(int) i] == key ? (int) i : field(key);
                if (field >= 0) {
                    seen |= 1L << field;
                    encoder.raw(keys[field]);
                    shapes[field].write(encoder, found, depth + 1);
                } else {
                    require(extra != null && PyObjects.type(key) == PyUnicode.TYPE);
                    encoder.text(key, depth + 1);
                    extra.write(encoder, found, depth + 1);
                }
            }
            require((seen & required) == required);
        }

        private int field(long key) {
            for (int i = 0; i < names.length; i++) {
                if (names[i] == key) {
                    return i;
                }
            }
            if (PyObjects.type(key) == PyUnicode.TYPE && PyUnicode.isCompactAscii(key)) {
                for (int i = 0; i < names.length; i++) {
                    if (sameAscii(names[i], key)) {
                        return i;
                    }
                }
            }
            return -1;
        }

        @Override
        boolean starts(int marker) {
            return (marker & 0xF0) == Marker.FIXMAP || marker == Marker.MAP16
                    || marker == Marker.MAP32;
        }

        /** All required fields, in the order of the schema, and no others: any other order or item is rewritten by validation. */
        @Override
        long read(Decoder decoder, int depth) {
            long length = decoder.mapHead();
            require(length >= 0 && length <= names.length && depth < DEPTH_LIMIT);
            long dict = PythonError.check(CApi.Leaf.PyDict_New());
            try {
                long at = packed;
                int field = 0;
                long seen = 0;
                for (long i = 0; i < length; i++) {
                    while (!decoder.take(at, keys[field].length)) {
                        at += keys[field++].length;
                        require(field < keys.length);
                    }
                    seen |= 1L << field;
                    long value = shapes[field].read(decoder, depth + 1);
                    decoder.put(dict, PyObjects.incref(names[field]), value);
                    at += keys[field++].length;
                    require(field < keys.length || i + 1 == length);
                }
                require((seen & required) == required);
            } catch (Throwable thrown) {
                PyObjects.decref(dict);
                throw thrown;
            }
            return dict;
        }
    }

    /** {@code union_schema}: the first choice whose type fits; a value that fits more than one dumps the same by each. */
    static final class Union extends Shape {
        private final Shape[] choices;

        Union(Shape[] choices) {
            this.choices = choices;
        }

        @Override
        boolean accepts(long value) {
            for (Shape choice : choices) {
                if (choice.accepts(value)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            for (Shape choice : choices) {
                if (choice.accepts(value)) {
                    choice.write(encoder, value, depth);
                    return;
                }
            }
            throw PlanAbort.OBJECT;
        }

        @Override
        boolean starts(int marker) {
            for (Shape choice : choices) {
                if (choice.starts(marker)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        long read(Decoder decoder, int depth) {
            int marker = decoder.peek();
            for (Shape choice : choices) {
                if (choice.starts(marker)) {
                    return choice.read(decoder, depth);
                }
            }
            throw PlanAbort.OBJECT;
        }
    }

    /** {@code model_schema} of a field: an instance of exactly that class becomes a dict. */
    static final class Model extends Shape {
        private final long type;

        Model(long type) {
            this.type = type;
        }

        @Override
        boolean accepts(long value) {
            return PyObjects.type(value) == type;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            require(accepts(value));
            encoder.value(value, depth);
        }
    }

    /** A list whose items some validator would rewrite: read only where it is empty, never written. */
    static final class EmptyList extends Shape {
        @Override
        boolean accepts(long value) {
            return false;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            throw PlanAbort.OBJECT;
        }

        @Override
        long read(Decoder decoder, int depth) {
            require(decoder.peek() == Marker.FIXARRAY);
            return decoder.value(depth);
        }
    }

    /** A dict in which some validator looks for a key: read only where it is missing, never written. */
    static final class DictWithout extends Shape {
        private final long key;
        private final int length;

        DictWithout(byte[] text) {
            key = pack(new byte[][] {text});
            length = text.length;
        }

        @Override
        boolean accepts(long value) {
            return false;
        }

        @Override
        void write(Encoder encoder, long value, int depth) {
            throw PlanAbort.OBJECT;
        }

        @Override
        long read(Decoder decoder, int depth) {
            int pairs = decoder.peek() - Marker.FIXMAP;
            require(pairs >= 0 && pairs < 16);
            if (pairs == 0) {
                return decoder.value(depth);
            }
            decoder.mapHead();
            long dict = PythonError.check(CApi.Leaf.PyDict_New());
            try {
                for (int i = 0; i < pairs; i++) {
                    long size = decoder.strHead();
                    require(size >= 0 && !(size == length && decoder.take(key, length)));
                    long name = decoder.keyText(size);
                    long value;
                    try {
                        value = decoder.value(depth + 1);
                    } catch (Throwable thrown) {
                        PyObjects.decref(name);
                        throw thrown;
                    }
                    decoder.put(dict, name, value);
                }
            } catch (Throwable thrown) {
                PyObjects.decref(dict);
                throw thrown;
            }
            return dict;
        }
    }

    /** The texts one behind another in native memory that is never freed. */
    static long pack(byte[][] texts) {
        int size = 1;
        for (byte[] text : texts) {
            size += text.length;
        }
        long start = Memory.allocate(size);
        long at = start;
        for (byte[] text : texts) {
            Memory.copyIn(text, at, text.length);
            at += text.length;
        }
        return start;
    }

    /** Containers inside a model that Java follows. */
    static final int DEPTH_LIMIT = 100;

    static void require(boolean conforms) {
        if (!conforms) {
            throw PlanAbort.OBJECT;
        }
    }

    /** Whether two compact ASCII strs are equal. */
    static boolean sameAscii(long left, long right) {
        long length = PyUnicode.length(left);
        return length == PyUnicode.length(right) && PyUnicode.isCompactAscii(left)
                && Memory.equal(PyUnicode.asciiData(left), PyUnicode.asciiData(right), length);
    }
}
