package dev.fastjvm.log;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;

/**
 * A hash table in a memory-mapped file: 128-bit keys, 64-bit values, shared by processes.
 *
 * <p>Representation: a head of {@link #HEAD} bytes, then slots of 24 bytes (key, key, value), open addressing with linear
 * probing. Writers hold the folder's lock; readers hold nothing: a slot's value is stored before its key, and a value is
 * replaced by one store. A table that is too full is written anew beside the old one, which then says that it is
 * superseded. It holds nothing that the log does not: it is made anew where it cannot be trusted.
 */
public final class MappedIndex implements AutoCloseable {
    /** {@link #get} where there is none; no value is negative. */
    public static final long ABSENT = -1;

    private static final long MAGIC = 0x31_78_65_64_6e_69_6a_66L; // "fjindex1"
    private static final int HEAD = 4096;
    private static final int SLOT = 24;
    private static final int MAGIC_AT = 0;
    private static final int SLOTS_AT = 8;
    private static final int USED_AT = 16;
    private static final int APPLIED_AT = 24;
    private static final int SUPERSEDED_AT = 32;
    private static final int BOOT_AT = 40;
    private static final int GENERATION_AT = 48;
    private static final int DEAD_AT = 56;
    private static final int BEHIND_AT = 64;
    private static final long SMALLEST = 1024;
    private static final long REMOVED = -2;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final VarHandle WORD = LONG.varHandle();

    private final Path file;
    private volatile Table table;
    /** Superseded tables; they stay mapped, since somebody may be reading in them. */
    private final List<Arena> old = new ArrayList<>();

    private record Table(MemorySegment memory, long mask, Arena arena) {}

    private MappedIndex(Path file, Table table) {
        this.file = file;
        this.table = table;
    }

    /**
     * Opens the table of a file, and makes an empty one where there is none that can be trusted.
     *
     * @param boot tells one start of the machine from another: a table of an earlier one may have lost stores
     */
    public static MappedIndex open(Path file, long boot) throws IOException {
        Table table = Files.exists(file, LinkOption.NOFOLLOW_LINKS) ? map(file) : null;
        if (table != null && word(table, BOOT_AT) != boot) {
            table.arena.close();
            table = null;
        }
        if (table == null) {
            table = make(file, SMALLEST, boot, 0);
            publish(file);
        }
        return new MappedIndex(file, table);
    }

