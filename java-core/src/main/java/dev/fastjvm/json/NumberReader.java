package dev.fastjvm.json;

import dev.fastjvm.memory.Memory;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;

/**
 * Reads one number of JSON at an address as a double, rounded as C's strtod and Python's float do.
 *
 * <p>Representation: the place behind the number and its value, in fields. Up to 19 digits are a 64-bit mantissa, which Eisel and
 * Lemire's method multiplies with a 128-bit power of ten (Lemire, Number Parsing at a Gigabyte per Second, 2021); what that
 * cannot decide, {@link Double#parseDouble} does. The text must end in a byte that is no part of a number, as a Python bytes does.
 */
public final class NumberReader {
    private static final int LEAST = -90;
    private static final int MOST = 90;
    /** High and low words of 10^(LEAST + i), normalised; rounded up below 1. */
    private static final long[] POWERS = powers();
    private static final int MOST_DIGITS = 19;
    /** Digits of an int that a double holds exactly. */
    private static final int EXACT_DIGITS = 15;
    private static final long SIGN = 1L << 63;

    private double value;
    private boolean isInteger;

    /** The last number's value. */
    public double value() {
        return value;
    }

    /** Whether the last number had neither a fraction nor an exponent; -0 is 0 then, as for Python's int. */
    public boolean isInteger() {
        return isInteger;
    }

    /**
     * Reads the number at an address.
     *
     * @return the address behind it, or 0 where JSON knows no such number or an int has too many digits to be sure of
     */
    public long read(long start) {
        long at = start;
        boolean negative = Memory.getByte(at) == '-';
        if (negative) {
            at++;
        }
        long first = at;
        long mantissa = 0;
        int digit = Memory.getByte(at) - '0';
        if (digit < 0 || digit > 9) {
            return 0;
        }
        if (digit == 0) {
            at++;
            digit = Memory.getByte(at) - '0';
            if (digit >= 0 && digit <= 9) {
                return 0;
            }
        } else {
            while (digit >= 0 && digit <= 9) {
                mantissa = 10 * mantissa + digit;
                at++;
                digit = Memory.getByte(at) - '0';
            }
        }
        long digits = at - first;
        int exponent = 0;
        isInteger = true;
        if (digit == '.' - '0') {
            isInteger = false;
            at++;
            long point = at;
            digit = Memory.getByte(at) - '0';
            while (digit >= 0 && digit <= 9) {
                mantissa = 10 * mantissa + digit;
                at++;
                digit = Memory.getByte(at) - '0';
            }
            if (at == point) {
                return 0;
            }
            digits += at - point;
            exponent = (int) Math.max(point - at, -100_000);
        }
        if ((digit + '0' | 0x20) == 'e') {
            isInteger = false;
            at++;
            int sign = Memory.getByte(at);
            if (sign == '-' || sign == '+') {
                at++;
            }
            long point = at;
            int power = 0;
            digit = Memory.getByte(at) - '0';
            while (digit >= 0 && digit <= 9) {
                power = Math.min(10 * power + digit, 100_000);
                at++;
                digit = Memory.getByte(at) - '0';
            }
            if (at == point) {
                return 0;
            }
            exponent += sign == '-' ? -power : power;
        }
        if (isInteger) {
            if (digits > EXACT_DIGITS) {
                return 0;
            }
            value = negative ? 0.0 - mantissa : mantissa;
            return at;
        }
        if (digits > MOST_DIGITS && digits - leadingZeros(first) > MOST_DIGITS
                || !convert(mantissa, exponent, negative)) {
            byte[] text = Memory.bytes(start, Math.toIntExact(at - start));
            value = Double.parseDouble(new String(text, StandardCharsets.ISO_8859_1));
        }
        return at;
    }

    private static long leadingZeros(long start) {
        long at = start;
        long points = 0;
        while (Memory.getByte(at) == '0' || Memory.getByte(at) == '.') {
            points += Memory.getByte(at) == '.' ? 1 : 0;
            at++;
        }
        return at - start - points;
    }

    /** Eisel and Lemire's method; false where it cannot tell. */
    private boolean convert(long mantissa, int exponent, boolean negative) {
        if (mantissa == 0) {
            value = negative ? -0.0 : 0.0;
            return true;
        }
        if (exponent < LEAST || exponent > MOST) {
            return false;
        }
        int shift = Long.numberOfLeadingZeros(mantissa);
        long man = mantissa << shift;
        long exp2 = (217706L * exponent >> 16) + 64 + 1023 - shift;
        int place = 2 * (exponent - LEAST);
        long high = Math.unsignedMultiplyHigh(man, POWERS[place]);
        long low = man * POWERS[place];
        if ((high & 0x1FF) == 0x1FF && Long.compareUnsigned(low + man, man) < 0) {
            long nextHigh = Math.unsignedMultiplyHigh(man, POWERS[place + 1]);
            long nextLow = man * POWERS[place + 1];
            long merged = low + nextHigh;
            if (Long.compareUnsigned(merged, low) < 0) {
                high++;
            }
            if ((high & 0x1FF) == 0x1FF && merged == -1
                    && Long.compareUnsigned(nextLow + man, man) < 0) {
                return false;
            }
            low = merged;
        }
        long msb = high >>> 63;
        long bits = high >>> msb + 9;
        exp2 -= 1 ^ msb;
        if (low == 0 && (high & 0x1FF) == 0 && (bits & 3) == 1) {
            return false;
        }
        bits += bits & 1;
        bits >>>= 1;
        if (bits >>> 53 != 0) {
            bits >>>= 1;
            exp2++;
        }
        if (exp2 < 1 || exp2 >= 0x7FF) {
            return false;
        }
        value = Double.longBitsToDouble(
                exp2 << 52 | bits & (1L << 52) - 1 | (negative ? SIGN : 0));
        return true;
    }

    private static long[] powers() {
        long[] made = new long[2 * (MOST - LEAST + 1)];
        for (int exponent = LEAST; exponent <= MOST; exponent++) {
            BigInteger power = BigInteger.TEN.pow(Math.abs(exponent));
            BigInteger words;
            if (exponent >= 0) {
                int excess = power.bitLength() - 128;
                words = excess > 0 ? power.shiftRight(excess) : power.shiftLeft(-excess);
            } else {
                words = BigInteger.ONE.shiftLeft(127 + power.bitLength()).divide(power)
                        .add(BigInteger.ONE);
            }
            made[2 * (exponent - LEAST)] = words.shiftRight(64).longValue();
            made[2 * (exponent - LEAST) + 1] = words.longValue();
        }
        return made;
    }
}
