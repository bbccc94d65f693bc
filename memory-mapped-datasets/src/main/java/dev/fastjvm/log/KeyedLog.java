package dev.fastjvm.log;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Values by their keys, in lists, in a folder that threads and processes share.
 *
 * <p>A value is a record of a {@link SegmentedLog}; a {@link MappedIndex} knows where each key's newest one lies, and the
 * newest of each list. A record knows the one before it in its list. A value that begins like its forerunner in the list
 * is stored as what is new.
 *
 * <p>The log is what counts: whatever the index lacks, because a process was killed between the two, is read from the log
 * when the folder is opened or the next writer comes.
 */
public final class KeyedLog implements AutoCloseable {
    static final int PUT = 1;
    static final int REMOVE = 2;
    /** A put's payload, written anew by a {@link Compaction}; its last eight bytes are the position it was put at. */
    static final int MOVED = 3;
    /**
     * What the index says of some keys and lists, from here on: two words that are a hash, then a position, marked
     * {@link #OF_LIST} where the hash is a list's, or {@link #GONE} or {@link #LIST_GONE}.
     */
    static final int ENTRIES = 4;
    static final int ENTRY = 24;
    static final long OF_LIST = 1L << 61;
    static final long GONE = -1;
    static final long LIST_GONE = -2;
    /** No position. */
    public static final long NONE = -1;
    /** Any position, see {@link #put(List, byte[], long)}. */
    public static final long ANY = -2;
    /** Another position, see {@link #put(List, byte[], long)}. */
    public static final long ELSEWHERE = -3;
    /** Marks the index's notes of where a list ends, which are not places of records. */
    private static final long FLOOR = 1L << 62;
    private static final long FLOOR_KEY = 0x5A5A_5A5A_5A5A_5A5AL;

    // a put's payload: these, then key, list, head, what is new before and behind the shared run
    static final int KEY_AT = 0;
    static final int LIST_AT = 4;
    static final int HEAD_AT = 8;
    static final int BEFORE_AT = 12;
    static final int BEHIND_AT = 16;
    static final int DEPTH_AT = 20;
    static final int PREVIOUS_AT = 24;
    static final int BASE_AT = 32;
    static final int RUN_FROM_AT = 40;
    static final int RUN_AT = 48;
    static final int TEXT_AT = 56;

    /** A run shorter than this is not shared, bytes. */
    static final long SHORTEST_RUN = 64;
    /** A value's size at most, bytes. */
    private static final long LARGEST = Integer.MAX_VALUE - (64L << 20);
    /** So many records at most are read for one value. */
    static final int DEEPEST = 32;

    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private final SegmentedLog log;
    private final MappedIndex index;
    private final Compaction compaction;

    private KeyedLog(SegmentedLog log, MappedIndex index) {
        this.log = log;
        this.index = index;
        compaction = new Compaction(this, log, index);
    }

    /**
     * A value as it was put.
     *
     * @param key its key
     * @param head the few bytes that are kept apart
     * @param data the rest
     * @param position where it was put; later ones are higher, and it stays the same when the log is compacted
     */
    public record Value(byte[] key, byte[] head, MemorySegment data, long position) {}

    /** Opens a folder, see {@link SegmentedLog#open}; what its index lacks is read from the log. */
    public static KeyedLog open(Path folder, Durability durability, long segmentBytes)
            throws IOException {
        SegmentedLog log = SegmentedLog.open(folder, durability, segmentBytes);
        try {
            log.lock();
            try {
                KeyedLog opened = new KeyedLog(log,
                        MappedIndex.open(folder.resolve("index"), boot()));
                opened.catchUp();
                log.sweep();
                Private.files(folder);
                return opened;
            } finally {
                log.unlock();
            }
        } catch (IOException | RuntimeException e) {
            log.close();
            throw e;
        }
    }

    /** Tells this start of the machine from all others; 0 where that cannot be told. */
    private static long boot() throws IOException {
        Path id = Path.of("/proc/sys/kernel/random/boot_id");
        return Files.isReadable(id) ? Files.readString(id).hashCode() : 0;
    }

    private void catchUp() throws IOException {
        log.scan(index.applied(), new SegmentedLog.Visitor() {
            @Override
            public void record(LogRecord record) throws IOException {
                apply(record);
                index.applied(record.position());
            }

            @Override
            public void damage(long position, long bytes) {
                // its key keeps the value before it
            }
        });
    }

