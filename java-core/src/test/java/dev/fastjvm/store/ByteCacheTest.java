package dev.fastjvm.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.fastjvm.memory.Memory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is in the cache is what was put, for as long as it said, within the bound; the clock is the test's. */
class ByteCacheTest {
    private static final long SECOND = 1_000_000_000;
    private static final long FOREVER = 1L << 62;
    private static final long MANY = 1L << 40;
    private static final byte[] HEAD = {1, 2, 3};

    private static byte[] key(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static boolean put(ByteCache cache, String key, byte[] data, long ttl) {
        long head = Memory.allocate(HEAD.length);
        long bytes = Memory.allocate(data.length + 1);
        Memory.copyIn(HEAD, head, HEAD.length);
        Memory.copyIn(data, bytes, data.length);
        try {
            return cache.put(key(key), head, HEAD.length, bytes, data.length, ttl);
        } finally {
            // a copy is kept
            Memory.putByte(bytes, (byte) ~Memory.getByte(bytes));
            Memory.free(head);
            Memory.free(bytes);
        }
    }

    private static byte[] get(ByteCache cache, String key) {
        ByteCache.Value found = cache.get(key(key));
        if (found == null) {
            return null;
        }
        assertArrayEquals(HEAD, Memory.bytes(found.head(), found.headLength()));
        return Memory.bytes(found.data(), (int) found.dataLength());
    }

    private static byte[] data(int length, int seed) {
        byte[] made = new byte[length];
        new Random(seed).nextBytes(made);
        return made;
    }

    @Test
    void asAHashMapWhereAllFits() {
        ByteCache cache = new ByteCache(1L << 30, MANY);
        Map<String, byte[]> wanted = new HashMap<>();
        Random random = new Random(3);
        for (int i = 0; i < 20_000; i++) {
            String key = "k" + random.nextInt(500);
            if (random.nextInt(4) == 0) {
                assertEquals(wanted.remove(key) != null, cache.remove(key(key)));
            } else {
                byte[] data = data(random.nextInt(200), i);
                assertTrue(put(cache, key, data, FOREVER));
                wanted.put(key, data);
            }
            String asked = "k" + random.nextInt(500);
            assertArrayEquals(wanted.get(asked), get(cache, asked));
        }
        assertEquals(wanted.size(), cache.count());
        long bytes = 0;
        for (Map.Entry<String, byte[]> entry : wanted.entrySet()) {
            bytes += entry.getKey().length() + HEAD.length + entry.getValue().length;
        }
        assertEquals(bytes, cache.bytes());
        assertEquals(20_000, cache.hits() + cache.misses());
        cache.clear(new byte[0]);
        assertEquals(0, cache.count());
        assertEquals(0, cache.bytes());
    }

    @Test
    void theBound() {
        ByteCache cache = new ByteCache(100_000, MANY);
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            String key = "k" + random.nextInt(3000);
            put(cache, key, data(random.nextInt(1500), i), FOREVER);
            assertTrue(cache.bytes() <= 100_000, "after put " + i);
        }
        assertTrue(cache.evictions() > 0);
        assertTrue(cache.bytes() > 50_000, "held: " + cache.bytes());
    }

    @Test
    void whatIsLargerThanAll() {
        ByteCache cache = new ByteCache(1000, MANY);
        assertTrue(put(cache, "k", data(500, 1), FOREVER));
        assertFalse(put(cache, "k", data(2000, 2), FOREVER));
        assertNull(get(cache, "k"), "neither it nor what it replaced");
        assertEquals(0, cache.bytes());
    }

    @Test
    void beyondWeightsThatAreInts() {
        ByteCache cache = new ByteCache(1L << 45, MANY);
        assertTrue(put(cache, "k", data(5000, 1), FOREVER));
        assertArrayEquals(data(5000, 1), get(cache, "k"));
        assertEquals(1, cache.count());
    }

    @Test
    void manyEmptyValues() {
        ByteCache cache = new ByteCache(1L << 30, 1000);
        for (int i = 0; i < 10_000; i++) {
            put(cache, "k" + i, new byte[0], FOREVER);
        }
        assertTrue(cache.count() <= 1000, "entries: " + cache.count());
    }

    @Test
    void timeToLive() {
        ByteCache cache = new ByteCache(1 << 20, MANY);
        cache.at(7 * SECOND);
        put(cache, "short", data(10, 1), SECOND);
        put(cache, "long", data(10, 2), 1000 * SECOND);
        put(cache, "ever", data(10, 3), FOREVER);
        assertFalse(put(cache, "never", data(10, 4), 0));
        cache.at(8 * SECOND - 1);
        assertNotNull(get(cache, "short"));
        cache.at(8 * SECOND);
        assertNull(get(cache, "short"), "reading it made it no younger");
        assertFalse(cache.has(key("short")));
        assertNotNull(get(cache, "long"));
        put(cache, "long", data(20, 5), SECOND);
        cache.at(9 * SECOND);
        assertNull(get(cache, "long"), "the newer value's time counts");
        cache.at(5 * SECOND);
        assertNull(get(cache, "long"), "a clock does not go back");
        cache.at(Long.MAX_VALUE / 4);
        assertNotNull(get(cache, "ever"));
        assertEquals(1, cache.count());
        assertEquals(2, cache.expirations());
        assertEquals(0, cache.evictions());
    }

    @Test
    void clearingAPrefix() {
        ByteCache cache = new ByteCache(1 << 20, MANY);
        for (String key : new String[] {"a1", "a2", "ab", "b1", "a"}) {
            put(cache, key, data(10, 1), FOREVER);
        }
        cache.clear(key("a"));
        assertEquals(1, cache.count());
        assertNotNull(get(cache, "b1"));
        assertEquals(2 + HEAD.length + 10, cache.bytes());
    }

    @Test
    void oftenAskedForStays() {
        ByteCache cache = new ByteCache(20_000, MANY);
        put(cache, "hot", data(100, 1), FOREVER);
        for (int i = 0; i < 5000; i++) {
            get(cache, "hot");
            put(cache, "cold" + i, data(100, i), FOREVER);
        }
        assertTrue(Arrays.equals(data(100, 1), get(cache, "hot")));
    }
}
