package dev.fastjvm.cpython;

import java.util.ArrayList;
import java.util.List;

/**
 * Tells in a load or two whether names of some modules are still bound to the objects that were seen at install.
 *
 * <p>Each dict has a version ({@code ma_version_tag}) that every change of it moves; only then are its names looked up again.
 */
public final class DictGuards {
    private final long[] dicts;
    private final long[] versions;
    private final long[][] names;
    private final long[][] expected;

    /** From a Python list of tuples {@code (dict, interned name, expected)}; takes references to all of them, for ever. */
    public DictGuards(long list) {
        List<Long> seen = new ArrayList<>();
        List<List<Long>> pairs = new ArrayList<>();
        for (long i = 0; i < PyList.size(list); i++) {
            long tuple = PyList.item(list, i);
            long dict = PyObjects.incref(PyTuple.item(tuple, 0));
            int at = seen.indexOf(dict);
            if (at < 0) {
                at = seen.size();
                seen.add(dict);
                pairs.add(new ArrayList<>());
            }
            pairs.get(at).add(PyObjects.incref(PyTuple.item(tuple, 1)));
            pairs.get(at).add(PyObjects.incref(PyTuple.item(tuple, 2)));
        }
        int count = seen.size();
        dicts = new long[count];
        versions = new long[count];
        names = new long[count][];
        expected = new long[count][];
        for (int i = 0; i < count; i++) {
            dicts[i] = seen.get(i);
            List<Long> pair = pairs.get(i);
            names[i] = new long[pair.size() / 2];
            expected[i] = new long[pair.size() / 2];
            for (int j = 0; j < names[i].length; j++) {
                names[i][j] = pair.get(2 * j);
                expected[i][j] = pair.get(2 * j + 1);
            }
        }
    }

    /** Whether every name is bound as expected. */
    public boolean hold() {
        for (int i = 0; i < dicts.length; i++) {
            if (PyDict.version(dicts[i]) != versions[i] && !lookUp(i)) {
                return false;
            }
        }
        return true;
    }

    private boolean lookUp(int i) {
        long version = PyDict.version(dicts[i]);
        for (int j = 0; j < names[i].length; j++) {
            if (CApi.Leaf.PyDict_GetItemWithError(dicts[i], names[i][j]) != expected[i][j]) {
                return false;
            }
        }
        versions[i] = version;
        return true;
    }
}
