package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.Greenlets;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.cpython.PythonError;
import dev.fastjvm.memory.Memory;
import dev.fastjvm.msgpack.Marker;
import dev.fastjvm.msgpack.MsgpackFormatException;
import dev.fastjvm.msgpack.MsgpackReader;
import dev.fastjvm.msgpack.Utf8;
import java.util.HashMap;
import java.util.Map;

/**
 * Builds what {@code ormsgpack.unpackb(data, ext_hook=hook, option=OPT_NON_STR_KEYS)} builds.
 *
 * <p>Representation: objects are made by critical C-API calls and filled through memory; an ext of a class with a
 * {@link LoadPlan} is built without its constructor; any other ext is decoded here and revived by Python code that is the rest of
 * the original's hook. Every method returns an owned reference or throws, having given back what it had made.
 *
 * <p>Errors: malformed bytes are declined, so that the original raises its own error, as long as no Python code of the
 * user's ran ({@link #effects}); after that they end as in the original: an ext whose pack is malformed becomes None, the
 * outermost pack raises ValueError.
 */
final class Decoder extends MsgpackReader {
    /** ormsgpack's RECURSION_LIMIT is 1024, the value itself counted. */
    private static final int DEPTH_LIMIT = 1023;

    /** Packs in packs that Java's own stack is used for. */
    private static final int NESTING_LIMIT = 48;

    /** Items for which a list is made at its full size at once, whatever the bytes behind the head turn out to be. */
    private static final long TRUSTED = 4096;

    /** Native room for decoded text that is kept. */
    private static final long SCRATCH = 1 << 16;

    /** Ints in a list from which on it may be left to the original. */
    private static final long MANY = 512;

    private static final int LOOK = 32;
    private static final long LONGEST_CACHED_KEY = 64;
    private static final int CACHED_KEYS = 2048;

    private final Loads loads;
    private final long[] keys = new long[CACHED_KEYS];

    private final Map<String, Long> messages = new HashMap<>();
    private final MapTemplates templates = new MapTemplates();
    private final long scratch = Memory.allocate(SCRATCH);

    private long total;
    private long hook;
    private boolean revives;
    private boolean effects;
    private int leaf;
    private int nesting;
    /** Whether a value may have a finalizer in Python, so that replacing it is no leaf call. */
    private boolean foreign;

    private long[] values = new long[64];
    private int reserved;

    Decoder(Loads loads) {
        this.loads = loads;
    }

    /** Decodes; {@code revives}: the hook is one of {@code _create_msgpack_ext_hook}'s. */
    long decode(long data, long length, long hook, boolean revives) {
        position = data;
        end = data + length;
        total = length;
        this.hook = hook;
        this.revives = revives;
        effects = false;
        foreign = false;
        leaf = 0;
        nesting = 0;
        reserved = 0;
        templates.sweep();
        try {
            return value(0);
        } catch (MsgpackFormatException malformed) {
            if (!effects) {
                throw Decline.CALL;
            }
            long message = messages.computeIfAbsent(malformed.getMessage(), Memory::immortalText);
            CApi.PyErr_SetString(CApi.PyExc_ValueError, message);
            throw PythonError.SET;
        } catch (PythonError error) {
            if (!effects) {
                CApi.PyErr_Clear();
                throw Decline.CALL;
            }
            throw error;
        }
    }

    /** Gives the shared keys back; the decoder is not used again. */
    void free() {
        Memory.free(scratch);
        templates.free();
        messages.values().forEach(Memory::free);
        for (long key : keys) {
            if (key != 0) {
                PyObjects.decref(key);
            }
        }
    }

    int peek() {
        require(1);
        return Memory.getByte(position) & 0xFF;
    }

    /** A value inside {@code depth} containers of its pack. */
    long value(int depth) {
        int marker = u8();
        if (depth >= DEPTH_LIMIT) {
            throw MsgpackFormatException.DEPTH;
        }
        if (marker < 0x80) {
            return check(PyLong.of(marker));
        }
        if (marker < 0x90) {
            return map(marker & 0x0F, depth);
        }
        if (marker < 0xA0) {
            return list(marker & 0x0F, depth);
        }
        if (marker < 0xC0) {
            return text(marker & 0x1F);
        }
        if (marker >= 0xE0) {
            return check(PyLong.of((byte) marker));
        }
        return wide(marker, depth);
    }

