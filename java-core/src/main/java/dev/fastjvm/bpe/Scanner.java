package dev.fastjvm.bpe;

/**
 * Cuts a text where a split pattern's regex would.
 *
 * <p>Representation: the text as UTF-8 with {@link Ranks#PADDING} bytes behind it, and the place and bits of the code point that was
 * looked at last. One object is used by one thread at a time.
 */
abstract class Scanner {
    /** The text holds a code point that the regex may know better, or a run beyond the regex's own limits. */
    public static final int DOUBT = -1;

    static final long HIGH = 0x8080808080808080L;
    /** Added to seven bits, they have the high one where they are {@code 'a'} or more. */
    private static final long FROM_A = 0x1F1F1F1F1F1F1F1FL;
    /** The same, more than {@code 'z'}. */
    private static final long BEYOND_Z = 0x0505050505050505L;
    private static final long EITHER_CASE = 0x2020202020202020L;
    private static final int LETTER = Chars.LETTER;
    private static final int WORDLESS = Chars.LETTER | Chars.NUMBER | Chars.SPACE;
    private final Pattern pattern;
    private final boolean hasPlainWords;
    /** Small letters are told from capitals. */
    private final boolean isCased;
    private final long fold;
    private final int longestBlanks;
    byte[] text = new byte[4096 + Ranks.PADDING];
    private int end;
    /** Of {@link Pattern#DIGITS}: where the next number is; what is before was looked at. */
    private int limit;
    /** Behind the code point that was looked at last. */
    private int behind;
    private int doubts;

    /**
     * A scanner.
     *
     * @param longestBlanks blanks in a row from which on the regex may give up
     */
    Scanner(Pattern pattern, int longestBlanks) {
        this.pattern = pattern;
        hasPlainWords = pattern != Pattern.DIGITS && pattern != Pattern.BLANKS;
        isCased = pattern == Pattern.O200K;
        fold = isCased ? 0 : EITHER_CASE;
        this.longestBlanks = longestBlanks;
    }

    /** An array that takes a text of so many bytes. */
    public final byte[] room(int length) {
        if (text.length < length + Ranks.PADDING) {
            text = new byte[Math.max(length + Ranks.PADDING, Math.min(2 * text.length, 1 << 20))];
        }
        return text;
    }

    /** Begins a text: valid UTF-8 in {@link #room}. */
    final void begin(int start, int stop) {
        end = stop;
        limit = start;
        doubts = 0;
    }

    /** The end of the piece that starts at a place; {@link #DOUBT} where that is not sure. */
    final int next(int at) {
        if (hasPlainWords) {
            int word = plainWord(at);
            if (word > at) {
                return word;
            }
        }
        int stop = switch (pattern) {
            case R50K -> r50k(at);
            case CL100K -> cl100k(at);
            case O200K -> o200k(at);
            case LLAMA3 -> words(at, 3);
            case QWEN2 -> words(at, 1);
            case DIGITS -> digits(at);
            case BLANKS -> unsplit(at);
        };
        return (doubts & Chars.DOUBT) == 0 ? stop : DOUBT;
    }

    /**
     * The end of a blank, if there is one, and ASCII's letters, if those are a piece: of both cases; or small ones, before which one
     * may be a capital, and behind which there is no apostrophe. The place itself where something else decides.
     */
    private int plainWord(int start) {
        byte[] bytes = text;
        int from = bytes[start] == ' ' ? start + 1 : start;
        if (isCased && from < end && bytes[from] >= 'A' && bytes[from] <= 'Z') {
            from++;
        }
        int at = from;
        int found;
        do {
            long eight = (long) Ranks.WORD.get(bytes, at);
            long folded = (eight | fold) & ~HIGH;
            long letters = folded + FROM_A & ~(folded + BEYOND_Z) & ~eight & HIGH;
            found = Long.numberOfTrailingZeros(~letters & HIGH) >>> 3;
            at += found;
        } while (found == 8 && at < end);
        if (at >= end) {
            return from < end ? end : start;
        }
        int behind = bytes[at];
        return at > from && behind >= 0 && !(isCased && behind == '\'') ? at : start;
    }

