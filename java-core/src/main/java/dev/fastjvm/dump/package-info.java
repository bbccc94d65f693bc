/** Plain data, and pydantic's models of it, as JSON. */
package dev.fastjvm.dump;