    private long wide(int marker, int depth) {
        return switch (marker) {
            case Marker.NIL -> PyObjects.incref(PyObjects.NONE);
            case Marker.TRUE -> PyObjects.incref(PyObjects.TRUE);
            case Marker.FALSE -> PyObjects.incref(PyObjects.FALSE);
            case Marker.STR8 -> text(u8());
            case Marker.STR16 -> text(u16());
            case Marker.STR32 -> text(u32());
            case Marker.ARRAY16 -> list(u16(), depth);
            case Marker.ARRAY32 -> list(u32(), depth);
            case Marker.MAP16 -> map(u16(), depth);
            case Marker.MAP32 -> map(u32(), depth);
            case Marker.FIXEXT1, Marker.FIXEXT2, Marker.FIXEXT4, Marker.FIXEXT8, Marker.FIXEXT16,
                    Marker.EXT8, Marker.EXT16,
                    Marker.EXT32 ->
                ext(extLength(marker));
            default -> scalar(marker);
        };
    }

    private long scalar(int marker) {
        return check(switch (marker) {
            case Marker.UINT8 -> PyLong.of(u8());
            case Marker.UINT16 -> PyLong.of(u16());
            case Marker.UINT32 -> PyLong.of(u32());
            case Marker.UINT64 -> PyLong.ofUnsigned(i64());
            case Marker.INT8 -> PyLong.of((byte) u8());
            case Marker.INT16 -> PyLong.of((short) u16());
            case Marker.INT32 -> PyLong.of((int) u32());
            case Marker.INT64 -> PyLong.of(i64());
            case Marker.FLOAT32 -> CApi.Leaf.PyFloat_FromDouble(Float.intBitsToFloat((int) u32()));
            case Marker.FLOAT64 -> CApi.Leaf.PyFloat_FromDouble(Double.longBitsToDouble(i64()));
            case Marker.BIN8 -> bin(u8());
            case Marker.BIN16 -> bin(u16());
            case Marker.BIN32 -> bin(u32());
            default -> throw MsgpackFormatException.type(marker);
        });
    }

    private static long check(long reference) {
        return PythonError.check(reference);
    }

    private long bin(long length) {
        long data = slice(length);
        return CApi.Leaf.PyBytes_FromStringAndSize(data, length);
    }

    /** A str of {@code length} bytes. */
    long text(long length) {
        long data = slice(length);
        if (Utf8.isAscii(data, length)) {
            return check(PyUnicode.fromAscii(data, length));
        }
        return wideText(data, length);
    }

    private long wideText(long data, long length) {
        long room = Utf8.room(length);
        boolean large = room > SCRATCH;
        long out = large ? Memory.allocate(room) : scratch;
        try {
            long measure = Utf8.decode(data, length, out);
            int width = (int) measure & 7;
            long count = measure >>> 3;
            long str = check(PyUnicode.allocate(count, width));
            Memory.copy(out, PyUnicode.data(str), count * width);
            return str;
        } finally {
            if (large) {
                Memory.free(out);
            }
        }
    }

    private long list(long length, int depth) {
        if (length >= MANY && nesting == 0 && !effects && isIntegers(length)) {
            // hardly anything but calls to make ints: ormsgpack makes them a little faster
            throw Decline.CALL;
        }
        long trusted = Math.min(length, TRUSTED);
        if (trusted > remaining()) {
            // more items than bytes: what is wrong shows at one of them, and those before it have their effects
            while (true) {
                PyObjects.decref(value(depth + 1));
            }
        }
        long list = check(CApi.Leaf.PyList_New(trusted));
        try {
            for (long i = 0; i < trusted; i++) {
                PyList.setItem(list, i,
                        remaining() >= 9 && depth + 1 < DEPTH_LIMIT ? item(depth + 1)
                                : value(depth + 1));
            }
            for (long i = trusted; i < length; i++) {
                append(list, remaining() >= 9 && depth + 1 < DEPTH_LIMIT ? item(depth + 1)
                        : value(depth + 1));
            }
        } catch (Throwable thrown) {
            PyObjects.decref(list);
            throw thrown;
        }
        return list;
    }

