/** Byte pair encoding as tiktoken does it: scanners in place of its regexes, and merges by rank; no Python inside. */
package dev.fastjvm.bpe;
