package dev.fastjvm.axolotl;

import dev.fastjvm.memory.Memory;
import java.util.Arrays;

/**
 * First fit in order of arrival: the bins of Axolotl's {@code pack_group}.
 *
 * <p>Representation: the last bin's room in a variable, that of all before it in a complete binary tree in one array, the root at 1; a
 * node holds the most room of the bins below it, and -1 stands for a bin that is full or not there yet. What fits no bin of the
 * tree goes to the last bin, which most samples do where bins are large: the gaps of those before it are small. Else the leftmost bin
 * with room is found by one walk down without a branch; the change goes up as far as it matters. The tree starts small and doubles: its
 * depth is that of the bins there are, not of those there may be. O(n log b), where the original looks at each bin for each sample.
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
        for (long start = 0; start < count; start += group) {
            int size = (int) Math.min(group, count - start);
            int found = pack(lengths + 4 * start, size);
            write((int) start, size, found, order, ends + 4L * bins);
            bins += found;
        }
        return bins;
    }

    /** Samples of each bin of the group that was packed last. */
    int[] sizes() {
        return sizes;
    }

    /** The bin of each sample of the group that was packed last. */
    int[] binOf() {
        return binOf;
    }

    /** Packs one group; returns how many bins it takes. */
    int pack(long lengths, int count) {
        if (binOf.length < count) {
            binOf = new int[count];
        }
        if (count == 0) {
            return 0;
        }
        Arrays.fill(room, -1);
        int[] binOf = this.binOf;
        int[] tree = room;
        int leaves = width;
        int last = -1;
        int lastRoom = -1;
        int lastSize = 0;
        for (int i = 0; i < count; i++) {
            int size = Memory.getInt(lengths + 4L * i);
            int node;
            int left;
            if (tree[1] >= size) {
                node = 1;
                while (node < leaves) {
                    node <<= 1;
                    // 1 where the left child has less room than is wanted
                    node += tree[node] - size >>> 31;
                }
                int bin = node - leaves;
                binOf[i] = bin;
                left = ++sizes[bin] < binSize ? tree[node] - size : -1;
            } else if (lastRoom >= size) {
                binOf[i] = last;
                lastRoom = ++lastSize < binSize ? lastRoom - size : -1;
                continue;
            } else {
                binOf[i] = last + 1;
                node = leaves + last;
                left = lastRoom;
                if (last >= 0) {
                    sizes[last] = lastSize;
                }
                last++;
                lastSize = 1;
                lastRoom = binSize > 1 ? Math.max(capacity - size, -1) : -1;
                if (last == leaves) {
                    widen();
                    tree = room;
                    leaves = width;
                    node = leaves + last - 1;
                }
                if (left < 0) {
                    continue;
                }
            }
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
        sizes[last] = lastSize;
        return last + 1;
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
