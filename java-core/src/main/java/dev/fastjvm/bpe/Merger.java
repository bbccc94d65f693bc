package dev.fastjvm.bpe;

/** Cuts a piece that is no token itself into tokens. One object is used by one thread at a time. */
interface Merger {
    /** How many tokens a piece is. */
    int count(byte[] text, int start, int length);

    /** Puts the tokens of a piece behind the first {@code made} of a list; how many it has then. */
    int encode(byte[] text, int start, int length, int[] ids, int made);

    /** About how many bytes its arrays have that grow with a piece. */
    long grown();
}
