#!/bin/sh
# Prints the extra to install for the engine: llama-cpp where C and C++ compile and link here, else xllamacpp, which
# ships wheels. What compiles is tried, since a compiler on the PATH may lack its headers or its linker. CMake and Ninja
# are no reason to fall back: pip fetches them for the build where they are missing.
set -u

compiles() { # COMPILER LANGUAGE INCLUDE
    printf '#include <%s>\nint main() { return 0; }\n' "$3" | "$1" -x "$2" - -o "$probe/a.out" 2> /dev/null
}

probe=$(mktemp -d) || exit 1
trap 'rm -rf "$probe"' EXIT
if ! compiles "${CC:-cc}" c stdio.h; then
    missing="C compiler (${CC:-cc})"
elif ! compiles "${CXX:-c++}" c++ vector; then
    missing="C++ compiler (${CXX:-c++})"
else
    echo llama-cpp
    exit
fi
echo "no working $missing: installing the engine that needs none, xllamacpp; it is slower" >&2
echo xllamacpp
