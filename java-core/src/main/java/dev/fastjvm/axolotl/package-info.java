/**
 * Axolotl's hot paths that Java serves: packing samples into bins. No Python object is read but the ints that a call has;
 * arrays come as addresses.
 */
package dev.fastjvm.axolotl;
