"""The file of a batch: a record a line. In memory stands only where each record is, and what it came to."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.files import atomic

SCREENED = "screened"
"""How those are counted who were screened and not assessed."""
_BEGINNING = b'{"schema_version":'
"""Of a record: what else a file ends with is somebody's, and not to be written over."""


def counted(record: Assessment) -> str:
    """The status of a record, or `screened`."""
    return record.status if record.screening is None or record.status == "failed" else SCREENED


class RecordFile:
    """Records by customer, of which the last of each counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statuses: dict[str, str] = {}
        """Customer -> as `counted` says."""
        self._spans: dict[str, tuple[int, int]] = {}
        """Customer -> (offset of the line, its length), in bytes."""

    def read(self, check: Callable[[Assessment, str], None]) -> None:
        """Finds the records of an earlier call. A last line that was cut off is passed over.

        Args:
            check: given each record and where it stands; raises what is wrong with it.

        Raises:
            InputError: the file holds something else.
        """
        if not self.path.exists():
            return
        offset = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                where = f"{self.path}:{number}"
                if not line.endswith(b"\n"):
                    if not line.startswith(_BEGINNING) and not _BEGINNING.startswith(line):
                        raise InputError(f"{where} is no record of a batch; give another file")
                    return
                try:
                    record = Assessment.model_validate_json(line)
                except ValueError as error:
                    raise InputError(f"{where} is no record of a batch; give another file") from error
                check(record, where)
                self._note(record, offset, len(line))
                offset += len(line)

    def drop(self, customer_ids: Iterable[str]) -> None:
        """Passes records over from now on. They stay in the file until it is written anew."""
        for customer_id in customer_ids:
            self.statuses.pop(customer_id, None)
            self._spans.pop(customer_id, None)

    def rewrite(self, key: Callable[[str], int] | None = None) -> None:
        """Writes the file anew, with one record a customer.

        Args:
            key: of a customer, to sort by; else they stay in their order.

        Raises:
            InputError: it cannot be written.
        """
        ids = sorted(self._spans, key=key) if key else list(self._spans)
        offset = 0
        spans: dict[str, tuple[int, int]] = {}
        try:
            with atomic.replacing(self.path) as scratch, scratch.open("wb") as file:
                for customer_id, line in zip(ids, self._lines(ids), strict=True):
                    file.write(line)
                    spans[customer_id] = offset, len(line)
                    offset += len(line)
        except OSError as error:
            raise InputError(f"cannot write {str(self.path)!r}: {error.strerror}") from error
        self._spans = spans

    @contextmanager
    def appending(self) -> Generator[Callable[[Assessment], None]]:
        """Gives a function that adds a record at the end, on disk when it returns."""
        with self.path.open("ab") as file:

            def append(record: Assessment) -> None:
                line = record.model_dump_json().encode("utf-8") + b"\n"
                self._note(record, file.tell(), len(line))
                file.write(line)
                file.flush()

            yield append

    def records(self, status: str | None = None) -> Iterator[Assessment]:
        """The records, one after the other; of one status, or all."""
        ids = [id_ for id_, its in self.statuses.items() if status in (None, its)]
        return map(Assessment.model_validate_json, self._lines(ids))

    def _note(self, record: Assessment, offset: int, length: int) -> None:
        self.statuses[record.customer_id] = counted(record)
        self._spans[record.customer_id] = offset, length

    def _lines(self, customer_ids: Iterable[str]) -> Iterator[bytes]:
        if not self._spans:
            return
        with self.path.open("rb") as file:
            for customer_id in customer_ids:
                offset, length = self._spans[customer_id]
                file.seek(offset)
                line = file.read(length)
                if not (line.startswith(_BEGINNING) and line.endswith(b"\n")):
                    raise InputError(
                        f"{str(self.path)!r} was changed while it was being written; run the same command again, what "
                        "was done is not paid again"
                    )
                yield line