    /** An item with at least 9 bytes left: integers are read here without a branch on their width, lists of them being hot. */
    private long item(int depth) {
        int marker = Memory.getByte(position) & 0xFF;
        int width = INT_WIDTHS[marker];
        if (width < 0) {
            return value(depth);
        }
        long word = Long.reverseBytes(Memory.getLong(position + 1));
        long value = marker >= Marker.INT8 ? word >> 64 - 8 * width : word >>> 64 - 8 * width;
        value = width == 0 ? (byte) marker : value;
        position += 1 + width;
        return check(marker == Marker.UINT64 ? PyLong.ofUnsigned(value)
                : CApi.Leaf.PyLong_FromLongLong(value));
    }

    /** Whether the next items are integers and, if the first are typical, {@code length} of them most of the pack. */
    private boolean isIntegers(long length) {
        long at = position;
        for (int i = 0; i < LOOK && at < end; i++) {
            int width = INT_WIDTHS[Memory.getByte(at) & 0xFF];
            if (width < 0) {
                return false;
            }
            at += 1 + width;
        }
        return (at - position) * length > LOOK * (total - total / 8);
    }

    /** By marker: bytes behind it of an integer, -1 for any other value. */
    private static final byte[] INT_WIDTHS = new byte[256];

    static {
        for (int marker = 0; marker < 256; marker++) {
            INT_WIDTHS[marker] = (byte) (marker < 0x80 || marker >= 0xE0 ? 0
                    : marker >= Marker.UINT8 && marker <= Marker.UINT64 ? 1 << marker - Marker.UINT8
                            : marker >= Marker.INT8 && marker <= Marker.INT64
                                    ? 1 << marker - Marker.INT8
                                    : -1);
        }
    }

    /** Appends an owned item. */
    void append(long list, long item) {
        int failed = CApi.Leaf.PyList_Append(list, item);
        PyObjects.decref(item);
        if (failed != 0) {
            throw PythonError.SET;
        }
    }

    private long map(long length, int depth) {
        if (length >= MapTemplates.LEAST && length <= MapTemplates.MOST
                && depth + 1 < DEPTH_LIMIT) {
            return shortMap((int) length, depth);
        }
        long dict = check(CApi.Leaf.PyDict_New());
        try {
            for (long i = 0; i < length; i++) {
                pair(dict, depth);
            }
        } catch (Throwable thrown) {
            PyObjects.decref(dict);
            throw thrown;
        }
        return dict;
    }

    private void pair(long dict, int depth) {
        long key = key(depth + 1);
        long value;
        try {
            value = value(depth + 1);
        } catch (Throwable thrown) {
            PyObjects.decref(key);
            throw thrown;
        }
        put(dict, key, value);
    }

    /** A map that may have the keys of one before: then a copy of that one's table is filled, instead of a table being grown. */
    private long shortMap(int length, int depth) {
        int slot = templates.slot(position, remaining(), length);
        MapTemplates.Template template = templates.at(slot);
        int at = reserve(2 * length);
        int read = 0;
        boolean same = template != null && template.size() == length;
        boolean containers = false;
        try {
            long key = same ? template.keys() : 0;
            while (same && read < length) {
                int size = template.keySize(read);
                if (!take(key, size)) {
                    same = false;
                    break;
                }
                key += size;
                containers |= isContainer(peek());
                keep(at + length + read++, value(depth + 1));
            }
            if (same) {
                long dict = copyDict(template.dict());
                template.fill(dict, values, at + length);
                forget(at);
                if (containers) {
                    CApi.Leaf.PyObject_GC_Track(dict);
                }
                return dict;
            }
            for (int i = 0; i < read; i++) {
                values[at + i] = PyObjects.incref(template.key(i));
            }
            for (; read < length; read++) {
                keep(at + read, key(depth + 1));
                keep(at + length + read, value(depth + 1));
            }
            long dict = check(CApi.Leaf.PyDict_New());
            try {
                for (int i = 0; i < length; i++) {
                    long name = values[at + i];
                    long value = values[at + length + i];
                    values[at + i] = 0;
                    values[at + length + i] = 0;
                    put(dict, name, value);
                }
                templates.seen(slot, dict, length);
            } catch (Throwable thrown) {
                PyObjects.decref(dict);
                throw thrown;
            }
            forget(at);
            return dict;
        } catch (Throwable thrown) {
            release(at);
            throw thrown;
        }
    }

