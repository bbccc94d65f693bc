package dev.fastjvm.bpe;

import java.util.Arrays;
import java.util.BitSet;

/**
 * A BPE model of {@code tokenizers}: its tokens and merges.
 *
 * <p>Representation: tokens are kept as the bytes that they stand for in a text. Of a byte-level model that is what its alphabet of 256
 * characters says; of one with byte fallback the UTF-8, where U+2581, which stands for a blank, is a blank. A piece that is a token and
 * is what its own merges come to is found in one look-up. Filled once, then read by many threads.
 */
public final class Model {
    private static final int BLANK = 0x2581;

    private final boolean byteLevel;
    private final Pairs pairs;
    /** Tokens that a piece of the same bytes becomes. */
    private Ranks whole;
    /** Of a model with byte fallback: tokens of one character. */
    private Ranks characters;
    private final int[] byteIds = new int[256];
    /** Of a byte-level model: whether one byte follows another in any token; where none does, no merge goes on. */
    private final boolean[] joined = new boolean[1 << 16];

    private Model(boolean byteLevel, int merges) {
        this.byteLevel = byteLevel;
        pairs = new Pairs(merges);
        Arrays.fill(byteIds, -1);
    }

    /**
     * Makes a model; null for one that can't be served: ids that come twice, a byte without a token, a merge of no tokens, and, with byte
     * fallback, tokens in which a blank follows another character.
     *
     * @param names the tokens as the model spells them
     * @param merges ids of left and right, in the order of their ranks
     * @param ignoreMerges whether a piece that is a token is never merged
     */
    public static Model of(Tokens names, int[] merges, boolean byteLevel, boolean ignoreMerges) {
        if (!byteLevel && ignoreMerges) {
            return null;
        }
        Model model = new Model(byteLevel, merges.length / 2);
        return model.spell(names) && model.merge(names, merges) ? model.finish(ignoreMerges) : null;
    }

    /** The tokens as bytes, while the model is made. */
    private Tokens spelled;

    private boolean spell(Tokens names) {
        BitSet seen = new BitSet();
        spelled = new Tokens(names.count());
        byte[] bytes = new byte[16];
        for (int i = 0; i < names.count(); i++) {
            int id = names.id(i);
            if (seen.get(id)) {
                return false;
            }
            seen.set(id);
            int start = names.start(i);
            int stop = names.end(i);
            if (bytes.length < stop - start) {
                bytes = new byte[2 * (stop - start)];
            }
            int length = byteLevel ? Alphabet.decode(names.bytes(), start, stop, bytes)
                    : blanks(names.bytes(), start, stop, bytes);
            if (length == 0) {
                continue; // no text has it
            }
            spelled.put(bytes, 0, length, id);
            for (int k = 1; k < length; k++) {
                joined[(bytes[k - 1] & 0xFF) << 8 | bytes[k] & 0xFF] = true;
            }
            if (byteLevel && length == 1) {
                byteIds[bytes[0] & 0xFF] = id;
            } else if (!byteLevel) {
                int fallback = fallback(names.bytes(), start, stop);
                if (fallback >= 0) {
                    byteIds[fallback] = id;
                }
                for (int k = 1; k < length; k++) {
                    if (bytes[k] == ' ' && bytes[k - 1] != ' ') {
                        return false;
                    }
                }
            }
        }
        for (int id : byteIds) {
            if (id < 0) {
                return false;
            }
        }
        return true;
    }

    private boolean merge(Tokens names, int[] merges) {
        Ranks ids = names.table();
        byte[] both = new byte[64];
        int[] places = new int[names.most()];
        for (int i = 0; i < names.count(); i++) {
            places[names.id(i)] = i;
        }
        for (int i = 0; i < merges.length; i += 2) {
            int left = places[merges[i]];
            int right = places[merges[i + 1]];
            int size = names.end(left) - names.start(left);
            int length = size + names.end(right) - names.start(right);
            if (both.length < length + Ranks.PADDING) {
                both = new byte[2 * length + Ranks.PADDING];
            }
            System.arraycopy(names.bytes(), names.start(left), both, 0, size);
            System.arraycopy(names.bytes(), names.start(right), both, size, length - size);
            int id = ids.get(both, 0, length);
            if (id == Ranks.NONE) {
                return false;
            }
            pairs.put(merges[i], merges[i + 1], i / 2, id);
        }
        return true;
    }

