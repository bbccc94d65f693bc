package dev.fastjvm.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was appended is there, in its order, by its position; what was damaged is found and said. */
class SegmentedLogTest {
    private static final long SMALL = 1L << 20;

    @TempDir
    Path folder;

    private SegmentedLog open() throws IOException {
        return SegmentedLog.open(folder, Durability.PROCESS, SMALL);
    }

    private static MemorySegment bytes(int seed, int length) {
        byte[] content = new byte[length];
        new Random(seed).nextBytes(content);
        return MemorySegment.ofArray(content);
    }

    private static void same(MemorySegment wanted, LogRecord got) {
        assertArrayEquals(wanted.toArray(ValueLayout.JAVA_BYTE),
                got.payload().toArray(ValueLayout.JAVA_BYTE));
    }

    /** All records that a scan tells, and what it says of damage. */
    private static final class Told implements SegmentedLog.Visitor {
        final Map<Long, byte[]> records = new LinkedHashMap<>();
        final List<Long> damaged = new ArrayList<>();

        @Override
        public void record(LogRecord record) {
            records.put(record.position(), record.payload().toArray(ValueLayout.JAVA_BYTE));
        }

        @Override
        public void damage(long position, long bytes) {
            damaged.add(position);
        }
    }

    private static Told told(SegmentedLog log, long after) throws IOException {
        Told told = new Told();
        log.scan(after, told);
        return told;
    }

    @Test
    void alignedPayloadsBeginAtMultiplesOfEight() throws IOException {
        try (SegmentedLog log = open()) {
            Map<Long, MemorySegment> wanted = new LinkedHashMap<>();
            for (int i = 0; i < 200; i++) {
                MemorySegment payload = bytes(i, i * 41 % 5000);
                wanted.put(i % 3 == 0 ? log.append(1, payload) : log.appendAligned(2, payload),
                        payload);
            }
            MemorySegment large = bytes(7, SegmentedLog.LARGEST_PART + 1);
            wanted.put(log.appendAligned(2, large.asSlice(0, 5), large.asSlice(5)), large);
            Told told = told(log, -1);
            assertEquals(List.copyOf(wanted.keySet()), List.copyOf(told.records.keySet()));
            assertTrue(told.damaged.isEmpty());
            for (var each : wanted.entrySet()) {
                LogRecord got = log.read(each.getKey());
                same(each.getValue(), got);
                assertArrayEquals(each.getValue().toArray(ValueLayout.JAVA_BYTE),
                        told.records.get(each.getKey()));
                if (got.kind() == 2 && got.payload().byteSize() < SegmentedLog.LARGEST_PART) {
                    // files are mapped at pages
                    assertEquals(0, got.payload().address() % 8);
                }
            }
        }
    }

    @Test
    void sizes() throws IOException {
        int[] lengths = {0, 1, 2, 3, 4, 5, 63, 64, 65, 1000, 65_536, 3 << 20,
                SegmentedLog.LARGEST_PART, SegmentedLog.LARGEST_PART + 1, 30_000_001};
        Map<Long, MemorySegment> wanted = new LinkedHashMap<>();
        try (SegmentedLog log = open()) {
            for (int length : lengths) {
                MemorySegment payload = bytes(length, length);
                long position = log.append(length & 0xFF, payload);
                wanted.put(position, payload);
                LogRecord got = log.read(position);
                assertEquals(length & 0xFF, got.kind());
                same(payload, got);
            }
            assertEquals(List.copyOf(wanted.keySet()), List.copyOf(told(log, -1).records.keySet()));
        }
        try (SegmentedLog log = open()) {
            Told told = told(log, -1);
            assertEquals(List.of(), told.damaged);
            assertEquals(List.copyOf(wanted.keySet()), List.copyOf(told.records.keySet()));
            for (var each : wanted.entrySet()) {
                same(each.getValue(), log.read(each.getKey()));
            }
            long last = log.append(1, bytes(7, 7));
            assertTrue(wanted.keySet().stream().allMatch(position -> position < last));
            assertEquals(List.of(last),
                    List.copyOf(told(log,
                            wanted.keySet().stream().max(Long::compare).orElseThrow()).records
                            .keySet()));
        }
    }

