package dev.fastjvm.bpe;

import java.util.BitSet;

/** What the tokens of a tokenizer of {@code tokenizers} are in a text. */
public enum Decoder {
    /** Not known. */
    NONE,
    /** Bytes, by the alphabet that stands for them; a token with another character is its UTF-8. */
    BYTES,
    /** UTF-8, with a blank in the place of U+2581; {@code <0x0A>} is a byte. */
    FALLBACK;

    /**
     * The bytes by id, for {@link #NONE} null.
     *
     * @param added tokens that count before those of the model
     * @param skipped ids that are left without any
     */
    public Spellings spellings(Tokens added, Tokens names, BitSet skipped) {
        if (this == NONE) {
            return null;
        }
        Tokens made = new Tokens(added.count() + names.count());
        add(added, made, skipped);
        add(names, made, skipped);
        return made.spellings();
    }

    private void add(Tokens tokens, Tokens made, BitSet skipped) {
        byte[] from = tokens.bytes();
        for (int i = 0; i < tokens.count(); i++) {
            int start = tokens.start(i);
            int stop = tokens.end(i);
            if (skipped.get(tokens.id(i))) {
                continue;
            }
            byte[] to = new byte[stop - start + Ranks.PADDING];
            int length = this == BYTES ? Alphabet.decode(from, start, stop, to)
                    : fallback(from, start, stop, to);
            if (length == 0 && this == BYTES) {
                made.put(from, start, stop - start, tokens.id(i));
            } else if (length > 0) {
                made.put(to, 0, length, tokens.id(i));
            }
        }
    }

    /** 0 for what looks like a byte and is none. */
    private static int fallback(byte[] from, int start, int stop, byte[] to) {
        if (stop - start == 6 && from[start] == '<' && from[start + 1] == '0'
                && from[start + 2] == 'x' && from[start + 5] == '>') {
            int high = Character.digit(from[start + 3], 16);
            int low = Character.digit(from[start + 4], 16);
            to[0] = (byte) (high << 4 | low);
            return high < 0 || low < 0 ? 0 : 1;
        }
        int length = 0;
        for (int at = start; at < stop; at++) {
            boolean blank = Model.isBlank(from, at, stop);
            to[length++] = blank ? (byte) ' ' : from[at];
            at += blank ? 2 : 0;
        }
        return length;
    }
}
