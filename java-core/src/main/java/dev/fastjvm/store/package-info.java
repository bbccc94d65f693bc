/** Stores for Python that have no original: logs of values on disk, caches in memory. */
package dev.fastjvm.store;
