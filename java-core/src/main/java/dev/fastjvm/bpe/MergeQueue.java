package dev.fastjvm.bpe;

import java.util.Arrays;

/** Places of pairs by rank, the leftmost of equals first: a heap of four children a node, whose array grows as it has to. */
final class MergeQueue {
    private long[] heap = new long[0];
    private int size;

    void clear() {
        size = 0;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** Puts a pair in; ranks are not negative. */
    void push(int rank, int place) {
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, Math.max(1024, size + (size >> 1)));
        }
        long key = (long) rank << 32 | place;
        int at = size++;
        while (at > 0 && heap[at - 1 >> 2] > key) {
            heap[at] = heap[at - 1 >> 2];
            at = at - 1 >> 2;
        }
        heap[at] = key;
    }

    /** Takes the first one out: rank << 32 | place. */
    long pop() {
        long top = heap[0];
        long key = heap[--size];
        int at = 0;
        while (true) {
            int child = 4 * at + 1;
            if (child >= size) {
                break;
            }
            int least = child;
            int stop = Math.min(child + 4, size);
            for (int i = child + 1; i < stop; i++) {
                least = heap[i] < heap[least] ? i : least;
            }
            if (heap[least] >= key) {
                break;
            }
            heap[at] = heap[least];
            at = least;
        }
        heap[at] = key;
        return top;
    }

    /** Bytes of its array. */
    long bytes() {
        return 8L * heap.length;
    }
}
