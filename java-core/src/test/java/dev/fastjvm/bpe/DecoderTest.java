package dev.fastjvm.bpe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/** What tokens are in a text. */
class DecoderTest {
    private static Tokens tokens(int first, String... names) {
        Tokens made = new Tokens(16);
        for (int i = 0; i < names.length; i++) {
            byte[] bytes = names[i].getBytes(StandardCharsets.UTF_8);
            made.put(bytes, 0, bytes.length, first + i);
        }
        return made;
    }

    private static byte[] of(Spellings spellings, int id) {
        byte[] found = new byte[spellings.size(id) + 2 * Ranks.PADDING];
        spellings.copy(id, found, 0);
        return Arrays.copyOf(found, spellings.size(id));
    }

    @Test
    void bytesByTheirAlphabet() {
        BitSet skipped = new BitSet();
        skipped.set(3);
        Spellings found = Decoder.BYTES.spellings(tokens(1, "an added one", "b"),
                tokens(0, "\u0120a", "x", "y", "<s>", "\u00e9", "\u65e5"), skipped);
        assertArrayEquals(" a".getBytes(StandardCharsets.US_ASCII), of(found, 0));
        assertArrayEquals("an added one".getBytes(StandardCharsets.US_ASCII), of(found, 1));
        assertArrayEquals(new byte[] {'b'}, of(found, 2));
        assertEquals(0, found.size(3));
        assertArrayEquals(new byte[] {(byte) 0xE9}, of(found, 4));
        assertArrayEquals("\u65e5".getBytes(StandardCharsets.UTF_8), of(found, 5));
        assertNull(Decoder.NONE.spellings(tokens(0), tokens(0), skipped));
    }

    @Test
    void blanksAndBytesForOthers() {
        Spellings found = Decoder.FALLBACK.spellings(tokens(0), tokens(0, "\u2581a\u2581", "<0x0A>",
                "<0xfF>", "<0xG0>", "<0x+1>", "<0x0a", "\u65e5 "), new BitSet());
        assertArrayEquals(" a ".getBytes(StandardCharsets.US_ASCII), of(found, 0));
        assertArrayEquals(new byte[] {'\n'}, of(found, 1));
        assertArrayEquals(new byte[] {-1}, of(found, 2));
        assertEquals(0, found.size(3));
        assertEquals(0, found.size(4));
        assertArrayEquals("<0x0a".getBytes(StandardCharsets.US_ASCII), of(found, 5));
        assertArrayEquals("\u65e5 ".getBytes(StandardCharsets.UTF_8), of(found, 6));
    }
}
