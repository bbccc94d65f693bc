package dev.fastjvm.axolotl;

import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * First fit in order of arrival: the bins of Axolotl's {@code pack_group}.
 *
 * <p>Representation: a complete binary tree over the bins in one array, the root at 1; a node holds the most room of the bins below
 * it, and -1 stands for a bin that is full or not there yet. The leftmost bin with room is found by one walk down without a
 * branch; the change goes up as far as it matters. The tree starts small and doubles: its depth is that of the bins there are, not of
 * those there may be. O(n log b), where the original looks at each bin for each sample.
 *
 * <p>A bin that has as many samples as it may is full. A sample beyond the capacity gets a bin of its own, without room. Sizes
 * are not negative.
 */
final class FirstFit {
    private static final int FIRST_WIDTH = 64;

    private final int capacity;
    private final int binSize;
    private int[] room = new int[2 * FIRST_WIDTH];
    private int width = FIRST_WIDTH;
    /** Samples of each bin of the group. */
    private int[] sizes = new int[FIRST_WIDTH];
    /** The bin of each sample of the group. */
    private int[] binOf = new int[0];

    FirstFit(int capacity, int binSize) {
        this.capacity = capacity;
        this.binSize = binSize;
    }

    /** Packs samples whose sizes are int32 at an address; see {@link FirstFitBuiltin}. */
    int packGroups(long lengths, int count, int group, long order, long ends) {
        int bins = 0;
        binOf = new int[Math.min(group, count)];
        for (long start = 0; start < count; start += group) {
            int size = (int) Math.min(group, count - start);
            int found = pack(lengths + 4 * start, size);
            write((int) start, size, found, order, ends + 4L * bins);
            bins += found;
        }
        return bins;
    }

    /** Packs one group into {@link #binOf}; returns how many bins it takes. */
    private int pack(long lengths, int count) {
        Arrays.fill(room, -1);
        int bins = 0;
        int[] tree = room;
        int leaves = width;
        for (int i = 0; i < count; i++) {
            int size = Memory.getInt(lengths + 4L * i);
            int node;
            int left;
            int bin;
            if (tree[1] >= size) {
                node = 1;
                while (node < leaves) {
                    node <<= 1;
                    // 1 where the left child has less room than is wanted
                    node += tree[node] - size >>> 31;
                }
                bin = node - leaves;
                left = tree[node] - size;
                sizes[bin]++;
            } else {
                bin = bins++;
                if (bin == leaves) {
                    widen();
                    tree = room;
                    leaves = width;
                }
                node = leaves + bin;
                left = Math.max(capacity - size, -1);
                sizes[bin] = 1;
            }
            binOf[i] = bin;
            left = sizes[bin] < binSize ? left : -1;
            tree[node] = left;
            while (node > 1) {
                left = Math.max(left, tree[node ^ 1]);
                node >>= 1;
                if (tree[node] == left) {
                    break;
                }
                tree[node] = left;
            }
        }
        return bins;
    }

    /** Makes the tree the left half of one with twice the leaves. */
    private void widen() {
        int[] wider = new int[4 * width];
        Arrays.fill(wider, -1);
        wider[1] = room[1];
        for (int level = 1; level <= width; level <<= 1) {
            System.arraycopy(room, level, wider, 2 * level, level);
        }
        room = wider;
        width *= 2;
        sizes = Arrays.copyOf(sizes, width);
    }

    /** Writes the samples by bins, each bin's in their order. */
    private void write(int start, int count, int bins, long order, long ends) {
        int end = start;
        for (int bin = 0; bin < bins; bin++) {
            int size = sizes[bin];
            sizes[bin] = end;
            end += size;
            Memory.putInt(ends + 4L * bin, end);
        }
        for (int i = 0; i < count; i++) {
            int place = sizes[binOf[i]]++;
            Memory.putInt(order + 4L * place, start + i);
        }
    }
}
