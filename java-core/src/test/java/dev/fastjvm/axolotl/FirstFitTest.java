package dev.fastjvm.axolotl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.fastjvm.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tree's bins beside those of the plain loop over all bins. */
class FirstFitTest {
    private static List<List<Integer>> plainly(int[] sizes, int group, int capacity, int binSize) {
        List<List<Integer>> all = new ArrayList<>();
        for (int start = 0; start < sizes.length; start += group) {
            List<List<Integer>> bins = new ArrayList<>();
            List<Integer> room = new ArrayList<>();
            for (int i = start; i < Math.min(start + group, sizes.length); i++) {
                int bin = 0;
                while (bin < bins.size()
                        && (room.get(bin) < sizes[i] || bins.get(bin).size() >= binSize)) {
                    bin++;
                }
                if (bin == bins.size()) {
                    bins.add(new ArrayList<>());
                    room.add(capacity);
                }
                bins.get(bin).add(i);
                room.set(bin, room.get(bin) - sizes[i]);
            }
            all.addAll(bins);
        }
        return all;
    }

    private static List<List<Integer>> packed(int[] sizes, int group, int capacity, int binSize) {
        long bytes = 4L * sizes.length + 4;
        long lengths = Memory.allocate(bytes);
        long order = Memory.allocate(bytes);
        long ends = Memory.allocate(bytes);
        for (int i = 0; i < sizes.length; i++) {
            Memory.putInt(lengths + 4L * i, sizes[i]);
        }
        int count = new FirstFit(capacity, binSize).packGroups(lengths, sizes.length, group, order,
                ends);
        List<List<Integer>> bins = new ArrayList<>();
        int place = 0;
        for (int bin = 0; bin < count; bin++) {
            List<Integer> samples = new ArrayList<>();
            for (; place < Memory.getInt(ends + 4L * bin); place++) {
                samples.add(Memory.getInt(order + 4L * place));
            }
            bins.add(samples);
        }
        for (long memory : new long[] {lengths, order, ends}) {
            Memory.free(memory);
        }
        return bins;
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "7, 10, 3", "64, 100, 1", "1000, 100, 5", "300, 2147483647, 9",
            "2147483647, 5000, 2147483647", "129, 3, 2"})
    void sameBins(int group, int capacity, int binSize) {
        Random random = new Random(group + 31L * capacity + 961L * binSize);
        for (int count : new int[] {0, 1, 2, 63, 64, 65, 128, 129, 1500}) {
            for (int most : new int[] {0, 1, 50, 200, 1_000_000}) {
                int[] sizes = random.ints(count, 0, most + 1).toArray();
                assertEquals(plainly(sizes, group, capacity, binSize),
                        packed(sizes, group, capacity, binSize));
            }
        }
    }
}
