package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.Builtin;
import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Decline;
import dev.fastjvm.cpython.DictGuards;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.memory.Memory;

/**
 * The builtin {@code langgraph_dumps(obj)}: {@code _msgpack_enc} of {@code langgraph.checkpoint.serde.jsonplus}.
 *
 * <p>Representation: one walk over the object's memory that writes the final bytes, nested packs included, where the original
 * builds a Python tuple and a bytes object for each object that is not plain data. Declines where {@link #configure} was not
 * called, where a function it stands for was replaced in its module, and where nothing of the value can be done here.
 * Threads: the GIL serializes calls, but a callback may let another thread or a nested call in, so an encoder in use is taken
 * out of its place.
 */
public final class Dumps extends Builtin {
    private DictGuards guards;
    private long describe;
    private long fallback;
    private long keyFallback;
    private TypePlans plans;
    private Encoder idle;
    private Encoder warm;

    public Dumps() {
        super("langgraph_dumps",
                "langgraph_dumps($module, obj, /)\n--\n\nEncode as _msgpack_enc does; NotImplemented is a decline.");
    }

    /** Takes what Python set up, see {@code fast_langgraph._codec.prepare}. */
    void configure(long describe, long fallback, long keyFallback, long guards) {
        this.describe = PyObjects.incref(describe);
        this.fallback = PyObjects.incref(fallback);
        this.keyFallback = PyObjects.incref(keyFallback);
        this.guards = new DictGuards(guards);
        plans = new TypePlans(this);
        idle = new Encoder(this, plans, false);
        warm = new Encoder(this, plans, true);
    }

    @Override
    protected long call(long args, long nargs) {
        if (nargs != 1 || plans == null || !guards.hold()) {
            throw Decline.CALL;
        }
        Encoder encoder = idle;
        idle = null;
        if (encoder == null) {
            encoder = new Encoder(this, plans, false);
        }
        try {
            return encoder.encode(Memory.getLong(args));
        } finally {
            if (idle == null) {
                idle = encoder;
            } else {
                encoder.free();
            }
        }
    }

    @Override
    public long warm(long sample) {
        if (warm == null) {
            return 0;
        }
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 200; i++) {
            long start = System.nanoTime();
            warm.dryRun(sample);
            best = Math.min(best, System.nanoTime() - start);
        }
        return best;
    }

    /** {@code _plans.describe(cls)}. */
    long describe() {
        return describe;
    }

    /** {@code _codec.encode(obj, depth)}. */
    long fallback() {
        return fallback;
    }

    /** {@code _codec.encode_key(key, depth)}. */
    long keyFallback() {
        return keyFallback;
    }

    long callBack(long callable, long object, long depth) {
        countCallback();
        return CApi.call(callable, object, depth);
    }

    /** The builtin {@code langgraph_configure(settings)}. */
    public static final class Configure extends Builtin {
        private final Dumps dumps;
        private final Loads loads;

        public Configure(Dumps dumps, Loads loads) {
            super("langgraph_configure",
                    "langgraph_configure($module, settings, /)\n--\n\nSet up the codec.");
            this.dumps = dumps;
            this.loads = loads;
        }

        @Override
        protected long call(long args, long nargs) {
            long settings = Memory.getLong(args);
            if (nargs != 1 || PyObjects.type(settings) != PyDict.TYPE) {
                throw Decline.CALL;
            }
            Settings read = new Settings(settings);
            dumps.configure(read.get("describe"), read.get("encode"), read.get("encode_key"),
                    read.list("dumps_guards"));
            loads.configure(read);
            return PyObjects.incref(PyObjects.NONE);
        }
    }

    /** A dict with str keys. */
    record Settings(long dict) {
        /** The value, borrowed; throws IllegalArgumentException where it is missing. */
        long get(String name) {
            long key = dev.fastjvm.cpython.PyUnicode.of(name);
            try {
                long value = CApi.Leaf.PyDict_GetItemWithError(dict, key);
                if (value == 0) {
                    throw new IllegalArgumentException(name);
                }
                return value;
            } finally {
                PyObjects.decref(key);
            }
        }

        long list(String name) {
            long list = get(name);
            if (PyObjects.type(list) != PyList.TYPE) {
                throw new IllegalArgumentException(name);
            }
            return list;
        }
    }
}
