package dev.fastjvm.limits;

import dev.fastjvm.log.FolderLock;
import dev.fastjvm.log.Private;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.SecureRandom;
import java.util.Objects;
import java.util.Set;

/**
 * What was used of rate limits, by the keyed hashes of their keys: two counters in a window, and slots of requests in flight.
 *
 * <p>Representation: a head of {@link #HEAD} bytes, then slots of 32 bytes, open addressing with linear probing:
 *
 * <pre>
 *   0   8   hash, high (0: free)
 *   8   8   hash, low
 *  16   8   start of the window in seconds, 32 bits | requests, 32 bits (a gauge's slot of a request: when it was acquired, 32.32)
 *  24   8   start of the window that they belong to | tokens              (the request that has it; 0: free)
 * </pre>
 *
 * <p>A window's start and its requests change in one compare-and-set, so that no request is counted in a window that another process
 * ends meanwhile; tokens carry the start of their window, and those of an earlier one are none. Who counts holds no lock and
 * leaves nothing half done when it is killed. A new key is put in under the folder's lock, which ends with its process. It takes
 * the place of one on its way that was not used for longer than the longest window asked for: whose first counter is {@link #DEAD}
 * is nobody's, and whoever still counts there fails and looks again. A table that is 7/8 full is swept: keys of old that no other's way
 * leads over make room. Where that is not enough it refuses keys that it does not know.
 * Two keys with the same 128 bits share their counters. Counters end at 2³¹ - 1.
 *
 * <p>A table that is damaged, cut or replaced while it is in use is an IOException, or an InternalError where a page is gone: whoever
 * counts on would count alone. It is to be opened again.
 *
 * <p>Time is the caller's. Who is stopped for longer than a window between his look at the clock and his count counts in a window that is
 * over, and where its key made room meanwhile, from zero.
 *
 * <p>Requests in flight are numbered slots of their own, below a mark that their gauge's slot has; they change under the lock.
 */
public final class CounterTable implements AutoCloseable {
    public static final int ADMITTED = 0;
    public static final int REFUSED = 1;
    /** There is no such key, or no such window. */
    public static final int ABSENT = 2;
    /** A new key, and no room. */
    public static final int FULL = 3;
    public static final long NO_LIMIT = 1L << 59;

    private static final String LOCK = "lock";
    private static final String TABLE = "limits";
    private static final String FRESH = "limits.part";
    private static final long MAGIC = 0x31_73_74_6d_6c_6a_66L; // "fjlmts1"
    private static final int HEAD = 4096;
    private static final int SLOT = 32;
    private static final int MAGIC_AT = 0;
    private static final int SLOTS_AT = 8;
    private static final int USED_AT = 16;
    private static final int LONGEST_AT = 24;
    private static final int HASH_KEY_AT = 32;
    private static final int SWEPT_AT = 48;
    private static final int LOW = 8;
    private static final int FIRST = 16;
    private static final int SECOND = 24;
    private static final long DEAD = -1;
    private static final int SPINS = 1000;
    private static final long LARGEST = 1L << 32;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final VarHandle WORD = LONG.varHandle();

    /** How a table was found. */
    public enum Origin {
        THERE, NEW,
        /** There was a file that could not be read, in whose place this one is. */
        REBUILT
    }

    private final FolderLock lock;
    private final Path file;
    private final Object identity;
    private final Arena arena;
    private final MemorySegment memory;
    private final long slots;
    private final Origin origin;
    private long looked;

    private CounterTable(FolderLock lock, Path file, Arena arena, MemorySegment memory,
            Origin origin) throws IOException {
        this.lock = lock;
        this.file = file;
        this.arena = arena;
        this.memory = memory;
        this.origin = origin;
        identity = identity();
        slots = memory.get(LONG, SLOTS_AT);
    }

