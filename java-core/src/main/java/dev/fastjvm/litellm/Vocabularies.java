package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Counter;
import dev.fastjvm.bpe.Ranks;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Loaded encodings by number, and counters of them that nobody uses now. Never removed: a process has a handful.
 */
final class Vocabularies {
    /** A vocabulary, its pattern, its idle counters. */
    record Vocabulary(Ranks ranks, Counter.Pattern pattern, ConcurrentLinkedQueue<Counter> idle) {
        Counter take() {
            Counter counter = idle.poll();
            return counter == null ? new Counter(ranks, pattern) : counter;
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
        LOADED[count] = new Vocabulary(ranks, pattern, new ConcurrentLinkedQueue<>());
        return count++;
    }

    static Vocabulary get(int number) {
        return LOADED[number];
    }
}
