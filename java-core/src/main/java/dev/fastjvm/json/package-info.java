/** JSON's numbers, read from memory; no Python inside. */
package dev.fastjvm.json;
