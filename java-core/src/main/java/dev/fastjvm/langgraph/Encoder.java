package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.Greenlets;
import dev.fastjvm.cpython.PyBool;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyFloat;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import dev.fastjvm.msgpack.Marker;
import dev.fastjvm.msgpack.MsgpackWriter;

/**
 * Walks an object and writes what {@code _msgpack_enc} returns for it.
 *
 * <p>Representation: values of the exact builtin types are read from memory; other classes go through their
 * {@link TypePlan}, which only reads memory too; what has no plan is encoded by the original's own {@code _msgpack_enc} and its
 * bytes are spliced in, which is exact because msgpack is compositional.
 *
 * <p>Callbacks: only {@link #odd} runs Python code. Before it does, every container on the path from the root is
 * pinned; after it, loops read their container anew ({@link #epoch}). Inside a planned object nothing is called back
 * ({@link #leaf} is above 0): the original takes a snapshot of such an object first, so what the plan can't do aborts it
 * and the outermost planned object is handed over whole.
 *
 * <p>Depth: like ormsgpack, 255 containers in one pack, counted anew in each nested pack.
 */
final class Encoder extends MsgpackWriter {
    /** ormsgpack's RECURSION_LIMIT. */
    private static final int DEPTH_LIMIT = 255;

    /** Inside a model, where pydantic has a limit of its own, Python takes over earlier. */
    private static final int MODEL_DEPTH_LIMIT = 100;

    /** Packs in packs that Java's own stack is used for. */
    private static final int NESTING_LIMIT = 64;

    /** Bytes of the longest head of a map. */
    private static final int HEAD = 5;

    private static final int RUN = 256;
    private static final long SCRATCH = 1 << 16;
    private static final long LONG_ALONE = 512;
    private static final long LONG_INSIDE = 1 << 14;

    private final Dumps dumps;
    private final TypePlans plans;
    private final boolean warming;
    private final long pair = Memory.allocate(32);

    private long scratch;
    private long scratchSize;
    /** About the size of the last result: a large one is likely followed by another. */
    private long expected;
    /** The bytes object that is written to directly once the scratch is too small, or 0. */
    private long bytes;

    private long[] path = new long[64];
    private int top;
    private int pinned;

    private long[] values = new long[64];
    private int reserved;

    private boolean topLevel;
    /** Depth of planned objects: above 0 no Python code may run. */
    private int leaf;
    /** Above 0 inside a pydantic model, whose model_dump turns nested models into dicts. */
    private int model;
    private int depthLimit;
    private int nesting;
    /** Count of calls into Python. */
    private int epoch;
    /** Whether user code may have run: then it is too late for a decline. */
    private boolean calledBack;

    Encoder(Dumps dumps, TypePlans plans, boolean warming) {
        this.dumps = dumps;
        this.plans = plans;
        this.warming = warming;
        scratchSize = SCRATCH;
        scratch = Memory.allocate(scratchSize);
    }

    /** Encodes; owned bytes, or throws Decline or PythonError. */
    long encode(long object) {
        start();
        topLevel = true;
        try {
            if (expected > SCRATCH && isContainer(object)) {
                grow(expected);
            } else if (PyObjects.type(object) == PyUnicode.TYPE) {
                long alone = longText(object);
                if (alone != 0) {
                    return alone;
                }
            }
            value(object, 0);
            return finish();
        } finally {
            if (bytes != 0) {
                discard();
            }
            unpin(0);
        }
    }

    /** A long str that is all of the pack, written to a bytes object of its exact size; 0 for any other str. */
    private long longText(long str) {
        boolean ascii = PyUnicode.isCompactAscii(str);
        long data = ascii ? PyUnicode.asciiData(str) : PyUnicode.cachedUtf8(str);
        if (data == 0) {
            // a short one goes the common way, and there it will be cached
            data = PyUnicode.length(str) > LONG_ALONE / 4 ? PyUnicode.utf8(str, pair) : 0;
            if (data == 0) {
                return 0;
            }
        }
        long length = ascii ? PyUnicode.length(str) : PyUnicode.utf8Length(str);
        if (length <= LONG_ALONE || length >>> 32 != 0) {
            return 0;
        }
        int head = length < 65536 ? 3 : 5;
        long packed = PythonError.check(CApi.Leaf.PyBytes_FromStringAndSize(0, head + length));
        position = PyBytes.data(packed);
        strHead(length);
        Memory.move(data, position, length);
        return packed;
    }

