package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.bpe.Pattern;
import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Spellings;
import dev.fastjvm.memory.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Loaded encodings by number. Never removed: a process has a handful.
 */
final class Vocabularies {
    /** A vocabulary, and a counter that nobody uses now; whoever takes it or gives it back holds the GIL. */
    static final class Vocabulary {
        /** A counter whose arrays have grown beyond is not kept. */
        private static final long KEPT = 4 << 20;

        private final Ranks ranks;
        private final Pattern pattern;
        private final Spellings spellings;
        private Counter idle;

        Vocabulary(Ranks ranks, Pattern pattern, Spellings spellings) {
            this.ranks = ranks;
            this.pattern = pattern;
            this.spellings = spellings;
        }

        Counter take() {
            Counter counter = idle;
            idle = null;
            return counter == null ? fresh() : counter;
        }

        Counter fresh() {
            return new Counter(ranks, pattern);
        }

        void give(Counter counter) {
            idle = counter.grown() <= KEPT ? counter : null;
        }

        Spellings spellings() {
            return spellings;
        }
    }

    private static final int MOST = 64;
    private static final Vocabulary[] LOADED = new Vocabulary[MOST];
    private static int count;

    private Vocabularies() {}

    /** Keeps a vocabulary; its number, or -1 where there are too many. */
    static synchronized int add(Vocabulary vocabulary) {
        if (count == MOST) {
            return -1;
        }
        LOADED[count] = vocabulary;
        return count++;
    }

    static Vocabulary get(int number) {
        return LOADED[number];
    }

    /** A counter that has the bytes at an address as its text. */
    static Counter fill(Counter counter, long data, int length) {
        MemorySegment.copy(Memory.segment(data, length), ValueLayout.JAVA_BYTE, 0,
                counter.room(length), 0, length);
        return counter;
    }
}
