"""The native library, seen as untyped: its own annotations describe C pointers as Python never passes them."""

from typing import Any

import llama_cpp as _llama_cpp

llama_cpp: Any = _llama_cpp