    /** Gives the native blocks back; the encoder is not used again. */
    void free() {
        Memory.free(scratch);
        Memory.free(pair);
    }

    /** Encodes a private sample and forgets the bytes; makes no Python object. */
    void dryRun(long object) {
        start();
        topLevel = true;
        value(object, 0);
    }

    private void start() {
        base = scratch;
        position = base;
        limit = base + scratchSize;
        top = 0;
        reserved = 0;
        leaf = 0;
        model = 0;
        depthLimit = DEPTH_LIMIT;
        nesting = 0;
        epoch = 0;
        calledBack = false;
    }

    private static boolean isContainer(long object) {
        long type = PyObjects.type(object);
        return type == PyDict.TYPE && PyDict.size(object) > 0
                || type == PyList.TYPE && PyList.size(object) > 0;
    }

    private long finish() {
        long length = length();
        expected = length + (length >> 4);
        if (bytes == 0 || length < SCRATCH / 4) {
            return PythonError.check(CApi.Leaf.PyBytes_FromStringAndSize(base, length));
        }
        Memory.putLong(pair, bytes);
        bytes = 0;
        if (CApi.Leaf._PyBytes_Resize(pair, length) != 0) {
            throw PythonError.SET;
        }
        return Memory.getLong(pair);
    }

    private void discard() {
        long unfinished = bytes;
        bytes = 0;
        PyObjects.decref(unfinished);
    }

    /** Small results are copied out of a scratch block that stays; large ones are written into the bytes object itself. */
    @Override
    protected void grow(long room) {
        long length = length();
        long size = top == 0 && nesting == 0 || length == 0 ? length + room
                : Math.max(2 * (limit - base), length + room + (length + room >> 1));
        if (warming) {
            scratch = Memory.reallocate(scratch, size);
            scratchSize = size;
            base = scratch;
        } else if (bytes == 0) {
            bytes = PythonError.check(CApi.Leaf.PyBytes_FromStringAndSize(0, size));
            Memory.move(base, PyBytes.data(bytes), length);
            base = PyBytes.data(bytes);
        } else {
            Memory.putLong(pair, bytes);
            bytes = 0;
            if (CApi.Leaf._PyBytes_Resize(pair, size) != 0) {
                throw PythonError.SET;
            }
            bytes = Memory.getLong(pair);
            base = PyBytes.data(bytes);
        }
        position = base + length;
        limit = base + size;
    }

    /** Writes any value that stands inside {@code depth} containers of its pack. */
    void value(long object, int depth) {
        long type = PyObjects.type(object);
        if (type == PyUnicode.TYPE) {
            text(object, depth);
        } else if (type == PyLong.TYPE) {
            integer(object, depth);
        } else if (type == PyDict.TYPE) {
            map(object, depth);
        } else if (type == PyList.TYPE) {
            list(object, depth);
        } else if (object == PyObjects.NONE) {
            nil();
        } else if (type == PyBool.TYPE) {
            bool(object == PyObjects.TRUE);
        } else if (type == PyFloat.TYPE) {
            float64(PyFloat.bits(object));
        } else if (type == PyBytes.TYPE) {
            bin(PyBytes.data(object), PyBytes.length(object));
        } else if (type == PyTuple.TYPE) {
            tuple(object, depth);
        } else {
            rare(object, type, depth);
        }
    }

    /** Writes a str, exact or of a subclass. */
    void text(long str, int depth) {
        long data;
        long length;
        if (PyUnicode.isCompactAscii(str)) {
            data = PyUnicode.asciiData(str);
            length = PyUnicode.length(str);
        } else {
            data = PyUnicode.cachedUtf8(str);
            length = data == 0 ? Long.MAX_VALUE : PyUnicode.utf8Length(str);
        }
        if (length <= LONG_ALONE) {
            str(data, length);
        } else {
            unusualText(str, depth);
        }
    }

