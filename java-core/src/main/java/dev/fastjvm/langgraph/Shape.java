package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;

/**
 * One node of a pydantic core schema: for a value that conforms to it exactly, without coercion, model_dump returns an equal
 * copy, and validation accepts it as it is. So writing reads the value itself; one that does not conform aborts the plan.
 */
abstract class Shape {
    /** Whether the value's own type fits; what is inside is left to {@link #write}. */
    abstract boolean accepts(long value);

    /** Writes a value in {@code depth} containers; aborts where it does not conform. */
    abstract void write(Encoder encoder, long value, int depth);

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
    }

    /** {@code literal_schema} of str: the very objects, or equal ones. */
    static final class Literal extends Shape {
        private final long[] expected;

        Literal(long[] expected) {
            this.expected = expected;
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
    }

    /** {@code typed_dict_schema}: items in the dict's own order. */
    static final class TypedDict extends Shape {
        private final long[] names;
        private final byte[][] keys;
        private final Shape[] shapes;
        private final long required;
        private final Shape extra;

        /** {@code required}: a bit per field; {@code extra}: the shape of other items, or null. At most 64 fields. */
        TypedDict(long[] names, byte[][] keys, Shape[] shapes, long required, Shape extra) {
            this.names = names;
            this.keys = keys;
            this.shapes = shapes;
            this.required = required;
            this.extra = extra;
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
