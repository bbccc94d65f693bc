package dev.fastjvm.bpe;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * What a text becomes before it is cut.
 *
 * <p>{@code tokenizers} normalizes as Unicode 9 does. A code point whose normalization is younger is doubted, all others are
 * normalized by Java: what Unicode has once said of a code point stays. Whether a text is normal already is told by code points: those that
 * are no marks, no Jamo, and are their own normal form.
 */
public enum Normal {
    NONE(null), NFC(Normalizer.Form.NFC), NFKC(Normalizer.Form.NFKC),
    /** A blank in front, and U+2581 in the place of blanks; here it is a blank in the place of U+2581. */
    BLANKS(null);

    private static final byte INERT = 1;
    private static final byte ACTIVE = 2;
    private static final byte DOUBTED = 3;

    /** First and last of code points whose normalization Unicode 9 does not know. */
    private static final int[] YOUNG = {0x7FD, 0x7FD, 0x897, 0x89F, 0x8CA, 0x8D3, 0x9FE, 0x9FE,
            0xC3C, 0xC3C, 0xD3B, 0xD3C, 0xEBA, 0xEBA, 0x1715, 0x1715, 0x1ABF, 0x1ACE, 0x1DF6,
            0x1DFA, 0x32FF, 0x32FF, 0xA7F2, 0xA7F4, 0xA82C, 0xA82C, 0xAB69, 0xAB69, 0x105C9,
            0x105C9, 0x105E4, 0x105E4, 0x10781, 0x107BA, 0x10D24, 0x10D27, 0x10D69, 0x10D6D,
            0x10EAB, 0x10EAC, 0x10EFC, 0x10EFF, 0x10F46, 0x10F50, 0x10F82, 0x10F85, 0x11070,
            0x11070, 0x1133B, 0x1133B, 0x11380, 0x113D0, 0x1145E, 0x1145E, 0x11839, 0x1183A,
            0x1193D, 0x1193E, 0x11943, 0x11943, 0x119E0, 0x119E0, 0x11A34, 0x11A34, 0x11A47,
            0x11A47, 0x11A99, 0x11A99, 0x11D42, 0x11D45, 0x11D97, 0x11D97, 0x11F41, 0x11F42,
            0x16100, 0x16139, 0x16D40, 0x16D79, 0x16FF0, 0x16FF1, 0x1CCD6, 0x1CCF9, 0x1E030,
            0x1E06D, 0x1E08F, 0x1E08F, 0x1E130, 0x1E136, 0x1E2AE, 0x1E2AE, 0x1E2EC, 0x1E2EF,
            0x1E4EC, 0x1E4EF, 0x1E5EE, 0x1E5EF, 0x1F16C, 0x1F16C, 0x1FBF0, 0x1FBF9};

    private final Normalizer.Form form;
    /** Kinds of 256 code points each, made when one of them is met. */
    private final AtomicReferenceArray<byte[]> pages = new AtomicReferenceArray<>(0x1100);

    Normal(Normalizer.Form form) {
        this.form = form;
    }

    /** Puts the normal form of a part of a text into a counter's room; its length, or {@link Scanner#DOUBT}. */
    int apply(byte[] raw, int start, int stop, Counter counter) {
        if (this == BLANKS) {
            return blanks(raw, start, stop, counter.room(stop - start + 1));
        }
        byte kind = form == null ? INERT : kind(raw, start, stop);
        if (kind == DOUBTED) {
            return Scanner.DOUBT;
        }
        byte[] from = raw;
        int at = start;
        int length = stop - start;
        if (kind == ACTIVE) {
            String text = new String(raw, start, length, StandardCharsets.UTF_8);
            from = Normalizer.normalize(text, form).getBytes(StandardCharsets.UTF_8);
            at = 0;
            length = from.length;
        }
        System.arraycopy(from, at, counter.room(length), 0, length);
        return length;
    }

    private static int blanks(byte[] raw, int start, int stop, byte[] to) {
        int length = 0;
        to[length++] = ' ';
        for (int at = start; at < stop; at++) {
            if (Model.isBlank(raw, at, stop)) {
                to[length++] = ' ';
                at += 2;
            } else {
                to[length++] = raw[at];
            }
        }
        return length;
    }

    private byte kind(byte[] raw, int start, int stop) {
        byte kind = INERT;
        for (int at = start; at < stop;) {
            int first = raw[at];
            if (first >= 0) {
                at++;
                continue;
            }
            int codePoint;
            if ((first & 0xE0) == 0xC0) {
                codePoint = (first & 0x1F) << 6 | raw[at + 1] & 0x3F;
                at += 2;
            } else if ((first & 0xF0) == 0xE0) {
                codePoint = (first & 0x0F) << 12 | (raw[at + 1] & 0x3F) << 6 | raw[at + 2] & 0x3F;
                at += 3;
            } else {
                codePoint = (first & 0x07) << 18 | (raw[at + 1] & 0x3F) << 12
                        | (raw[at + 2] & 0x3F) << 6 | raw[at + 3] & 0x3F;
                at += 4;
            }
            byte[] page = pages.get(codePoint >> 8);
            if (page == null) {
                page = page(codePoint >> 8);
            }
            kind = (byte) Math.max(kind, page[codePoint & 0xFF]);
        }
        return kind;
    }

    private byte[] page(int page) {
        byte[] kinds = new byte[256];
        for (int i = 0; i < 256; i++) {
            kinds[i] = kind(page << 8 | i);
        }
        pages.set(page, kinds);
        return kinds;
    }

    private byte kind(int codePoint) {
        for (int i = 0; i < YOUNG.length; i += 2) {
            if (codePoint >= YOUNG[i] && codePoint <= YOUNG[i + 1]) {
                return DOUBTED;
            }
        }
        return switch (Character.getType(codePoint)) {
            case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK,
                    Character.ENCLOSING_MARK ->
                ACTIVE;
            case Character.SURROGATE, Character.UNASSIGNED -> INERT;
            default -> codePoint >= 0x1100 && codePoint < 0x1200
                    || !Normalizer.isNormalized(Character.toString(codePoint), form) ? ACTIVE
                            : INERT;
        };
    }
}
