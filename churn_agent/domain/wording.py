"""Numbers in sentences."""


def counted(n: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun: `1 row`, `2,000 rows`.

    Args:
        n: the number.
        one: the noun, and what depends on it, for one: `row was rejected`.
        many: the same for any other number; the noun with an s if not given.
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
