#!/bin/sh
# Writes the lock files of this folder anew (needs uv). A lock holds exact versions and hashes for
# every supported Python and platform; the Rust packages of our names are never in one.
set -eu
cd "$(dirname "$0")"
for name in runtime test jep training axolotl litellm litellm_proxy crewai crewai_upstream; do
    uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --custom-compile-command "requirements/lock.sh" "$@" \
        --output-file "$name.txt" "$name.in"
done
