package dev.fastjvm.log;

import static dev.fastjvm.log.KeyedLogTest.bytes;
import static dev.fastjvm.log.KeyedLogTest.name;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is live stays as it is, for all that read and write meanwhile; what is not is in no file any more. */
class CompactionTest {
    private static final byte[] NO_HEAD = {};
    private static final long SEGMENT = 256L << 10;

    @TempDir
    Path folder;

    @AfterEach
    void room() {
        Posix.leave(Long.MAX_VALUE);
    }

    private KeyedLog open() throws IOException {
        return KeyedLog.open(folder, Durability.PROCESS, SEGMENT);
    }

    private static void put(KeyedLog log, String key, String list, byte[] data)
            throws IOException {
        log.put(name(key), name(list), name("head of " + key), MemorySegment.ofArray(data), true);
    }

    private static byte[] random(int seed, int size) {
        byte[] data = new byte[size];
        new Random(seed).nextBytes(data);
        return data;
    }

    private List<Integer> segments() throws IOException {
        List<Integer> found = new ArrayList<>();
        try (SegmentedLog log = SegmentedLog.open(folder, Durability.PROCESS, SEGMENT)) {
            found.addAll(log.present());
        }
        return found;
    }

    private boolean holds(String text) throws IOException {
        try (var all = Files.walk(folder)) {
            for (Path each : all.filter(Files::isRegularFile).toList()) {
                if (Files.readString(each, StandardCharsets.ISO_8859_1).contains(text)) {
                    return true;
                }
            }
        }
        return false;
    }

    @ParameterizedTest
    @EnumSource(Durability.class)
    void asMaps(Durability durability) throws IOException {
        Random random = new Random(durability.ordinal());
        KeyedLogTest.Model model = new KeyedLogTest.Model();
        Map<String, byte[]> last = new HashMap<>();
        for (int round = 0; round < 8; round++) {
            try (KeyedLog one = KeyedLog.open(folder, durability, SEGMENT);
                    KeyedLog other = open()) {
                model.check(one);
                for (int i = 0; i < 300; i++) {
                    KeyedLog at = durability == Durability.PROCESS && random.nextBoolean() ? one
                            : other;
                    String key = "k" + random.nextInt(150);
                    switch (random.nextInt(8)) {
                        case 0 -> {
                            at.remove(name(key));
                            model.remove(key);
                        }
                        case 1 -> {
                            String more = "k" + random.nextInt(150);
                            at.removeAll(new byte[][] {name(key), name(more), name("none")});
                            model.remove(key);
                            model.remove(more);
                        }
                        default -> {
                            String list = "l" + random.nextInt(6);
                            byte[] data = KeyedLogTest.grown(random, last.get(list));
                            last.put(list, data);
                            at.put(name(key), name(list), name("head of " + key),
                                    MemorySegment.ofArray(data), random.nextInt(5) > 0);
                            model.put(key, list, data);
                        }
                    }
                    if (random.nextInt(60) == 0) {
                        at.trim(name("l" + random.nextInt(6)));
                    }
                    if (random.nextInt(100) == 0) {
                        at.compact();
                        other.lock();
                        other.release();
                        other.unlock();
                    }
                }
                model.check(other);
                if (round % 3 != 2) {
                    one.compact();
                    model.check(one);
                    model.check(other);
                }
            }
            if (round % 2 == 1) {
                Files.delete(folder.resolve("index")); // it is made anew from the log
            }
        }
    }