    private void apply(LogRecord record) throws IOException {
        MemorySegment payload = record.payload();
        if (record.kind() == REMOVE) {
            forget(hash(payload.toArray(BYTE)));
            index.dead(log.size(record.position()));
        } else if (record.kind() == MOVED) {
            index.dead(log.size(record.position())); // until its entry says that it counts
        } else if (record.kind() == ENTRIES) {
            apply(payload, true);
            index.dead(log.size(record.position()));
        } else if (record.kind() == PUT) {
            byte[] list = text(payload, 1, LIST_AT);
            index(hash(text(payload, 0, KEY_AT)), list.length == 0 ? null : list(list),
                    record.position());
        }
    }

    /**
     * Stores entries in the index; needs the lock.
     *
     * @param counted whether copies were counted as not needed when they were read
     */
    private void apply(MemorySegment entries, boolean counted) throws IOException {
        for (long at = 0; at < entries.byteSize(); at += ENTRY) {
            Hash hash = new Hash(entries.get(LONG, at), entries.get(LONG, at + 8));
            long position = entries.get(LONG, at + 16);
            if (position == GONE) {
                forget(hash);
            } else if (position == LIST_GONE) {
                index.remove(hash.high, hash.low);
            } else if ((position & OF_LIST) != 0) {
                index.put(hash.high, hash.low, position & ~OF_LIST);
            } else {
                long before = index.put(hash.high, hash.low, position);
                if (before != position) {
                    index.dead(sizeAt(before) - (counted ? sizeAt(position) : 0));
                }
            }
        }
    }

    /** Appends entries and stores them in the index; needs the lock. */
    void enter(MemorySegment entries) throws IOException {
        long position = log.appendUnforced(ENTRIES, entries);
        apply(entries, false);
        index.dead(log.size(position));
        index.applied(position);
    }

    private long sizeAt(long position) throws IOException {
        return position < 0 ? 0 : log.size(position);
    }

    /** Forgets a key or list; needs the lock. */
    private void forget(Hash hash) throws IOException {
        index.dead(sizeAt(index.remove(hash.high, hash.low)));
    }

    /** Notes where a key's value lies, the last of a list or, where the name is null, of none. */
    private void index(Hash key, Hash name, long position) throws IOException {
        long before = index.put(key.high, key.low, position);
        if (before >= 0 && before != position) {
            index.dead(log.size(before));
        }
        if (name != null) {
            index.put(name.high, name.low, position);
        }
    }

    record Hash(long high, long low) {}

    private static final ThreadLocal<MessageDigest> SHA_256 = ThreadLocal.withInitial(() -> {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    });
    private static final byte[] LIST_MARK = "\0list".getBytes(StandardCharsets.US_ASCII);

    /** A digest that nobody can collide: the key itself need not be compared. */
    static Hash hash(byte[]... key) {
        MessageDigest digest = SHA_256.get();
        for (byte[] each : key) {
            digest.update(each);
        }
        MemorySegment words = MemorySegment.ofArray(digest.digest());
        long high = words.get(LONG, 0);
        return new Hash(high == 0 ? 1 : high, words.get(LONG, 8));
    }

    static Hash list(byte[] name) {
        return hash(name, LIST_MARK);
    }

    long find(Hash hash) throws IOException {
        return index.get(hash.high, hash.low);
    }

    /** Takes the right to write, so that several puts stay together; see {@link #unlock}. */
    public void lock() throws IOException {
        log.lock();
        caughtUp();
    }

    private void caughtUp() throws IOException {
        try {
            if (index.applied() < log.last()) {
                catchUp(); // a writer was killed between the log and the index
            }
        } catch (IOException | RuntimeException e) {
            log.unlock();
            throw e;
        }
    }

    /** Takes the right to write where that needs no waiting; whether it has it. */
    public boolean tryLock() throws IOException {
        if (!log.tryLock()) {
            return false;
        }
        caughtUp();
        return true;
    }

    /** What an append of this log survives. */
    public Durability durability() {
        return log.durability();
    }

    /** Gives the right to write back. */
    public void unlock() throws IOException {
        log.unlock();
    }

    /** Has the disk take all that was put. */
    public void force() throws IOException {
        log.force();
    }

    /**
     * Puts a value in the place of the key's older one, and at the end of a list.
     *
     * @param list the list's name; empty for none
     * @param share whether what the value has in common with the list's last one is stored as a reference to it
     */
    public void put(byte[] key, byte[] list, byte[] head, MemorySegment data, boolean share)
            throws IOException {
        put(List.of(new Put(key, list, head, data, share, false, new byte[0])));
    }

