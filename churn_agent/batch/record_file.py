"""The file of a batch, one record per line. Memory holds only the position and status of each record."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError
from churn_agent.files import atomic

SCREENED = "screened"
"""Status of customers who were only screened."""
_BEGINNING = b'{"schema_version":'
"""Start of a record; a last line that starts otherwise is not ours and must not be overwritten."""


def counted(record: Assessment) -> str:
    """Returns the status of a record, or `screened`."""
    return record.status if record.screening is None or record.status == "failed" else SCREENED


class RecordFile:
    """Records by customer; the last one of each customer counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statuses: dict[str, str] = {}
        """Customer -> status, as `counted` returns it."""
        self._spans: dict[str, tuple[int, int]] = {}
        """Customer -> (offset, length) of the line in bytes."""

    def read(self, check: Callable[[Assessment, str], None]) -> None:
        """Reads the records of an earlier call. Ignores a last line that was cut off.

        Args:
            check: called with each record and its position (`file:line`); raises an error if the record does not fit.

        Raises:
            InputError: the file contains something other than records.
        """
        if not self.path.exists():
            return
        offset = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                where = f"{self.path}:{number}"
                if not line.endswith(b"\n"):
                    if not line.startswith(_BEGINNING) and not _BEGINNING.startswith(line):
                        raise InputError(f"{where} is not a record of a batch; choose another file")
                    return
                try:
                    record = Assessment.model_validate_json(line)
                except ValueError as error:
                    raise InputError(f"{where} is not a record of a batch; choose another file") from error
                check(record, where)
                self._note(record, offset, len(line))
                offset += len(line)

    def rewrite(self, key: Callable[[str], int] | None = None) -> None:
        """Rewrites the file with one record per customer.

        Args:
            key: sort key of a customer id; None keeps the order.

        Raises:
            InputError: the file cannot be written.
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
        """Yields a function that appends a record and flushes it to disk."""
        with self.path.open("ab") as file:

            def append(record: Assessment) -> None:
                line = record.model_dump_json().encode("utf-8") + b"\n"
                self._note(record, file.tell(), len(line))
                file.write(line)
                file.flush()

            yield append

    def records(self, status: str | None = None) -> Iterator[Assessment]:
        """Yields the records of one status, or all."""
        ids = [id_ for id_, own in self.statuses.items() if status in (None, own)]
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
                        f"{str(self.path)!r} was changed while it was being written; run the same command again. "
                        "Finished work will not be charged again"
                    )
                yield line
