package dev.fastjvm.limits;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Counters in windows, to all that have the file open. */
class CounterTableTest {
    private static final long NOW = 1_700_000_000L;

    @TempDir
    Path folder;

    private CounterTable open(long keys) throws IOException {
        return CounterTable.open(folder.resolve("limits"), keys);
    }

    private static int add(CounterTable table, long key, boolean tokens, long now, long amount,
            long limit, long[] told) throws IOException {
        return table.add(key * 0x9E3779B97F4A7C15L, key * 0xBF58476D1CE4E5B9L, tokens, now, 60,
                amount, limit, -1, told);
    }

    @Test
    void asAModelOfTwoCountersInAWindow() throws IOException {
        record Window(long start, long requests, long tokens) {}
        Map<Long, Window> model = new HashMap<>();
        Random random = new Random(2);
        long now = NOW;
        long[] told = new long[2];
        try (CounterTable one = open(500); CounterTable other = open(500)) {
            for (int i = 0; i < 200_000; i++) {
                now += random.nextInt(20) == 0 ? random.nextInt(40) - 10 : 0;
                long key = 1 + random.nextInt(300);
                boolean tokens = random.nextBoolean();
                long amount = random.nextInt(7) - 1;
                long limit = random.nextInt(3) == 0 ? CounterTable.NO_LIMIT : random.nextInt(60);
                Window window = model.get(key);
                if (window == null || now - window.start >= 60) {
                    window = new Window(now, 0, 0);
                }
                long before = tokens ? window.tokens : window.requests;
                boolean refused = limit < CounterTable.NO_LIMIT
                        && (amount > 0 ? before + amount > limit : before >= limit);
                int status = add(random.nextBoolean() ? one : other, key, tokens, now, amount,
                        limit, told);
                assertEquals(refused ? CounterTable.REFUSED : CounterTable.ADMITTED, status);
                assertEquals(window.start, told[0]);
                assertEquals(refused ? before : before + amount, told[1]);
                if (!refused) {
                    model.put(key, tokens
                            ? new Window(window.start, window.requests, before + amount)
                            : new Window(window.start, before + amount, window.tokens));
                }
            }
        }
    }

