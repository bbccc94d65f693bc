package dev.fastjvm.dump;

import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.json.JsonWriter;
import dev.fastjvm.memory.Memory;

/**
 * Walks a value and writes its JSON; nothing but memory is read, so no Python code runs and what is read stays as it is.
 *
 * <p>Within a shape (see {@link Shapes}), and in what it leaves open, the text is that of {@code model_dump(mode="json")}: NaN,
 * infinities, surrogates and keys that are no str are declined there, since pydantic has its own ways with them.
 *
 * <p>Declined: any other type, subclasses, instances' attributes whose names are shared, circles, and more than
 * {@link #DEPTH_LIMIT} levels: what the original makes of those depends on its caller's depth.
 */
final class PlainText {
    /** Fewer levels than pydantic's 255, and than Python's recursion limit leaves at any usual place. */
    static final int DEPTH_LIMIT = 100;

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
            require(Shapes.fits(object, shape));
            value(object, depth);
        } else {
            inner(object, shape, depth);
        }
    }

    private void inner(long object, long shape, int depth) {
        switch (Shapes.code(shape)) {
            case Shapes.NULLABLE -> {
                if (object == PyObjects.NONE) {
                    out.plain("null");
                } else {
                    shaped(object, PyTuple.item(shape, 1), depth);
                }
            }
            case Shapes.LIST -> {
                require(PyObjects.type(object) == PyList.TYPE);
                items(object, PyList.items(object), PyList.size(object), PyTuple.item(shape, 1),
                        depth);
            }
            case Shapes.DICT -> {
                require(PyObjects.type(object) == PyDict.TYPE);
                dict(object, PyTuple.item(shape, 1), depth);
            }
            case Shapes.UNION -> shaped(object, Shapes.choice(object, shape), depth);
            case Shapes.LITERAL -> {
                require(Shapes.isListed(object, shape));
                text(object);
            }
            case Shapes.MODEL -> model(object, shape, depth);
            default -> throw Decline.CALL;
        }
    }

    private void model(long object, long shape, int depth) {
        long fields = Shapes.fields(shape);
        long dict = Shapes.attributes(object, shape);
        require(dict != 0);
        enter(object, depth);
        long keys = PyDict.keys(dict);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        out.one('{');
        for (long i = 0; i < fields; i++) {
            if (i > 0) {
                out.two(',', ' ');
            }
            text(Shapes.name(shape, i));
            out.two(':', ' ');
            shaped(PyDict.entryValue(entry), Shapes.field(shape, i), depth + 1);
            entry += stride;
        }
        out.one('}');
    }
}