    /**
     * A value to be put, see {@link #put(byte[], byte[], byte[], MemorySegment, boolean)}.
     *
     * @param absent whether it is put only where its key has no value
     * @param unless a key: it is put only where that one has no value before any of the values is put; empty for none
     */
    public record Put(byte[] key, byte[] list, byte[] head, MemorySegment data, boolean share,
            boolean absent, byte[] unless) {}

    /** Puts several values in their order; no other writer comes between, and the disk takes them together. */
    public void put(List<Put> values) throws IOException {
        put(values, null, ANY);
    }

    /**
     * The same, where a list ends at a place that was returned before: what was concluded from its last value still holds.
     *
     * @param list the list's name; null for none
     * @param end {@link #NONE} where the list is empty, {@link #ANY} wherever it ends
     * @return where the list ends now; {@link #ELSEWHERE} where it ended elsewhere, and nothing was put
     */
    public long put(List<Put> values, byte[] list, long end) throws IOException {
        for (Put each : values) {
            if (each.data.byteSize() > LARGEST) {
                throw new IOException("a value of %,d bytes: the most is %,d"
                        .formatted(each.data.byteSize(), LARGEST));
            }
        }
        lock();
        try (Arena arena = Arena.ofConfined()) {
            Hash name = list == null ? null : list(list);
            if (end != ANY && find(name) != end) {
                return ELSEWHERE;
            }
            int segment = log.current();
            for (Put each : wanted(values)) {
                Hash key = hash(each.key);
                if (!each.absent || find(key) == MappedIndex.ABSENT) {
                    put(each, key, arena);
                }
            }
            if (log.durability() == Durability.DISK) {
                log.forceFrom(segment);
            }
            return name == null ? NONE : find(name);
        } finally {
            unlock();
        }
    }

    /** Leaves out what is put only where another key has no value. */
    private List<Put> wanted(List<Put> values) throws IOException {
        List<Put> wanted = new ArrayList<>(values.size());
        byte[] asked = {};
        boolean there = false;
        for (Put each : values) {
            if (each.unless.length > 0 && !Arrays.equals(each.unless, asked)) {
                asked = each.unless;
                there = has(asked);
            }
            if (each.unless.length == 0 || !there) {
                wanted.add(each);
            }
        }
        return wanted;
    }

    private void put(Put value, Hash key, SegmentAllocator memory) throws IOException {
        MemorySegment data = value.data;
        Hash name = value.list.length == 0 ? null : list(value.list);
        LogRecord last = name == null ? null : whole(value.list, find(name), memory);
        long previous = last == null ? NONE : last.position();
        Run run = value.share && last != null ? run(last.payload(), data, memory) : Run.NO;
        long before = run.length == 0 ? data.byteSize() : run.before;
        long behind = run.length == 0 ? 0 : data.byteSize() - before - run.length;
        MemorySegment texts = MemorySegment.ofArray(
                new byte[TEXT_AT + value.key.length + value.list.length + value.head.length]);
        texts.set(INT, KEY_AT, value.key.length);
        texts.set(INT, LIST_AT, value.list.length);
        texts.set(INT, HEAD_AT, value.head.length);
        texts.set(INT, BEFORE_AT, (int) before);
        texts.set(INT, BEHIND_AT, (int) behind);
        texts.set(INT, DEPTH_AT, run.depth);
        texts.set(LONG, PREVIOUS_AT, previous);
        texts.set(LONG, BASE_AT, run.length == 0 ? NONE : previous);
        texts.set(LONG, RUN_FROM_AT, run.from);
        texts.set(LONG, RUN_AT, run.length);
        int at = TEXT_AT;
        for (byte[] each : new byte[][] {value.key, value.list, value.head}) {
            MemorySegment.copy(each, 0, texts, BYTE, at, each.length);
            at += each.length;
        }
        long position = log.appendUnforced(PUT, texts, data.asSlice(0, before),
                data.asSlice(data.byteSize() - behind));
        index(key, name, position);
        index.applied(position);
    }

    /** What a value shares with its forerunner: bytes of it, where they stand in each, and how deep the chain gets. */
    private record Run(long before, long from, long length, int depth) {
        static final Run NO = new Run(0, 0, 0, 0);
    }

