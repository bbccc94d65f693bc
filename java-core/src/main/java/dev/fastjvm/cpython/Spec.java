package dev.fastjvm.cpython;

import java.util.HashMap;
import java.util.Map;

/** What the Python side told at boot: addresses of C-API symbols, ids of types and singletons, layout facts. */
public final class Spec {
    private static final Map<String, Long> FACTS = new HashMap<>();

    private Spec() {}

    /** Parses {@code key=value} lines (decimal integers); called once, before any other class of this package is used. */
    public static void load(String text) {
        for (String line : text.split("\n")) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                FACTS.put(line.substring(0, equals),
                        Long.parseLong(line.substring(equals + 1).strip()));
            }
        }
    }

    /** Returns a fact; throws IllegalStateException where Python sent none. */
    public static long get(String key) {
        Long value = FACTS.get(key);
        if (value == null) {
            throw new IllegalStateException("no " + key + " in this interpreter");
        }
        return value;
    }

    /** Returns a fact, or 0 where Python sent none. */
    public static long optional(String key) {
        return FACTS.getOrDefault(key, 0L);
    }
}
