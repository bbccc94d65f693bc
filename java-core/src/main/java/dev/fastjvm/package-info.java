/** Entry points of the JVM's hosts, and the list of builtins. */
package dev.fastjvm;
