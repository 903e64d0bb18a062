"""The native library as an untyped object: its annotations describe C pointers that Python code never passes."""

from typing import Any

import llama_cpp as _llama_cpp

llama_cpp: Any = _llama_cpp
