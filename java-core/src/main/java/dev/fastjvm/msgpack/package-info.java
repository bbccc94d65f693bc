/** The msgpack format over native memory: bytes alone, no Python inside. Spec: the msgpack repository's spec.md. */
package dev.fastjvm.msgpack;
