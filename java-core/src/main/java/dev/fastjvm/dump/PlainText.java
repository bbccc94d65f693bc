package dev.fastjvm.dump;

import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyInstance;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyType;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.json.JsonWriter;
import dev.fastjvm.memory.Memory;

/**
 * Walks a value and writes its JSON; nothing but memory is read, so no Python code runs and what is read stays as it is.
 *
 * <p>A shape says what pydantic's serializer of a field expects: a value that has its very type is dumped as it is, any other may be
 * warned about. It is None for any value, an int for a type of {@link #scalar}, or a tuple that begins with one of the codes below.
 * Within a shape, and in what it leaves open, the text is that of {@code model_dump(mode="json")}: NaN, infinities, surrogates and
 * keys that are no str are declined there, since pydantic has its own ways with them.
 *
 * <p>Declined: any other type, subclasses, instances' attributes whose names are shared, circles, and more than
 * {@link #DEPTH_LIMIT} levels: what the original makes of those depends on its caller's depth.
 */
final class PlainText {
    /** Fewer levels than pydantic's 255, and than Python's recursion limit leaves at any usual place. */
    static final int DEPTH_LIMIT = 100;

    // codes of fast_crewai's _shapes.py
    private static final int STR = 0;
    private static final int INT = 1;
    private static final int FLOAT = 2;
    private static final int BOOL = 3;
    private static final int NONE = 4;
    private static final int NULLABLE = 5;
    private static final int LIST = 6;
    private static final int DICT = 7;
    private static final int UNION = 8;
    private static final int LITERAL = 9;
    private static final int MODEL = 10;

    /** Digits of 30 bits of an int that any limit of Python's on digits lets through: 632 decimal ones. */
    private static final int MOST_DIGITS = 70;

    private final JsonWriter out = new JsonWriter();
    private final long[] path = new long[DEPTH_LIMIT];
    private final long[] groups = new long[MOST_DIGITS + 2];
    private boolean strict;

    /** Writes a value; declines, or leaves the text in {@link #out}. */
    JsonWriter write(long object, long shape) {
        out.begin();
        strict = shape != PyObjects.NONE;
        shaped(object, shape, 0);
        return out;
    }

    private static void require(boolean known) {
        if (!known) {
            throw Decline.CALL;
        }
    }

    private void enter(long container, int depth) {
        require(depth < DEPTH_LIMIT);
        for (int i = 0; i < depth; i++) {
            require(path[i] != container);
        }
        path[depth] = container;
    }

    private void value(long object, int depth) {
        long type = PyObjects.type(object);
        if (type == PyUnicode.TYPE) {
            text(object);
        } else if (type == PyLong.TYPE) {
            integer(object);
        } else if (type == PyDict.TYPE) {
            dict(object, PyObjects.NONE, depth);
        } else if (type == PyList.TYPE) {
            items(object, PyList.items(object), PyList.size(object), PyObjects.NONE, depth);
        } else if (type == PyFloat.TYPE) {
            float64(object);
        } else if (object == PyObjects.NONE) {
            out.plain("null");
        } else if (type == PyBool.TYPE) {
            bool(object);
        } else {
            require(type == PyTuple.TYPE);
            items(object, PyTuple.items(object), PyTuple.size(object), PyObjects.NONE, depth);
        }
    }

    private void bool(long object) {
        out.plain(object == PyObjects.TRUE ? "true" : "false");
    }

    private void float64(long object) {
        long bits = PyFloat.bits(object);
        require(!strict || Double.isFinite(Double.longBitsToDouble(bits)));
        out.float64(bits);
    }

    private void text(long str) {
        if (PyUnicode.isCompactAscii(str)) {
            out.ascii(PyUnicode.asciiData(str), PyUnicode.length(str));
            return;
        }
        int width = PyUnicode.unitSize(str);
        require(width != 0);
        boolean surrogates = out.wide(PyUnicode.data(str), PyUnicode.length(str), width);
        require(!strict || !surrogates);
    }

    private void integer(long object) {
        long digits = PyLong.signedDigits(object);
        long count = Math.abs(digits);
        if (count <= 2) {
            long magnitude = PyLong.shortMagnitude(object, count);
            out.integer(digits < 0 ? -magnitude : magnitude);
            return;
        }
        require(count <= MOST_DIGITS);
        // in base 10^9, digit by digit, as CPython does
        int used = 0;
        for (long i = count - 1; i >= 0; i--) {
            long carry = PyLong.digit(object, i);
            for (int j = 0; j < used; j++) {
                long sum = (groups[j] << PyLong.SHIFT) + carry;
                carry = sum / JsonWriter.GROUP;
                groups[j] = sum - carry * JsonWriter.GROUP;
            }
            while (carry != 0) {
                groups[used++] = carry % JsonWriter.GROUP;
                carry /= JsonWriter.GROUP;
            }
        }
        out.integer(digits < 0, groups, used);
    }

    private void key(long key) {
        long type = PyObjects.type(key);
        if (type == PyUnicode.TYPE) {
            text(key);
            return;
        }
        require(!strict);
        out.one('"');
        if (type == PyLong.TYPE) {
            integer(key);
        } else if (type == PyFloat.TYPE) {
            float64(key);
        } else if (type == PyBool.TYPE) {
            bool(key);
        } else {
            require(key == PyObjects.NONE);
            out.plain("null");
        }
        out.one('"');
    }

