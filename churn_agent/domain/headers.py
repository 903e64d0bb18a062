"""Names of columns and attributes, which are the same however a file or a card writes them."""

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))


def header_name(name: str) -> str:
    """Normalizes a name: lower case, underscores for spaces and hyphens, no invisible characters.

    Example:
        >>> header_name("Renewal-Date ")
        'renewal_date'
    """
    return "_".join(name.translate(_INVISIBLE).strip().casefold().replace("-", " ").split())
