package dev.fastjvm.bpe;

/**
 * What a split pattern asks of a code point, as bits.
 *
 * <p>Representation: one page of bits for 256 code points, equal pages shared. A code point that this JVM's Unicode does not know
 * is a {@link #DOUBT}: the regex's may know it.
 */
final class Chars {
    /** {@code \p{L}}. */
    static final int LETTER = 1;
    /** {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}. */
    static final int UPPER = 2;
    /** {@code [\p{Ll}\p{Lm}\p{Lo}\p{M}]}. */
    static final int LOWER = 4;
    /** {@code \p{N}}. */
    static final int NUMBER = 8;
    /** {@code \s}: the property White_Space. */
    static final int SPACE = 16;
    /** {@code [\r\n]}. */
    static final int LINE_END = 32;
    static final int DOUBT = 64;

    private static final byte[][] PAGES = pages();
    /** Bits of the code points below 256. */
    static final byte[] FIRST = PAGES[0];

    private Chars() {}

    static int of(int codePoint) {
        return codePoint < 256 ? FIRST[codePoint]
                : PAGES[codePoint >> 8][codePoint & 0xFF];
    }

    private static byte[][] pages() {
        byte[][] made = new byte[0x1100][];
        byte[] before = new byte[0];
        for (int page = 0; page < made.length; page++) {
            byte[] bits = new byte[256];
            for (int i = 0; i < 256; i++) {
                bits[i] = (byte) bits(page << 8 | i);
            }
            before = java.util.Arrays.equals(bits, before) ? before : bits;
            made[page] = before;
        }
        return made;
    }

    private static int bits(int codePoint) {
        int space = isSpace(codePoint) ? SPACE : 0;
        return space | switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> LETTER | UPPER;
            case Character.LOWERCASE_LETTER -> LETTER | LOWER;
            case Character.MODIFIER_LETTER, Character.OTHER_LETTER -> LETTER | UPPER | LOWER;
            case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK,
                    Character.ENCLOSING_MARK ->
                UPPER | LOWER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER,
                    Character.OTHER_NUMBER ->
                NUMBER;
            case Character.UNASSIGNED -> isNoncharacter(codePoint) ? 0 : DOUBT;
            default -> codePoint == '\r' || codePoint == '\n' ? LINE_END : 0;
        };
    }

    private static boolean isNoncharacter(int codePoint) {
        return (codePoint & 0xFFFE) == 0xFFFE || codePoint >= 0xFDD0 && codePoint <= 0xFDEF;
    }

    private static boolean isSpace(int codePoint) {
        return codePoint >= '\t' && codePoint <= '\r' || codePoint == 0x85
                || Character.isSpaceChar(codePoint);
    }
}