    private Run run(MemorySegment previous, MemorySegment data, SegmentAllocator memory)
            throws IOException {
        int depth = previous.get(INT, DEPTH_AT) + 1;
        if (depth > DEEPEST) {
            return Run.NO;
        }
        MemorySegment base;
        try {
            base = data(previous, memory);
        } catch (CorruptRecordException e) {
            return Run.NO;
        }
        long from = arrayHead(base);
        long before = arrayHead(data);
        long length = common(base, from, data, before);
        // a long literal is stored whole once, so that chains stay worth their reads
        return length < SHORTEST_RUN || 2 * length < data.byteSize() ? Run.NO
                : new Run(before, from, length, depth);
    }

    static long common(MemorySegment one, long from, MemorySegment other, long at) {
        long most = Math.min(one.byteSize() - from, other.byteSize() - at);
        long differs = MemorySegment.mismatch(one, from, from + most, other, at, at + most);
        return differs < 0 ? most : differs;
    }

    /** A MessagePack array begins with its length, which grows with it. */
    static long arrayHead(MemorySegment data) {
        if (data.byteSize() == 0) {
            return 0;
        }
        int first = data.get(BYTE, 0) & 0xFF;
        int length = switch (first) {
            case 0xDC -> 3;
            case 0xDD -> 5;
            default -> first >> 4 == 0x9 ? 1 : 0;
        };
        return Math.min(length, data.byteSize());
    }

    /** Forgets a key; its bytes are gone once the log is compacted. */
    public void remove(byte[] key) throws IOException {
        lock();
        try {
            Hash hash = hash(key);
            if (find(hash) != MappedIndex.ABSENT) {
                long position = log.append(REMOVE, MemorySegment.ofArray(key));
                forget(hash);
                index.dead(log.size(position));
                index.applied(position);
            }
        } finally {
            unlock();
        }
    }

    /** Forgets keys, in their order: all of them, or none where the process is killed meanwhile. */
    public void removeAll(byte[][] keys) throws IOException {
        lock();
        try {
            Hash[] there = new Hash[keys.length];
            int count = 0;
            for (byte[] each : keys) {
                Hash hash = hash(each);
                if (find(hash) != MappedIndex.ABSENT) {
                    there[count++] = hash;
                }
            }
            if (count == 0) {
                return;
            }
            MemorySegment entries = MemorySegment.ofArray(new byte[count * ENTRY]);
            for (int i = 0; i < count; i++) {
                entries.set(LONG, (long) ENTRY * i, there[i].high);
                entries.set(LONG, (long) ENTRY * i + 8, there[i].low);
                entries.set(LONG, (long) ENTRY * i + 16, GONE);
            }
            int segment = log.current();
            enter(entries);
            if (log.durability() == Durability.DISK) {
                log.forceFrom(segment);
            }
        } finally {
            unlock();
        }
    }

    /** Notes where a list's oldest value lies, so that what was removed before it is not read again. */
    public void trim(byte[] list) throws IOException {
        lock();
        try {
            Hash name = list(list);
            long[] oldest = {NONE};
            list(list, null, NONE, null, false, value -> {
                oldest[0] = value.position();
                return true;
            });
            if (oldest[0] >= 0) {
                index.put(name.high ^ FLOOR_KEY, name.low, oldest[0] | FLOOR);
            }
        } catch (CorruptRecordException e) {
            return; // a damaged record stays to be met
        } finally {
            unlock();
        }
    }

    private long floor(Hash name) throws IOException {
        long noted = index.get(name.high ^ FLOOR_KEY, name.low);
        return noted < 0 ? NONE : noted & ~FLOOR;
    }

    /** Forgets a list's note of where it ends; needs the lock. */
    void untrim(Hash name) throws IOException {
        index.remove(name.high ^ FLOOR_KEY, name.low);
    }

    /**
     * Writes what is live anew from segments that hold something removed or replaced, and removes these segments' files;
     * others read and write meanwhile.
     *
     * @return how many bytes the folder has less
     * @throws IOException where there is no room, or a damaged segment had to stay; nothing is lost
     */
    public long compact() throws IOException {
        return compaction.run();
    }

    /** Begins to compact the log in a thread of its own where more of its bytes are dead than live, and returns at once. */
    public void tidy() throws IOException {
        compaction.begin();
    }

    /** Whether removed segments may be mapped here, see {@link #release}. */
    public boolean stale() {
        return log.stale();
    }

