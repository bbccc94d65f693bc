package dev.fastjvm.litellm;

import dev.fastjvm.bpe.Ranks;
import dev.fastjvm.bpe.Tokens;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the JSON that a BPE model of {@code tokenizers} writes of itself: its vocabulary, and then its merges.
 *
 * <p>It is serde_json's: no blanks between tokens, keys in one order. What is another is an IllegalArgumentException.
 */
final class ModelReader {
    private final byte[] json;
    private int at;
    private final Tokens names = new Tokens(1 << 16);
    private int[] merges = new int[1 << 16];
    private int mergeCount;

    /** Of JSON behind which {@link Ranks#PADDING} bytes lie. */
    ModelReader(byte[] json) {
        this.json = json;
    }

    /** The tokens as the model spells them. */
    Tokens names() {
        return names;
    }

    /** Ids of left and right, in the order of ranks. */
    int[] merges() {
        return Arrays.copyOf(merges, mergeCount);
    }

    void read() {
        at = find("\"vocab\":{");
        if (!skip('}')) {
            do {
                int length = string();
                expect(':');
                if (length == 0) {
                    throw odd();
                }
                names.took(length, number());
            } while (skip(','));
            expect('}');
        }
        expect(',');
        for (byte each : "\"merges\":[".getBytes(StandardCharsets.US_ASCII)) {
            expect((char) each);
        }
        Ranks ids = names.table();
        if (!skip(']')) {
            do {
                expect('[');
                int left = id(ids);
                expect(',');
                int right = id(ids);
                expect(']');
                if (mergeCount == merges.length) {
                    merges = Arrays.copyOf(merges, 2 * mergeCount);
                }
                merges[mergeCount++] = left;
                merges[mergeCount++] = right;
            } while (skip(','));
            expect(']');
        }
        expect('}');
    }

    /** Behind the first occurrence of a text, before which no vocabulary is. */
    private int find(String wanted) {
        byte[] bytes = wanted.getBytes(StandardCharsets.US_ASCII);
        for (int from = 0; from < Math.min(json.length - bytes.length, 4096); from++) {
            if (Arrays.equals(json, from, from + bytes.length, bytes, 0, bytes.length)) {
                return from + bytes.length;
            }
        }
        throw odd();
    }

    private int id(Ranks ids) {
        int start = names.used();
        int length = string();
        int id = length == 0 ? Ranks.NONE : ids.get(names.bytes(), start, length);
        if (id == Ranks.NONE) {
            throw odd();
        }
        return id;
    }

    /** Reads a string behind the last token's bytes; its length. */
    private int string() {
        expect('"');
        int stop = at;
        while (json[stop] != '"') {
            stop += json[stop] == '\\' ? 2 : 1;
        }
        byte[] to = names.room(stop - at);
        int start = names.used();
        int end = start;
        while (at < stop) {
            byte each = json[at++];
            if (each != '\\') {
                to[end++] = each;
                continue;
            }
            each = json[at++];
            switch (each) {
                case '"', '\\', '/' -> to[end++] = each;
                case 'b' -> to[end++] = '\b';
                case 'f' -> to[end++] = '\f';
                case 'n' -> to[end++] = '\n';
                case 'r' -> to[end++] = '\r';
                case 't' -> to[end++] = '\t';
                case 'u' -> {
                    int code = Integer.parseInt(
                            new String(json, at, 4, StandardCharsets.ISO_8859_1), 16);
                    if (code >= 0x80) {
                        throw odd(); // serde_json escapes control characters alone
                    }
                    to[end++] = (byte) code;
                    at += 4;
                }
                default -> throw odd();
            }
        }
        at = stop + 1;
        return end - start;
    }

    private int number() {
        long value = 0;
        int start = at;
        while (json[at] >= '0' && json[at] <= '9' && value < 1L << 30) {
            value = 10 * value + json[at++] - '0';
        }
        if (at == start || value >= 1 << 26) {
            throw odd();
        }
        return (int) value;
    }

    private boolean skip(char wanted) {
        if (json[at] != wanted) {
            return false;
        }
        at++;
        return true;
    }

    private void expect(char wanted) {
        if (!skip(wanted)) {
            throw odd();
        }
    }

    private static IllegalArgumentException odd() {
        return new IllegalArgumentException("another JSON than a BPE model's");
    }
}