    private Model finish(boolean ignoreMerges) {
        byte[] bytes = spelled.bytes();
        if (!byteLevel) {
            Tokens single = new Tokens(spelled.count());
            for (int i = 0; i < spelled.count(); i++) {
                int size = spelled.end(i) - spelled.start(i);
                if (size == characterSize(bytes[spelled.start(i)])) {
                    single.put(bytes, spelled.start(i), size, spelled.id(i));
                }
            }
            characters = single.table();
            if (characters.get(new byte[] {' ', 0, 0, 0, 0, 0, 0, 0, 0}, 0, 1) == Ranks.NONE) {
                return null;
            }
        }
        PairMerges merger = new PairMerges(this);
        Tokens own = new Tokens(spelled.count());
        Ids one = new Ids();
        for (int i = 0; i < spelled.count(); i++) {
            int start = spelled.start(i);
            int size = spelled.end(i) - start;
            one.clear();
            if (!ignoreMerges) {
                merger.encode(bytes, start, size, one);
            }
            if (ignoreMerges || one.count() == 1 && one.all()[0] == spelled.id(i)) {
                own.put(bytes, start, size, spelled.id(i));
            }
        }
        whole = own.table();
        spelled = null;
        return this;
    }

    /** U+2581 as a blank; 0 where there is a real blank, which no text has once it is normalized. */
    private static int blanks(byte[] text, int start, int stop, byte[] to) {
        int length = 0;
        for (int at = start; at < stop; at++) {
            if (text[at] == ' ') {
                return 0;
            }
            if (isBlank(text, at, stop)) {
                to[length++] = ' ';
                at += 2;
            } else {
                to[length++] = text[at];
            }
        }
        return length;
    }

    /** Whether U+2581 is at a place. */
    static boolean isBlank(byte[] text, int at, int stop) {
        return at + 2 < stop && text[at] == (byte) 0xE2
                && text[at + 1] == (byte) (0x80 | BLANK >> 6 & 0x3F)
                && text[at + 2] == (byte) (0x80 | BLANK & 0x3F);
    }

    /** The byte of a token {@code <0x0A>}; -1 for another. */
    private static int fallback(byte[] text, int start, int stop) {
        if (stop - start != 6 || text[start] != '<' || text[start + 1] != '0'
                || text[start + 2] != 'x'
                || text[start + 5] != '>') {
            return -1;
        }
        int high = digit(text[start + 3]);
        int low = digit(text[start + 4]);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }

    /** A capital hexadecimal digit's value, or -1. */
    private static int digit(byte character) {
        return character >= '0' && character <= '9' ? character - '0'
                : character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
    }

    private static int characterSize(byte first) {
        return first >= 0 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : 4;
    }

    /** Whether a part of a text may begin with a byte. */
    boolean mayCut(byte first) {
        return byteLevel || (first & 0xC0) != 0x80;
    }

    /** Puts the ids that a piece begins with, and where they end, into arrays; how many they are. */
    int symbols(byte[] text, int start, int stop, int[] ids, int[] ends) {
        if (byteLevel) {
            for (int at = start; at < stop; at++) {
                ids[at - start] = byteIds[text[at] & 0xFF];
                ends[at - start] = at + 1;
            }
            return stop - start;
        }
        int made = 0;
        for (int at = start; at < stop;) {
            int size = characterSize(text[at]);
            int id = characters.get(text, at, size);
            if (id != Ranks.NONE) {
                ends[made] = at + size;
                ids[made++] = id;
            } else {
                for (int k = 0; k < size; k++) {
                    ends[made] = at + k + 1;
                    ids[made++] = byteIds[text[at + k] & 0xFF];
                }
            }
            at += size;
        }
        return made;
    }

    /** The end of the part of a piece that merges alone; the piece's end at the latest. */
    int alone(byte[] text, int start, int stop) {
        if (!byteLevel) {
            return stop;
        }
        int at = start + 1;
        while (at < stop && joined[(text[at - 1] & 0xFF) << 8 | text[at] & 0xFF]) {
            at++;
        }
        return at;
    }

    Pairs pairs() {
        return pairs;
    }

    Ranks whole() {
        return whole;
    }

    /** Bytes of its tables. */
    public long bytes() {
        return pairs.bytes() + whole.bytes() + (characters == null ? 0 : characters.bytes());
    }
}