    private static Table map(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ,
                StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            long size = channel.size();
            if (size < HEAD) {
                return null;
            }
            Arena arena = Arena.ofShared();
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
            long slots = memory.get(LONG, SLOTS_AT);
            if (memory.get(LONG, MAGIC_AT) != MAGIC || Long.bitCount(slots) != 1
                    || size != HEAD + slots * SLOT) {
                arena.close();
                return null;
            }
            return new Table(memory, slots - 1, arena);
        }
    }

    /** Makes an empty table beside the file; {@link #publish} puts it in its place. */
    private static Table make(Path file, long slots, long boot, long generation)
            throws IOException {
        Path fresh = part(file);
        Files.deleteIfExists(fresh);
        long size = HEAD + slots * SLOT;
        Private.create(fresh);
        Posix.reserve(fresh, 0, size);
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
            memory.set(LONG, SLOTS_AT, slots);
            memory.set(LONG, APPLIED_AT, -1);
            memory.set(LONG, BOOT_AT, boot);
            memory.set(LONG, GENERATION_AT, generation);
            memory.set(LONG, MAGIC_AT, MAGIC);
            return new Table(memory, slots - 1, arena);
        }
    }

    private static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + ".part");
    }

    private static void publish(Path file) throws IOException {
        Files.move(part(file), file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static long word(Table table, long at) {
        return (long) WORD.getAcquire(table.memory, at);
    }

    private static void put(Table table, long at, long value) {
        WORD.setRelease(table.memory, at, value);
    }

    private static long slot(Table table, long key, long probe) {
        return HEAD + ((key + probe) & table.mask) * SLOT;
    }

    /** Returns the table that counts now: another process may have made a larger one. */
    private Table now() throws IOException {
        Table now = table;
        return word(now, SUPERSEDED_AT) == 0 ? now : reopened(now);
    }

    private synchronized Table reopened(Table superseded) throws IOException {
        if (table == superseded) {
            Table fresh = map(file);
            if (fresh == null) {
                throw new IOException("no index in " + file);
            }
            if (word(fresh, GENERATION_AT) == word(superseded, GENERATION_AT)) {
                fresh.arena.close(); // the larger one is not in its place yet, or its writer is dead
            } else {
                old.add(superseded.arena);
                table = fresh;
            }
        }
        return table;
    }

    /**
     * Returns a key's value, or {@link #ABSENT}.
     *
     * @param high not 0: 0 marks a free slot
     */
    public long get(long high, long low) throws IOException {
        Table in = now();
        for (long probe = 0;; probe++) {
            long at = slot(in, low, probe);
            long key = word(in, at);
            if (key == 0 || probe > in.mask) {
                return ABSENT;
            }
            if (key == high && word(in, at + 8) == low) {
                long value = word(in, at + 16);
                return value == REMOVED ? ABSENT : value;
            }
        }
    }

    /** Sets a key's value and returns the one before, or {@link #ABSENT}; the caller holds the folder's lock. */
    public long put(long high, long low, long value) throws IOException {
        return set(high, low, value);
    }

    /** Forgets a key and returns its value, or {@link #ABSENT}; the caller holds the folder's lock. */
    public long remove(long high, long low) throws IOException {
        long value = get(high, low);
        if (value != ABSENT) {
            set(high, low, REMOVED);
        }
        return value;
    }

    /** Whether a key has a value of a kind. */
    boolean any(LongPredicate kind) throws IOException {
        Table in = now();
        for (long at = HEAD; at < in.memory.byteSize(); at += SLOT) {
            if (word(in, at) != 0) {
                long value = word(in, at + 16);
                if (value >= 0 && kind.test(value)) {
                    return true;
                }
            }
        }
        return false;
    }

    private long set(long high, long low, long value) throws IOException {
        Table in = now();
        if (word(in, SUPERSEDED_AT) != 0) {
            put(in, SUPERSEDED_AT, 0); // whoever was to put a larger one in its place is dead
        }
        if (10 * (word(in, USED_AT) + 1) > 7 * (in.mask + 1)) {
            in = grown(in);
        }
        for (long probe = 0;; probe++) {
            if (probe > in.mask) {
                throw new IOException("no free slot, the index is damaged: " + file);
            }
            long at = slot(in, low, probe);
            long key = word(in, at);
            if (key == 0) {
                put(in, at + 16, value);
                put(in, at + 8, low);
                put(in, at, high);
                put(in, USED_AT, word(in, USED_AT) + 1);
                return ABSENT;
            }
            if (key == high && word(in, at + 8) == low) {
                long before = word(in, at + 16);
                put(in, at + 16, value);
                return before == REMOVED ? ABSENT : before;
            }
        }
    }

    private synchronized Table grown(Table old) throws IOException {
        long live = 0;
        for (long at = HEAD; at < old.memory.byteSize(); at += SLOT) {
            if (word(old, at) != 0 && word(old, at + 16) != REMOVED) {
                live++;
            }
        }
        Table fresh = make(file, Math.max(SMALLEST, Long.highestOneBit(4 * live + 1)),
                word(old, BOOT_AT), word(old, GENERATION_AT) + 1);
        for (long at = HEAD; at < old.memory.byteSize(); at += SLOT) {
            long high = word(old, at);
            if (high != 0 && word(old, at + 16) != REMOVED) {
                long low = word(old, at + 8);
                long probe = 0;
                while (word(fresh, slot(fresh, low, probe)) != 0) {
                    probe++;
                }
                long to = slot(fresh, low, probe);
                put(fresh, to, high);
                put(fresh, to + 8, low);
                put(fresh, to + 16, word(old, at + 16));
            }
        }
        put(fresh, USED_AT, live);
        put(fresh, APPLIED_AT, word(old, APPLIED_AT));
        put(fresh, DEAD_AT, word(old, DEAD_AT));
        put(fresh, BEHIND_AT, word(old, BEHIND_AT));
        put(old, SUPERSEDED_AT, 1);
        publish(file);
        this.old.add(old.arena);
        table = fresh;
        return fresh;
    }

    /** The position of the last record of the log that this table knows, -1 where it knows none. */
    public long applied() throws IOException {
        return word(now(), APPLIED_AT);
    }

    /** Notes that all records up to this position are known; the caller holds the folder's lock. */
    public void applied(long position) throws IOException {
        Table in = now();
        long before = word(in, APPLIED_AT);
        if (before >= 0 && SegmentedLog.segment(before) != SegmentedLog.segment(position)) {
            put(in, BEHIND_AT, word(in, BEHIND_AT) + SegmentedLog.offset(before));
        }
        put(in, APPLIED_AT, position);
    }

    /** How many bytes the log's segments have, about. */
    long used() throws IOException {
        Table in = now();
        long last = word(in, APPLIED_AT);
        return word(in, BEHIND_AT) + (last < 0 ? 0 : SegmentedLog.offset(last));
    }

    /** How many bytes of them no key needs, about. */
    long dead() throws IOException {
        return word(now(), DEAD_AT);
    }

    /** Notes that so many bytes more are not needed; the caller holds the folder's lock. */
    void dead(long bytes) throws IOException {
        Table in = now();
        put(in, DEAD_AT, Math.max(0, word(in, DEAD_AT) + bytes));
    }

    /** Notes that a segment of so many bytes is gone, which were not needed; the caller holds the folder's lock. */
    void removed(long bytes, long dead) throws IOException {
        Table in = now();
        put(in, BEHIND_AT, Math.max(0, word(in, BEHIND_AT) - bytes));
        dead(-dead);
    }

    /** Unmaps the file. */
    @Override
    public synchronized void close() {
        old.forEach(Arena::close);
        old.clear();
        table.arena.close();
    }
}
