package dev.fastjvm.log;

import static dev.fastjvm.log.KeyedLog.BASE_AT;
import static dev.fastjvm.log.KeyedLog.BEFORE_AT;
import static dev.fastjvm.log.KeyedLog.BEHIND_AT;
import static dev.fastjvm.log.KeyedLog.BYTE;
import static dev.fastjvm.log.KeyedLog.DEPTH_AT;
import static dev.fastjvm.log.KeyedLog.ENTRY;
import static dev.fastjvm.log.KeyedLog.INT;
import static dev.fastjvm.log.KeyedLog.KEY_AT;
import static dev.fastjvm.log.KeyedLog.LIST_AT;
import static dev.fastjvm.log.KeyedLog.LONG;
import static dev.fastjvm.log.KeyedLog.NONE;
import static dev.fastjvm.log.KeyedLog.OF_LIST;
import static dev.fastjvm.log.KeyedLog.PREVIOUS_AT;
import static dev.fastjvm.log.KeyedLog.RUN_AT;
import static dev.fastjvm.log.KeyedLog.RUN_FROM_AT;
import static dev.fastjvm.log.KeyedLog.TEXT_AT;

import dev.fastjvm.log.KeyedLog.Hash;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntSupplier;

/**
 * Gives the room of removed and replaced values back: what is live in a segment that holds such is written anew at the
 * log's end, and the segment's file is removed.
 *
 * <p>What moves: a list as a whole, from its first record in such a segment on, so that later records stay behind earlier
 * ones, and a value that is a reference to its forerunner has that one before it. Copies alone say nothing. One record
 * of {@link KeyedLog#ENTRIES} behind them does: from it on the index names the copies. Until then, and if the process
 * is killed, the old records count. A copy keeps the position it was put at: a reader that walks the old records knows
 * by it a value that was moved from one that was replaced.
 *
 * <p>Steps: each takes the folder's lock, moves some lists and gives it back, so that writers wait for a step. The disk has
 * the copies before the entries are written, and these before a file is removed. Files are removed in their order: what
 * says that a key was removed is never gone before what says that it was put.
 *
 * <p>A list leaves what is not needed any more in segments that held nothing such before: they are emptied next. So one
 * run writes no more anew than is live.
 *
 * <p>A segment whose records cannot all be read stays as long as a key needs one of them.
 */
final class Compaction {
    /** Below so many bytes that are not needed it does not begin by itself. */
    private static final long WORTH = 8L << 20;
    /** A step ends behind so many bytes or copies. */
    private static final long STEP_BYTES = 4L << 20;
    private static final int STEP_COPIES = 1500;
    /** A list of more records is remembered when it was looked through. */
    private static final int MANY = 64;
    /** A step that reads alone ends behind so much time. */
    private static final long STEP_NS = 5_000_000;
    /** Between two steps it leaves the lock to writers, for half of what a step took, so long at least and at most. */
    private static final long SHORTEST_PAUSE_MS = 1;
    private static final long LONGEST_PAUSE_MS = 50;

    private final KeyedLog keyed;
    private final SegmentedLog log;
    private final MappedIndex index;
    private Thread running;
    /** Does not begin by itself before this much is not needed: the last time, some could not be given back. */
    private long worth = WORTH;

    /** The segments that are emptied. */
    private final Set<Integer> emptied = new HashSet<>();
    /** The other ones that something was moved from. */
    private final Set<Integer> left = new HashSet<>();
    /** The newest segment when it began. */
    private int newest;
    /** Copies behind this position were made since the segments were chosen: the list before them is done. */
    private long begun;
    /** Lists that are done and have many records before the first such copy. */
    private final Set<Hash> done = new HashSet<>();
    /** Records that have parts in a segment before theirs, by that segment. */
    private final Map<Integer, Longs> reaching = new HashMap<>();
    private final Set<Long> parts = new HashSet<>();
    private final Set<Long> partsOfRecords = new HashSet<>();
    private final Set<Integer> damaged = new TreeSet<>();
    private Longs entries = new Longs();
    private int copiedFrom;
    private long copied;
    private long written;

    Compaction(KeyedLog keyed, SegmentedLog log, MappedIndex index) {
        this.keyed = keyed;
        this.log = log;
        this.index = index;
    }

    /** Begins in a thread of its own where that is worth it. */
    synchronized void begin() throws IOException {
        long dead = index.dead();
        if (running != null || dead < worth || 2 * dead < index.used()) {
            return;
        }
        running = new Thread(this::alone, "fast-jvm compaction");
        running.setDaemon(true);
        running.setContextClassLoader(Compaction.class.getClassLoader());
        try {
            running.start();
        } catch (OutOfMemoryError e) {
            running = null; // the process may have no more threads
        }
    }