    private void unusualText(long str, int depth) {
        if (PyUnicode.isCompactAscii(str)) {
            long length = PyUnicode.length(str);
            if (length >>> 32 == 0) {
                makeWay(length);
                str(PyUnicode.asciiData(str), length);
                return;
            }
        } else if (utf8(str)) {
            return;
        }
        odd(str, depth);
    }

    /** Has a long text written to the bytes object itself: copying it twice is all that it costs. */
    private void makeWay(long length) {
        if (bytes == 0 && length > (top == 0 && nesting == 0 ? LONG_ALONE : LONG_INSIDE)
                && !warming) {
            grow(length + 9);
        }
    }

    /** Writes a str that is not ASCII; false, with nothing written, where UTF-8 can't express it. */
    private boolean utf8(long str) {
        long data = PyUnicode.cachedUtf8(str);
        long length;
        if (data != 0) {
            length = PyUnicode.utf8Length(str);
        } else {
            if (warming) {
                return false;
            }
            data = PyUnicode.utf8(str, pair);
            if (data == 0) {
                return false;
            }
            length = Memory.getLong(pair);
        }
        if (length >>> 32 != 0) {
            return false;
        }
        if (length > LONG_ALONE) {
            makeWay(length);
        }
        str(data, length);
        return true;
    }

    /** Writes an int, exact or of a subclass. */
    void integer(long object, int depth) {
        ensure(9);
        if (!shortInteger(object)) {
            odd(object, depth);
        }
    }

    /** Writes an int for which 9 bytes are ensured; false, with nothing written, beyond 64 bits. */
    private boolean shortInteger(long object) {
        long digits = PyLong.signedDigits(object);
        long sign = digits >> 63;
        long count = (digits ^ sign) - sign;
        if (count <= 2) {
            long magnitude = PyLong.shortMagnitude(object, count);
            shortest((magnitude ^ sign) - sign);
            return true;
        }
        return longInteger(object, digits, count);
    }

    private boolean longInteger(long object, long digits, long count) {
        if (PyLong.overflows(object, count)) {
            return false;
        }
        long magnitude = PyLong.magnitude(object, count);
        if (digits > 0) {
            unsigned(magnitude);
        } else if (magnitude > 0 || magnitude == Long.MIN_VALUE) {
            shortest(-magnitude);
        } else {
            return false;
        }
        return true;
    }

    /** Writes a list, exact or of a subclass. */
    void list(long list, int depth) {
        long size = PyList.size(list);
        if (depth >= depthLimit || size >>> 32 != 0) {
            odd(list, depth);
            return;
        }
        arrayHead(size);
        int slot = push(list);
        for (long i = 0; i < size; i++) {
            if (i >= PyList.size(list)) {
                throw changed();
            }
            long item = PyList.item(list, i);
            long type = PyObjects.type(item);
            if (type == PyLong.TYPE) {
                i = integers(list, i, Math.min(size, i + RUN), depth);
            } else if (type == PyUnicode.TYPE) {
                i = PyUnicode.isCompactAscii(item) ? asciis(list, i, Math.min(size, i + RUN), depth)
                        : texts(list, i, Math.min(size, i + RUN), depth);
            } else if (type == PyFloat.TYPE) {
                i = floats(list, i, Math.min(size, i + RUN));
            } else if (type == PyBool.TYPE || item == PyObjects.NONE) {
                i = constants(list, i, Math.min(size, i + RUN));
            } else if (type == PyBytes.TYPE) {
                i = bins(list, i, Math.min(size, i + RUN));
            } else {
                value(item, depth + 1);
            }
        }
        pop(slot);
    }

