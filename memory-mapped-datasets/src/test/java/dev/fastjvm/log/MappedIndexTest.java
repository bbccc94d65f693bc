package dev.fastjvm.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The table says what a HashMap says, to all that have its file open. */
class MappedIndexTest {
    @TempDir
    Path folder;

    private MappedIndex open(long boot) throws IOException {
        return MappedIndex.open(folder.resolve("index"), boot);
    }

    @Test
    void asAHashMap() throws IOException {
        Random random = new Random(1);
        Map<Long, Long> wanted = new HashMap<>();
        try (MappedIndex one = open(7); MappedIndex other = open(7)) {
            for (int i = 0; i < 300_000; i++) {
                long key = random.nextInt(20_000);
                MappedIndex at = random.nextBoolean() ? one : other;
                switch (random.nextInt(4)) {
                    case 0 -> {
                        at.remove(key + 1, key * 31);
                        wanted.remove(key);
                    }
                    case 1 -> assertEquals(wanted.getOrDefault(key, MappedIndex.ABSENT),
                            at.get(key + 1, key * 31));
                    default -> {
                        at.put(key + 1, key * 31, i);
                        wanted.put(key, (long) i);
                    }
                }
            }
            one.applied(42);
            assertEquals(42, other.applied());
        }
        try (MappedIndex again = open(7)) {
            assertEquals(42, again.applied());
            for (long key = 0; key < 20_000; key++) {
                assertEquals(wanted.getOrDefault(key, MappedIndex.ABSENT),
                        again.get(key + 1, key * 31));
            }
        }
    }

    @Test
    void readersWhileItGrows() throws Exception {
        try (MappedIndex writer = open(7);
                MappedIndex reader = open(7);
                var pool = Executors.newFixedThreadPool(2)) {
            long[] written = new long[1];
            var done = pool.submit(() -> {
                for (long i = 1; i <= 200_000; i++) {
                    writer.put(i, i * 31, i);
                    synchronized (written) {
                        written[0] = i;
                    }
                }
                return null;
            });
            Random random = new Random(3);
            while (!done.isDone()) {
                long upTo;
                synchronized (written) {
                    upTo = written[0];
                }
                if (upTo > 0) {
                    long key = 1 + random.nextLong(upTo);
                    assertEquals(key, reader.get(key, key * 31));
                }
            }
            done.get();
        }
    }

    @Test
    void whatCannotBeTrustedIsMadeAnew() throws IOException {
        try (MappedIndex index = open(7)) {
            index.put(1, 2, 3);
            index.applied(9);
        }
        try (MappedIndex later = open(8)) { // the machine was started again
            assertEquals(MappedIndex.ABSENT, later.get(1, 2));
            assertEquals(-1, later.applied());
            later.put(1, 2, 3);
        }
        Path file = folder.resolve("index");
        Files.write(file, new byte[100], StandardOpenOption.TRUNCATE_EXISTING);
        try (MappedIndex cut = open(8)) {
            assertEquals(MappedIndex.ABSENT, cut.get(1, 2));
        }
        assertTrue(Files.size(file) > 100);
    }
}