    @Test
    void threadsAndEndingWindowsAdmitNoMoreThanTheLimit() throws Exception {
        int threads = 4;
        int limit = 50;
        AtomicLong clock = new AtomicLong(NOW);
        try (CounterTable one = open(100);
                CounterTable other = open(100);
                var pool = Executors.newFixedThreadPool(threads)) {
            List<Future<Map<Long, Integer>>> all = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                CounterTable table = t % 2 == 0 ? one : other;
                boolean last = t == threads - 1;
                all.add(pool.submit(() -> {
                    Map<Long, Integer> admitted = new HashMap<>();
                    long[] told = new long[2];
                    for (int i = 0; i < 200_000; i++) {
                        if (last && i % 5_000 == 0) {
                            clock.addAndGet(60);
                        }
                        boolean tokens = i % 2 == 0;
                        if (add(table, 7, tokens, clock.get(), 1, limit,
                                told) == CounterTable.ADMITTED) {
                            admitted.merge(tokens ? told[0] : -told[0], 1, Integer::sum);
                        }
                    }
                    return admitted;
                }));
            }
            Map<Long, Integer> sum = new HashMap<>();
            for (Future<Map<Long, Integer>> each : all) {
                each.get().forEach((window, count) -> sum.merge(window, count, Integer::sum));
            }
            assertTrue(sum.size() > 20);
            sum.forEach((window, count) -> assertTrue(count <= limit, () -> window + " " + count));
        }
    }

    @Test
    void newKeysTakeThePlacesOfOldOnesAndAFullTableRefusesThem() throws IOException {
        long[] told = new long[2];
        try (CounterTable table = open(100)) { // 160 slots, 140 of them used
            int admitted = 0;
            for (long key = 1; key <= 1000; key++) {
                if (add(table, key, false, NOW, 1, 5, told) == CounterTable.ADMITTED) {
                    admitted++;
                }
            }
            assertEquals(140, admitted);
            assertEquals(140, table.used());
            assertEquals(CounterTable.FULL, add(table, 5000, false, NOW, 1, 5, told));
            // those that are known go on
            assertEquals(CounterTable.ADMITTED, add(table, 1, false, NOW, 1, 5, told));
            assertEquals(2, told[1]);
            int again = 0;
            for (long key = 2001; key <= 2100; key++) {
                if (add(table, key, false, NOW + 61, 1, 5, told) == CounterTable.ADMITTED) {
                    again++;
                    assertEquals(1, told[1]);
                }
            }
            assertEquals(100, again);
            assertTrue(table.used() <= 140);
        }
    }

    @Test
    void keysOfOldMakeRoom() throws IOException {
        long[] told = new long[2];
        Map<Long, Integer> live = new HashMap<>();
        try (CounterTable table = open(1000)) { // 1600 slots, 1400 of them used
            for (long round = 0; round < 400; round++) {
                long now = NOW + 30 * round;
                for (long key = 1 + 40 * round; key <= 40 + 40 * round; key++) {
                    assertEquals(CounterTable.ADMITTED, add(table, key, false, now, 1, 5, told));
                    assertEquals(1, told[1]);
                }
                // those of the round before are in their windows
                for (long key = Math.max(1, 40 * round - 39); key <= 40 * round; key++) {
                    assertEquals(CounterTable.ADMITTED, add(table, key, false, now, 1, 5, told));
                    assertEquals(2, told[1]);
                }
                assertTrue(table.used() <= 1400);
            }
            // all of them are too many, and are told so
            for (long key = 100_001; key <= 102_000; key++) {
                live.merge((long) add(table, key, false, NOW + 1_000_000, 1, 5, told), 1,
                        Integer::sum);
            }
            assertEquals(1400, table.used());
            assertEquals(1400, live.get((long) CounterTable.ADMITTED));
            assertEquals(600, live.get((long) CounterTable.FULL));
        }
    }

    @Test
    void roomIsMadeWhileOthersCount() throws Exception {
        int threads = 4;
        int limit = 20;
        AtomicLong clock = new AtomicLong(NOW);
        // time stands still while anybody counts: who is late by more than a window counts in one that is over
        ReadWriteLock time = new ReentrantReadWriteLock();
        try (CounterTable one = open(60);
                CounterTable other = open(60);
                var pool = Executors.newFixedThreadPool(threads)) {
            List<Future<Map<List<Long>, Integer>>> all = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                CounterTable table = t % 2 == 0 ? one : other;
                int seed = t;
                all.add(pool.submit(() -> {
                    Random random = new Random(seed);
                    Map<List<Long>, Integer> admitted = new HashMap<>();
                    long[] told = new long[2];
                    for (int i = 0; i < 60_000; i++) {
                        if (seed == 0 && i % 200 == 0) {
                            time.writeLock().lock();
                            clock.addAndGet(31);
                            time.writeLock().unlock();
                        }
                        boolean tokens = i % 2 == 0;
                        int amount = 1 + random.nextInt(3);
                        time.readLock().lock();
                        try {
                            long now = clock.get();
                            long key = 1 + now / 50 * 8 + random.nextInt(12);
                            if (add(table, key, tokens, now, amount, limit,
                                    told) == CounterTable.ADMITTED) {
                                admitted.merge(List.of(key, tokens ? told[0] : -told[0]), amount,
                                        Integer::sum);
                            }
                        } finally {
                            time.readLock().unlock();
                        }
                    }
                    return admitted;
                }));
            }
            Map<List<Long>, Integer> sum = new HashMap<>();
            for (Future<Map<List<Long>, Integer>> each : all) {
                each.get().forEach((window, count) -> sum.merge(window, count, Integer::sum));
            }
            assertTrue(sum.size() > 1000);
            sum.forEach((window, count) -> assertTrue(count <= limit, () -> window + " " + count));
        }
    }

    @Test
    void aTableThatIsDamagedWhileItIsUsed() throws IOException {
        Path file = folder.resolve("limits").resolve("limits");
        long[] told = new long[2];
        byte[] whole;
        try (CounterTable table = open(100)) {
            add(table, 1, false, NOW, 1, 5, told);
            whole = Files.readAllBytes(file);
        }
        for (int i = 0; i < 4; i++) {
            try (CounterTable before = open(100)) {
                add(before, 1, false, NOW + i, 1, 5, told);
                switch (i) {
                    case 0 -> Files.write(file, new byte[whole.length], WRITE); // in its place
                    case 1 -> Files.delete(file);
                    case 2 -> { // another table
                        Files.write(file.resolveSibling("x"), whole);
                        Files.move(file.resolveSibling("x"), file, REPLACE_EXISTING);
                    }
                    default -> Files.write(file, new byte[8], APPEND); // no one sees it but who opens it
                }
                try (CounterTable after = open(100)) {
                    if (i != 2) {
                        assertEquals(i == 1 ? CounterTable.Origin.NEW
                                : CounterTable.Origin.REBUILT, after.origin());
                    }
                    assertEquals(CounterTable.ADMITTED,
                            add(after, 1, false, NOW + 10 + i, 1, 5, told));
                    long now = NOW + 20 + i;
                    assertThrows(IOException.class, () -> add(before, 1, false, now, 1, 5, told));
                    assertThrows(IOException.class, () -> before.acquire(new long[] {1, 1},
                            new long[] {1}, 1, now << 32, 60, new long[1]));
                }
            }
        }
    }

    @Test
    void othersMayNotWriteIntoItsFolder() throws IOException {
        Path own = folder.resolve("limits");
        Files.createDirectory(own);
        for (String rights : List.of("rwxrwxrwx", "rwxr-xr-x", "rwx------", "r-xrwx---")) {
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString(rights));
            open(100).close();
            assertEquals("rwx------",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(own)));
        }
        Files.createFile(own.resolve("another's"));
        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
        open(100).close();
        for (String rights : List.of("rwxrwxr-x", "rwxr-xrwx")) {
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString(rights));
            assertThrows(IOException.class, () -> open(100));
            assertEquals(rights,
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(own)));
        }
    }

    @Test
    void aGaugeIsAsYoungAsItsYoungestSlot() throws IOException {
        long[] counts = new long[1];
        long[] told = new long[2];
        try (CounterTable table = open(10)) { // 64 slots
            long[] gauge = {3, 3};
            assertEquals(-1,
                    table.acquire(gauge, new long[] {2}, 1, NOW + 3000 << 32, 3600, counts));
            assertEquals(-1, table.acquire(gauge, new long[] {2}, 2, NOW << 32, 3600, counts));
            for (long key = 1; key < 500; key++) { // the clock stepped back in between
                add(table, key, false, NOW + 3700, 1, 5, told);
            }
            assertEquals(1, table.inFlight(3, 3, NOW + 100 << 32));
        }
    }

    @Test
    void equalHashesShare() throws IOException {
        long[] told = new long[2];
        try (CounterTable table = open(10)) {
            for (int i = 0; i < 3; i++) {
                table.add(0, 0, false, NOW, 60, 1, CounterTable.NO_LIMIT, -1, told);
                table.add(1, 0, false, NOW, 60, 1, CounterTable.NO_LIMIT, -1, told);
            }
            assertEquals(6, told[1]); // 0 marks a free slot: a hash of 0 is taken as 1
        }
    }

    @Test
    void countersEnd() throws IOException {
        long[] told = new long[2];
        try (CounterTable table = open(10)) {
            for (int i = 0; i < 3; i++) {
                add(table, 1, true, NOW, 2_000_000_000L, CounterTable.NO_LIMIT, told);
            }
            assertEquals(Integer.MAX_VALUE, told[1]);
            assertEquals(CounterTable.REFUSED, add(table, 1, true, NOW, 1, 1L << 40, told));
        }
    }

    @Test
    void aWindowThatWasExpected() throws IOException {
        long[] told = new long[2];
        try (CounterTable table = open(10)) {
            assertEquals(CounterTable.ABSENT,
                    table.add(5, 5, true, NOW, 60, -3, CounterTable.NO_LIMIT, NOW, told));
            table.add(5, 5, true, NOW, 60, 10, CounterTable.NO_LIMIT, -1, told);
            assertEquals(CounterTable.ADMITTED,
                    table.add(5, 5, true, NOW + 5, 60, -3, CounterTable.NO_LIMIT, NOW, told));
            assertEquals(7, told[1]);
            assertEquals(CounterTable.ABSENT,
                    table.add(5, 5, true, NOW + 60, 60, -3, CounterTable.NO_LIMIT, NOW, told));
        }
    }

    @Test
    void requestsInFlight() throws IOException {
        long now = NOW << 32;
        long[] counts = new long[2];
        long[] gauges = {3, 3, 4, 4};
        try (CounterTable one = open(100); CounterTable other = open(100)) {
            assertEquals(-1, one.acquire(gauges, new long[] {2, 9}, 11, now, 3600, counts));
            assertEquals(-1, other.acquire(gauges, new long[] {2, 9}, 12, now, 3600, counts));
            assertEquals(0, one.acquire(gauges, new long[] {2, 9}, 13, now, 3600, counts));
            assertEquals(2, one.inFlight(4, 4, now - 1));
            one.release(3, 3, 99);
            one.release(3, 3, 12);
            one.release(3, 3, 12);
            assertEquals(1, other.inFlight(3, 3, now));
            assertEquals(-1, one.acquire(gauges, new long[] {2, 9}, 13, now, 3600, counts));
            assertEquals(1, counts[0]);
            assertEquals(2, counts[1]);
            // a limit that is lowered: all that are in flight count
            assertEquals(0, one.acquire(gauges, new long[] {1, 9}, 14, now, 3600, counts));
            assertEquals(2, counts[0]);
            long later = NOW + 3601 << 32;
            assertEquals(-1, one.acquire(gauges, new long[] {1, 9}, 14, later, 3600, counts));
            assertEquals(0, counts[0]);
        }
    }

    @Test
    void filesThatAreNone() throws IOException {
        Path file = folder.resolve("limits").resolve("limits");
        long[] told = new long[2];
        try (CounterTable table = open(100)) {
            assertEquals(CounterTable.Origin.NEW, table.origin());
            add(table, 1, false, NOW, 1, 5, told);
        }
        try (CounterTable table = open(999)) {
            assertEquals(CounterTable.Origin.THERE, table.origin());
            add(table, 1, false, NOW, 1, 5, told);
            assertEquals(2, told[1]);
        }
        assertEquals("rw-------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        assertEquals("rwx------", PosixFilePermissions
                .toString(Files.getPosixFilePermissions(folder.resolve("limits"))));
        byte[] whole = Files.readAllBytes(file);
        for (byte[] bad : List.of(new byte[0], new byte[10_000],
                java.util.Arrays.copyOf(whole, whole.length - 8))) {
            Files.write(file, bad);
            try (CounterTable table = open(100)) {
                assertEquals(CounterTable.Origin.REBUILT, table.origin());
                add(table, 1, false, NOW, 1, 5, told);
                assertEquals(1, told[1]);
            }
        }
        Files.delete(file);
        Files.createSymbolicLink(file, folder.resolve("elsewhere"));
        assertThrows(IOException.class, () -> open(100));
        Path link = folder.resolve("link");
        Files.createSymbolicLink(link, folder);
        assertThrows(IOException.class, () -> CounterTable.open(link, 100));
    }
}