    /**
     * Writes the run of ASCII strs that starts at {@code from}; returns the index of its last. Not one with {@link #texts}: the JIT's
     * profile of other texts made these slower.
     */
    private long asciis(long list, long from, long to, int depth) {
        long items = PyList.items(list);
        long at = position;
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyUnicode.TYPE || !PyUnicode.isCompactAscii(item)) {
                position = at;
                return i - 1;
            }
            long length = PyUnicode.length(item);
            if (length > SHORT) {
                position = at;
                text(item, depth + 1);
                return i;
            }
            if (limit - at < SHORT_ROOM) {
                position = at;
                grow(SHORT_ROOM);
                at = position;
            }
            at = shortStr(at, PyUnicode.asciiData(item), length);
        }
        position = at;
        return to - 1;
    }

    /** Writes the run of strs that starts at {@code from}; returns the index of its last. */
    private long texts(long list, long from, long to, int depth) {
        long items = PyList.items(list);
        long at = position;
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyUnicode.TYPE) {
                position = at;
                return i - 1;
            }
            long data;
            long length;
            if (PyUnicode.isCompactAscii(item)) {
                data = PyUnicode.asciiData(item);
                length = PyUnicode.length(item);
            } else {
                data = PyUnicode.cachedUtf8(item);
                if (data == 0 && !warming) {
                    PyUnicode.cacheUtf8(items + 8 * i, to - i, pair);
                    data = PyUnicode.cachedUtf8(item);
                }
                length = data == 0 ? Long.MAX_VALUE : PyUnicode.utf8Length(item);
            }
            if (length > SHORT) {
                position = at;
                text(item, depth + 1);
                return i;
            }
            if (limit - at < SHORT_ROOM) {
                position = at;
                grow(SHORT_ROOM);
                at = position;
            }
            at = shortStr(at, data, length);
        }
        position = at;
        return to - 1;
    }

    /** Writes the run of bytes that starts at {@code from}; returns the index of its last. */
    private long bins(long list, long from, long to) {
        long items = PyList.items(list);
        long at = position;
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyBytes.TYPE) {
                position = at;
                return i - 1;
            }
            long length = PyBytes.length(item);
            if (length > SHORT) {
                position = at;
                bin(PyBytes.data(item), length);
                return i;
            }
            if (limit - at < SHORT_ROOM) {
                position = at;
                grow(SHORT_ROOM);
                at = position;
            }
            at = shortBin(at, PyBytes.data(item), length);
        }
        position = at;
        return to - 1;
    }

    /** Writes the run of ints that starts at {@code from}; returns the index of its last. */
    private long integers(long list, long from, long to, int depth) {
        ensure(9 * (to - from));
        long items = PyList.items(list);
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyLong.TYPE) {
                return i - 1;
            }
            if (!shortInteger(item)) {
                odd(item, depth + 1);
                return i;
            }
        }
        return to - 1;
    }

    /** Writes the run of floats that starts at {@code from}; returns the index of its last. */
    private long floats(long list, long from, long to) {
        ensure(9 * (to - from));
        long items = PyList.items(list);
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (PyObjects.type(item) != PyFloat.TYPE) {
                return i - 1;
            }
            shortFloat(PyFloat.bits(item));
        }
        return to - 1;
    }

    /** Writes the run of True, False and None that starts at {@code from}; returns the index of its last. */
    private long constants(long list, long from, long to) {
        ensure(to - from);
        long items = PyList.items(list);
        for (long i = from; i < to; i++) {
            long item = Memory.getLong(items + 8 * i);
            if (item == PyObjects.NONE) {
                character(Marker.NIL);
            } else if (item == PyObjects.TRUE) {
                character(Marker.TRUE);
            } else if (item == PyObjects.FALSE) {
                character(Marker.FALSE);
            } else {
                return i - 1;
            }
        }
        return to - 1;
    }

    private void tuple(long tuple, int depth) {
        long size = PyTuple.size(tuple);
        if (depth >= depthLimit || size >>> 32 != 0) {
            odd(tuple, depth);
            return;
        }
        arrayHead(size);
        int slot = push(tuple);
        for (long i = 0; i < size; i++) {
            value(PyTuple.item(tuple, i), depth + 1);
        }
        pop(slot);
    }

    /** Writes a dict, exact or of a subclass, in the order of {@code PyDict_Next}. */
    void map(long dict, int depth) {
        if (depth >= depthLimit) {
            odd(dict, depth);
            return;
        }
        if (PyDict.isSplit(dict)) {
            splitMap(dict, depth);
            return;
        }
        long start = length();
        mapHead(PyDict.size(dict));
        int slot = push(dict);
        int seen = epoch;
        long keys = PyDict.keys(dict);
        long count = PyDict.entryCount(keys);
        long stride = PyDict.stride(keys);
        long entry = PyDict.firstEntry(keys);
        for (long i = 0; i < count; i++, entry += stride) {
            long item = PyDict.entryValue(entry);
            if (item == 0) {
                continue;
            }
            if (!pair(PyDict.entryKey(entry), item, depth + 1)) {
                if (length() - start <= HEAD && leaf == 0 && isScalar(item)
                        && plans.find(PyObjects.type(PyDict.entryKey(entry))) != null) {
                    // at the first key, and its value is nothing to win by: one call for all of them
                    pop(slot);
                    rewind(start);
                    odd(dict, depth);
                    return;
                }
                oddPair(PyDict.entryKey(entry), item, depth + 1);
            }
            if (seen != epoch) {
                if (PyDict.isSplit(dict)) {
                    throw changed();
                }
                seen = epoch;
                keys = PyDict.keys(dict);
                count = PyDict.entryCount(keys);
                stride = PyDict.stride(keys);
                entry = PyDict.firstEntry(keys) + i * stride;
            }
        }
        pop(slot);
    }

    private void splitMap(long dict, int depth) {
        mapHead(PyDict.size(dict));
        int slot = push(dict);
        long next = 0;
        while (true) {
            Memory.putLong(pair + 16, next);
            if (CApi.Leaf.PyDict_Next(dict, pair + 16, pair) == 0) {
                break;
            }
            next = Memory.getLong(pair + 16);
            long key = Memory.getLong(pair);
            long item = Memory.getLong(pair + 8);
            if (!pair(key, item, depth + 1)) {
                oddPair(key, item, depth + 1);
            }
        }
        pop(slot);
    }

    /** Writes an entry; false, with nothing written, where the key is one for the original. */
    private boolean pair(long key, long item, int depth) {
        if (PyObjects.type(key) == PyUnicode.TYPE && PyUnicode.isCompactAscii(key)) {
            str(PyUnicode.asciiData(key), PyUnicode.length(key));
            value(item, depth);
        } else if (key(key) || rareKey(key, depth)) {
            value(item, depth);
        } else {
            return false;
        }
        return true;
    }

    /** Writes a key that is a tuple of scalars, of a subclass, or of a planned class; false, with nothing written, for others. */
    private boolean rareKey(long key, int depth) {
        long type = PyObjects.type(key);
        if (type != PyTuple.TYPE) {
            return subclassKey(key) || plannedKey(key, type);
        }
        long start = length();
        if (model == 0 && tupleKey(key, depth)) {
            return true;
        }
        rewind(start);
        return false;
    }

    /** As {@link #key}, which does not know ASCII. */
    private boolean scalarKey(long key) {
        if (PyObjects.type(key) == PyUnicode.TYPE && PyUnicode.isCompactAscii(key)) {
            str(PyUnicode.asciiData(key), PyUnicode.length(key));
            return true;
        }
        return key(key);
    }

    private boolean plannedKey(long key, long type) {
        if (model > 0) {
            return false;
        }
        TypePlan plan = plans.find(type);
        try {
            if (plan instanceof EnumPlan member) {
                long value = member.valueOrZero(this, key, type);
                return value != 0 && scalarKey(value);
            } else if (plan instanceof UuidPlan uuid) {
                uuid.writeKey(this, key);
                return true;
            } else if (plan instanceof DateTimePlan datetime) {
                datetime.writeKey(this, key);
                return true;
            }
            return false;
        } catch (PlanAbort misfit) {
            return false;
        }
    }

    private boolean tupleKey(long tuple, int depth) {
        long size = PyTuple.size(tuple);
        if (depth >= MODEL_DEPTH_LIMIT || size >>> 32 != 0) {
            return false;
        }
        arrayHead(size);
        for (long i = 0; i < size; i++) {
            long item = PyTuple.item(tuple, i);
            long type = PyObjects.type(item);
            if (!(type == PyTuple.TYPE ? tupleKey(item, depth + 1) : scalarKey(item))) {
                return false;
            }
        }
        return true;
    }

    private static boolean isScalar(long object) {
        long type = PyObjects.type(object);
        return type == PyUnicode.TYPE || type == PyLong.TYPE || type == PyFloat.TYPE
                || type == PyBytes.TYPE || type == PyBool.TYPE || object == PyObjects.NONE;
    }

    /** Writes a dict's key of an exact scalar type, but for ASCII; false, with nothing written, for any other. */
    private boolean key(long key) {
        long type = PyObjects.type(key);
        if (type == PyUnicode.TYPE) {
            return utf8(key);
        } else if (type == PyLong.TYPE) {
            ensure(9);
            return shortInteger(key);
        } else if (key == PyObjects.NONE) {
            nil();
        } else if (type == PyBool.TYPE) {
            bool(key == PyObjects.TRUE);
        } else if (type == PyFloat.TYPE) {
            float64(PyFloat.bits(key));
        } else if (type == PyBytes.TYPE) {
            bin(PyBytes.data(key), PyBytes.length(key));
        } else {
            return false;
        }
        return true;
    }

    /** Writes a key of a known subclass of str or int: its own hash must not be asked, as handing it over would. */
    private boolean subclassKey(long key) {
        TypePlan plan = plans.find(PyObjects.type(key));
        if (!(plan instanceof SubclassPlan subclass)) {
            return false;
        }
        if (subclass.isStr()) {
            if (PyUnicode.isCompactAscii(key)) {
                str(PyUnicode.asciiData(key), PyUnicode.length(key));
                return true;
            }
            return utf8(key);
        }
        ensure(9);
        return subclass.isInt() && shortInteger(key);
    }

    private void rare(long object, long type, int depth) {
        TypePlan plan = plans.find(type);
        if (plan != null) {
            dispatch(plan, object, type, depth);
        } else if (warming) {
            throw Decline.CALL;
        } else if (leaf > 0) {
            plans.want(type);
            throw PlanAbort.OBJECT;
        } else {
            PyObjects.incref(object);
            try {
                pin();
                epoch++;
                dispatch(plans.learn(type), object, type, depth);
            } finally {
                PyObjects.decref(object);
            }
        }
    }

    private void dispatch(TypePlan plan, long object, long type, int depth) {
        if (model > 0) {
            plan.encodeInModel(this, object, type, depth);
        } else {
            plan.encode(this, object, type, depth);
        }
    }

    /** Writes a planned object: where the plan aborts, the object goes to Python as a whole. */
    void planned(TypePlan plan, long object, long type, int depth) {
        if (leaf > 0) {
            nest();
            plan.write(this, object, type, depth);
            nesting--;
            return;
        }
        if (plan.isTiring()) {
            odd(object, depth);
            return;
        }
        long start = length();
        int path = top;
        boolean held = false;
        try {
            while (true) {
                try {
                    leaf = 1;
                    plan.write(this, object, type, depth);
                    leaf = 0;
                    plan.served();
                    return;
                } catch (PlanAbort abort) {
                    abandon(start, path);
                }
                if (warming) {
                    throw Decline.CALL;
                }
                if (!plans.isWanting()) {
                    plan.aborted();
                    odd(object, depth);
                    return;
                }
                if (!held) {
                    PyObjects.incref(object);
                    held = true;
                }
                pin();
                epoch++;
                plans.learnWanted();
            }
        } finally {
            if (held) {
                PyObjects.decref(object);
            }
        }
    }

    /** Forgets what a plan wrote before it aborted. */
    private void abandon(long start, int path) {
        leaf = 0;
        model = 0;
        depthLimit = DEPTH_LIMIT;
        nesting = 0;
        top = path;
        reserved = 0;
        rewind(start);
    }

    /** Writes an object whose payload Python code of the standard library makes: other threads may run meanwhile. */
    void asked(PayloadPlan plan, long object, long type, int depth) {
        if (leaf > 0) {
            throw PlanAbort.OBJECT;
        }
        if (warming || !calledBack && Greenlets.possible()) {
            throw Decline.CALL;
        }
        pin();
        epoch++;
        long start = length();
        int path = top;
        long payload = 0;
        PyObjects.incref(object);
        try {
            plan.requirePlain(this, object, type);
            payload = CApi.call(plan.callable(), object);
            if (payload == 0) {
                if (!CApi.PyErr_ExceptionMatches(plan.misfits())) {
                    throw PythonError.SET;
                }
                CApi.PyErr_Clear();
                throw PlanAbort.OBJECT;
            }
            leaf = 1;
            plan.writePayload(this, payload);
            leaf = 0;
        } catch (PlanAbort abort) {
            abandon(start, path);
            odd(object, depth);
        } finally {
            if (payload != 0) {
                PyObjects.decref(payload);
            }
            PyObjects.decref(object);
        }
    }

    private void nest() {
        if (++nesting > NESTING_LIMIT) {
            throw PlanAbort.OBJECT;
        }
    }

    /** Enters a pydantic model: nested values follow model_dump's rules until {@link #leaveModel}. */
    void enterModel() {
        nest();
        model++;
        depthLimit = MODEL_DEPTH_LIMIT;
    }

    void leaveModel() {
        nesting--;
        if (--model == 0) {
            depthLimit = DEPTH_LIMIT;
        }
    }

    /** Writes a value inside a planned object that a model holds as it is: model_dump's rules end there. */
    void valueOutsideModel(long object, int depth) {
        int outer = model;
        model = 0;
        depthLimit = DEPTH_LIMIT;
        value(object, depth);
        model = outer;
        depthLimit = outer > 0 ? MODEL_DEPTH_LIMIT : DEPTH_LIMIT;
    }

    /** Has the original encode an object, and splices its bytes in; the whole call is declined where that is all of it. */
    void odd(long object, int depth) {
        if (leaf > 0) {
            throw PlanAbort.OBJECT;
        }
        if (warming || topLevel && depth == 0 || !calledBack && isAll(object)) {
            throw Decline.CALL;
        }
        splice(dumps.fallback(), object, depth, depth, 0);
    }

    /**
     * Whether the value holds, as it seems, nothing but objects like the one that is its first: having each handed over costs more
     * than the original does.
     */
    private boolean isAll(long object) {
        if (nesting > 0 || length() > LONG_ALONE) {
            return false;
        }
        for (int i = 0; i < top; i++) {
            long container = path[i];
            long inner = i + 1 < top ? path[i + 1] : object;
            long type = PyObjects.type(container);
            long size;
            long last;
            if (type == PyList.TYPE) {
                size = PyList.size(container);
                last = size == 0 ? 0 : PyList.item(container, size - 1);
                if (size == 0 || PyList.item(container, 0) != inner) {
                    return false;
                }
            } else if (type == PyDict.TYPE && !PyDict.isSplit(container)) {
                long keys = PyDict.keys(container);
                size = PyDict.size(container);
                long first = PyDict.firstEntry(keys);
                last = size == 0 ? 0
                        : PyDict.entryValue(
                                first + (PyDict.entryCount(keys) - 1) * PyDict.stride(keys));
                if (size == 0 || PyDict.entryValue(first) != inner) {
                    return false;
                }
            } else {
                return false;
            }
            if (size > 1 && (i + 1 < top || last == 0
                    || PyObjects.type(last) != PyObjects.type(object))) {
                return false;
            }
        }
        return top > 0;
    }

    private void oddPair(long key, long item, int depth) {
        long type = PyObjects.type(key);
        if (leaf > 0) {
            if (plans.find(type) == null) {
                plans.want(type);
            }
            throw PlanAbort.OBJECT;
        }
        if (warming) {
            throw Decline.CALL;
        }
        PyObjects.incref(item);
        PyObjects.incref(key);
        try {
            if (plans.find(type) == null) {
                pin();
                epoch++;
                plans.learn(type);
                if (rareKey(key, depth)) {
                    value(item, depth);
                    return;
                }
            }
            splice(dumps.keyFallback(), key, depth - 1, depth, 1);
            value(item, depth);
        } finally {
            PyObjects.decref(key);
            PyObjects.decref(item);
        }
    }

    /** Calls {@code callable(object, depth)}; writes its bytes but for {@code head} at the start and {@code tail} at the end. */
    private void splice(long callable, long object, int depth, int head, int tail) {
        if (!calledBack && Greenlets.possible()) {
            throw Decline.CALL;
        }
        calledBack = true;
        pin();
        epoch++;
        PyObjects.incref(object);
        long number = PythonError.check(PyLong.of(depth));
        long encoded = dumps.callBack(callable, object, number);
        PyObjects.decref(number);
        PyObjects.decref(object);
        PythonError.check(encoded);
        raw(PyBytes.data(encoded) + head, PyBytes.length(encoded) - head - tail);
        PyObjects.decref(encoded);
    }

    private int push(long container) {
        if (top == path.length) {
            path = java.util.Arrays.copyOf(path, 2 * path.length);
        }
        path[top] = container;
        return top++;
    }

    private void pop(int slot) {
        top = slot;
        if (pinned > slot) {
            unpin(slot);
        }
    }

    private void pin() {
        while (pinned < top) {
            PyObjects.incref(path[pinned++]);
        }
    }

    private void unpin(int slot) {
        if (pinned > slot) {
            epoch++;
        }
        while (pinned > slot) {
            PyObjects.decref(path[--pinned]);
        }
    }

    /** A container shrank while it was walked; ormsgpack's answer to that is undefined. */
    private static RuntimeException changed() {
        CApi.PyErr_SetString(CApi.PyExc_ValueError, CHANGED);
        throw PythonError.SET;
    }

    private static final long CHANGED =
            Memory.immortalText("container changed size while it was encoded");

    /** Opens an ext and writes the plan's prefix; answers what {@link #close} takes. */
    long open(TypePlan plan) {
        int head = plan.head;
        long start = beginExt(head);
        raw(plan.prefix);
        return start << 3 | head;
    }

    /** Closes the ext that {@link #open} opened. */
    void close(TypePlan plan, long opened, int code) {
        plan.head = endExt(opened >>> 3, (int) opened & 7, code);
    }

    /** Makes room for {@code count} borrowed references in {@link #values}; returns the index of the first. */
    int reserve(int count) {
        int at = reserved;
        reserved += count;
        if (reserved > values.length) {
            values = java.util.Arrays.copyOf(values, 2 * reserved);
        }
        return at;
    }

    /** References of the planned objects that are being written; moves when {@link #reserve} makes room. */
    long[] values() {
        return values;
    }

    void release(int at) {
        reserved = at;
    }

    /** Aborts where the GIL is not held. */
    void requireGil() {
        if (warming) {
            throw Decline.CALL;
        }
    }

    /** Head of a str of {@code length} ASCII characters that follow. */
    void openStr(int length) {
        ensure(5);
        strHead(length);
    }

    /** The text of a UUID. */
    void hyphenated(long high, long low) {
        openStr(36);
        ensure(36);
        for (int i = 0; i < 32; i++) {
            if (i >= 8 && i <= 20 && i % 4 == 0) {
                character('-');
            }
            character(HEX[(int) ((i < 16 ? high : low) >>> 60 - 4 * (i & 15)) & 15]);
        }
    }

    /** Sixteen hex digits. */
    void hex(long word) {
        ensure(16);
        for (int shift = 60; shift >= 0; shift -= 4) {
            character(HEX[(int) (word >>> shift) & 15]);
        }
    }

    private static final byte[] HEX =
            "0123456789abcdef".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    /** Makes room for an ISO 8601 timestamp. */
    void ensure40() {
        ensure(40);
    }

    /** Two decimal digits; the caller has ensured the room. */
    void twoDigits(int number) {
        Memory.putByte(position++, (byte) ('0' + number / 10));
        Memory.putByte(position++, (byte) ('0' + number % 10));
    }

    /** One ASCII character; the caller has ensured the room. */
    void character(int character) {
        Memory.putByte(position++, (byte) character);
    }
}