    /** Gives the room of removed segments back; needs the lock. Views of their values end. */
    public void release() throws IOException {
        log.release();
    }

    /** Whether there is a value. */
    public boolean has(byte[] key) throws IOException {
        return find(hash(key)) != MappedIndex.ABSENT;
    }

    /**
     * Returns a key's value.
     *
     * @throws CorruptRecordException where it was damaged since it was put
     */
    public Optional<Value> get(byte[] key) throws IOException {
        return get(key, Arena.ofAuto());
    }

    /** The same; where its data do not lie in one piece, they are put together in {@code memory}. */
    public Optional<Value> get(byte[] key, SegmentAllocator memory) throws IOException {
        Hash hash = hash(key);
        while (true) {
            long removals = log.removals();
            long position = find(hash);
            if (position < 0) {
                return Optional.empty();
            }
            try {
                LogRecord record = log.read(position, memory);
                if (!isValue(record) || !Arrays.equals(text(record.payload(), 0, KEY_AT), key)) {
                    throw new CorruptRecordException(position,
                            "the index names another value's record");
                }
                return Optional.of(value(record, memory));
            } catch (CorruptRecordException e) {
                if (log.removals() == removals) {
                    throw e;
                } // else it was moved between the look-up and the read
            }
        }
    }

    static boolean isValue(LogRecord record) {
        return record.kind() == PUT || record.kind() == MOVED;
    }

    /** Where a value was put first: the same of all its copies. */
    static long origin(LogRecord record) {
        MemorySegment payload = record.payload();
        return record.kind() == MOVED ? payload.get(LONG, payload.byteSize() - 8)
                : record.position();
    }

    /** Whether a record holds its key's value. */
    private boolean isLive(LogRecord record, long removals) throws IOException {
        long position = find(hash(text(record.payload(), 0, KEY_AT)));
        if (position < 0 || position == record.position()) {
            return position >= 0;
        }
        try (Arena memory = Arena.ofConfined()) {
            LogRecord newest = log.read(position, memory); // it may have been moved
            return isValue(newest) && origin(newest) == origin(record);
        } catch (CorruptRecordException e) {
            if (log.removals() != removals) {
                throw e;
            }
            return false;
        }
    }

    private Value value(LogRecord record, SegmentAllocator memory) throws IOException {
        MemorySegment payload = record.payload();
        return new Value(text(payload, 0, KEY_AT), text(payload, 2, HEAD_AT),
                memory == null ? MemorySegment.NULL : data(payload, memory), origin(record));
    }

    static byte[] text(MemorySegment payload, int which, int lengthAt) {
        long at = TEXT_AT;
        for (int i = 0; i < which; i++) {
            at += payload.get(INT, 4L * i);
        }
        return payload.asSlice(at, payload.get(INT, lengthAt)).toArray(BYTE);
    }

    /** Returns a value's bytes: a view where all are its own. */
    MemorySegment data(MemorySegment payload, SegmentAllocator memory)
            throws IOException {
        long at = dataAt(payload);
        if (payload.get(LONG, BASE_AT) == NONE) {
            return payload.asSlice(at, payload.get(INT, BEFORE_AT));
        }
        long size = payload.get(INT, BEFORE_AT) + payload.get(LONG, RUN_AT)
                + payload.get(INT, BEHIND_AT);
        MemorySegment whole = memory.allocate(size);
        fill(payload, 0, size, whole, memory);
        return whole.asReadOnly();
    }

    static long dataAt(MemorySegment payload) {
        return TEXT_AT + payload.get(INT, KEY_AT) + payload.get(INT, LIST_AT)
                + payload.get(INT, HEAD_AT);
    }

    /** Copies a part of a value: each record of its chain gives what is its own. */
    private void fill(MemorySegment payload, long from, long length, MemorySegment to,
            SegmentAllocator memory) throws IOException {
        MemorySegment in = payload;
        long start = from;
        long end = from + length;
        long offset = -from; // of the value's bytes in the target
        while (true) {
            long before = in.get(INT, BEFORE_AT);
            long run = in.get(LONG, RUN_AT);
            long literals = dataAt(in);
            long some = Math.min(end, before) - start;
            if (some > 0) {
                MemorySegment.copy(in, literals + start, to, start + offset, some);
            }
            long behind = Math.max(start, before + run);
            if (end > behind) {
                MemorySegment.copy(in, literals + behind - run, to, behind + offset, end - behind);
            }
            start = Math.max(start, before);
            end = Math.min(end, before + run);
            if (start >= end) {
                return;
            }
            long shift = in.get(LONG, RUN_FROM_AT) - before;
            in = log.read(in.get(LONG, BASE_AT), memory).payload();
            start += shift;
            end += shift;
            offset -= shift;
        }
    }