    private void alone() {
        try (FolderLock only = only()) {
            if (only.tryLock()) { // else another process is at it
                try {
                    compact();
                } finally {
                    only.unlock();
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            // closed, no room, or damage: nothing is lost, and who calls compact is told
        } finally {
            ended();
        }
    }

    private synchronized void ended() {
        running = null;
        try {
            worth = Math.max(WORTH, 2 * index.dead()); // what could not be given back is no reason to begin again
        } catch (IOException | RuntimeException e) {
            worth = Long.MAX_VALUE;
        }
    }

    private FolderLock only() throws IOException {
        return new FolderLock(log.folder().resolve("compaction"));
    }

    /** Compacts the log; waits for one that is running. */
    long run() throws IOException {
        if (log.locked()) {
            throw new IOException("a log is not compacted amid a batch");
        }
        try (FolderLock only = only()) {
            only.lock();
            try {
                return compact();
            } finally {
                only.unlock();
            }
        }
    }

    private long compact() throws IOException {
        emptied.clear();
        left.clear();
        reaching.clear();
        parts.clear();
        partsOfRecords.clear();
        damaged.clear();
        entries = new Longs();
        copied = 0;
        written = 0;
        long given = 0;
        try {
            choose();
            while (!emptied.isEmpty()) {
                done.clear();
                step(() -> begun = log.last());
                for (int segment : new TreeSet<>(emptied)) {
                    given += empty(segment);
                }
                emptied.clear(); // what lists left behind in others is not needed there any more
                emptied.addAll(left);
                left.clear();
                whole();
            }
        } finally {
            reaching.clear();
            parts.clear();
            partsOfRecords.clear();
            done.clear();
        }
        if (!damaged.isEmpty()) {
            throw new IOException("damaged records are still asked for, their segments stay: "
                    + damaged);
        }
        return given - written;
    }

    /** A step that needs the lock. */
    private interface Step {
        void run() throws IOException;
    }

    private void step(Step step) throws IOException {
        keyed.lock();
        long start = System.nanoTime();
        try {
            step.run();
        } finally {
            keyed.unlock();
        }
        long half = (System.nanoTime() - start) / 2_000_000;
        try {
            Thread.sleep(Math.clamp(half, SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    // -- which segments

    private void choose() throws IOException {
        int[] last = {-1};
        look(log::current, found -> {
            last[0] = log.current();
            if (found) {
                log.roll();
            }
            if (found || !log.has(last[0])) {
                keyed.enter(MemorySegment.NULL); // the queue's newest file has to stay
            }
        });
        for (int segment : log.present()) {
            if (segment < last[0]) {
                look(() -> segment, found -> {});
            }
        }
        newest = last[0];
        parts.removeAll(partsOfRecords); // a writer was killed before it wrote their record
        parts.forEach(part -> emptied.add(SegmentedLog.segment(part)));
        emptied.removeIf(segment -> segment >= log.current());
        whole();
    }

    /** Adds to the segments that are emptied those that have parts of their records, and the other way round. */
    private void whole() {
        for (boolean more = true; more;) {
            more = false;
            for (var each : reaching.entrySet()) {
                for (long record : each.getValue().all()) {
                    int segment = SegmentedLog.segment(record);
                    if (emptied.contains(segment) != emptied.contains(each.getKey())) {
                        more |= emptied.add(segment) | emptied.add(each.getKey());
                    }
                }
            }
        }
    }

    /** What is done in the last step of a look, with what it found. */
    private interface Found {
        void end(boolean found) throws IOException;
    }

    /** Looks whether a segment holds something that is not needed. */
    private void look(IntSupplier which, Found then) throws IOException {
        Look[] look = {null};
        for (boolean[] more = {true}; more[0];) {
            step(() -> {
                int segment = which.getAsInt();
                if (look[0] == null || look[0].segment != segment) { // a writer began another one meanwhile
                    look[0] = new Look(segment);
                }
                more[0] = look[0].on();
                if (!more[0]) {
                    if (look[0].found) {
                        emptied.add(segment);
                    }
                    then.end(look[0].found);
                }
            });
        }
    }

    /** A scan of a segment in steps. */
    private abstract class Scan implements SegmentedLog.Visitor {
        final int segment;
        private long from;
        private int told;
        private long start;
        private boolean stopped;

        Scan(int segment) {
            this.segment = segment;
        }

        /** Visits a step's worth; whether there is more. */
        boolean on() throws IOException {
            start = System.nanoTime();
            stopped = false;
            if (log.has(segment)) {
                from = log.scan(segment, from, this);
            }
            return stopped;
        }

        @Override
        public boolean more() {
            stopped = ++told % 64 == 0 && System.nanoTime() - start > STEP_NS;
            return !stopped;
        }
    }

    private final class Look extends Scan {
        private boolean found;

        Look(int segment) {
            super(segment);
        }

        @Override
        public void record(LogRecord record) throws IOException {
            found = found || !needed(record);
        }

        @Override
        public void damage(long position, long bytes) {
            found = true;
        }

        @Override
        public void part(long position) {
            parts.add(position);
        }

        @Override
        public void parts(long position, long[] of) {
            for (long part : of) {
                partsOfRecords.add(part);
                int in = SegmentedLog.segment(part);
                if (in != segment) {
                    reaching.computeIfAbsent(in, ignored -> new Longs()).add(position);
                    found |= segment == log.current(); // else it could not move with its parts
                }
            }
        }
    }

    /**
     * Whether a record says what still holds. Entries do unless a key or list of theirs is gone: what says so may go before
     * them. One that is elsewhere now is said to be there by a later record.
     */
    private boolean needed(LogRecord record) throws IOException {
        MemorySegment payload = record.payload();
        switch (record.kind()) {
            case KeyedLog.PUT, KeyedLog.MOVED -> {
                return keyed.find(KeyedLog.hash(KeyedLog.text(payload, 0, KEY_AT))) == record
                        .position();
            }
            case KeyedLog.ENTRIES -> {
                for (long at = 0; at < payload.byteSize(); at += ENTRY) {
                    if (payload.get(LONG, at + 16) >= 0 && keyed.find(hash(payload, at)) < 0) {
                        return false;
                    }
                }
                return true;
            }
            default -> {
                return false;
            }
        }
    }

    /** Whether the index says what an entry says. */
    private boolean says(MemorySegment entry, long at) throws IOException {
        return keyed.find(hash(entry, at)) == (entry.get(LONG, at + 16) & ~OF_LIST);
    }

    private static Hash hash(MemorySegment entries, long at) {
        return new Hash(entries.get(LONG, at), entries.get(LONG, at + 8));
    }

    // -- emptying one

    /** Moves what is live out of a segment and removes its file; returns the bytes it had. */
    private long empty(int segment) throws IOException {
        Content content = new Content(segment);
        for (boolean[] more = {true}; more[0];) {
            step(() -> more[0] = content.on());
        }
        step(content::reaching);
        for (int[] next = {0}; next[0] < content.lists.size();) {
            step(() -> {
                begin(log.current());
                while (next[0] < content.lists.size() && !full()) {
                    content.whole &= moved(content.lists.get(next[0]++));
                }
                commit();
            });
        }
        for (int[] next = {0}; next[0] < content.alone.size();) {
            step(() -> {
                begin(log.current());
                while (next[0] < content.alone.size() && !full()) {
                    moveAlone(content.alone.get(next[0]++));
                }
                commit();
            });
        }
        long[] given = {0};
        step(() -> {
            begin(log.current());
            Longs kept = content.kept;
            for (int i = 0; i < kept.size(); i += 3) {
                if (index.get(kept.get(i), kept.get(i + 1)) == (kept.get(i + 2) & ~OF_LIST)) {
                    entries.add(kept.get(i), kept.get(i + 1), kept.get(i + 2));
                }
            }
            commit();
            if (!content.whole
                    || index.any(position -> SegmentedLog.segment(position) == segment)) {
                damaged.add(segment);
                keep(segment);
                return;
            }
            log.forceFrom(copiedFrom); // the entries
            index.removed(content.last, content.bytes);
            log.remove(segment);
            given[0] = content.end;
        });
        return given[0];
    }

    /** What is to be done for a segment that is emptied. */
    private final class Content extends Scan {
        /** One record of each list. */
        private final Longs lists = new Longs();
        /** Records of no list. */
        private final Longs alone = new Longs();
        /** Entries of what lies elsewhere. */
        private final Longs kept = new Longs();
        private final Set<Hash> seen = new HashSet<>();
        /** Whether all of it could be moved. */
        private boolean whole = true;
        private long last;
        private long end;
        private long bytes;

        Content(int segment) {
            super(segment);
        }

        @Override
        public void record(LogRecord record) throws IOException {
            long size = log.size(record.position());
            last = SegmentedLog.offset(record.position());
            end = last + size;
            bytes += size;
            note(record);
        }

        @Override
        public void damage(long position, long some) {
            // if a key needs it, the segment stays
        }

        /** Notes the records of other segments that have parts in this one. */
        private void reaching() throws IOException {
            seen.clear();
            if (!reaching.containsKey(segment)) {
                return;
            }
            for (long position : reaching.get(segment).all()) {
                try (Arena memory = Arena.ofConfined()) {
                    note(log.read(position, memory));
                } catch (CorruptRecordException e) {
                    whole = false;
                }
            }
        }

        private void note(LogRecord record) throws IOException {
            MemorySegment payload = record.payload();
            if (KeyedLog.isValue(record)) {
                byte[] list = KeyedLog.text(payload, 1, LIST_AT);
                if (list.length == 0) {
                    if (needed(record)) {
                        alone.add(record.position());
                    }
                } else if (seen.add(KeyedLog.list(list))) {
                    lists.add(record.position());
                }
            } else if (record.kind() == KeyedLog.ENTRIES) {
                for (long at = 0; at < payload.byteSize(); at += ENTRY) {
                    long position = payload.get(LONG, at + 16);
                    if (position >= 0 && says(payload, at)
                            && !emptied.contains(SegmentedLog.segment(position & ~OF_LIST))) {
                        kept.add(payload.get(LONG, at), payload.get(LONG, at + 8), position);
                    }
                }
            }
        }
    }

    /** Notes anew what is removed of a segment that stays: the segments that say so may go; needs the lock. */
    private void keep(int segment) throws IOException {
        begin(log.current());
        log.scan(segment, 0, new SegmentedLog.Visitor() {
            @Override
            public void record(LogRecord record) throws IOException {
                MemorySegment payload = record.payload();
                if (KeyedLog.isValue(record)) {
                    gone(KeyedLog.hash(KeyedLog.text(payload, 0, KEY_AT)));
                    gone(KeyedLog.list(KeyedLog.text(payload, 1, LIST_AT)));
                } else if (record.kind() == KeyedLog.ENTRIES) {
                    for (long at = 0; at < payload.byteSize(); at += ENTRY) {
                        gone(hash(payload, at));
                    }
                }
            }

            private void gone(Hash hash) throws IOException {
                if (keyed.find(hash) < 0) {
                    entries.add(hash.high(), hash.low(), KeyedLog.GONE);
                }
            }

            @Override
            public void damage(long position, long bytes) {
                // it says nothing when it is read again
            }
        });
        commit();
    }

    private void begin(int segment) {
        entries = new Longs();
        copied = 0;
        copiedFrom = segment;
    }

    private boolean full() {
        return copied >= STEP_BYTES || entries.size() >= 3 * STEP_COPIES;
    }

    /** Makes the copies of a step count. */
    private void commit() throws IOException {
        if (entries.size() == 0) {
            return;
        }
        log.forceFrom(copiedFrom); // before what names them
        long[] all = entries.all();
        try (Arena memory = Arena.ofConfined()) {
            MemorySegment payload = memory.allocate(8L * all.length, 8);
            MemorySegment.copy(all, 0, payload, LONG, 0, all.length);
            keyed.enter(payload);
            written += payload.byteSize();
        }
        entries = new Longs();
    }

    /** Moves a value that is in no list. */
    private void moveAlone(long position) throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            LogRecord record = log.read(position, memory);
            if (needed(record)) {
                copy(record, new Last(NONE, 0, null), memory);
            }
        }
    }

    /** The record before a copy in its list: its position, the length of its chain, its value or null if not read. */
    private record Last(long position, int depth, MemorySegment value) {}

    /** Moves the list of a record; whether it could be read. */
    private boolean moved(long member) throws IOException {
        int before = entries.size();
        try {
            move(member);
            return true;
        } catch (CorruptRecordException e) {
            entries.cut(before);
            return false;
        }
    }

    /** Moves the list of a record, from its first one in a segment that is emptied on. */
    private void move(long member) throws IOException {
        byte[] list;
        try (Arena memory = Arena.ofConfined()) {
            list = KeyedLog.text(log.read(member, memory).payload(), 1, LIST_AT);
        }
        Hash name = KeyedLog.list(list);
        if (done.contains(name)) {
            return;
        }
        Longs chain = new Longs();
        int first = -1;
        for (long position = keyed.find(name); position >= 0;) {
            if (emptied.contains(SegmentedLog.segment(position))) {
                first = chain.size();
            }
            chain.add(position);
            try (Arena memory = Arena.ofConfined()) {
                LogRecord record = keyed.ofList(list, position, memory);
                if (record.kind() == KeyedLog.MOVED && position > begun) {
                    break;
                }
                position = record.payload().get(LONG, PREVIOUS_AT);
            }
        }
        if (chain.size() > MANY) {
            done.add(name);
        }
        if (first < 0) {
            return;
        }
        Last last = new Last(first + 1 < chain.size() ? chain.get(first + 1) : NONE, 0, null);
        try (Turns memory = new Turns()) {
            for (int i = first; i >= 0; i--) {
                LogRecord record = log.read(chain.get(i), memory.next());
                int segment = SegmentedLog.segment(record.position());
                if (segment < newest && !emptied.contains(segment)) {
                    left.add(segment);
                }
                if (needed(record)) {
                    last = copy(record, last, memory.now());
                } else {
                    memory.back();
                }
            }
        }
        if (last.position == NONE) {
            keyed.untrim(name);
        }
        entries.add(name.high(), name.low(),
                last.position == NONE ? KeyedLog.LIST_GONE : last.position | OF_LIST);
    }

    /** Appends a copy of a value behind the last of its list. */
    private Last copy(LogRecord record, Last before, Arena memory) throws IOException {
        MemorySegment from = record.payload();
        MemorySegment value = keyed.data(from, memory);
        Last last = before;
        long runFrom = 0;
        long start = 0;
        long run = 0;
        if (from.get(LONG, BASE_AT) != NONE && before.position != NONE) {
            if (before.value == null) {
                MemorySegment payload = log.read(before.position, memory).payload();
                last = new Last(before.position, payload.get(INT, DEPTH_AT),
                        keyed.data(payload, memory));
            }
            runFrom = KeyedLog.arrayHead(last.value);
            start = KeyedLog.arrayHead(value);
            run = KeyedLog.common(last.value, runFrom, value, start);
            if (run < KeyedLog.SHORTEST_RUN || 2 * run < value.byteSize()
                    || last.depth >= KeyedLog.DEEPEST) {
                run = 0;
            }
        }
        long lead = run == 0 ? value.byteSize() : start;
        long tail = run == 0 ? 0 : value.byteSize() - start - run;
        long texts = KeyedLog.dataAt(from) - TEXT_AT;
        int depth = run == 0 ? 0 : last.depth + 1;
        MemorySegment to = memory.allocate(TEXT_AT + texts + lead + tail + 8, 8);
        MemorySegment.copy(from, 0, to, 0, TEXT_AT + texts);
        to.set(INT, BEFORE_AT, (int) lead);
        to.set(INT, BEHIND_AT, (int) tail);
        to.set(INT, DEPTH_AT, depth);
        to.set(LONG, PREVIOUS_AT, last.position);
        to.set(LONG, BASE_AT, run == 0 ? NONE : last.position);
        to.set(LONG, RUN_FROM_AT, run == 0 ? 0 : runFrom);
        to.set(LONG, RUN_AT, run);
        MemorySegment.copy(value, 0, to, TEXT_AT + texts, lead);
        MemorySegment.copy(value, value.byteSize() - tail, to, TEXT_AT + texts + lead, tail);
        to.set(LONG, to.byteSize() - 8, KeyedLog.origin(record));
        long position = log.appendUnforced(KeyedLog.MOVED, to);
        Hash key = KeyedLog.hash(from.asSlice(TEXT_AT, from.get(INT, KEY_AT)).toArray(BYTE));
        entries.add(key.high(), key.low(), position);
        copied += to.byteSize();
        written += to.byteSize();
        return new Last(position, depth, value);
    }

    /** Memory for the value that is copied and the one before it, in turn. */
    private static final class Turns implements AutoCloseable {
        private Arena one = Arena.ofConfined();
        private Arena other = Arena.ofConfined();

        /** Gives the older one's memory back. */
        Arena next() {
            one.close();
            one = other;
            other = Arena.ofConfined();
            return other;
        }

        Arena now() {
            return other;
        }

        /** Keeps the last value: nothing was copied since. */
        void back() {
            other.close();
            other = one;
            one = Arena.ofConfined();
        }

        @Override
        public void close() {
            one.close();
            other.close();
        }
    }

    /** A growing array. */
    private static final class Longs {
        private long[] items = new long[16];
        private int size;

        void add(long... more) {
            if (size + more.length > items.length) {
                items = Arrays.copyOf(items, 2 * (size + more.length));
            }
            System.arraycopy(more, 0, items, size, more.length);
            size += more.length;
        }

        void cut(int to) {
            size = to;
        }

        long get(int at) {
            return items[at];
        }

        int size() {
            return size;
        }

        long[] all() {
            return Arrays.copyOf(items, size);
        }
    }
}
