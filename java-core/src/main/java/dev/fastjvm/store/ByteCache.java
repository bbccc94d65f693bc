package dev.fastjvm.store;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * Bytes by their keys, each with a time to live, bounded by bytes: Caffeine's policy (W-TinyLFU) over values in the C heap.
 *
 * <p>Representation: a value is one block of {@code malloc}'s, head and data behind each other; the Java heap holds its key and
 * its address. So the bound may be far beyond the Java heap, and the collector copies no value. A block is freed the moment that
 * Caffeine drops its entry (removal listener, executor the calling thread): at an eviction, an expiry, a replacement, a clear.
 *
 * <p>Weight: bytes of key, head and data, but at least bound / {@link #LARGEST_COUNT}. A key with Caffeine's nodes is about
 * {@link #HEAP_PER_ENTRY} bytes of the Java heap, and without the floor many small values would fill that long before the bound.
 *
 * <p>Time is what the caller says ({@link #at}): no clock is read here, no thread is started. Entries whose time is over are
 * misses from that moment; their blocks go with the next write or {@link #count}. Callers exclude each other, as the GIL does.
 */
final class ByteCache {
    /** Bytes of the Java heap behind one entry: key, node, table; measured, rounded up. */
    static final long HEAP_PER_ENTRY = 320;

    /** Entries that fit a quarter of the Java heap. */
    static final long LARGEST_COUNT =
            Math.max(1000, Runtime.getRuntime().maxMemory() / 4 / HEAP_PER_ENTRY);

    /** A value in place; valid until the next call. */
    record Value(long head, int headLength, long dataLength, int keyLength, long ttl) {
        long data() {
            return head + headLength;
        }

        long bytes() {
            return keyLength + headLength + dataLength;
        }
    }

    private record Key(byte[] bytes) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && Arrays.equals(bytes, key.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }

        boolean startsWith(byte[] prefix) {
            return bytes.length >= prefix.length
                    && Arrays.equals(bytes, 0, prefix.length, prefix, 0, prefix.length);
        }
    }

    private final long bound;
    private final long floor;
    private final int unit;
    private final Cache<Key, Value> entries;

    private long now;
    private long hits;
    private long misses;
    private long bytes;
    private long evictions;
    private long expirations;

    /** @param bound how many bytes may be held, in at most about {@code largestCount} entries */
    ByteCache(long bound, long largestCount) {
        this.bound = bound;
        floor = bound / largestCount;
        // a weight is an int
        unit = (int) Math.min(Integer.MAX_VALUE, bound / Integer.MAX_VALUE + 1);
        entries = Caffeine.newBuilder().maximumWeight(bound / unit)
                .weigher((Key key, Value value) -> weight(value)).expireAfter(new TimeToLive())
                .ticker(() -> now).executor(Runnable::run).removalListener(this::removed).build();
    }

    private static final class TimeToLive implements Expiry<Key, Value> {
        @Override
        public long expireAfterCreate(Key key, Value value, long time) {
            return value.ttl();
        }

        @Override
        public long expireAfterUpdate(Key key, Value value, long time, long left) {
            return value.ttl();
        }

        @Override
        public long expireAfterRead(Key key, Value value, long time, long left) {
            return left;
        }
    }

    private int weight(Value value) {
        return (int) ((Math.max(value.bytes(), floor) + unit - 1) / unit);
    }

    private void removed(Key key, Value value, RemovalCause cause) {
        Memory.free(value.head());
        bytes -= value.bytes();
        if (cause == RemovalCause.SIZE) {
            evictions++;
        } else if (cause == RemovalCause.EXPIRED) {
            expirations++;
        }
    }

    /** Sets the time, nanoseconds from any origin, that never goes back. */
    void at(long nanos) {
        now = Math.max(now, nanos);
    }

    /** A value, or null; counted as a hit or a miss. */
    Value get(byte[] key) {
        Value found = entries.getIfPresent(new Key(key));
        if (found == null) {
            misses++;
        } else {
            hits++;
        }
        return found;
    }

    /** Whether there is a value; neither counted nor a use of it. */
    boolean has(byte[] key) {
        return entries.policy().getIfPresentQuietly(new Key(key)) != null;
    }

    /**
     * Puts a copy of a value in the place of the key's older one; answers whether it may stay: what is larger than the bound, has
     * no time to live or finds no memory is not kept, nor is the older one.
     */
    boolean put(byte[] key, long head, long headLength, long data, long dataLength, long ttl) {
        Key named = new Key(key);
        long size = key.length + headLength + dataLength;
        if (ttl <= 0 || size > bound) {
            entries.invalidate(named);
            return false;
        }
        try {
            // never empty: malloc of nothing may answer NULL
            long block = Memory.allocate(Math.max(headLength + dataLength, 1));
            Memory.move(head, block, headLength);
            Memory.move(data, block + headLength, dataLength);
            bytes += size;
            entries.put(named, new Value(block, (int) headLength, dataLength, key.length, ttl));
            return true;
        } catch (OutOfMemoryError full) {
            entries.invalidate(named);
            return false;
        }
    }

    /** Removes a value; answers whether there was one. */
    boolean remove(byte[] key) {
        Key named = new Key(key);
        boolean there = has(key);
        entries.invalidate(named);
        return there;
    }

    /** Removes what has a key with this prefix. */
    void clear(byte[] prefix) {
        if (prefix.length == 0) {
            entries.invalidateAll();
        } else {
            entries.asMap().keySet().removeIf(key -> key.startsWith(prefix));
        }
        entries.cleanUp();
    }

    /** Number of entries that are alive. */
    long count() {
        entries.cleanUp();
        return entries.estimatedSize();
    }

    /** Bytes of keys and values held. */
    long bytes() {
        return bytes;
    }

    long hits() {
        return hits;
    }

    long misses() {
        return misses;
    }

    /** How many entries had to make room. */
    long evictions() {
        return evictions;
    }

    /** How many entries outlived their time. */
    long expirations() {
        return expirations;
    }
}