    /** What {@link #list(byte[], Reader)} calls; it says whether it wants more. */
    public interface Reader {
        /** A value of the list, the newest first; one that was replaced or removed is not told. */
        boolean value(Value value) throws IOException;
    }

    /** Reads a list from its end. */
    public void list(byte[] list, Reader reader) throws IOException {
        list(list, null, NONE, Arena.ofAuto(), false, reader);
    }

    /**
     * Reads a list backwards.
     *
     * @param key of one of its values, the last that was told; null for the list's end
     * @param before that value's position
     * @param memory for data that do not lie in one piece; null where no data are wanted
     * @param damaged whether a damaged record is left out, where else it is an exception; the whole log is read then
     */
    public void list(byte[] list, byte[] key, long before, SegmentAllocator memory,
            boolean damaged, Reader reader) throws IOException {
        Hash name = list(list);
        SegmentAllocator room = memory == null ? Arena.ofAuto() : memory;
        long floor = floor(name);
        long bound = key == null ? Long.MAX_VALUE : before; // what is put there or later was told
        long removals = log.removals();
        long position = key == null ? find(name) : behind(list, key, before, room);
        while (position >= 0) {
            LogRecord record;
            Value value = null;
            try {
                record = ofList(list, position, room);
                if (origin(record) < bound && isLive(record, removals)) {
                    value = value(record, memory);
                }
            } catch (CorruptRecordException e) {
                long now = log.removals();
                if (now != removals) {
                    removals = now; // the list was moved: its records are met again
                    position = find(name);
                } else if (damaged) {
                    position = before(list, position);
                } else {
                    throw e;
                }
                continue;
            }
            bound = Math.min(bound, origin(record));
            if (value != null && !reader.value(value) || origin(record) <= floor) {
                return;
            }
            position = record.payload().get(LONG, PREVIOUS_AT);
        }
    }

    /** Returns the position to go on at behind a value: what lies before it in its list, or the list's end. */
    private long behind(byte[] list, byte[] key, long before, SegmentAllocator memory)
            throws IOException {
        long position = find(hash(key));
        if (position >= 0) {
            try {
                LogRecord record = ofList(list, position, memory);
                if (origin(record) == before) {
                    return record.payload().get(LONG, PREVIOUS_AT);
                }
            } catch (CorruptRecordException e) {
                // it is looked for from the end, as one that was removed or replaced meanwhile
            }
        }
        return find(list(list));
    }

    LogRecord ofList(byte[] list, long position, SegmentAllocator memory) throws IOException {
        LogRecord record = log.read(position, memory);
        if (!isValue(record) || !Arrays.equals(text(record.payload(), 1, LIST_AT), list)) {
            throw new CorruptRecordException(position, "the index names another list's record");
        }
        return record;
    }

    /** Returns a list's last record, or what lies before it where that is damaged: a list goes on behind damage. Null for none. */
    private LogRecord whole(byte[] list, long last, SegmentAllocator memory) throws IOException {
        if (last < 0) {
            return null;
        }
        try {
            return ofList(list, last, memory);
        } catch (CorruptRecordException e) {
            long found = before(list, last);
            return found < 0 ? null : log.read(found, memory);
        }
    }

    /** Returns the position of a list's last whole record before another, or -1. */
    private long before(byte[] list, long position) throws IOException {
        long[] found = {NONE};
        log.scan(NONE, new SegmentedLog.Visitor() {
            @Override
            public void record(LogRecord record) {
                if (record.position() < position && isValue(record)
                        && Arrays.equals(text(record.payload(), 1, LIST_AT), list)) {
                    found[0] = record.position();
                }
            }

            @Override
            public void damage(long at, long bytes) {
                // it is what is left out
            }
        });
        return found[0];
    }

    /** Waits for this process's writer and keeps the next ones out, so that the log can be closed; see {@link #leave}. */
    public void enter() {
        log.enter();
    }

    /** Lets them in again. */
    public void leave() {
        log.leave();
    }

    @Override
    public void close() throws IOException {
        log.close(); // it waits for this process's writer; a compaction ends at its next step
        index.close();
    }
}
