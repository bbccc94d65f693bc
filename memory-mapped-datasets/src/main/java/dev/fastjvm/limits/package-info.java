/** Counters of rate limits in a memory-mapped file, shared by the processes of a host. */
package dev.fastjvm.limits;
