/** Raw native memory: loads, stores, copies and the C heap. Knows nothing of Python or of any format. */
package dev.fastjvm.memory;