    /** Whether a value is one that the cyclic GC may have to see. */
    private static boolean isContainer(int marker) {
        return marker >= Marker.FIXMAP && marker < Marker.FIXSTR
                || marker >= Marker.ARRAY16 && marker <= Marker.MAP32
                || marker >= Marker.EXT8 && marker <= Marker.EXT32
                || marker >= Marker.FIXEXT1 && marker <= Marker.FIXEXT16;
    }

    /** Stores an owned pair. */
    void put(long dict, long key, long value) {
        int failed = foreign ? CApi.PyDict_SetItem(dict, key, value)
                : CApi.Leaf.PyDict_SetItem(dict, key, value);
        PyObjects.decref(key);
        PyObjects.decref(value);
        if (failed != 0) {
            throw PythonError.SET;
        }
    }

    private long key(int depth) {
        int marker = u8();
        if (depth >= DEPTH_LIMIT) {
            throw MsgpackFormatException.DEPTH;
        }
        if ((marker & 0xE0) == Marker.FIXSTR) {
            return keyText(marker & 0x1F);
        }
        if (marker < 0x80) {
            return check(PyLong.of(marker));
        }
        if (marker >= 0xE0) {
            return check(PyLong.of((byte) marker));
        }
        long length = strLength(marker);
        if (length >= 0) {
            return keyText(length);
        }
        length = arrayLength(marker);
        if (length >= 0) {
            return keyTuple(length, depth);
        }
        return switch (marker) {
            case Marker.NIL -> PyObjects.incref(PyObjects.NONE);
            case Marker.TRUE -> PyObjects.incref(PyObjects.TRUE);
            case Marker.FALSE -> PyObjects.incref(PyObjects.FALSE);
            case Marker.FIXEXT4, Marker.FIXEXT8, Marker.EXT8 -> {
                extLength(marker);
                u8();
                throw MsgpackFormatException.VALUE;
            }
            case Marker.FIXEXT1, Marker.FIXEXT2, Marker.FIXEXT16, Marker.EXT16, Marker.EXT32,
                    Marker.MAP16, Marker.MAP32 ->
                throw MsgpackFormatException.type(marker);
            default -> {
                if (marker < 0x90) {
                    throw MsgpackFormatException.type(marker);
                }
                yield scalar(marker);
            }
        };
    }

    private long keyTuple(long length, int depth) {
        if (length > remaining()) {
            while (true) {
                PyObjects.decref(key(depth + 1));
            }
        }
        long tuple = check(CApi.Leaf.PyTuple_New(length));
        try {
            for (long i = 0; i < length; i++) {
                PyTuple.setItem(tuple, i, key(depth + 1));
            }
        } catch (Throwable thrown) {
            PyObjects.decref(tuple);
            throw thrown;
        }
        return tuple;
    }

