package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.bpe.Ranks;

/**
 * Loaded encodings by number. Never removed: a process has a handful.
 */
final class Vocabularies {
    /** A vocabulary, and a counter that nobody uses now; whoever takes it or gives it back holds the GIL. */
    static final class Vocabulary {
        private final Ranks ranks;
        private final Counter.Pattern pattern;
        private Counter idle;

        Vocabulary(Ranks ranks, Counter.Pattern pattern) {
            this.ranks = ranks;
            this.pattern = pattern;
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
            idle = counter;
        }
    }

    private static final int MOST = 64;
    private static final Vocabulary[] LOADED = new Vocabulary[MOST];
    private static int count;

    private Vocabularies() {}

    /** Keeps a vocabulary; its number, or -1 where there are too many. */
    static synchronized int add(Ranks ranks, Counter.Pattern pattern) {
        if (count == MOST) {
            return -1;
        }
        LOADED[count] = new Vocabulary(ranks, pattern);
        return count++;
    }

    static Vocabulary get(int number) {
        return LOADED[number];
    }
}
