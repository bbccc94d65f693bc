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

    /** Whether the pack is more than one number, str or bin, which ormsgpack's vector instructions make sooner. */
    private static boolean mayGain(long data) {
        if (PyBytes.length(data) == 0) {
            return false;
        }
        int marker = Memory.getByte(PyBytes.data(data)) & 0xFF;
        return marker >= Marker.FIXMAP && marker < Marker.FIXSTR
                || marker >= Marker.EXT8 && marker <= Marker.EXT32
                || marker >= Marker.FIXEXT1 && marker <= Marker.FIXEXT16
                || marker >= Marker.ARRAY16 && marker <= Marker.MAP32;
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
