package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Spellings;
import dev.fastjvm.bpe.TokenCounter;
import dev.fastjvm.memory.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.function.Supplier;

/**
 * Loaded encodings and tokenizers by number.
 */
final class Vocabularies {
    /** A vocabulary, and a counter that nobody uses now; whoever takes it or gives it back holds the GIL. */
    static final class Vocabulary {
        /** Of counters whose arrays have grown beyond, one is kept in all: to make them anew each time has Java collect. */
        private static final long SMALL = 4 << 20;
        /** One beyond is not kept. */
        private static final long LARGE = 64 << 20;
        private static Vocabulary large;

        private final Supplier<TokenCounter> maker;
        private final Spellings spellings;
        private final BitSet skipped;
        private final long bytes;
        private TokenCounter idle;

        /**
         * One whose tables, but for the spellings, have so many bytes.
         *
         * @param spellings null where it does not decode
         * @param skipped ids that are left out of what is decoded
         */
        Vocabulary(Supplier<TokenCounter> maker, Spellings spellings, BitSet skipped, long bytes) {
            this.maker = maker;
            this.spellings = spellings;
            this.skipped = skipped;
            this.bytes = bytes;
        }

        TokenCounter take() {
            TokenCounter counter = idle;
            idle = null;
            return counter == null ? fresh() : counter;
        }

        TokenCounter fresh() {
            return maker.get();
        }

        void give(TokenCounter counter) {
            long grown = counter.grown();
            idle = grown <= LARGE ? counter : null;
            if (grown > SMALL && large != this) {
                if (large != null) {
                    large.idle = null;
                }
                large = this;
            }
        }

        /** Bytes of its tables. */
        long bytes() {
            return bytes + (spellings == null ? 0 : spellings.bytes());
        }

        Spellings spellings() {
            return spellings;
        }

        boolean skips(long id) {
            return id < skipped.length() && skipped.get((int) id);
        }
    }

    static final int MOST = 64;
    private static final Vocabulary[] LOADED = new Vocabulary[MOST];

    private Vocabularies() {}

    /** Keeps a vocabulary; its number, or -1 where there are too many. */
    static synchronized int add(Vocabulary vocabulary) {
        for (int number = 0; number < MOST; number++) {
            if (LOADED[number] == null) {
                LOADED[number] = vocabulary;
                return number;
            }
        }
        return -1;
    }

    /** Forgets one that nobody asks for any more: its number may be another's. */
    static synchronized void drop(int number) {
        LOADED[number] = null;
    }

    static Vocabulary get(int number) {
        return LOADED[number];
    }

    /** A counter that has the bytes at an address as its text. */
    static TokenCounter fill(TokenCounter counter, long data, int length) {
        MemorySegment.copy(Memory.segment(data, length), ValueLayout.JAVA_BYTE, 0,
                counter.room(length), 0, length);
        return counter;
    }
}