    /**
     * Opens a folder's table, and makes one for so many keys where there is none, or none that can be read.
     *
     * @throws IOException also where the folder or the file is a symbolic link, or others may write into the folder
     */
    public static CounterTable open(Path folder, long keys) throws IOException {
        Private.folder(folder);
        Private.guard(folder, Set.of(LOCK, TABLE, FRESH));
        FolderLock lock = new FolderLock(folder.resolve(LOCK));
        try {
            lock.lock();
            try {
                Path file = folder.resolve(TABLE);
                Private.file(file);
                boolean there = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
                Arena arena = Arena.ofShared();
                MemorySegment found = there ? map(file, arena) : null;
                if (found != null) {
                    return new CounterTable(lock, file, arena, found, Origin.THERE);
                }
                if (there) {
                    retire(file);
                }
                make(file, Math.max(64, keys + keys * 3 / 5));
                found = map(file, arena);
                if (found == null) {
                    throw new IOException("cannot be read: " + file);
                }
                return new CounterTable(lock, file, arena, found,
                        there ? Origin.REBUILT : Origin.NEW);
            } finally {
                lock.unlock();
            }
        } catch (IOException | RuntimeException | InternalError e) {
            lock.close();
            throw e;
        }
    }

    private static MemorySegment map(Path file, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ,
                StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            long size = channel.size();
            if (size < HEAD + SLOT) {
                return null;
            }
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
            long slots = memory.get(LONG, SLOTS_AT);
            return memory.get(LONG, MAGIC_AT) != MAGIC || slots < 1 || slots > LARGEST
                    || size != HEAD + slots * SLOT ? null : memory;
        }
    }

    /** Tells those who have a file mapped that it is none any more. */
    private static void retire(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS)) {
            if (channel.size() >= MAGIC_AT + 8) {
                channel.write(ByteBuffer.allocate(8), MAGIC_AT);
            }
        }
    }

    /** Writes an empty table in the file's place; zeros are written, so that a full disk is an error here and not at a store. */
    private static void make(Path file, long slots) throws IOException {
        Path fresh = file.resolveSibling(FRESH);
        Files.deleteIfExists(fresh);
        try {
            write(fresh, slots);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static void write(Path fresh, long slots) throws IOException {
        try (FileChannel channel = FileChannel.open(fresh,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                Private.rights(fresh))) {
            ByteBuffer zeros = ByteBuffer.allocate(1 << 20);
            for (long left = HEAD + slots * SLOT; left > 0;) {
                zeros.clear().limit((int) Math.min(left, zeros.capacity()));
                left -= channel.write(zeros);
            }
            ByteBuffer head = ByteBuffer.allocate(HASH_KEY_AT + 16)
                    .order(java.nio.ByteOrder.nativeOrder());
            SecureRandom random = new SecureRandom();
            head.putLong(MAGIC).putLong(slots).putLong(0).putLong(0).putLong(random.nextLong())
                    .putLong(random.nextLong()).flip();
            channel.write(head, 0);
        }
    }

    public Origin origin() {
        return origin;
    }

    private Object identity() throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
    }

    private boolean isReplaced() {
        try {
            return !Objects.equals(identity, identity());
        } catch (NoSuchFileException e) {
            return true;
        } catch (IOException e) {
            return false; // a process that gave up its rights to the folder has the file all the same
        }
    }

    /** Throws where the file is damaged or, looked at once in each second, another than the one in the folder. */
    private void check(long now) throws IOException {
        if (memory.get(LONG, MAGIC_AT) != MAGIC || memory.get(LONG, SLOTS_AT) != slots) {
            throw new IOException("damaged: " + file);
        }
        if (now != looked) {
            if (isReplaced()) {
                throw new IOException("replaced: " + file);
            }
            looked = now;
        }
    }

    /** Half of the secret key that keys are hashed with. */
    public long hashKey(int half) {
        return memory.get(LONG, HASH_KEY_AT + 8L * half);
    }

    /** How many keys have a slot. */
    public long used() {
        return word(USED_AT);
    }

    private long word(long at) {
        return (long) WORD.getAcquire(memory, at);
    }

    private void put(long at, long value) {
        WORD.setRelease(memory, at, value);
    }

    private boolean set(long at, long before, long after) {
        return WORD.compareAndSet(memory, at, before, after);
    }

    private static long pack(long start, long count) {
        return start << 32 | count & 0xFFFFFFFFL;
    }

    private static long start(long word) {
        return word >>> 32;
    }

    private static long count(long word) {
        return (int) word;
    }

    private long place(long low) {
        return HEAD + SLOT * Math.unsignedMultiplyHigh(low, slots);
    }

    private long next(long at) {
        return at + SLOT == memory.byteSize() ? HEAD : at + SLOT;
    }

    /** Where a key is, or -1. */
    private long find(long high, long low) {
        long at = place(low);
        for (long probe = 0; probe < slots; probe++) {
            long key = word(at);
            if (key == 0) {
                return -1;
            }
            if (key == high && word(at + LOW) == low) {
                return at;
            }
            at = next(at);
        }
        return -1;
    }

    private boolean is(long at, long high, long low) {
        return word(at) == high && word(at + LOW) == low;
    }

    /** Puts a key in, or finds it; its window begins. -1 where there is no room. */
    private long insert(long high, long low, long now) throws IOException {
        lock.lock();
        try {
            return insertLocked(high, low, now);
        } finally {
            lock.unlock();
        }
    }

    private long insertLocked(long high, long low, long now) {
        for (boolean swept = false;;) {
            long at = place(low);
            long old = -1;
            long free = -1;
            for (long probe = 0; probe < slots && free < 0; probe++) {
                long key = word(at);
                if (key == 0) {
                    free = at;
                } else if (key == high && word(at + LOW) == low) {
                    if (word(at + FIRST) == DEAD) { // who was to put it in is dead
                        put(at + SECOND, 0);
                        put(at + FIRST, pack(now, 0));
                    }
                    return at;
                } else if (old < 0 && isOld(word(at + FIRST), now)) {
                    old = at;
                }
                at = next(at);
            }
            if (old >= 0) {
                long first = word(old + FIRST);
                if (!isOld(first, now) || first != DEAD && !set(old + FIRST, first, DEAD)) {
                    continue; // somebody uses it again
                }
                fill(old, high, low, now);
                return old;
            }
            long used = word(USED_AT);
            if (free < 0 || used >= slots - slots / 8) {
                if (swept || word(SWEPT_AT) == now) { // what is old is old by the clock alone
                    return -1;
                }
                swept = true;
                put(SWEPT_AT, now);
                sweep(now);
                continue;
            }
            put(USED_AT, used + 1);
            fill(free, high, low, now);
            return free;
        }
    }

    /**
     * Makes slots free whose keys are old and behind which there is a free one: no other key's way leads over them. Counts how many
     * are used as well, since whoever is killed in mid-change leaves that number wrong.
     */
    private void sweep(long now) {
        long end = HEAD;
        while (word(end) != 0) {
            end += SLOT;
            if (end == memory.byteSize()) {
                return;
            }
        }
        boolean free = true;
        long used = 0;
        long at = end;
        for (long i = 1; i < slots; i++) {
            at = at == HEAD ? memory.byteSize() - SLOT : at - SLOT;
            if (word(at) == 0) {
                free = true;
                continue;
            }
            long first = word(at + FIRST);
            if (free && isOld(first, now)
                    && (first == DEAD || set(at + FIRST, first, DEAD))) {
                put(at + SECOND, 0);
                put(at, 0);
            } else {
                free = false;
                used++;
            }
        }
        put(USED_AT, used);
    }

    private void fill(long at, long high, long low, long now) {
        put(at + LOW, low);
        put(at + SECOND, 0);
        if (word(at) == 0) {
            put(at + FIRST, pack(now, 0));
            put(at, high);
        } else {
            put(at, high);
            put(at + FIRST, pack(now, 0)); // until now DEAD: nobody counts there
        }
    }

    private boolean isOld(long first, long now) {
        return first == DEAD || now - start(first) > word(LONGEST_AT);
    }

    private void lengthen(long window) {
        long longest = word(LONGEST_AT);
        while (longest < window && !set(LONGEST_AT, longest, window)) {
            longest = word(LONGEST_AT);
        }
    }

    /**
     * Counts in a key's window, which begins now where there is none or the one there was has ended, unless that were more than a
     * limit: the sum where something is added, else what is there. What is refused begins no window.
     *
     * @param tokens whether the second counter is meant
     * @param now seconds
     * @param expected the start of the one window in which to count, or -1
     * @param limit {@link #NO_LIMIT} for none
     * @param told gets the window's start and the counter; nothing where it is refused for want of room or a window
     */
    public int add(long high, long low, boolean tokens, long now, long window, long amount,
            long limit, long expected, long[] told) throws IOException {
        long key = high == 0 ? 1 : high;
        check(now);
        lengthen(window);
        for (int spin = 0;; spin++) {
            long at = find(key, low);
            if (at < 0 && expected >= 0) {
                return ABSENT;
            }
            if (at < 0 && refuses(0, amount, limit)) {
                told[0] = now;
                told[1] = 0;
                return REFUSED;
            }
            if (at < 0 || spin > SPINS) {
                at = insert(key, low, now);
                if (at < 0) {
                    return FULL;
                }
            }
            long second = word(at + SECOND); // before the first: it is never of a later window then
            long first = word(at + FIRST);
            if (first == DEAD || !is(at, key, low)) {
                Thread.onSpinWait();
                continue;
            }
            boolean ended = now - start(first) >= window;
            if (expected >= 0 && (ended || start(first) != expected)) {
                return ABSENT;
            }
            long begun = ended ? now : start(first);
            long before = ended ? 0
                    : !tokens ? count(first) : start(second) == begun ? count(second) : 0;
            if (refuses(before, amount, limit)) {
                told[0] = begun;
                told[1] = before;
                return REFUSED;
            }
            if (ended && tokens) {
                set(at + FIRST, first, pack(now, 0));
                continue;
            }
            long after = Math.clamp(before + amount, Integer.MIN_VALUE, Integer.MAX_VALUE);
            if (tokens ? set(at + SECOND, second, pack(begun, after))
                    : set(at + FIRST, first, pack(begun, after))) {
                told[0] = begun;
                told[1] = after;
                return ADMITTED;
            }
        }
    }

    private static boolean refuses(long before, long amount, long limit) {
        return limit < NO_LIMIT && (amount > 0
                ? before + amount > Math.min(limit, Integer.MAX_VALUE)
                : before >= limit);
    }

    /** Reads a counter and its window's start; {@link #ABSENT} where there is no window. */
    public int get(long high, long low, boolean tokens, long now, long window, long[] told)
            throws IOException {
        long key = high == 0 ? 1 : high;
        check(now);
        long at = find(key, low);
        if (at < 0) {
            return ABSENT;
        }
        long second = word(at + SECOND);
        long first = word(at + FIRST);
        if (first == DEAD || !is(at, key, low) || now - start(first) >= window) {
            return ABSENT;
        }
        told[0] = start(first);
        told[1] = !tokens ? count(first) : start(second) == start(first) ? count(second) : 0;
        return ADMITTED;
    }

    // -- requests in flight

    private static long mixed(long number) {
        long x = (number + 1) * 0x9E3779B97F4A7C15L;
        x = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
        x = (x ^ x >>> 27) * 0x94D049BB133111EBL;
        return x ^ x >>> 31;
    }

    private static long highOf(long high, long number) {
        long made = high ^ mixed(2 * number);
        return made == 0 ? 1 : made;
    }

    private static long lowOf(long low, long number) {
        return low + mixed(2 * number + 1);
    }

    /** How many requests are in flight that were acquired at {@code since} or later (32.32 seconds). */
    public int inFlight(long high, long low, long since) throws IOException {
        check(looked);
        return held(high, low, since);
    }

    private int held(long high, long low, long since) {
        long gauge = find(high == 0 ? 1 : high, low);
        long mark = gauge < 0 ? 0 : count(word(gauge + FIRST));
        int found = 0;
        for (long i = 0; i < mark; i++) {
            long at = find(highOf(high, i), lowOf(low, i));
            if (at >= 0 && isHeld(at, since)) {
                found++;
            }
        }
        return found;
    }

    private boolean isHeld(long at, long since) {
        long first = word(at + FIRST);
        return word(at + SECOND) != 0 && first != DEAD
                && Long.compareUnsigned(first, since) >= 0;
    }

    /**
     * Acquires a slot of each gauge, or none: -1, or the number of the gauge that is at its limit (or has no room) already.
     *
     * @param hashes of the gauges, high and low in turn
     * @param request tells a request from others, not 0
     * @param now 32.32 seconds
     * @param ttl seconds after which a slot is free again, its process being dead
     * @param counts gets how many are in flight, of each gauge that was looked at, the new one not counted
     */
    public int acquire(long[] hashes, long[] limits, long request, long now, long ttl,
            long[] counts) throws IOException {
        check(start(now));
        lengthen(ttl + 1);
        long since = Math.max(0, now - (ttl << 32));
        lock.lock();
        try {
            for (int i = 0; i < limits.length; i++) {
                counts[i] = held(hashes[2 * i], hashes[2 * i + 1], since);
                if (counts[i] + 1 > limits[i]) {
                    return i;
                }
            }
            for (int i = 0; i < limits.length; i++) {
                if (!take(hashes[2 * i], hashes[2 * i + 1], request, now, since)) {
                    for (int j = 0; j < i; j++) {
                        free(hashes[2 * j], hashes[2 * j + 1], request);
                    }
                    return i;
                }
            }
            return -1;
        } finally {
            lock.unlock();
        }
    }

    private boolean take(long high, long low, long request, long now, long since) {
        long gauge = insertLocked(high == 0 ? 1 : high, low, start(now));
        if (gauge < 0) {
            return false;
        }
        long mark = count(word(gauge + FIRST));
        long slot = -1;
        long number = mark;
        for (long i = 0; i < mark; i++) {
            long at = find(highOf(high, i), lowOf(low, i));
            if (at >= 0 && word(at + SECOND) == request) {
                slot = at; // the request has one already
                number = i;
                break;
            }
            if (number == mark && (at < 0 || !isHeld(at, since))) {
                number = i;
            }
        }
        if (slot < 0) {
            slot = insertLocked(highOf(high, number), lowOf(low, number), start(now));
            if (slot < 0) {
                return false;
            }
        }
        put(slot + SECOND, 0);
        put(slot + FIRST, now);
        put(slot + SECOND, request);
        // a gauge is as young as its youngest slot, whatever the clock does
        long latest = Math.max(start(now), start(word(gauge + FIRST)));
        put(gauge + FIRST, pack(latest, Math.max(mark, number + 1)));
        return true;
    }

    /** Frees the slot that a request has of a gauge, if it has one. */
    public void release(long high, long low, long request) throws IOException {
        check(looked);
        lock.lock();
        try {
            free(high, low, request);
        } finally {
            lock.unlock();
        }
    }

    private void free(long high, long low, long request) {
        long gauge = find(high == 0 ? 1 : high, low);
        long mark = gauge < 0 ? 0 : count(word(gauge + FIRST));
        long last = 0;
        for (long i = 0; i < mark; i++) {
            long at = find(highOf(high, i), lowOf(low, i));
            if (at >= 0 && word(at + SECOND) == request) {
                put(at + SECOND, 0);
            } else if (at >= 0 && word(at + SECOND) != 0) {
                last = i + 1;
            }
        }
        if (last < mark) {
            put(gauge + FIRST, pack(start(word(gauge + FIRST)), last));
        }
    }

    /** Unmaps the file. */
    @Override
    public void close() throws IOException {
        arena.close();
        lock.close();
    }
}