    @Test
    void whatIsRemovedIsGone() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 40; i++) {
                put(log, "key" + i, "list", random(i, 20_000));
                put(log, "secret" + i, "of secret", name("a secret text " + i));
            }
            put(log, "lonely", "", name("no list"));
            put(log, "lonely secret", "", name("a secret text"));
            for (int i = 0; i < 40; i++) {
                log.remove(name("secret" + i));
            }
            log.remove(name("lonely secret"));
            assertTrue(holds("secret"));
            assertTrue(log.compact() > 0);
            assertFalse(holds("secret"));
            assertEquals(0, log.compact(), "nothing is left to do");
            for (int i = 0; i < 40; i++) {
                assertArrayEquals(random(i, 20_000),
                        bytes(log.get(name("key" + i)).orElseThrow().data()));
            }
            assertArrayEquals(name("no list"),
                    bytes(log.get(name("lonely")).orElseThrow().data()));
        }
        Files.delete(folder.resolve("index"));
        try (KeyedLog log = open()) {
            assertFalse(log.has(name("secret1")));
            assertTrue(log.has(name("key1")));
        }
    }

    @Test
    void allIsRemoved() throws IOException {
        try (KeyedLog log = open(); KeyedLog other = open()) {
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 30; i++) {
                    put(i % 2 == 0 ? log : other, "key" + i, "list", random(i, 30_000));
                }
                for (int i = 0; i < 30; i++) {
                    other.remove(name("key" + i));
                }
                (round == 1 ? log : other).compact();
                assertEquals(1, segments().size());
                put(log, "key", "list", random(round, 100)); // whose writer was at a segment that is gone
                put(other, "key2", "list", random(round, 100));
                List<String> keys = new ArrayList<>();
                log.list(name("list"),
                        value -> keys.add(new String(value.key(), StandardCharsets.UTF_8)));
                assertEquals(List.of("key2", "key"), keys);
            }
        }
    }

    @Test
    void whatHoldsNothingRemovedStays() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 30; i++) {
                put(log, "key" + i, "list" + i, random(i, 30_000));
            }
            List<Integer> before = segments();
            assertTrue(before.size() > 4);
            log.compact();
            assertEquals(before, segments());
            log.remove(name("key29"));
            log.compact();
            assertEquals(before.subList(0, before.size() - 2),
                    segments().subList(0, before.size() - 2));
        }
    }

    /** What lists share with their forerunners is stored once before and after. */
    @Test
    void whatGrowsStaysSmall() throws IOException {
        byte[] data = random(1, 100_000);
        try (KeyedLog log = open()) {
            for (int i = 0; i < 200; i++) {
                data = java.util.Arrays.copyOf(data, data.length + 100);
                put(log, "key" + i, "list", data);
            }
            long before = size();
            for (int i = 0; i < 100; i++) {
                log.remove(name("key" + i));
            }
            long given = log.compact();
            assertTrue(size() < before, before + " bytes before, now " + size());
            assertTrue(given > 0, given + " of " + before + " bytes, now " + size() + segments());
            for (int i = 100; i < 200; i++) {
                assertEquals(100_000 + 100 * (i + 1),
                        log.get(name("key" + i)).orElseThrow().data().byteSize());
            }
        }
    }

    private long size() throws IOException {
        long sum = 0;
        try (SegmentedLog log = SegmentedLog.open(folder, Durability.PROCESS, SEGMENT)) {
            long[] bytes = new long[1];
            log.scan(-1, new SegmentedLog.Visitor() {
                @Override
                public void record(LogRecord record) {
                    bytes[0] += record.payload().byteSize();
                }

                @Override
                public void damage(long position, long more) {
                    throw new AssertionError();
                }
            });
            sum += bytes[0];
        }
        return sum;
    }

    /** Values larger than a part, whose parts lie in several segments. */
    @Test
    void largeValues() throws IOException {
        int size = 3 * SegmentedLog.LARGEST_PART + 5;
        try (KeyedLog log = open()) {
            for (int i = 0; i < 4; i++) {
                put(log, "small" + i, "list", random(i, 1000));
                put(log, "large" + i, i < 2 ? "list" : "", random(i, size));
                put(log, "small again" + i, "list", random(i, 1000));
            }
            for (int i = 0; i < 4; i++) {
                log.remove(name("small" + i));
            }
            log.remove(name("large1"));
            log.compact();
        }
        Files.delete(folder.resolve("index"));
        try (KeyedLog log = open()) {
            for (int i = 0; i < 4; i++) {
                assertEquals(i != 1, log.has(name("large" + i)));
                if (i != 1) {
                    assertArrayEquals(random(i, size),
                            bytes(log.get(name("large" + i)).orElseThrow().data()));
                }
                assertTrue(log.has(name("small again" + i)));
            }
        }
    }

    @Test
    void readersAndWritersMeanwhile() throws Exception {
        byte[][] lists = new byte[5][];
        try (KeyedLog log = open();
                KeyedLog other = open();
                var pool = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 5; i++) {
                lists[i] = name("list" + i);
                for (int k = 0; k < 40; k++) {
                    put(log, "stays" + i + "-" + k, "list" + i, random(40 * i + k, 2000));
                }
            }
            AtomicBoolean done = new AtomicBoolean();
            List<Future<?>> all = new ArrayList<>();
            for (KeyedLog each : List.of(log, other)) {
                all.add(pool.submit(() -> {
                    Random random = new Random();
                    while (!done.get()) {
                        int i = random.nextInt(5);
                        int k = random.nextInt(40);
                        assertArrayEquals(random(40 * i + k, 2000), bytes(
                                each.get(name("stays" + i + "-" + k)).orElseThrow().data()));
                        List<String> keys = new ArrayList<>();
                        each.list(lists[i], value -> {
                            String key = new String(value.key(), StandardCharsets.UTF_8);
                            if (key.startsWith("stays")) {
                                keys.add(key);
                            }
                            return true;
                        });
                        List<String> wanted = new ArrayList<>();
                        for (int j = 39; j >= 0; j--) {
                            wanted.add("stays" + i + "-" + j);
                        }
                        assertEquals(wanted, keys);
                    }
                    return null;
                }));
            }
            all.add(pool.submit(() -> {
                for (int n = 0; !done.get(); n++) {
                    put(other, "goes" + n, "list" + n % 5, random(n, 3000));
                    other.remove(name("goes" + (n - 20)));
                    Thread.sleep(1);
                }
                return null;
            }));
            long end = System.nanoTime() + 2_000_000_000L;
            int rounds = 0;
            while (System.nanoTime() < end || rounds < 5) {
                log.compact();
                rounds++;
            }
            done.set(true);
            for (Future<?> each : all) {
                each.get();
            }
        }
    }

    @Test
    void aListThatIsReadWhileItMoves() throws IOException {
        try (KeyedLog log = open(); KeyedLog other = open()) {
            for (int i = 0; i < 60; i++) {
                put(log, "key" + i, "list", random(i, 10_000));
                put(log, "gone" + i, "list", random(i, 10_000));
            }
            List<String> told = new ArrayList<>();
            other.list(name("list"), value -> {
                String key = new String(value.key(), StandardCharsets.UTF_8);
                if (told.isEmpty()) {
                    for (int i = 0; i < 60; i++) {
                        log.remove(name("gone" + i));
                    }
                    log.compact();
                }
                told.add(key);
                return true;
            });
            List<String> wanted = new ArrayList<>(List.of("gone59"));
            for (int i = 59; i >= 0; i--) {
                wanted.add("key" + i);
            }
            assertEquals(wanted, told);
            // a page that begins behind a value that was removed meanwhile
            long[] position = new long[1];
            log.list(name("list"), value -> {
                position[0] = value.position();
                return !new String(value.key(), StandardCharsets.UTF_8).equals("key30");
            });
            log.remove(name("key30"));
            told.clear();
            log.list(name("list"), name("key30"), position[0], null, false,
                    value -> told.add(new String(value.key(), StandardCharsets.UTF_8)));
            assertEquals(wanted.subList(31, 61), told);
        }
    }

    @Test
    void noRoom() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 60; i++) {
                put(log, "key" + i, "list" + i % 3, random(i, 20_000));
            }
            for (int i = 0; i < 60; i += 2) {
                log.remove(name("key" + i));
            }
            for (long left : new long[] {0, 100_000, 300_000, 400_000}) {
                Posix.leave(left);
                assertThrows(NoSpaceException.class, log::compact);
                Posix.leave(Long.MAX_VALUE);
                odd(log);
            }
            log.compact();
            odd(log);
        }
        Files.delete(folder.resolve("index"));
        try (KeyedLog log = open()) {
            odd(log);
        }
    }

    private static void odd(KeyedLog log) throws IOException {
        for (int i = 0; i < 60; i++) {
            assertEquals(i % 2 == 1, log.has(name("key" + i)));
            if (i % 2 == 1) {
                assertArrayEquals(random(i, 20_000),
                        bytes(log.get(name("key" + i)).orElseThrow().data()));
            }
        }
        for (int list = 0; list < 3; list++) {
            int[] count = new int[1];
            log.list(name("list" + list), value -> ++count[0] > 0);
            assertEquals(10, count[0]);
        }
    }

    /** A segment whose damaged record is asked for stays; what was removed does not come back from it. */
    @Test
    void damage() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 60; i++) {
                put(log, "key" + i, "list" + i % 3, name("data of key" + i + " ".repeat(9000)));
            }
            for (int i = 0; i < 60; i += 2) {
                log.remove(name("key" + i));
            }
        }
        flip("data of key7 ");
        try (KeyedLog log = open()) {
            IOException told = assertThrows(IOException.class, log::compact);
            assertTrue(told.getMessage().contains("damaged"), told.getMessage());
            asDamaged(log);
        }
        Files.delete(folder.resolve("index"));
        try (KeyedLog log = open()) {
            for (int i = 0; i < 60; i++) {
                assertEquals(i % 2 == 1 && i != 7, log.has(name("key" + i)), "key" + i);
            }
        }
    }

    private static void asDamaged(KeyedLog log) throws IOException {
        for (int i = 0; i < 60; i++) {
            String key = "key" + i;
            if (i == 7) {
                assertThrows(CorruptRecordException.class, () -> log.get(name(key)));
            } else if (i % 2 == 1) {
                assertEquals("data of " + key,
                        new String(bytes(log.get(name(key)).orElseThrow().data()),
                                StandardCharsets.UTF_8).strip());
            } else {
                assertFalse(log.has(name(key)));
            }
        }
        assertThrows(CorruptRecordException.class,
                () -> log.list(name("list1"), value -> true));
    }

    private void flip(String text) throws IOException {
        try (var all = Files.newDirectoryStream(folder.resolve("log"), "*L.cq4")) {
            for (Path each : all) {
                int at = Files.readString(each, StandardCharsets.ISO_8859_1).indexOf(text);
                if (at >= 0) {
                    try (var file = FileChannel.open(each, StandardOpenOption.WRITE)) {
                        file.write(ByteBuffer.wrap(name("X")), at);
                    }
                    return;
                }
            }
        }
        throw new AssertionError(text);
    }

    /** A process that is killed behind any of its writes leaves a log that says the same. */
    @Test
    void copiesThatNobodyNames() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 60; i++) {
                put(log, "key" + i, "list" + i % 3, random(i, 20_000));
            }
            for (int i = 0; i < 60; i += 2) {
                log.remove(name("key" + i));
            }
            try (SegmentedLog raw = SegmentedLog.open(folder, Durability.PROCESS, SEGMENT)) {
                List<MemorySegment> copies = new ArrayList<>();
                raw.scan(-1, new SegmentedLog.Visitor() {
                    @Override
                    public void record(LogRecord record) {
                        if (record.kind() == KeyedLog.PUT) {
                            byte[] payload = record.payload().toArray(ValueLayout.JAVA_BYTE);
                            MemorySegment copy = MemorySegment.ofArray(
                                    java.util.Arrays.copyOf(payload, payload.length + 8));
                            copy.set(KeyedLog.LONG, payload.length, record.position());
                            copies.add(copy);
                        }
                    }

                    @Override
                    public void damage(long position, long bytes) {
                        throw new AssertionError();
                    }
                });
                for (MemorySegment each : copies) {
                    raw.append(KeyedLog.MOVED, each);
                }
            }
            odd(log);
            put(log, "new", "list0", NO_HEAD);
            log.remove(name("new"));
            odd(log);
            assertTrue(log.compact() > 0);
            odd(log);
        }
    }

    @Test
    void itBeginsByItself() throws Exception {
        try (KeyedLog log = KeyedLog.open(folder, Durability.PROCESS, 64L << 20)) {
            for (int i = 0; i < 30; i++) {
                put(log, "key" + i, "list", random(i, 1 << 20));
            }
            for (int i = 0; i < 14; i++) {
                log.remove(name("key" + i));
                log.tidy();
            }
            Thread.sleep(200);
            assertEquals(List.of(1), segments());
            for (int i = 14; i < 20; i++) {
                log.remove(name("key" + i));
                log.tidy();
            }
            for (int i = 0; i < 300 && segments().contains(1); i++) {
                Thread.sleep(100);
            }
            assertFalse(segments().contains(1));
            for (int i = 20; i < 30; i++) {
                assertArrayEquals(random(i, 1 << 20),
                        bytes(log.get(name("key" + i)).orElseThrow().data()));
            }
        }
    }

    @Test
    void closedMeanwhile() throws Exception {
        try (KeyedLog other = open()) {
            for (int i = 0; i < 200; i++) {
                put(other, "key" + i, "list" + i, random(i, 20_000));
                if (i % 2 == 0) {
                    other.remove(name("key" + i));
                }
            }
            KeyedLog log = open();
            try (var pool = Executors.newFixedThreadPool(1)) {
                Future<?> compaction = pool.submit(() -> {
                    try {
                        log.compact();
                    } catch (IOException e) {
                        assertEquals("the log is closed", e.getMessage());
                    }
                    return null;
                });
                Thread.sleep(5);
                log.close();
                compaction.get();
            }
            other.compact();
            for (int i = 1; i < 200; i += 2) {
                assertArrayEquals(random(i, 20_000),
                        bytes(other.get(name("key" + i)).orElseThrow().data()));
            }
        }
    }

    @Test
    void notAmidABatch() throws IOException {
        try (KeyedLog log = open()) {
            log.lock();
            assertThrows(IOException.class, log::compact);
            log.unlock();
            log.compact();
        }
    }

    @Test
    void mappedFilesAreGivenBack() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 40; i++) {
                put(log, "key" + i, "list", random(i, 30_000));
                assertTrue(log.get(name("key" + i)).isPresent());
            }
            for (int i = 0; i < 39; i++) {
                log.remove(name("key" + i));
            }
            assertFalse(log.stale());
            log.compact();
            assertTrue(log.stale());
            log.lock();
            log.release();
            log.unlock();
            assertFalse(log.stale());
            assertArrayEquals(random(39, 30_000),
                    bytes(log.get(name("key39")).orElseThrow().data()));
        }
    }
}
