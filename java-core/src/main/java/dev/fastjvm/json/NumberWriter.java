package dev.fastjvm.json;

/**
 * Writes doubles as Python's {@code repr} and its json do: the shortest digits that read back, 1e-05 and 1e+16 with an exponent.
 *
 * <p>{@link Double#toString} finds the digits (Giulietti's method, since Java 19); only where it has two may one be enough, as it never
 * makes less than two.
 */
public final class NumberWriter {
    /** Bytes that a double takes at most: a sign, 17 digits, a point and e-308. */
    public static final int LONGEST = 24;

    private static final int LEAST_PLAIN = -3;
    private static final int MOST_PLAIN = 16;

    private NumberWriter() {}

    /**
     * Writes a double.
     *
     * @return the index behind it, or -1 for NaN and infinities
     */
    public static int put(double value, byte[] to, int start) {
        if (!Double.isFinite(value)) {
            return -1;
        }
        String text = Double.toString(value);
        if (text.indexOf('E') < 0) { // from 0.001 to below 1e7 both write alike
            return ascii(text, to, start);
        }
        int at = start;
        int from = 0;
        if (text.charAt(0) == '-') {
            to[at++] = '-';
            from = 1;
        }
        long digits = 0;
        int power = 0;
        boolean behind = false;
        for (int i = from; i < text.length(); i++) {
            char letter = text.charAt(i);
            if (letter == '.') {
                behind = true;
            } else if (letter == 'E') {
                power += Integer.parseInt(text, i + 1, text.length(), 10);
                break;
            } else {
                digits = 10 * digits + letter - '0';
                power -= behind ? 1 : 0;
            }
        }
        if (digits > 9 && digits < 100) {
            long shorter = shorter(digits, power, Math.abs(value));
            if (shorter != 0) {
                digits = shorter;
                power++;
            }
        }
        while (digits % 10 == 0) {
            digits /= 10;
            power++;
        }
        return place(digits, power, to, at);
    }

    /** The one digit, or 10, that reads back as a value too; 0 where none does. */
    private static long shorter(long digits, int power, double value) {
        long near = (digits + 5) / 10;
        for (long digit : new long[] {near, digits / 10, digits / 10 + 1}) {
            if (digit > 0 && Double.parseDouble(digit + "E" + (power + 1)) == value) {
                return digit;
            }
        }
        return 0;
    }

    /** Writes digits times a power of ten, the last digit not 0. */
    private static int place(long digits, int power, byte[] to, int start) {
        int count = count(digits);
        int point = count + power; // digits before the point
        int at = start;
        if (point < LEAST_PLAIN || point > MOST_PLAIN) {
            if (count == 1) {
                to[at++] = (byte) ('0' + digits);
            } else {
                put(digits, count, to, at + 1);
                to[at] = to[at + 1];
                to[at + 1] = '.';
                at += count + 1;
            }
            return exponent(point - 1, to, at);
        }
        if (point <= 0) {
            at = ascii("0.", to, at);
            for (int i = point; i < 0; i++) {
                to[at++] = '0';
            }
            put(digits, count, to, at);
            return at + count;
        }
        put(digits, count, to, at);
        if (point < count) {
            System.arraycopy(to, at + point, to, at + point + 1, count - point);
            to[at + point] = '.';
            return at + count + 1;
        }
        at += count;
        for (int i = count; i < point; i++) {
            to[at++] = '0';
        }
        return ascii(".0", to, at);
    }

    private static int exponent(int exponent, byte[] to, int start) {
        int at = start;
        to[at++] = 'e';
        to[at++] = (byte) (exponent < 0 ? '-' : '+');
        int left = Math.abs(exponent);
        int count = left > 99 ? 3 : 2;
        put(left, count, to, at);
        return at + count;
    }

    private static void put(long digits, int count, byte[] to, int at) {
        long left = digits;
        for (int i = at + count - 1; i >= at; i--) {
            to[i] = (byte) ('0' + left % 10);
            left /= 10;
        }
    }

    private static int count(long digits) {
        int count = 1;
        for (long left = digits; left > 9; left /= 10) {
            count++;
        }
        return count;
    }

    @SuppressWarnings("deprecation") // all of it is ASCII
    private static int ascii(String text, byte[] to, int at) {
        text.getBytes(0, text.length(), to, at);
        return at + text.length();
    }
}
