"""Records that their source has marked as deleted: an export or a warehouse may still list them."""

from collections import Counter
from collections.abc import Iterable, Mapping

from churn_agent.domain.wording import counted
from churn_agent.ingest.formats.cells import is_missing
from churn_agent.ingest.questions import Guess

_COLUMNS = frozenset(
    """deleted is_deleted isdeleted _deleted _fivetran_deleted _is_deleted _ab_cdc_deleted_at deleted_at deletedat
    deleted_on deleted_date date_deleted _sdc_deleted_at deletion_date was_deleted soft_deleted is_removed removed_at
    gelöscht geloescht ist_gelöscht gelöscht_am supprimé eliminado cancellato verwijderd""".split()
)
_NOT = frozenset("false 0 0.0 no n f nein falsch faux non falso nee".split())
_MOST_WORDS = 100


class Deletions:
    """What the columns of a source say about deleted records."""

    def __init__(self) -> None:
        """Creates an empty collection."""
        self._words: dict[str, Counter[str]] = {}

    def add(self, name: str, column: Iterable[str]) -> None:
        """Adds values of a column."""
        if name in _COLUMNS:
            words = self._words.setdefault(name, Counter())
            for value, n in Counter(column).items():
                if not is_missing(value) and value.strip().casefold() not in _NOT:
                    words[value if value in words or len(words) < _MOST_WORDS else "..."] += n

    def guesses(self, decided: Mapping[str, object]) -> list[Guess]:
        """Returns a guess for each column with marked records.

        Args:
            decided: columns that the mapping already selects rows by.
        """
        return [
            Guess(
                name,
                "metadata: records that it marks as deleted come in like others",
                f"{counted(words.total(), 'row is', 'rows are')} marked, such as {next(iter(words))!r}",
                f"unless: {{{name}: [{next(iter(words))!r}]}}" if len(words) == 1 else f"only: {{{name}: ['']}}",
            )
            for name, words in self._words.items()
            if words and name not in decided
        ]
