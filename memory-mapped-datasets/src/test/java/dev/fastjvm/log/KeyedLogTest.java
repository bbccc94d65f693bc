package dev.fastjvm.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys and lists say what maps of the same puts and removals say, now and when opened anew. */
class KeyedLogTest {
    private static final byte[] NO_LIST = {};

    @TempDir
    Path folder;

    private KeyedLog open() throws IOException {
        return KeyedLog.open(folder, Durability.PROCESS, 1L << 20);
    }

    static byte[] name(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] name) {
        return new String(name, StandardCharsets.UTF_8);
    }

    static byte[] bytes(MemorySegment data) {
        return data.toArray(ValueLayout.JAVA_BYTE);
    }

    /** The same in plain maps. */
    static final class Model {
        final Map<String, byte[]> values = new HashMap<>();
        final Map<String, LinkedHashMap<String, byte[]>> lists = new HashMap<>();

        void put(String key, String list, byte[] data) {
            values.put(key, data);
            lists.values().forEach(each -> each.remove(key));
            lists.computeIfAbsent(list, ignored -> new LinkedHashMap<>()).put(key, data);
        }

        void remove(String key) {
            values.remove(key);
            lists.values().forEach(each -> each.remove(key));
        }

        void check(KeyedLog log) throws IOException {
            for (var each : values.entrySet()) {
                KeyedLog.Value got = log.get(name(each.getKey())).orElseThrow();
                assertArrayEquals(each.getValue(), bytes(got.data()));
                assertEquals("head of " + each.getKey(), text(got.head()));
            }
            for (var each : lists.entrySet()) {
                List<String> wanted = new ArrayList<>(each.getValue().keySet());
                List<String> got = new ArrayList<>();
                log.list(name(each.getKey()), value -> {
                    got.addFirst(text(value.key()));
                    assertArrayEquals(values.get(text(value.key())), bytes(value.data()));
                    return true;
                });
                assertEquals(wanted, got);
            }
        }
    }

    private static KeyedLog.Put put(String key, String list, byte[] data, boolean absent) {
        return new KeyedLog.Put(name(key), name(list), name("head of " + key),
                MemorySegment.ofArray(data), true, absent, new byte[0]);
    }

    /** Each as if it were put alone; what is put where there is none sees those before it. */
    @Test
    void putsTogether() throws IOException {
        for (Durability durability : Durability.values()) {
            Path its = folder.resolve(durability.name());
            Random random = new Random(durability.ordinal());
            Model model = new Model();
            try (KeyedLog log = KeyedLog.open(its, durability, 1L << 20)) {
                for (int batch = 0; batch < 60; batch++) {
                    List<KeyedLog.Put> puts = new ArrayList<>();
                    for (int i = random.nextInt(6); i > 0; i--) {
                        String key = "key " + random.nextInt(20);
                        String list = "list " + key.hashCode() % 3;
                        byte[] data = new byte[random.nextInt(3000)];
                        random.nextBytes(data);
                        boolean absent = random.nextBoolean();
                        puts.add(put(key, list, data, absent));
                        if (!absent || !model.values.containsKey(key)) {
                            model.put(key, list, data);
                        }
                    }
                    log.put(puts);
                    model.check(log);
                }
            }
            try (KeyedLog log = KeyedLog.open(its, durability, 1L << 20)) {
                model.check(log);
            }
        }
    }

    /** Only where the list ends where the caller saw it end; nothing is put otherwise. */
    @Test
    void putsBehindAnEnd() throws IOException {
        byte[] list = name("l");
        try (KeyedLog log = open(); KeyedLog other = open()) {
            long first = log.put(List.of(put("a", "l", new byte[9], false)), list, KeyedLog.NONE);
            assertTrue(first >= 0);
            assertEquals(KeyedLog.ELSEWHERE,
                    log.put(List.of(put("b", "l", new byte[9], false)), list, KeyedLog.NONE));
            assertFalse(log.has(name("b")));
            long second = other.put(List.of(put("b", "l", new byte[9], false)), list, first);
            assertTrue(second > first);
            assertEquals(KeyedLog.ELSEWHERE,
                    log.put(List.of(put("c", "l", new byte[9], false)), list, first));
            assertFalse(other.has(name("c")));
            long third = log.put(List.of(put("c", "l", new byte[9], false)), list, KeyedLog.ANY);
            assertTrue(third > second);
            // another list's values leave it where it is
            assertEquals(third,
                    other.put(List.of(put("x", "m", new byte[9], false)), list, third));
            assertEquals(KeyedLog.NONE,
                    log.put(List.of(put("y", "m", new byte[9], false)), null, KeyedLog.ANY));
        }
    }

    /** What another key stands in the way of is left out, the rest of the batch is not. */
    @Test
    void putsUnlessThereIsAnother() throws IOException {
        try (KeyedLog log = open()) {
            log.put(List.of(unless("note", "key"), put("key", "l", new byte[9], false),
                    unless("late", "key")));
            assertTrue(log.has(name("note")));
            assertTrue(log.has(name("late"))); // looked up before any of them was put
            log.put(List.of(unless("other", "key"), unless("free", "none"),
                    put("rest", "l", new byte[9], false)));
            assertFalse(log.has(name("other")));
            assertTrue(log.has(name("free")));
            assertTrue(log.has(name("rest")));
        }
    }

    private static KeyedLog.Put unless(String key, String other) {
        return new KeyedLog.Put(name(key), name("notes"), new byte[0], MemorySegment.NULL, false,
                true, name(other));
    }

    /** A disk that is full in the middle of several: those before it are there, the lock is free. */
    @Test
    void putsTogetherOnAFullDisk() throws IOException {
        try (KeyedLog log = open()) {
            byte[] large = new byte[3 << 20];
            Posix.leave(1L << 20);
            try {
                assertThrows(NoSpaceException.class,
                        () -> log.put(List.of(put("a", "l", new byte[9], false),
                                put("b", "l", large, false), put("c", "l", new byte[9], false))));
            } finally {
                Posix.leave(Long.MAX_VALUE);
            }
            assertTrue(log.has(name("a")));
            assertFalse(log.has(name("b")));
            assertFalse(log.has(name("c")));
            log.put(List.of(put("b", "l", large, false)));
            assertEquals(large.length, log.get(name("b")).orElseThrow().data().byteSize());
        }
    }

    /** Lists of MessagePack that grow, shrink and change, as a state's channels do. */
    static byte[] grown(Random random, byte[] last) {
        if (last == null || random.nextInt(10) == 0) {
            byte[] fresh = new byte[random.nextInt(3000)];
            random.nextBytes(fresh);
            return fresh;
        }
        byte[] more = new byte[last.length + random.nextInt(200)];
        random.nextBytes(more);
        System.arraycopy(last, 0, more, 0, last.length);
        switch (random.nextInt(4)) {
            case 0 -> more[0] = (byte) 0xDC;
            case 1 -> more[0] = (byte) (0x90 | random.nextInt(16));
            default -> {
                if (random.nextInt(8) == 0 && more.length > 0) {
                    more[random.nextInt(more.length)]++;
                }
            }
        }
        return more;
    }

    @Test
    void asMaps() throws IOException {
        Random random = new Random(5);
        Model model = new Model();
        Map<String, byte[]> last = new HashMap<>();
        for (int round = 0; round < 4; round++) {
            try (KeyedLog one = open(); KeyedLog other = open()) {
                model.check(one);
                for (int i = 0; i < 1500; i++) {
                    KeyedLog at = random.nextBoolean() ? one : other;
                    String key = "k" + random.nextInt(400);
                    if (random.nextInt(6) == 0) {
                        at.remove(name(key));
                        model.remove(key);
                        assertFalse(at.has(name(key)));
                        continue;
                    }
                    String list = "l" + random.nextInt(8);
                    byte[] data = grown(random, last.get(list));
                    last.put(list, data);
                    at.put(name(key), name(list), name("head of " + key),
                            MemorySegment.ofArray(data), random.nextInt(5) > 0);
                    model.put(key, list, data);
                    assertTrue(at.has(name(key)));
                }
                model.check(one);
                model.check(other);
            }
            if (round == 1) {
                Files.delete(folder.resolve("index")); // it is made anew from the log
            }
        }
    }

    @Test
    void whatGrowsIsStoredOnce() throws IOException {
        Random random = new Random(6);
        long sum = 0;
        byte[] data = {(byte) 0xDC, 0, 0};
        try (KeyedLog log = open()) {
            for (int i = 1; i <= 400; i++) {
                byte[] more = new byte[data.length + 300];
                random.nextBytes(more);
                System.arraycopy(data, 0, more, 0, data.length);
                more[1] = (byte) (i >> 8);
                more[2] = (byte) i;
                data = more;
                sum += data.length;
                log.put(name("v" + i), name("channel"), NO_LIST, MemorySegment.ofArray(data), true);
                assertArrayEquals(data, bytes(log.get(name("v" + i)).orElseThrow().data()));
            }
        }
        long stored = 0;
        try (var all = Files.walk(folder.resolve("log"))) {
            for (Path each : all.filter(Files::isRegularFile).toList()) {
                stored += blocks(each);
            }
        }
        assertTrue(stored * 8 < sum, stored + " bytes for " + sum);
    }

    private static long blocks(Path file) throws IOException {
        Process du = new ProcessBuilder("du", "-k", file.toString()).start();
        try (var reader = du.inputReader()) {
            return 1024 * Long.parseLong(reader.readLine().split("\\s")[0]);
        }
    }

    /** A writer that was killed between the log and the index. */
    @Test
    void theIndexCatchesUp() throws IOException {
        try (KeyedLog log = open()) {
            log.put(name("a"), name("l"), NO_LIST, MemorySegment.ofArray(new byte[] {1}), false);
            try (SegmentedLog raw = SegmentedLog.open(folder, Durability.PROCESS, 1L << 20)) {
                List<LogRecord> records = new ArrayList<>();
                raw.scan(-1, new SegmentedLog.Visitor() {
                    @Override
                    public void record(LogRecord record) {
                        records.add(record);
                    }

                    @Override
                    public void damage(long position, long bytes) {
                        throw new AssertionError();
                    }
                });
                MemorySegment again = MemorySegment
                        .ofArray(records.getFirst().payload().toArray(ValueLayout.JAVA_BYTE));
                again.set(ValueLayout.JAVA_BYTE, 56, (byte) 'b'); // the same of another key
                raw.append(1, again);
            }
            log.put(name("c"), name("l"), NO_LIST, MemorySegment.ofArray(new byte[] {2}), false);
            assertTrue(log.has(name("b")));
        }
    }

    private Path segment() throws IOException {
        try (var all = Files.newDirectoryStream(folder.resolve("log"), "*L.cq4")) {
            return all.iterator().next();
        }
    }

    private static void put(KeyedLog log, String key, String list) throws IOException {
        log.put(name(key), name(list), name("head of " + key),
                MemorySegment.ofArray(name("data of " + key)), false);
    }

    @Test
    void aListGoesOnBehindDamage() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 5; i++) {
                put(log, "key" + i, "list");
            }
        }
        byte[] whole = Files.readAllBytes(segment());
        int at = new String(whole, StandardCharsets.ISO_8859_1).indexOf("data of key4");
        try (var file = FileChannel.open(segment(), StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(name("X")), at);
        }
        try (KeyedLog log = open()) {
            assertThrows(CorruptRecordException.class, () -> log.get(name("key4")));
            assertThrows(CorruptRecordException.class,
                    () -> log.list(name("list"), value -> true));
            put(log, "key5", "list");
            List<String> keys = new ArrayList<>();
            log.list(name("list"), value -> keys.add(text(value.key())));
            assertEquals(List.of("key5", "key3", "key2", "key1", "key0"), keys);
        }
    }

    @Test
    void anIndexThatNamesAnothersRecord() throws IOException {
        try (KeyedLog log = open()) {
            put(log, "one", "list");
            put(log, "two", "list");
        }
        ByteBuffer words = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("index")))
                .order(ByteOrder.nativeOrder());
        long last = words.getLong(24);
        for (int at = 4096; at < words.capacity(); at += 24) {
            if (words.getLong(at) != 0) {
                words.putLong(at + 16, last);
            }
        }
        Files.write(folder.resolve("index"), words.array());
        try (KeyedLog log = open()) {
            assertThrows(CorruptRecordException.class, () -> log.get(name("one")));
            assertEquals("head of two", text(log.get(name("two")).orElseThrow().head()));
        }
    }

    @Test
    void oneProcessHasOneLock() throws Exception {
        try (KeyedLog one = open(); KeyedLog other = open()) {
            one.lock();
            open().close();
            var refused = new CompletableFuture<Boolean>();
            var waiting = CompletableFuture.supplyAsync(() -> {
                try {
                    boolean got = other.tryLock();
                    if (got) {
                        other.unlock();
                    }
                    refused.complete(!got);
                    put(other, "late", "list");
                    return other.has(name("early"));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            boolean seen = refused.get(30, TimeUnit.SECONDS);
            put(one, "early", "list");
            one.unlock();
            assertTrue(seen);
            assertTrue(waiting.get(30, TimeUnit.SECONDS));
            assertTrue(one.has(name("late")));
        }
    }

    @Test
    void closeWaitsForABatch() throws Exception {
        KeyedLog log = open();
        log.lock();
        var closed = CompletableFuture.runAsync(() -> {
            try {
                log.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        put(log, "key", "list");
        assertFalse(closed.isDone());
        log.unlock();
        closed.get(30, TimeUnit.SECONDS);
        assertThrows(IOException.class, () -> put(log, "late", "list"));
        try (KeyedLog again = open()) {
            assertTrue(again.has(name("key")));
            assertFalse(again.has(name("late")));
        }
    }

    @Test
    void aSegmentWhoseWriterWasKilledBeforeItBegan() throws IOException {
        try (KeyedLog log = open()) {
            put(log, "key", "list");
        }
        Path first = segment();
        Files.delete(folder.resolve("index"));
        Files.write(first, new byte[1 << 16]);
        try (KeyedLog log = open()) {
            put(log, "key2", "list");
            assertEquals("head of key2", text(log.get(name("key2")).orElseThrow().head()));
        }
        try (KeyedLog log = open();
                var left = Files.newDirectoryStream(folder.resolve("log"),
                        "*.discard")) {
            assertEquals("head of key2", text(log.get(name("key2")).orElseThrow().head()));
            assertFalse(left.iterator().hasNext());
        }
    }

    @Test
    void aGrownIndexIsTheUsersOwn() throws IOException {
        try (KeyedLog log = open()) {
            for (int i = 0; i < 2000; i++) {
                put(log, "key" + i, "list");
            }
        }
        if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
            assertEquals("rw-------", PosixFilePermissions
                    .toString(Files.getPosixFilePermissions(folder.resolve("index"))));
        }
    }
}
