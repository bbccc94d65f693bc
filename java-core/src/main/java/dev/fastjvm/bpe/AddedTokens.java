package dev.fastjvm.bpe;

import java.util.Arrays;

/**
 * Tokens that are found in a text before it is cut: the leftmost, of those that start there the longest.
 *
 * <p>Representation: a trie of bytes; a node has its first child, and each child the next of its parent's.
 */
public final class AddedTokens {
    private int[] firstChild = new int[16];
    private int[] nextChild = new int[16];
    private int[] ids = new int[16];
    private byte[] labels = new byte[16];
    private int nodes = 1;
    private final boolean[] starts = new boolean[256];

    /** Of tokens, none of them empty. */
    public AddedTokens(Tokens tokens) {
        ids[0] = -1;
        for (int i = 0; i < tokens.count(); i++) {
            int node = 0;
            starts[tokens.bytes()[tokens.start(i)] & 0xFF] = true;
            for (int at = tokens.start(i); at < tokens.end(i); at++) {
                int child = child(node, tokens.bytes()[at]);
                node = child != 0 ? child : add(node, tokens.bytes()[at]);
            }
            ids[node] = tokens.id(i);
        }
    }

    private int child(int node, byte label) {
        int child = firstChild[node];
        while (child != 0 && labels[child] != label) {
            child = nextChild[child];
        }
        return child;
    }

    private int add(int node, byte label) {
        if (nodes == ids.length) {
            firstChild = Arrays.copyOf(firstChild, 2 * nodes);
            nextChild = Arrays.copyOf(nextChild, 2 * nodes);
            ids = Arrays.copyOf(ids, 2 * nodes);
            labels = Arrays.copyOf(labels, 2 * nodes);
        }
        ids[nodes] = -1;
        labels[nodes] = label;
        nextChild[nodes] = firstChild[node];
        firstChild[node] = nodes;
        return nodes++;
    }

    /** The next token in a part of a text: {@code start << 32 | stop}, or -1. */
    long find(byte[] text, int from, int end) {
        if (nodes == 1) {
            return -1;
        }
        for (int start = from; start < end; start++) {
            if (!starts[text[start] & 0xFF]) {
                continue;
            }
            int node = 0;
            int stop = -1;
            for (int at = start; at < end; at++) {
                node = child(node, text[at]);
                if (node == 0) {
                    break;
                }
                stop = ids[node] >= 0 ? at + 1 : stop;
            }
            if (stop >= 0) {
                return (long) start << 32 | stop;
            }
        }
        return -1;
    }

    /** The id of the token that a part of a text is. */
    int id(byte[] text, int start, int stop) {
        int node = 0;
        for (int at = start; at < stop; at++) {
            node = child(node, text[at]);
        }
        return ids[node];
    }
}
