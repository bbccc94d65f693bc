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
import dev.fastjvm.memory.Memory;

/**
 * What pydantic's serializer of a field expects: a value that has its very type is dumped as it is, any other may be warned about.
 *
 * <p>Representation: objects of Python's, made by fast_crewai's _shapes.py. None for any value, an int for the type of a scalar, or a
 * tuple that begins with one of the other codes. A model's is (code, class, slot of extras, slot of private attributes, name, shape,
 * name, shape ...).
 */
final class Shapes {
    // codes of fast_crewai's _shapes.py
    static final int STR = 0;
    static final int INT = 1;
    static final int FLOAT = 2;
    static final int BOOL = 3;
    static final int NONE = 4;
    static final int NULLABLE = 5;
    static final int LIST = 6;
    static final int DICT = 7;
    static final int UNION = 8;
    static final int LITERAL = 9;
    static final int MODEL = 10;

    private static final int HEAD = 4;

    private Shapes() {}

    static int code(long shape) {
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
    static boolean fits(long object, long shape) {
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

    /** The first choice that a value fits: pydantic may take another, and dumps it alike. */
    static long choice(long object, long shape) {
        for (long i = 1; i < PyTuple.size(shape); i++) {
            if (fits(object, PyTuple.item(shape, i))) {
                return PyTuple.item(shape, i);
            }
        }
        throw Decline.CALL;
    }

    /** Whether a str is one of those of a literal. */
    static boolean isListed(long object, long shape) {
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

    /** How many fields a model's shape has. */
    static long fields(long shape) {
        return PyTuple.size(shape) - HEAD >> 1;
    }

    /** A field's name, a str. */
    static long name(long shape, long field) {
        return PyTuple.item(shape, HEAD + 2 * field);
    }

    /** A field's own shape. */
    static long field(long shape, long field) {
        return PyTuple.item(shape, HEAD + 2 * field + 1);
    }

    /**
     * The attributes of a model of exactly the shape's class, where they are its fields in their order, and no others: a combined
     * table without holes. 0 for any other object.
     */
    static long attributes(long object, long shape) {
        long type = PyTuple.item(shape, 1);
        if (PyObjects.type(object) != type || !isEmpty(object, PyTuple.item(shape, 2))) {
            return 0;
        }
        long dict = PyInstance.dict(object, type);
        long fields = fields(shape);
        if (dict == 0 || PyObjects.type(dict) != PyDict.TYPE || PyDict.size(dict) != fields
                || PyDict.isSplit(dict)) {
            return 0;
        }
        long keys = PyDict.keys(dict);
        if (PyDict.entryCount(keys) != fields) {
            return 0;
        }
        long entry = PyDict.firstEntry(keys);
        for (long i = 0; i < fields; i++, entry += PyDict.stride(keys)) {
            if (!same(name(shape, i), PyDict.entryKey(entry))) {
                return 0;
            }
        }
        return dict;
    }

    /** Whether a model has no private attributes: a copy of it is made of its fields alone. */
    static boolean hasNoPrivate(long object, long shape) {
        return isEmpty(object, PyTuple.item(shape, 3));
    }

    /** Whether what a slot holds is missing, None or an empty dict. */
    private static boolean isEmpty(long object, long slot) {
        long held = Memory.getLong(object + PyType.memberOffset(slot));
        return held == 0 || held == PyObjects.NONE
                || PyObjects.type(held) == PyDict.TYPE && PyDict.size(held) == 0;
    }
}
