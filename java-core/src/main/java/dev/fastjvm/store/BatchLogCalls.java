package dev.fastjvm.store;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.Gil;
import dev.fastjvm.cpython.Interpreter;
import dev.fastjvm.cpython.PyList;
import dev.fastjvm.cpython.PyLong;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyTuple;
import dev.fastjvm.log.LogRecord;
import dev.fastjvm.log.SegmentedLog;
import dev.fastjvm.memory.Memory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The operations of {@link BatchLogBuiltin}; they drop the GIL, one handle is used by one thread at a time. */
final class BatchLogCalls {
    private static final int OPEN = 0;
    private static final int APPEND = 1;
    private static final int SCAN = 2;
    private static final int LAST = 3;
    // as KeyedLogCalls has them
    private static final int LOCK = 6;
    private static final int UNLOCK = 7;
    private static final int FORCE = 8;
    private static final int CLOSE = 9;

    /** The kind of a dataset's records. */
    private static final int BATCH = 16;

    private static final OpenLogs<SegmentedLog> OPENED = new OpenLogs<>(SegmentedLog::open);

    private BatchLogCalls() {}

    /** Does one operation; its arguments are borrowed and were checked by Python. */
    static long call(int operation, long args) {
        try {
            if (operation == OPEN) {
                return OPENED.open(args);
            }
            int handle = (int) Arguments.number(args, 0);
            SegmentedLog log = OPENED.get(handle);
            if (log == null) {
                throw new IOException("the log is closed");
            }
            switch (operation) {
                case APPEND -> {
                    return append(log, args);
                }
                case SCAN -> {
                    return scan(log, args);
                }
                case LAST -> {
                    return PyLong.of(log.last());
                }
                case LOCK -> Gil.without(log::lock);
                case UNLOCK -> log.unlock();
                case FORCE -> Gil.without(log::force);
                case CLOSE -> {
                    OPENED.forget(handle);
                    Gil.without(log::close);
                }
                default -> throw new IllegalArgumentException();
            }
            return PyObjects.incref(PyObjects.NONE);
        } catch (Exception | InternalError e) {
            return LogErrors.text(e);
        }
    }

    /** Appends one record of pieces, each an address and a size in bytes; returns its position. */
    private static long append(SegmentedLog log, long args) throws IOException {
        MemorySegment[] pieces = new MemorySegment[(int) Arguments.number(args, 1)];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = Memory.segment(Arguments.number(args, 2 + 2 * i),
                    Arguments.number(args, 3 + 2 * i));
        }
        long[] position = new long[1];
        Gil.without(() -> position[0] = log.appendAligned(BATCH, pieces));
        return PyLong.of(position[0]);
    }

    /**
     * Reads on behind a position, so many records at most, and looks at their checksums: a list of (position, bytes), of
     * (position, -bytes) for damage.
     */
    private static long scan(SegmentedLog log, long args) throws IOException {
        long after = Arguments.number(args, 1);
        long limit = Arguments.number(args, 2);
        List<long[]> found = new ArrayList<>();
        Gil.without(() -> log.scan(after, new SegmentedLog.Visitor() {
            @Override
            public void record(LogRecord record) {
                found.add(new long[] {record.position(), record.payload().byteSize()});
            }

            @Override
            public void damage(long position, long bytes) {
                found.add(new long[] {position, -bytes});
            }

            @Override
            public boolean more() {
                return found.size() < limit;
            }
        }));
        boolean gc = Interpreter.pauseGc();
        try {
            long made = CApi.Leaf.PyList_New(found.size());
            for (int i = 0; i < found.size(); i++) {
                long[] each = found.get(i);
                PyList.setItem(made, i, PyTuple.of(PyLong.of(each[0]), PyLong.of(each[1])));
            }
            return made;
        } finally {
            Interpreter.resumeGc(gc);
        }
    }
}