    @Test
    void threadsAndTwoLogsOnOneFolder() throws Exception {
        Map<Long, MemorySegment> wanted = new LinkedHashMap<>();
        try (SegmentedLog one = open(); var pool = Executors.newFixedThreadPool(4)) {
            List<Future<Map<Long, MemorySegment>>> all = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                int seed = thread;
                all.add(pool.submit(() -> {
                    Map<Long, MemorySegment> mine = new LinkedHashMap<>();
                    for (int i = 0; i < 2000; i++) {
                        MemorySegment payload = bytes(seed * 10_000 + i, i % 3000);
                        long position = one.append(seed, payload);
                        mine.put(position, payload);
                        same(payload, one.read(position));
                    }
                    return mine;
                }));
            }
            for (Future<Map<Long, MemorySegment>> each : all) {
                wanted.putAll(each.get());
            }
            assertEquals(8000, wanted.size());
            assertEquals(8000, told(one, -1).records.size());
        }
        try (SegmentedLog log = open()) {
            assertTrue(SegmentedLog.segment(wanted.keySet().stream().max(Long::compare)
                    .orElseThrow()) > 3);
            for (var each : wanted.entrySet()) {
                same(each.getValue(), log.read(each.getKey()));
            }
        }
    }

    @Test
    void damageIsFoundAndTheRestIsThere() throws IOException {
        List<Long> positions = new ArrayList<>();
        try (SegmentedLog log = open()) {
            for (int i = 0; i < 50; i++) {
                positions.add(log.append(1, bytes(i, 100 + i)));
            }
        }
        flip(positions.get(10), 20); // in the content
        flip(positions.get(20), -4); // in the header's length
        flip(positions.get(30), 0); // in the checksum
        flip(positions.get(40), -1); // in the header's flags
        try (SegmentedLog log = open()) {
            Told told = told(log, -1);
            assertEquals(46, told.records.size());
            assertEquals(4, told.damaged.size());
            for (int i = 0; i < 50; i++) {
                long position = positions.get(i);
                if (i > 0 && i % 10 == 0) {
                    assertThrows(CorruptRecordException.class, () -> log.read(position));
                } else {
                    same(bytes(i, 100 + i), log.read(position));
                }
            }
            long next = log.append(1, bytes(99, 99));
            same(bytes(99, 99), log.read(next));
        }
    }

    private void flip(long position, int at) throws IOException {
        try (DirectoryFiles files = new DirectoryFiles(folder)) {
            Path file = files.of(SegmentedLog.segment(position));
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ,
                    StandardOpenOption.WRITE)) {
                long offset = SegmentedLog.offset(position) + at;
                ByteBuffer one = ByteBuffer.allocate(1);
                channel.read(one, offset);
                one.put(0, (byte) (one.get(0) ^ 0x40));
                one.flip();
                channel.write(one, offset);
            }
        }
    }

    private record DirectoryFiles(Path folder) implements AutoCloseable {
        Path of(int segment) throws IOException {
            try (var all = Files.list(folder.resolve("log"))) {
                return all.filter(file -> file.toString().endsWith("L.cq4")).sorted()
                        .toList().get(segment - 1);
            }
        }

        @Override
        public void close() {}
    }

    /** A writer that is killed: what it said is there, the next one does not wait for it. */
    @Test
    void killedWriters() throws Exception {
        Random random = new Random(4);
        long said = 0;
        Path out = Files.createTempFile("said", ".txt");
        for (int round = 0; round < 6; round++) {
            Process writer = java(Writer.class).redirectError(ProcessBuilder.Redirect.DISCARD)
                    .redirectOutput(out.toFile()).start();
            long enough = 1 + random.nextInt(50_000);
            while (Files.size(out) < enough && writer.isAlive()) {
                Thread.onSpinWait();
            }
            writer.destroyForcibly().waitFor();
            List<String> lines = Files.readAllLines(out);
            try (SegmentedLog log = open()) {
                long started = System.nanoTime();
                same(bytes(round, round), log.read(log.append(9, bytes(round, round))));
                long waited = System.nanoTime() - started;
                assertTrue(waited < 1_000_000_000L, "the dead are waited for: " + waited);
                for (String line : lines) {
                    String[] words = line.split(" ");
                    if (words.length == 3 && words[2].equals(".")) { // the last line may be torn
                        same(bytes(Integer.parseInt(words[1]), Integer.parseInt(words[1]) % 5000),
                                log.read(Long.parseLong(words[0])));
                        said++;
                    }
                }
                assertTrue(told(log, -1).records.size() >= said);
            }
        }
        assertTrue(said > 1000);
    }

    /** A process of its own that runs a class's main with the folder. */
    private ProcessBuilder java(Class<?> main) {
        return new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), "--enable-native-access=ALL-UNNAMED",
                "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
                "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
                "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1", main.getName(), folder.toString());
    }

    /** Another log of the folder that this process opens and closes leaves its lock as it is. */
    @Test
    void theLockLastsWhereTheFolderIsOpenedAgain() throws Exception {
        try (SegmentedLog log = open()) {
            log.lock();
            SegmentedLog other = open();
            assertEquals("false", tried());
            other.close();
            assertEquals("false", tried());
            log.unlock();
            assertEquals("true", tried());
        }
    }

    private String tried() throws Exception {
        Process process = java(Trying.class).redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var reader = process.inputReader()) {
            return reader.readLine();
        }
    }

    /** Says whether the folder's lock can be had. */
    static final class Trying {
        private Trying() {}

        public static void main(String[] arguments) throws IOException {
            try (FolderLock lock = new FolderLock(Path.of(arguments[0], "lock"))) {
                System.out.println(lock.tryLock());
            }
        }
    }

    /** Appends for ever, and says of each record where it lies. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] arguments) throws IOException {
            StringBuilder line = new StringBuilder();
            try (SegmentedLog log = SegmentedLog.open(Path.of(arguments[0]), Durability.PROCESS,
                    SMALL)) {
                for (int i = 0;; i++) {
                    long position = log.append(1, bytes(i, i % 5000));
                    line.setLength(0);
                    System.out.write(line.append(position).append(' ').append(i).append(" .\n")
                            .toString().getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                    System.out.flush();
                }
            }
        }
    }

    /** What a writer leaves that is killed between the two stores of an append. */
    @Test
    void halfAnAppend() throws IOException {
        List<Long> positions = new ArrayList<>();
        try (SegmentedLog log = open()) {
            for (int i = 0; i < 10; i++) {
                positions.add(log.append(1, bytes(i, 100)));
            }
            long end = positions.getLast() + SegmentFile.HEAD + 100;
            put(end, 0x8000_0000); // a header: not complete, its length unknown
            put(end + 8, 0x1234_5678);
            log.holdQueueLock(4_000_000);
            long started = System.nanoTime();
            positions.add(log.append(1, bytes(10, 100)));
            assertTrue(System.nanoTime() - started < 1_000_000_000L, "the dead are waited for");
        }
        try (SegmentedLog log = open()) {
            positions.add(log.append(1, bytes(11, 100)));
            Told told = told(log, -1);
            assertEquals(positions, List.copyOf(told.records.keySet()));
        }
    }

    private void put(long position, int word) throws IOException {
        try (FileChannel channel = FileChannel.open(
                new DirectoryFiles(folder).of(SegmentedLog.segment(position)),
                StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(4).order(java.nio.ByteOrder.LITTLE_ENDIAN)
                    .putInt(0, word), SegmentedLog.offset(position));
        }
    }

    @Test
    void nobodyElseMayRead() throws IOException {
        Path mine = folder.resolve("a/b");
        try (SegmentedLog log = SegmentedLog.open(mine, Durability.DISK, SMALL)) {
            for (int i = 0; i < 30; i++) {
                log.append(1, bytes(i, 100_000));
            }
        }
        try (var all = Files.walk(mine)) {
            for (Path each : all.toList()) {
                assertEquals(Files.isDirectory(each) ? "rwx------" : "rw-------",
                        java.nio.file.attribute.PosixFilePermissions
                                .toString(Files.getPosixFilePermissions(each)),
                        each.toString());
            }
        }
        Path link = Files.createSymbolicLink(folder.resolve("link"), mine);
        assertThrows(IOException.class, () -> SegmentedLog.open(link, Durability.DISK, SMALL));
    }

    /** A file system without room: the append says so, what was there stays, and goes on when there is room. */
    @Test
    void noRoom() throws IOException {
        try (SegmentedLog log = open()) {
            long kept = log.append(1, bytes(1, 1000));
            Posix.leave(0);
            try {
                assertThrows(NoSpaceException.class, () -> log.append(1, bytes(2, 1_000_000)));
                same(bytes(1, 1000), log.read(kept));
            } finally {
                Posix.leave(Long.MAX_VALUE);
            }
            long next = log.append(1, bytes(3, 1_000_000));
            same(bytes(3, 1_000_000), log.read(next));
            assertEquals(List.of(kept, next), List.copyOf(told(log, -1).records.keySet()));
        }
    }

    @Test
    void anotherFormat() throws IOException {
        Files.writeString(folder.resolve("format"), "fast-jvm log 2\n");
        IOException refused = assertThrows(IOException.class, this::open);
        assertTrue(refused.getMessage().contains("fast-jvm log 2"));
    }
}
