package dev.fastjvm.litellm;

import dev.fastjvm.json.NumberReader;
import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * Finds the arrays of numbers in an embeddings response: each value of the key "embedding" in an object of the array "data" of
 * the outermost object. Runs without the GIL.
 *
 * <p>Representation: for each object of "data", in order, the place of its array and how many numbers it has (-1: it has no
 * array); all numbers behind each other. What lies outside of the arrays is stepped over, not checked: whoever reads the
 * text without the arrays finds out. Keys with escapes, repeated ones, and arrays of anything but numbers are refused.
 */
final class EmbeddingScan {
    private static final byte[] DATA = {'d', 'a', 't', 'a'};
    private static final byte[] EMBEDDING = {'e', 'm', 'b', 'e', 'd', 'd', 'i', 'n', 'g'};

    private final NumberReader reader = new NumberReader();
    private double[] numbers = new double[1 << 12];
    private int count;
    private long[] starts = new long[128];
    private long[] ends = new long[128];
    private int[] sizes = new int[128];
    private int items;
    private int arrays;
    private long cut;
    private long keyStart;
    private long keyEnd;

    /** Scans so many bytes, which a NUL follows; false where they are not to be served. */
    boolean scan(long start, long length) {
        count = 0;
        items = 0;
        arrays = 0;
        cut = 0;
        long end = start + length;
        // two bytes tell UTF-16 and UTF-32 from UTF-8, as Python's json does
        if (length < 2 || Memory.getByte(start) != '{' || Memory.getByte(start + 1) == 0) {
            return false;
        }
        boolean seen = false;
        long at = blanks(start + 1);
        while (Memory.getByte(at) == '"') {
            at = key(at);
            if (at == 0) {
                return false;
            }
            boolean isData = isKey(DATA);
            if (isData && seen) {
                return false;
            }
            if (isData && Memory.getByte(at) == '[') {
                seen = true;
                at = data(at + 1);
            } else {
                at = skip(at, end);
            }
            if (at == 0) {
                return false;
            }
            at = blanks(at);
            if (Memory.getByte(at) == ',') {
                at = blanks(at + 1);
                if (Memory.getByte(at) != '"') {
                    return false;
                }
            } else {
                break;
            }
        }
        return Memory.getByte(at) == '}' && blanks(at + 1) == end && arrays > 0;
    }

    /** Steps through the array "data"; returns the place behind it, or 0. */
    private long data(long start) {
        long at = blanks(start);
        while (Memory.getByte(at) == '{') {
            at = item(at + 1);
            if (at == 0) {
                return 0;
            }
            at = blanks(at);
            if (Memory.getByte(at) == ']') {
                return at + 1;
            }
            if (Memory.getByte(at) != ',') {
                return 0;
            }
            at = blanks(at + 1);
        }
        return 0;
    }

    private long item(long start) {
        if (items == sizes.length) {
            starts = Arrays.copyOf(starts, 2 * items);
            ends = Arrays.copyOf(ends, 2 * items);
            sizes = Arrays.copyOf(sizes, 2 * items);
        }
        int size = -1;
        boolean seen = false;
        long at = blanks(start);
        while (Memory.getByte(at) == '"') {
            at = key(at);
            if (at == 0) {
                return 0;
            }
            if (isKey(EMBEDDING)) {
                if (seen || Memory.getByte(at) != '[') {
                    return 0;
                }
                seen = true;
                starts[items] = at;
                int before = count;
                at = array(at + 1);
                size = count - before;
                ends[items] = at;
                cut += at - starts[items];
                arrays++;
            } else {
                at = skip(at, Long.MAX_VALUE);
            }
            if (at == 0) {
                return 0;
            }
            at = blanks(at);
            if (Memory.getByte(at) != ',') {
                break;
            }
            at = blanks(at + 1);
            if (Memory.getByte(at) != '"') {
                return 0;
            }
        }
        sizes[items++] = size;
        return Memory.getByte(at) == '}' ? at + 1 : 0;
    }

    private long array(long start) {
        long at = blanks(start);
        if (Memory.getByte(at) == ']') {
            return at + 1;
        }
        while (true) {
            at = reader.read(at);
            if (at == 0) {
                return 0;
            }
            if (count == numbers.length) {
                numbers = Arrays.copyOf(numbers, 2 * count);
            }
            numbers[count++] = reader.value();
            at = blanks(at);
            int next = Memory.getByte(at);
            if (next == ']') {
                return at + 1;
            }
            if (next != ',') {
                return 0;
            }
            at = blanks(at + 1);
        }
    }

    /** Reads a key and its colon; returns the place of its value, or 0. */
    private long key(long quote) {
        long at = quote + 1;
        int next = Memory.getByte(at);
        while (next != '"') {
            if (next == '\\' || next >= 0 && next < ' ') {
                return 0;
            }
            next = Memory.getByte(++at);
        }
        keyStart = quote + 1;
        keyEnd = at;
        at = blanks(at + 1);
        return Memory.getByte(at) == ':' ? blanks(at + 1) : 0;
    }

    private boolean isKey(byte[] name) {
        if (keyEnd - keyStart != name.length) {
            return false;
        }
        for (int i = 0; i < name.length; i++) {
            if (Memory.getByte(keyStart + i) != name[i]) {
                return false;
            }
        }
        return true;
    }

    /** Steps over a value without checking it; returns the place behind it, or 0. */
    private static long skip(long start, long end) {
        long at = start;
        long depth = 0;
        while (true) {
            int next = Memory.getByte(at);
            switch (next) {
                case '"' -> {
                    next = Memory.getByte(++at);
                    while (next != '"') {
                        if (next >= 0 && next < ' ') {
                            return 0; // JSON has no such string, and none lacks its end
                        }
                        at += next == '\\' && Memory.getByte(at + 1) != 0 ? 2 : 1;
                        next = Memory.getByte(at);
                    }
                }
                case '{', '[' -> depth++;
                case '}', ']' -> {
                    if (depth == 0) {
                        return at > start ? at : 0;
                    }
                    depth--;
                }
                case ',' -> {
                    if (depth == 0) {
                        return at > start ? at : 0;
                    }
                }
                case 0 -> {
                    return 0;
                }
                default -> {
                    // a part of a number, of a name, or a blank
                }
            }
            at++;
            if (at > end) {
                return 0;
            }
        }
    }

    private static long blanks(long start) {
        long at = start;
        int next = Memory.getByte(at);
        while (next == ' ' || next == '\n' || next == '\r' || next == '\t') {
            next = Memory.getByte(++at);
        }
        return at;
    }

    /** Objects in "data". */
    int items() {
        return items;
    }

    /** How many numbers the array of an object has; -1 where it has none. */
    int size(int item) {
        return sizes[item];
    }

    /** Where an object's array begins. */
    long start(int item) {
        return starts[item];
    }

    /** The place behind an object's array. */
    long end(int item) {
        return ends[item];
    }

    /** Bytes of all arrays. */
    long cut() {
        return cut;
    }

    int arrays() {
        return arrays;
    }

    double number(int index) {
        return numbers[index];
    }
}