    /** Bits of the code point at a place; 0 at the end, where {@link #behind} stays. */
    private int look(int at) {
        int first = text[at];
        if (first >= 0) {
            behind = at < end ? at + 1 : at;
            return at < end ? Chars.of(first) : 0;
        }
        int bits = Chars.of(decode(at, first));
        doubts |= bits;
        return bits;
    }

    private int decode(int at, int first) {
        if ((first & 0xE0) == 0xC0) {
            behind = at + 2;
            return (first & 0x1F) << 6 | text[at + 1] & 0x3F;
        }
        if ((first & 0xF0) == 0xE0) {
            behind = at + 3;
            return (first & 0x0F) << 12 | (text[at + 1] & 0x3F) << 6 | text[at + 2] & 0x3F;
        }
        behind = at + 4;
        return (first & 0x07) << 18 | (text[at + 1] & 0x3F) << 12 | (text[at + 2] & 0x3F) << 6
                | text[at + 3] & 0x3F;
    }

    /** The end of the run of code points that have one of the bits. */
    private int run(int start, int bits) {
        byte[] bytes = text;
        int stop = end;
        int at = start;
        while (at < stop) {
            int first = bytes[at];
            if (first >= 0) {
                if ((Chars.FIRST[first] & bits) == 0) {
                    return at;
                }
                at++;
            } else if ((look(at) & bits) != 0) {
                at = behind;
            } else {
                return at;
            }
        }
        return at;
    }

    /** The end of a run of blanks. */
    private int blank(int start) {
        int stop = run(start, Chars.SPACE);
        doubts |= stop - start > longestBlanks ? Chars.DOUBT : 0;
        return stop;
    }

    /** The end of the run of code points that are neither letters nor numbers nor blanks. */
    private int symbols(int start) {
        int at = start;
        while (at < end && (look(at) & WORDLESS) == 0) {
            at = behind;
        }
        return at;
    }

    /** {@code 's 't 'd 'm 'll 've 're} at a place; its end, or the place itself. */
    private int contraction(int at, boolean anyCase) {
        if (text[at] != '\'') {
            return at;
        }
        int first = at + 1 < end ? text[at + 1] : 0;
        int second = at + 2 < end ? text[at + 2] : 0;
        if (anyCase) {
            if (first == (byte) 0xC5 && second == (byte) 0xBF) { // U+017F folds to s
                return at + 3;
            }
            first |= first >= 'A' && first <= 'Z' ? 0x20 : 0;
            second |= second >= 'A' && second <= 'Z' ? 0x20 : 0;
        }
        return switch (first) {
            case 's', 'd', 'm', 't' -> at + 2;
            case 'l' -> second == 'l' ? at + 3 : at;
            case 'v', 'r' -> second == 'e' ? at + 3 : at;
            default -> at;
        };
    }

    /** Up to so many numbers. */
    private int numbers(int start, int most) {
        int at = start;
        for (int i = 0; i < most && at < end && (look(at) & Chars.NUMBER) != 0; i++) {
            at = behind;
        }
        return at;
    }

    /** {@code \s+(?!\S)|\s+} of a run of blanks that does not reach the end: all but the last, or the only one. */
    private int blanks(int start, int stop) {
        int last = stop - 1;
        while ((text[last] & 0xC0) == 0x80) {
            last--;
        }
        return last > start ? last : stop;
    }

    /** Behind the last line end of a run of blanks; its start where there is none. */
    private int lines(int start, int stop) {
        int last = stop;
        while (last > start && text[last - 1] != '\n' && text[last - 1] != '\r') {
            last--;
        }
        return last;
    }

    private int r50k(int start) {
        int short1 = contraction(start, false);
        if (short1 > start) {
            return short1;
        }
        int bits = look(start);
        int word = start;
        if (text[start] == ' ') {
            word = behind;
            bits = word < end ? look(word) : Chars.SPACE;
        }
        if ((bits & LETTER) != 0) {
            return run(behind, LETTER);
        }
        if ((bits & Chars.NUMBER) != 0) {
            return run(behind, Chars.NUMBER);
        }
        if ((bits & Chars.SPACE) == 0) {
            return symbols(behind);
        }
        int stop = blank(start);
        return stop == end ? stop : blanks(start, stop);
    }

    private int cl100k(int start) {
        int stop = word(start, 3);
        if (stop > start) {
            return stop;
        }
        stop = blank(start);
        if (stop == end) {
            return stop;
        }
        int line = lines(start, stop);
        return line > start ? line : blanks(start, stop);
    }

