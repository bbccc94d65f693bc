package dev.fastjvm.bpe;

/** The characters that stand for bytes in a byte-level vocabulary: printable ones of Latin-1 for themselves, U+0100 and on for the others. */
final class Alphabet {
    private static final short[] BYTES = bytes();

    private Alphabet() {}

    private static short[] bytes() {
        short[] made = new short[0x144];
        java.util.Arrays.fill(made, (short) -1);
        int others = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            made[itself ? b : others++] = (short) b;
        }
        return made;
    }

    /** The bytes that a token's characters, as UTF-8, stand for; 0 where one of them stands for none. */
    static int decode(byte[] text, int start, int stop, byte[] to) {
        int length = 0;
        for (int at = start; at < stop; at++) {
            int character = text[at];
            if (character < 0) {
                if ((character & 0xE0) != 0xC0) {
                    return 0;
                }
                character = (character & 0x1F) << 6 | text[++at] & 0x3F;
            }
            if (character >= BYTES.length || BYTES[character] < 0) {
                return 0;
            }
            to[length++] = (byte) BYTES[character];
        }
        return length;
    }
}
