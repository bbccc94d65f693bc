package dev.fastjvm.langgraph;

import dev.fastjvm.cpython.CApi;
import dev.fastjvm.cpython.PyDict;
import dev.fastjvm.cpython.PyObjects;
import dev.fastjvm.cpython.PyUnicode;
import dev.fastjvm.memory.Memory;
import java.util.ArrayList;
import java.util.List;

/**
 * Key sequences that came twice, each as a dict to copy: {@code PyDict_Copy} of a table costs less than growing one by
 * {@code PyDict_SetItem}. Direct-mapped by the first key and the length. All values of a template are None, so that neither it nor
 * its copies are tracked by the cyclic GC; who fills a copy with containers has it tracked.
 */
final class MapTemplates {
    static final int LEAST = 3;
    static final int MOST = 15;

    private static final int SLOTS = 512;

    /** Templates that one decode may replace: what it uses must outlive it. */
    private static final int MOST_RETIRED = 64;

    /** One key sequence. */
    static final class Template {
        private final long dict;
        private final long[] names;
        private final int[] sizes;
        private final long packed;

        private Template(long dict, long[] names, int[] sizes, long packed) {
            this.dict = dict;
            this.names = names;
            this.sizes = sizes;
            this.packed = packed;
        }

        int size() {
            return names.length;
        }

        /** The dict to copy, borrowed. */
        long dict() {
            return dict;
        }

        /** The str at {@code index}, borrowed. */
        long key(int index) {
            return names[index];
        }

        /** Address of the packed keys, one behind another. */
        long keys() {
            return packed;
        }

        int keySize(int index) {
            return sizes[index];
        }

        /** Gives a copy of the dict its owned values. */
        void fill(long copy, long[] values, int at) {
            long table = PyDict.keys(copy);
            long stride = PyDict.stride(table);
            long entry = PyDict.firstEntry(table);
            for (int i = 0; i < names.length; i++, entry += stride) {
                Decoder.fill(entry, values[at + i]);
            }
        }

        private void free() {
            PyObjects.decref(dict);
            Memory.free(packed);
        }
    }

    private final Template[] templates = new Template[SLOTS];
    private final long[] signatures = new long[SLOTS];
    private final List<Template> retired = new ArrayList<>();

    /** The slot for a map of {@code length} pairs whose first key starts at {@code position}. */
    int slot(long position, long remaining, int length) {
        long first = remaining >= 8 ? Memory.getLong(position) : 0;
        return (int) ((first ^ length) * 0x9E3779B97F4A7C15L >>> 55);
    }

    Template at(int slot) {
        return templates[slot];
    }

    /** Notes a dict that was built key by key; makes a template of its keys when they came before. */
    void seen(int slot, long dict, int length) {
        if (PyDict.size(dict) != length) {
            return;
        }
        long table = PyDict.keys(dict);
        long stride = PyDict.stride(table);
        long entry = PyDict.firstEntry(table);
        long signature = length;
        for (int i = 0; i < length; i++) {
            signature = (signature ^ PyDict.entryKey(entry + i * stride)) * 0x9E3779B97F4A7C15L;
        }
        if (signatures[slot] != signature) {
            signatures[slot] = signature;
            return;
        }
        make(slot, entry, stride, length);
    }

    private void make(int slot, long entry, long stride, int length) {
        if (templates[slot] != null && retired.size() >= MOST_RETIRED) {
            return;
        }
        long[] names = new long[length];
        byte[][] texts = new byte[length][];
        int[] sizes = new int[length];
        for (int i = 0; i < length; i++) {
            long name = PyDict.entryKey(entry + i * stride);
            if (PyObjects.type(name) != PyUnicode.TYPE || !PyUnicode.isCompactAscii(name)
                    || PyUnicode.length(name) > 64) {
                return;
            }
            names[i] = name;
            texts[i] = TypePlan.str(PyUnicode.utf8(name));
            sizes[i] = texts[i].length;
        }
        long dict = CApi.Leaf.PyDict_New();
        if (dict == 0) {
            CApi.PyErr_Clear();
            return;
        }
        for (long name : names) {
            if (CApi.Leaf.PyDict_SetItem(dict, name, PyObjects.NONE) != 0) {
                CApi.PyErr_Clear();
                PyObjects.decref(dict);
                return;
            }
        }
        Template former = templates[slot];
        templates[slot] = new Template(dict, names, sizes, Shape.pack(texts));
        if (former != null) {
            // a map around this one may be reading by it
            retired.add(former);
        }
    }

    /** Frees the templates that were replaced; nothing may be reading by them. */
    void sweep() {
        if (!retired.isEmpty()) {
            retired.forEach(Template::free);
            retired.clear();
        }
    }

    void free() {
        sweep();
        for (Template template : templates) {
            if (template != null) {
                template.free();
            }
        }
    }
}
