package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyBytes;
import dev.fastjvm.cpython.PyFunction;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;
import dev.fastjvm.msgpack.Marker;

/**
 * The builtin {@code langgraph_loads(data, ext_hook)}: {@code ormsgpack.unpackb} with a hook of {@code _create_msgpack_ext_hook}.
 *
 * <p>Representation: one pass over the bytes, nested packs in place, where the original makes a bytes object and re-enters
 * Python for each ext. Messages are built without their constructor when their fields need no coercion. Declines data that is
 * not exact bytes and all that is malformed. GIL: held throughout; on CPython 3.10 and 3.11, where any allocation may start
 * the cyclic GC, it is off while Java allocates, and as it was while Python code runs.
 */
public final class Loads extends Builtin {
    /** So many scalars at the start of a list stand for all of it. */
    private static final int LOOK = 8;

    /** Scalars after which maps of long texts are taken to hold nothing else. */
    private static final int FAR = 64;

    /** Bytes a scalar from which on a pack is all copying. */
    private static final long LONG_TEXT = 128;

    private DictGuards guards;
    private long describe;
    private long revive;
    private long hookCode;
    private LoadPlans plans;
    private AllowList allowList;
    private Decoder idle;
    private int epoch;

    public Loads() {
        super("langgraph_loads",
                "langgraph_loads($module, data, ext_hook, /)\n--\n\nDecode as ormsgpack.unpackb does; NotImplemented is a decline.");
    }

    /** Takes what Python set up, see {@code fast_langgraph._codec.prepare}. */
    void configure(Dumps.Settings settings) {
        describe = PyObjects.incref(settings.get("describe_load"));
        revive = PyObjects.incref(settings.get("revive"));
        hookCode = PyObjects.incref(settings.get("hook_code"));
        guards = new DictGuards(settings.list("loads_guards"));
        allowList = new AllowList(settings.get("allowed_modules"), settings.get("warned"),
                settings.get("listeners"));
        plans = new LoadPlans(this);
        idle = new Decoder(this);
    }

    @Override
    protected long call(long args, long nargs) {
        long data = Memory.getLong(args);
        if (nargs != 2 || plans == null || PyObjects.type(data) != PyBytes.TYPE || !mayGain(data)
                || !guards.hold()) {
            return decline();
        }
        long hook = Memory.getLong(args + 8);
        Decoder decoder = idle;
        idle = null;
        if (decoder == null) {
            decoder = new Decoder(this);
        }
        epoch++;
        boolean gc = Interpreter.pauseGc();
        try {
            boolean revives =
                    PyObjects.type(hook) == PyFunction.TYPE && PyFunction.code(hook) == hookCode;
            return decoder.decode(PyBytes.data(data), PyBytes.length(data), hook, revives);
        } finally {
            Interpreter.resumeGc(gc);
            if (idle == null) {
                idle = decoder;
            } else {
                decoder.free();
            }
        }
    }

    /**
     * Whether the first items show an object, or a map of short values: ormsgpack's vector instructions and its shorter way to the
     * constructors make long texts, and lists of scalars alone, sooner.
     */
    private static boolean mayGain(long bytes) {
        long start = PyBytes.data(bytes);
        long end = start + PyBytes.length(bytes);
        boolean maps = false;
        int scalars = 0;
        int run = 0;
        long at = start;
        while (at < end && scalars < FAR) {
            int marker = Memory.getByte(at) & 0xFF;
            if (isArray(marker)) {
                at += marker == Marker.ARRAY16 ? 3 : marker == Marker.ARRAY32 ? 5 : 1;
                run = 0;
            } else if (isMap(marker)) {
                at += marker == Marker.MAP16 ? 3 : marker == Marker.MAP32 ? 5 : 1;
                maps = true;
            } else {
                long size = scalarSize(marker, at, end);
                if (size < 0) {
                    return isExt(marker);
                }
                at += size;
                scalars += maps ? 1 : 0;
                if (++run == LOOK && !maps) {
                    return false;
                }
                if (scalars >= LOOK && at - start < LONG_TEXT * scalars) {
                    return true;
                }
            }
        }
        return maps && at - start < LONG_TEXT * Math.max(scalars, 1);
    }

    private static boolean isMap(int marker) {
        return marker >= Marker.FIXMAP && marker < Marker.FIXARRAY || marker == Marker.MAP16
                || marker == Marker.MAP32;
    }

    private static boolean isExt(int marker) {
        return marker >= Marker.EXT8 && marker <= Marker.EXT32
                || marker >= Marker.FIXEXT1 && marker <= Marker.FIXEXT16;
    }

    private static boolean isArray(int marker) {
        return marker >= Marker.FIXARRAY && marker < Marker.FIXSTR || marker == Marker.ARRAY16
                || marker == Marker.ARRAY32;
    }

    /** Bytes of the number, constant, str or bin at an address, its marker among them; -1 for other values. */
    private static long scalarSize(int marker, long at, long end) {
        if (marker < 0x80 || marker >= 0xE0) {
            return 1;
        }
        if (marker >= Marker.FIXSTR && marker < Marker.NIL) {
            return 1 + (marker & 0x1F);
        }
        return switch (marker) {
            case Marker.NIL, Marker.TRUE, Marker.FALSE -> 1;
            case Marker.UINT8, Marker.INT8 -> 2;
            case Marker.UINT16, Marker.INT16 -> 3;
            case Marker.UINT32, Marker.INT32, Marker.FLOAT32 -> 5;
            case Marker.UINT64, Marker.INT64, Marker.FLOAT64 -> 9;
            case Marker.STR8, Marker.BIN8 -> at + 1 < end ? 2 + (Memory.getByte(at + 1) & 0xFF) : 2;
            case Marker.STR16, Marker.BIN16 ->
                at + 2 < end ? 3 + (Short.reverseBytes(Memory.getShort(at + 1)) & 0xFFFF) : 3;
            case Marker.STR32, Marker.BIN32 ->
                at + 4 < end ? 5 + (Integer.reverseBytes(Memory.getInt(at + 1)) & 0xFFFFFFFFL) : 5;
            default -> -1;
        };
    }

    LoadPlans plans() {
        return plans;
    }

    AllowList allowList() {
        return allowList;
    }

    /** Changes at each call and whenever Python code ran. */
    int epoch() {
        return epoch;
    }

    /** {@code _plans.describe_load(head, code)}. */
    long describe() {
        return describe;
    }

    /** {@code _codec.revive(code, unpacked, hook)}. */
    long revive() {
        return revive;
    }

    void countRevival() {
        countCallback();
    }

    /** Called before Python code runs; answers what {@link #leavePython} takes. */
    boolean enterPython() {
        return Interpreter.enterPython();
    }

    void leavePython(boolean token) {
        epoch++;
        Interpreter.leavePython(token);
    }
}
