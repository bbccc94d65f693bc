package dev.fastjvm.bpe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a tokenizer's pipeline finds is what pieces merged one by one come to. */
class PipelineTest {
    private Tokens names = new Tokens(16);
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<String> left = new ArrayList<>();
    private final List<String> right = new ArrayList<>();

    private void name(String token) {
        if (ids.putIfAbsent(token, ids.size()) == null) {
            byte[] bytes = token.getBytes(StandardCharsets.UTF_8);
            names.put(bytes, 0, bytes.length, ids.size() - 1);
        }
    }

    private void merge(String one, String other) {
        name(one + other);
        left.add(one);
        right.add(other);
    }

    private int[] merges() {
        int[] made = new int[2 * left.size()];
        for (int i = 0; i < left.size(); i++) {
            made[2 * i] = ids.get(left.get(i));
            made[2 * i + 1] = ids.get(right.get(i));
        }
        return made;
    }

    /** The alphabet that stands for bytes, and merges of random tokens. */
    private void byteLevel(Random random) {
        int others = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            name(String.valueOf((char) (itself ? b : others++)));
        }
        List<String> some =
                new ArrayList<>(List.of("a", "b", "c", "d", "\u0120", "1", "'", "s", "\u010A"));
        while (left.size() < 300) {
            String one = some.get(random.nextInt(some.size()));
            String other = some.get(random.nextInt(some.size()));
            if (one.length() + other.length() < 12) {
                merge(one, other);
                some.add(one + other);
            }
        }
    }

    private int[] mergedOneByOne(String piece) {
        List<String> parts = new ArrayList<>(List.of(piece.split("")));
        while (true) {
            int best = Integer.MAX_VALUE;
            int at = -1;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int rank = rank(parts.get(i), parts.get(i + 1));
                if (rank < best) {
                    best = rank;
                    at = i;
                }
            }
            if (at < 0) {
                return parts.stream().mapToInt(ids::get).toArray();
            }
            parts.set(at, parts.get(at) + parts.remove(at + 1));
        }
    }

    /** The last of a pair that comes twice counts. */
    private int rank(String one, String other) {
        for (int rank = left.size() - 1; rank >= 0; rank--) {
            if (left.get(rank).equals(one) && right.get(rank).equals(other)) {
                return rank;
            }
        }
        return Integer.MAX_VALUE;
    }

    private static AddedTokens added(String... tokens) {
        Tokens made = new Tokens(16);
        for (int i = 0; i < tokens.length; i++) {
            byte[] bytes = tokens[i].getBytes(StandardCharsets.UTF_8);
            made.put(bytes, 0, bytes.length, 9000 + i);
        }
        return new AddedTokens(made);
    }

    private static int[] encode(TokenCounter counter, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(bytes, 0, counter.room(bytes.length), 0, bytes.length);
        int count = counter.count(bytes.length);
        assertEquals(count, counter.encode(bytes.length), text);
        return count < 0 ? null : Arrays.copyOf(counter.ids(), count);
    }

    @Test
    void piecesAreMergedAsOneByOne() {
        Random random = new Random(5);
        byteLevel(random);
        Model model = Model.of(names, merges(), true, false);
        assertNotNull(model);
        assertTrue(model.bytes() > 0);
        Pipeline pipeline = new Pipeline(model, Pattern.LLAMA3, Normal.NONE, added(), added());
        String letters = "aabbccddz";
        for (int i = 0; i < 3_000; i++) {
            StringBuilder piece = new StringBuilder();
            int length = 1 + random.nextInt(i % 50 == 0 ? 400 : 30);
            while (piece.length() < length) {
                piece.append(letters.charAt(random.nextInt(letters.length())));
            }
            assertArrayEquals(mergedOneByOne(piece.toString()),
                    encode(pipeline, piece.toString()), piece::toString);
        }
    }

    @Test
    void addedTokensAreTheLeftmostAndLongest() {
        byteLevel(new Random(5));
        Model model = Model.of(names, merges(), true, false);
        Pipeline pipeline = new Pipeline(model, Pattern.R50K, Normal.NFC, added("<s", "<s>>", "é"),
                added("[x]"));
        int z = ids.get("z");
        assertArrayEquals(new int[] {9000, z, 9001, 9000, z}, encode(pipeline, "<sz<s>><sz"));
        assertArrayEquals(new int[] {9002, 9000, z}, encode(pipeline, "é[x]z"));
        assertArrayEquals(new int[0], encode(pipeline, ""));
        assertNull(encode(pipeline, "a\u0378")); // no character yet
        assertNull(encode(pipeline, "a\u07FD")); // younger than Unicode 9
    }

    @Test
    void normalFormsAreJavas() {
        byteLevel(new Random(5));
        Model model = Model.of(names, merges(), true, false);
        Pipeline nfc = new Pipeline(model, Pattern.R50K, Normal.NFC, added(), added());
        Pipeline nfkc = new Pipeline(model, Pattern.R50K, Normal.NFKC, added(), added());
        Pipeline none = new Pipeline(model, Pattern.R50K, Normal.NONE, added(), added());
        assertArrayEquals(encode(none, "\u00e9"), encode(nfc, "e\u0301"));
        assertArrayEquals(encode(none, "fi\uac00"), encode(nfkc, "\ufb01\u1100\u1161"));
        assertArrayEquals(encode(none, "\u65e5\u672c"), encode(nfc, "\u65e5\u672c"));
    }

    @Test
    void oneLetterIsNotQuadratic() {
        byteLevel(new Random(5));
        Model model = Model.of(names, merges(), true, false);
        for (Pattern pattern : List.of(Pattern.R50K, Pattern.LLAMA3, Pattern.O200K,
                Pattern.DIGITS, Pattern.QWEN2)) {
            Pipeline pipeline = new Pipeline(model, pattern, Normal.NFKC, added("<s>"), added());
            for (char letter : new char[] {'a', ' ', '1', '<', '\n'}) {
                int length = 1_000_000;
                Arrays.fill(pipeline.room(length), 0, length, (byte) letter);
                assertTrue(pipeline.count(length) > 0);
            }
        }
    }

    @Test
    void charactersWithBytesForOthers() {
        for (int b = 0; b < 256; b++) {
            name(String.format("<0x%02X>", b));
        }
        for (String one : "\u2581 a b c".split(" ")) {
            name(one);
        }
        merge("\u2581", "\u2581");
        merge("\u2581", "a");
        merge("b", "c");
        Model model = Model.of(names, merges(), false, false);
        Pipeline pipeline =
                new Pipeline(model, Pattern.BLANKS, Normal.BLANKS, added("</s>"), added());
        int blankA = ids.get("\u2581a");
        assertArrayEquals(new int[] {blankA, ids.get("bc"), ids.get("<0xC3>"), ids.get("<0xA9>")},
                encode(pipeline, "abc\u00e9"));
        assertArrayEquals(new int[] {ids.get("\u2581\u2581"), blankA, 9000, blankA},
                encode(pipeline, " \u2581a</s>a"));
        merge("a", "\u2581");
        assertNull(Model.of(names, merges(), false, false)); // goes on over a blank
        assertNull(Model.of(names, merges(), false, true));
    }

    /** Of bytes, and of characters whose bytes no part may be cut between. */
    @Test
    void windowsAreAsOne() {
        int again = 0;
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            boolean bytes = seed % 2 == 0;
            names = new Tokens(16);
            ids.clear();
            left.clear();
            right.clear();
            List<String> some = new ArrayList<>();
            if (bytes) {
                byteLevel(random);
                some.addAll(List.of("a", "b"));
            } else {
                for (int b = 0; b < 256; b++) {
                    name(String.format("<0x%02X>", b));
                }
                some.addAll(List.of("\u2581", "\u65e5", "b", "<0xC3>", "<0xA9>"));
                some.forEach(this::name);
            }
            for (int i = 0; i < 25; i++) {
                String one = some.get(random.nextInt(some.size()));
                String other = some.get(random.nextInt(some.size()));
                if (one.length() + other.length() < 14 && !other.startsWith("\u2581")) {
                    merge(one, other);
                    some.add(one + other);
                }
            }
            Model model = Model.of(names, merges(), bytes, false);
            PairMerges whole = new PairMerges(model, 1 << 30);
            PairMerges cut = new PairMerges(model, 16 << random.nextInt(3));
            for (int i = 0; i < 40; i++) {
                StringBuilder text = new StringBuilder();
                int kinds = 1 + random.nextInt(bytes ? 2 : 3);
                while (text.length() < 400) {
                    String one = bytes ? "ab" : "b\u65e5\u00e9";
                    text.append(String.valueOf(one.charAt(random.nextInt(kinds)))
                            .repeat(1 + random.nextInt(i % 5 + 1)));
                }
                byte[] utf8 = text.toString().getBytes(StandardCharsets.UTF_8);
                byte[] padded = Arrays.copyOf(utf8, utf8.length + Ranks.PADDING);
                Ids wanted = new Ids();
                whole.encode(padded, 0, utf8.length, wanted);
                Ids found = new Ids();
                cut.encode(padded, 0, utf8.length, found);
                assertEquals(wanted.count(), cut.count(padded, 0, utf8.length));
                assertArrayEquals(Arrays.copyOf(wanted.all(), wanted.count()),
                        Arrays.copyOf(found.all(), found.count()));
            }
            again += cut.again();
        }
        assertTrue(again > 0);
    }

    @Test
    void whatIsNoModel() {
        byteLevel(new Random(5));
        byte[] twice = {'q', 'q'};
        names.put(twice, 0, 2, 0);
        assertNull(Model.of(names, merges(), true, false)); // an id twice
        Tokens few = new Tokens(16);
        few.put(twice, 0, 1, 0);
        assertNull(Model.of(few, new int[0], true, false)); // bytes without a token
    }
}
