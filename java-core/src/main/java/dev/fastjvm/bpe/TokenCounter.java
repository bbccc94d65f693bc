package dev.fastjvm.bpe;

/** Counts or lists the tokens of texts. One object is used by one thread at a time. */
public interface TokenCounter {
    /** An array that takes a text of so many bytes. */
    byte[] room(int length);

    /** Counts the tokens of {@code length} bytes of valid UTF-8 in {@link #room}; negative where that is not sure. */
    int count(int length);

    /** Has {@link #ids} hold the tokens of a text, see {@link #count}; their number, or negative. */
    int encode(int length);

    /** What {@link #encode} found. */
    int[] ids();

    /** About how many bytes its arrays have that grow with a text. */
    long grown();
}