    /** A str that is a dict's key: short ones are shared, as ormsgpack's are. */
    long keyText(long length) {
        long data = slice(length);
        if (length == 0 || length > LONGEST_CACHED_KEY || !Utf8.isAscii(data, length)) {
            position = data;
            return text(length);
        }
        long first = length >= 8 ? Memory.getLong(data) : 0;
        long last = length >= 8 ? Memory.getLong(data + length - 8) : tail(data, length);
        long mixed = (first ^ Long.rotateLeft(last, 29) ^ length) * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 53);
        long cached = keys[slot];
        if (cached != 0) {
            if (PyUnicode.length(cached) == length
                    && Memory.equal(PyUnicode.asciiData(cached), data, length)) {
                return PyObjects.incref(cached);
            }
            PyObjects.decref(cached);
            keys[slot] = 0;
        }
        long key = check(PyUnicode.fromAscii(data, length));
        keys[slot] = PyObjects.incref(key);
        return key;
    }

    private static long tail(long data, long length) {
        long tail = 0;
        for (long i = 0; i < length; i++) {
            tail = tail << 8 | Memory.getByte(data + i) & 0xFF;
        }
        return tail;
    }

    // -- ext

    private long ext(long length) {
        int code = (byte) u8();
        require(length);
        long start = position;
        long after = start + length;
        long outerEnd = end;
        if (nesting >= NESTING_LIMIT || !revives) {
            if (leaf > 0) {
                throw PlanAbort.OBJECT;
            }
            return callHook(code, start, after);
        }
        nesting++;
        end = after;
        try {
            return nested(code, start);
        } finally {
            nesting--;
            position = after;
            end = outerEnd;
        }
    }

    /** The value of an ext whose pack lies between the position and the end. */
    private long nested(int code, long start) {
        LoadPlan plan = code >= 0 && code <= TypePlan.EXT_PYDANTIC_V2 ? planOrNull(code) : null;
        if (plan instanceof ModelLoadPlan model) {
            try {
                long made = model(model);
                if (made != 0) {
                    return made;
                }
            } catch (MsgpackFormatException malformed) {
                return malformed(malformed, code);
            }
        }
        position = start;
        if (leaf > 0) {
            throw PlanAbort.OBJECT;
        }
        if (code < 0 || code > TypePlan.EXT_DELTA_SNAPSHOT) {
            return callHook(code, start, end);
        }
        long unpacked;
        try {
            unpacked = value(0);
        } catch (MsgpackFormatException malformed) {
            return malformed(malformed, code);
        }
        if (plan instanceof CallPlan call) {
            long made = construct(call, unpacked);
            if (made != 0) {
                return made;
            }
        }
        if (plan instanceof RevivePlan call && RevivePlan.fits(unpacked)) {
            return revive(call, code, unpacked);
        }
        return revive(code, unpacked);
    }

    /** What the hook makes of a pack that {@code unpackb} refuses; what the hook itself raises goes to the pack around it. */
    private long malformed(MsgpackFormatException malformed, int code) {
        if (leaf > 0 || !effects) {
            throw malformed;
        }
        if (code == TypePlan.EXT_DELTA_SNAPSHOT) {
            throw MsgpackFormatException.HOOK;
        }
        return PyObjects.incref(PyObjects.NONE);
    }

    /** Takes the reference. */
    private long revive(RevivePlan plan, int code, long unpacked) {
        boolean gc = loads.enterPython();
        try {
            long allowed = loads.allowList().of(hook);
            if (allowed == 0) {
                CApi.PyErr_Clear();
            } else if (plan.allows(loads.allowList(), allowed)) {
                try {
                    beforeUserCode();
                    return called(plan.revive(unpacked));
                } finally {
                    PyObjects.decref(unpacked);
                }
            }
        } finally {
            loads.leavePython(gc);
        }
        return revive(code, unpacked);
    }

    /** As {@link #plan}; null where the pack ends before a name, which may be well-formed all the same. */
    private LoadPlan planOrNull(int code) {
        try {
            return plan(code);
        } catch (MsgpackFormatException noHead) {
            return null;
        }
    }

    /** Reads the head of {@code [module, name, …]}; the plan of that class with the position behind it, or null. */
    private LoadPlan plan(int code) {
        long start = position;
        if (remaining() < 4 || (Memory.getByte(start) & 0xF0) != Marker.FIXARRAY) {
            return null;
        }
        int items = u8() & 0x0F;
        long module = strLength(u8());
        if (module < 0) {
            return null;
        }
        slice(module);
        require(1);
        long name = strLength(u8());
        if (name < 0) {
            return null;
        }
        slice(name);
        return loads.plans().find(start, position - start, items, code);
    }

    /** Builds a model; 0, with nothing done, where the plan does not fit. */
    private long model(ModelLoadPlan plan) {
        int outer = reserved;
        leaf++;
        try {
            return plan.build(this);
        } catch (PlanAbort abort) {
            release(outer);
            if (leaf > 1) {
                throw abort;
            }
            return 0;
        } catch (Throwable thrown) {
            release(outer);
            throw thrown;
        } finally {
            leaf--;
        }
    }

    /** Lets Python do what the original's hook does once it has unpacked; takes the reference. */
    private long revive(int code, long unpacked) {
        boolean gc = loads.enterPython();
        long number = 0;
        try {
            beforeUserCode();
            number = check(PyLong.of(code));
            return called(CApi.call(loads.revive(), number, unpacked, hook));
        } finally {
            if (number != 0) {
                PyObjects.decref(number);
            }
            PyObjects.decref(unpacked);
            loads.leavePython(gc);
        }
    }

    /** Calls the hook with the raw bytes, as ormsgpack does. */
    private long callHook(int code, long start, long after) {
        boolean gc = loads.enterPython();
        long number = 0;
        long bytes = 0;
        try {
            beforeUserCode();
            number = check(PyLong.of(code));
            bytes = check(CApi.Leaf.PyBytes_FromStringAndSize(start, after - start));
            position = after;
            return called(CApi.call(hook, number, bytes));
        } finally {
            if (number != 0) {
                PyObjects.decref(number);
            }
            if (bytes != 0) {
                PyObjects.decref(bytes);
            }
            loads.leavePython(gc);
        }
    }

    private void beforeUserCode() {
        if (!effects && Greenlets.possible()) {
            throw Decline.CALL;
        }
        loads.countRevival();
        foreign = true;
        effects = true;
    }

    /** Whatever a hook raises becomes ormsgpack's own error. */
    private static long called(long reference) {
        if (reference == 0) {
            CApi.PyErr_Clear();
            throw MsgpackFormatException.HOOK;
        }
        return reference;
    }

    /** Calls a class of the standard library; owned, and then {@code unpacked} is given back, or 0 where it did not work. */
    private long construct(CallPlan plan, long unpacked) {
        if (!plan.fits(unpacked)) {
            return 0;
        }
        long payload = PyList.item(unpacked, 2);
        boolean gc = loads.enterPython();
        long made;
        try {
            if (plan.spreads()) {
                long tuple = tuple(payload);
                made = CApi.PyObject_Call(plan.callable(), tuple, 0);
                PyObjects.decref(tuple);
            } else {
                made = CApi.call(plan.callable(), payload);
            }
            if (made == 0) {
                boolean ordinary = CApi.PyErr_ExceptionMatches(CApi.PyExc_Exception);
                CApi.PyErr_Clear();
                if (!ordinary) {
                    PyObjects.decref(unpacked);
                    effects = true;
                    throw MsgpackFormatException.HOOK;
                }
                return 0;
            }
        } finally {
            loads.leavePython(gc);
        }
        PyObjects.decref(unpacked);
        return made;
    }

    private static long tuple(long list) {
        long size = PyList.size(list);
        long tuple = check(CApi.Leaf.PyTuple_New(size));
        for (long i = 0; i < size; i++) {
            PyTuple.setItem(tuple, i, PyObjects.incref(PyList.item(list, i)));
        }
        return tuple;
    }

    // -- what shapes and plans use

    /** Makes room for {@code count} owned references in {@link #values}. */
    int reserve(int count) {
        int at = reserved;
        reserved += count;
        if (reserved > values.length) {
            values = java.util.Arrays.copyOf(values, 2 * reserved);
        }
        java.util.Arrays.fill(values, at, reserved, 0);
        return at;
    }

    /**
     * Keeps an owned reference in a reserved slot. A call of its own: reading the reference may put a larger array in the place of
     * {@code values}, and {@code values[slot] = read()} would store into the old one.
     */
    void keep(int slot, long reference) {
        values[slot] = reference;
    }

    /** What {@link #keep} was given. */
    long kept(int slot) {
        return values[slot];
    }

    /** Forgets the references from {@code at}, which were given away. */
    void forget(int at) {
        reserved = at;
    }

    /** Gives the references from {@code at} back. */
    void release(int at) {
        for (int i = at; i < reserved; i++) {
            if (values[i] != 0) {
                PyObjects.decref(values[i]);
            }
        }
        reserved = at;
    }

    long strHead() {
        return strLength(u8());
    }

    long listHead() {
        return arrayLength(u8());
    }

    long mapHead() {
        return mapLength(u8());
    }

    long left() {
        return remaining();
    }

    /** Whether the next bytes are these; they are taken then. */
    boolean take(long packed, int length) {
        if (remaining() >= length && Memory.equal(position, packed, length)) {
            position += length;
            return true;
        }
        return false;
    }

    /** Copy of a dict, whose values the caller replaces. */
    static long copyDict(long template) {
        return check(CApi.Leaf.PyDict_Copy(template));
    }

    /** Replaces the value of an entry of a copied template by an owned one. */
    static void fill(long entry, long value) {
        long old = PyDict.entryValue(entry);
        PyDict.setEntryValue(entry, value);
        PyObjects.decref(old);
    }
}
