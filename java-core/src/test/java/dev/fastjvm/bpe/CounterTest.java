package dev.fastjvm.bpe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import org.junit.jupiter.api.Test;

/** Counts are those of a regex of java.util's and of merges done one by one. */
class CounterTest {
    private static final java.util.regex.Pattern CL100K = java.util.regex.Pattern.compile(
            "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+"
                    + "|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s");

    private final Map<String, Integer> vocabulary = new HashMap<>();

    private Spellings spellings;

    private Ranks ranks(Random random) {
        List<byte[]> tokens = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            tokens.add(new byte[] {(byte) i});
        }
        String letters = "abcdefgh 0123\n.,'stre";
        while (tokens.size() < 1500) {
            byte[] one = tokens.get(random.nextInt(tokens.size()));
            byte[] other = tokens.get((int) letters.charAt(random.nextInt(letters.length())));
            if (one.length < 7 && letters.indexOf(one[0]) >= 0) {
                byte[] both = Arrays.copyOf(one, one.length + 1);
                both[one.length] = other[0];
                if (tokens.stream().noneMatch(token -> Arrays.equals(token, both))) {
                    tokens.add(both);
                }
            }
        }
        Ranks ranks = new Ranks(tokens.size(), 0);
        java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
        int[] ends = new int[tokens.size()];
        int[] ids = new int[tokens.size()];
        for (int rank = 0; rank < tokens.size(); rank++) {
            byte[] token = tokens.get(rank);
            byte[] padded = Arrays.copyOf(token, token.length + Ranks.PADDING);
            ranks.put(padded, 0, token.length, rank);
            all.writeBytes(token);
            ends[rank] = all.size();
            ids[rank] = rank;
            vocabulary.put(new String(token, StandardCharsets.ISO_8859_1), rank);
        }
        spellings = new Spellings(all.toByteArray(), ends, ids, tokens.size());
        return ranks;
    }

    /** The text of tokens. */
    private String joined(int[] ids, int count) {
        byte[] found = new byte[8 * count + Ranks.PADDING];
        int end = 0;
        for (int i = 0; i < count; i++) {
            spellings.copy(ids[i], found, end);
            end += spellings.size(ids[i]);
        }
        return new String(found, 0, end, StandardCharsets.US_ASCII);
    }

    private int merged(String piece) {
        return vocabulary.containsKey(piece) ? 1 : parts(piece, vocabulary).size();
    }

    private static List<String> parts(String piece, Map<String, Integer> vocabulary) {
        List<String> parts = new ArrayList<>();
        for (char each : piece.toCharArray()) {
            parts.add(String.valueOf(each));
        }
        while (true) {
            int best = Integer.MAX_VALUE;
            int at = -1;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int rank = vocabulary.getOrDefault(parts.get(i) + parts.get(i + 1),
                        Integer.MAX_VALUE);
                if (rank < best) {
                    best = rank;
                    at = i;
                }
            }
            if (at < 0) {
                return parts;
            }
            parts.set(at, parts.get(at) + parts.remove(at + 1));
        }
    }

    private int wanted(String text) {
        int count = 0;
        Matcher pieces = CL100K.matcher(text);
        while (pieces.find()) {
            count += merged(pieces.group());
        }
        return count;
    }

    @Test
    void oneLetterIsNotQuadratic() {
        Counter counter = new Counter(ranks(new Random(6)), Pattern.CL100K);
        int length = 10_000_000;
        Arrays.fill(counter.room(length), 0, length, (byte) 'a');
        int count = counter.count(length);
        assertEquals(count, counter.encode(length));
        assertTrue(count > length / 8);
    }

    @Test
    void blanksBeyondTheRegexAreDoubted() {
        Counter counter = new Counter(ranks(new Random(6)), Pattern.O200K);
        int length = 70_000;
        Arrays.fill(counter.room(length), 0, length, (byte) ' ');
        assertEquals(Scanner.DOUBT, counter.count(length));
        assertEquals(Scanner.DOUBT, counter.encode(length));
    }

    @Test
    void idsWithoutATokenHaveNoBytes() {
        byte[] text = {1, 2, 3, 4};
        Spellings some = new Spellings(text, new int[] {1, 3, 4}, new int[] {5, 2, 5}, 6);
        assertEquals(1, some.size(5)); // the first of two
        assertEquals(2, some.size(2));
        for (long id : new long[] {-1, 0, 4, 6, 1L << 40}) {
            assertEquals(0, some.size(id));
        }
        assertTrue(some.bytes() > 0);
    }

    @Test
    void asPiecesMergedOneByOne() {
        Random random = new Random(6);
        Ranks ranks = ranks(random);
        assertTrue(ranks.isComplete());
        Counter counter = new Counter(ranks, Pattern.CL100K);
        String letters = "abcdefgh    0123\n\r\t.,!'strelvd-ABC";
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            int length = random.nextInt(i % 100 == 0 ? 600 : 40);
            while (text.length() < length) {
                char one = letters.charAt(random.nextInt(letters.length()));
                text.append(String.valueOf(one).repeat(random.nextInt(8) == 0 ? 9 : 1));
            }
            byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(bytes, 0, counter.room(bytes.length), 0, bytes.length);
            assertEquals(wanted(text.toString()), counter.count(bytes.length), text::toString);
            int count = counter.encode(bytes.length);
            assertEquals(wanted(text.toString()), count, text::toString);
            assertEquals(text.toString(), joined(counter.ids(), count));
        }
    }

    /** Random vocabularies of few letters, tokens of any order: borders of windows that do not hold are among them. */
    @Test
    void windowsAreAsOne() {
        int again = 0;
        for (int seed = 0; seed < 400; seed++) {
            Random random = new Random(seed);
            int letters = 1 + random.nextInt(3);
            Ranks few = few(random, letters);
            Merges whole = new Merges(few, 1 << 30);
            Merges cut = new Merges(few, 16 << random.nextInt(4));
            for (byte[] text : texts(random, letters)) {
                int length = text.length - Ranks.PADDING;
                Ids wanted = new Ids();
                whole.encode(text, 0, length, wanted);
                Ids found = new Ids();
                cut.encode(text, 0, length, found);
                assertEquals(wanted.count(), cut.count(text, 0, length));
                assertArrayEquals(Arrays.copyOf(wanted.all(), wanted.count()),
                        Arrays.copyOf(found.all(), found.count()));
                again += cut.again();
            }
        }
        assertTrue(again > 50, "borders that did not hold: " + again);
    }

    /** Random vocabularies whose tokens are parts of characters and reach over their borders, of any order. */
    @Test
    void charactersAreMergedAsTheirBytes() {
        String[] characters =
                {"a", " ", "\u00e9", "\u00ea", "\u0436", "\u4e2d", "\u4e2e", "\u4eae", "\uae2d",
                        "\ud83d\ude42", "\ud83d\ude43", "\ud83c\udf42"};
        for (int seed = 0; seed < 600; seed++) {
            Random random = new Random(seed);
            int kinds = 1 + random.nextInt(characters.length);
            int from = random.nextInt(characters.length);
            List<String> texts = new ArrayList<>(); // a char of them is a byte
            for (int i = 0; i < 60; i++) {
                StringBuilder text = new StringBuilder();
                for (int left = 1 + random.nextInt(i % 10 == 0 ? 150 : 20); left > 0; left--) {
                    text.append(characters[(from + random.nextInt(kinds)) % characters.length]);
                }
                texts.add(new String(text.toString().getBytes(StandardCharsets.UTF_8),
                        StandardCharsets.ISO_8859_1));
            }
            List<String> tokens = new ArrayList<>();
            int most = random.nextInt(120);
            for (int i = 0; i < most; i++) {
                String text = texts.get(random.nextInt(texts.size()));
                int start = random.nextInt(text.length());
                int size = 2 + random.nextInt(random.nextInt(4) == 0 ? 11 : 3);
                String token = text.substring(start, Math.min(text.length(), start + size));
                if (token.length() > 1 && !tokens.contains(token)) {
                    tokens.add(random.nextInt(tokens.size() + 1), token);
                }
            }
            for (int i = 0; i < 256; i++) {
                tokens.add(random.nextInt(tokens.size() + 1), String.valueOf((char) i));
            }
            Ranks ranks = new Ranks(tokens.size(), tokens.size());
            Map<String, Integer> wanted = new HashMap<>();
            for (int rank = 0; rank < tokens.size(); rank++) {
                byte[] token = tokens.get(rank).getBytes(StandardCharsets.ISO_8859_1);
                ranks.put(Arrays.copyOf(token, token.length + Ranks.PADDING), 0, token.length,
                        rank);
                wanted.put(tokens.get(rank), rank);
            }
            Merges merges = new Merges(ranks);
            for (String text : texts) {
                byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
                byte[] padded = Arrays.copyOf(bytes, bytes.length + Ranks.PADDING);
                int[] parts = parts(text, wanted).stream().mapToInt(wanted::get).toArray();
                Ids found = new Ids();
                merges.encode(padded, 0, bytes.length, found);
                assertArrayEquals(parts, Arrays.copyOf(found.all(), found.count()));
                assertEquals(parts.length, merges.count(padded, 0, bytes.length));
            }
        }
    }

    private static Ranks few(Random random, int letters) {
        List<String> tokens = new ArrayList<>();
        for (int i = 0; i < letters; i++) {
            tokens.add(String.valueOf((char) ('a' + i)));
        }
        int most = 3 + random.nextInt(30);
        int longest = 2 + random.nextInt(random.nextBoolean() ? 6 : 40);
        for (int i = 0; i < most; i++) {
            String both = tokens.get(random.nextInt(tokens.size()))
                    + tokens.get(random.nextInt(tokens.size()));
            if (both.length() <= longest && !tokens.contains(both)) {
                tokens.add(random.nextInt(3) == 0 ? letters + random.nextInt(tokens.size())
                        % (tokens.size() - letters + 1) : tokens.size(), both);
            }
        }
        Ranks ranks = new Ranks(tokens.size(), tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            byte[] token = tokens.get(i).getBytes(StandardCharsets.US_ASCII);
            ranks.put(Arrays.copyOf(token, token.length + Ranks.PADDING), 0, token.length, i);
        }
        return ranks;
    }

    /** One letter, two in turn, Fibonacci's word, any letters, a period, a period that is broken in places. */
    private static List<byte[]> texts(Random random, int letters) {
        int length = 49 + random.nextInt(700);
        List<byte[]> made = new ArrayList<>();
        String one = "a";
        String other = "b";
        while (one.length() < length) {
            String both = one + other;
            other = one;
            one = both;
        }
        String period = "a";
        for (int i = random.nextInt(9); i > 0; i--) {
            period += (char) ('a' + random.nextInt(letters));
        }
        StringBuilder any = new StringBuilder();
        StringBuilder broken = new StringBuilder(period.repeat(length));
        for (int i = 0; i < length; i++) {
            any.append((char) ('a' + random.nextInt(letters)));
            if (random.nextInt(60) == 0) {
                broken.setCharAt(i, (char) ('a' + random.nextInt(letters)));
            }
        }
        for (String text : List.of("a".repeat(length), "ab".repeat(length), one, any.toString(),
                period.repeat(length), broken.toString())) {
            byte[] bytes = text.substring(0, length).getBytes(StandardCharsets.US_ASCII);
            for (int i = 0; i < length; i++) {
                bytes[i] = (byte) Math.min(bytes[i], 'a' + letters - 1);
            }
            made.add(Arrays.copyOf(bytes, length + Ranks.PADDING));
        }
        return made;
    }
}