    private void dict(long dict, long shape, int depth) {
        if (PyDict.size(dict) == 0) {
            out.two('{', '}');
            return;
        }
        require(!PyDict.isSplit(dict));
        enter(dict, depth);
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        long end = entry + PyDict.entryCount(keys) * stride;
        boolean first = true;
        out.one('{');
        for (; entry < end; entry += stride) {
            long item = PyDict.entryValue(entry);
            if (item == 0) {
                continue;
            }
            if (!first) {
                out.two(',', ' ');
            }
            first = false;
            key(PyDict.entryKey(entry));
            out.two(':', ' ');
            shaped(item, shape, depth + 1);
        }
        out.one('}');
    }

    private void items(long container, long items, long size, long shape, int depth) {
        if (size == 0) {
            out.two('[', ']');
            return;
        }
        enter(container, depth);
        out.one('[');
        for (long i = 0; i < size; i++) {
            if (i > 0) {
                out.two(',', ' ');
            }
            shaped(Memory.getLong(items + 8 * i), shape, depth + 1);
        }
        out.one(']');
    }

    private void shaped(long object, long shape, int depth) {
        if (shape == PyObjects.NONE) {
            value(object, depth);
        } else if (PyObjects.type(shape) == PyLong.TYPE) {
            require(fits(object, shape));
            value(object, depth);
        } else {
            inner(object, shape, depth);
        }
    }

    private static int code(long shape) {
        return (int) PyLong.value(PyObjects.type(shape) == PyLong.TYPE ? shape
                : PyTuple.item(shape, 0));
    }

    private static long scalar(int code) {
        return switch (code) {
            case STR -> PyUnicode.TYPE;
            case INT -> PyLong.TYPE;
            case FLOAT -> PyFloat.TYPE;
            case BOOL -> PyBool.TYPE;
            default -> NONE_TYPE;
        };
    }

    private static final long NONE_TYPE = PyObjects.type(PyObjects.NONE);

    /** Whether a value's own type is that of a shape; what is in it is looked at when it is written. */
    private static boolean fits(long object, long shape) {
        if (shape == PyObjects.NONE) {
            return true;
        }
        int code = code(shape);
        return switch (code) {
            case STR, INT, FLOAT, BOOL, NONE -> PyObjects.type(object) == scalar(code);
            case NULLABLE -> object == PyObjects.NONE || fits(object, PyTuple.item(shape, 1));
            case LIST -> PyObjects.type(object) == PyList.TYPE;
            case DICT -> PyObjects.type(object) == PyDict.TYPE;
            case LITERAL -> isListed(object, shape);
            case MODEL -> PyObjects.type(object) == PyTuple.item(shape, 1);
            default -> false;
        };
    }

    private void inner(long object, long shape, int depth) {
        switch (code(shape)) {
            case NULLABLE -> {
                if (object == PyObjects.NONE) {
                    out.plain("null");
                } else {
                    shaped(object, PyTuple.item(shape, 1), depth);
                }
            }
            case LIST -> {
                require(PyObjects.type(object) == PyList.TYPE);
                items(object, PyList.items(object), PyList.size(object), PyTuple.item(shape, 1),
                        depth);
            }
            case DICT -> {
                require(PyObjects.type(object) == PyDict.TYPE);
                dict(object, PyTuple.item(shape, 1), depth);
            }
            case UNION -> shaped(object, choice(object, shape), depth);
            case LITERAL -> {
                require(isListed(object, shape));
                text(object);
            }
            case MODEL -> model(object, shape, depth);
            default -> throw Decline.CALL;
        }
    }

    /** The first choice that a value fits: pydantic may take another, and dumps it alike. */
    private static long choice(long object, long shape) {
        for (long i = 1; i < PyTuple.size(shape); i++) {
            if (fits(object, PyTuple.item(shape, i))) {
                return PyTuple.item(shape, i);
            }
        }
        throw Decline.CALL;
    }

    /** Whether a str is one of those of a literal. */
    private static boolean isListed(long object, long shape) {
        if (PyObjects.type(object) != PyUnicode.TYPE || !PyUnicode.isCompactAscii(object)) {
            return false;
        }
        for (long i = 1; i < PyTuple.size(shape); i++) {
            if (same(object, PyTuple.item(shape, i))) {
                return true;
            }
        }
        return false;
    }

    /** Whether two strs are the same; the first is of ASCII. */
    private static boolean same(long left, long right) {
        long length = PyUnicode.length(left);
        return left == right || PyObjects.type(right) == PyUnicode.TYPE
                && PyUnicode.isCompactAscii(right) && length == PyUnicode.length(right)
                && Memory.equal(PyUnicode.asciiData(left), PyUnicode.asciiData(right), length);
    }

    /** A model of exactly the shape's class whose attributes are its fields, in their order: (code, class, slot of extras, name, shape, ...). */
    private void model(long object, long shape, int depth) {
        long type = PyTuple.item(shape, 1);
        require(PyObjects.type(object) == type);
        long extra = Memory.getLong(object + PyType.memberOffset(PyTuple.item(shape, 2)));
        require(extra == 0 || extra == PyObjects.NONE
                || PyObjects.type(extra) == PyDict.TYPE && PyDict.size(extra) == 0);
        long dict = PyInstance.dict(object, type);
        long fields = PyTuple.size(shape) - 3 >> 1;
        require(dict != 0 && PyObjects.type(dict) == PyDict.TYPE && PyDict.size(dict) == fields
                && !PyDict.isSplit(dict));
        enter(object, depth);
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        require(PyDict.entryCount(keys) == fields);
        out.one('{');
        for (long i = 3; i < 3 + 2 * fields; i += 2) {
            long name = PyTuple.item(shape, i);
            require(same(name, PyDict.entryKey(entry)));
            if (i > 3) {
                out.two(',', ' ');
            }
            text(name);
            out.two(':', ' ');
            shaped(PyDict.entryValue(entry), PyTuple.item(shape, i + 1), depth + 1);
            entry += stride;
        }
        out.one('}');
    }
}