    /** As {@link #cl100k} but for line ends in blanks that end the text, and for how many numbers stay together. */
    private int words(int start, int numbers) {
        int stop = word(start, numbers);
        return stop > start ? stop : linesOrBlanks(start);
    }

    /** What cl100k's pattern has before blanks; the place itself where blanks are. */
    private int word(int start, int numbers) {
        int short1 = contraction(start, true);
        if (short1 > start) {
            return short1;
        }
        int bits = look(start);
        int first = behind;
        if ((bits & LETTER) != 0) {
            return run(first, LETTER);
        }
        if ((bits & (Chars.LINE_END | Chars.NUMBER)) == 0 && first < end
                && (look(first) & LETTER) != 0) {
            return run(behind, LETTER);
        }
        if ((bits & Chars.NUMBER) != 0) {
            return numbers(start, numbers);
        }
        if ((bits & Chars.SPACE) == 0) {
            return run(symbols(first), Chars.LINE_END);
        }
        if (text[start] == ' ' && first < end && (look(first) & WORDLESS) == 0) {
            return run(symbols(first), Chars.LINE_END);
        }
        return start;
    }

    /** {@code \s*[\r\n]+|\s+(?!\S)|\s+}. */
    private int linesOrBlanks(int start) {
        int stop = blank(start);
        int line = lines(start, stop);
        if (line > start || stop == end) {
            return line > start ? line : stop;
        }
        return blanks(start, stop);
    }

    /** r50k's pattern between numbers, each of which is a piece. */
    private int digits(int start) {
        if (start >= limit) {
            if ((look(start) & Chars.NUMBER) != 0) {
                limit = behind;
                return limit;
            }
            limit = behind;
            while (limit < end && (look(limit) & Chars.NUMBER) == 0) {
                limit = behind;
            }
        }
        int all = end;
        end = limit;
        int stop = r50k(start);
        end = all;
        return stop;
    }

    /** Blanks and what follows them, where no token goes on over a blank. */
    private int unsplit(int start) {
        int at = start;
        while (at < end && text[at] == ' ') {
            at++;
        }
        while (at < end && text[at] != ' ') {
            at++;
        }
        return at;
    }

    private int o200k(int start) {
        int bits = look(start);
        int first = behind;
        boolean mayLead = (bits & (Chars.LINE_END | LETTER | Chars.NUMBER)) == 0;
        boolean isWord = (bits & (Chars.UPPER | Chars.LOWER)) != 0;
        int from = first;
        if (mayLead && first < end) {
            int stop = lowerWord(first);
            if (stop > 0) {
                return contraction(stop, true);
            }
        }
        if (isWord) {
            int stop = lowerWord(start);
            if (stop > 0) {
                return contraction(stop, true);
            }
        }
        if (mayLead) {
            int stop = run(from, Chars.UPPER);
            if (stop > from) {
                return contraction(stop, true);
            }
        } else if (isWord) {
            return contraction(run(start, Chars.UPPER), true);
        }
        if ((bits & Chars.NUMBER) != 0) {
            return numbers(start, 3);
        }
        if ((bits & Chars.SPACE) == 0) {
            return slashes(symbols(first));
        }
        if (text[start] == ' ' && first < end && (look(first) & WORDLESS) == 0) {
            return slashes(symbols(first));
        }
        return linesOrBlanks(start);
    }

    /**
     * {@code [UPPER]*[LOWER]+} at a place; its end, or -1. Where no LOWER follows the run of UPPER, the regex gives back until one
     * of the run is LOWER too.
     */
    private int lowerWord(int start) {
        int at = start;
        int last = -1;
        while (at < end) {
            int bits = look(at);
            if ((bits & Chars.UPPER) == 0) {
                if ((bits & Chars.LOWER) != 0) {
                    return run(behind, Chars.LOWER);
                }
                break;
            }
            at = behind;
            if ((bits & Chars.LOWER) != 0) {
                last = at;
            }
        }
        return last;
    }

    /** {@code [\r\n/]*}. */
    private int slashes(int start) {
        int at = start;
        while (at < end && (text[at] == '/' || text[at] == '\n' || text[at] == '\r')) {
            at++;
        }
        return at;
    }
}
