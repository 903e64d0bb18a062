"""The reports of a batch: files for all customers and for each account manager, and digests."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.changes import explain
from churn_agent.files import atomic
from churn_agent.history import records
from churn_agent.history.runs import NEWEST, Run
from churn_agent.reports.portfolio import building, digest, writing
from churn_agent.reports.portfolio.accounts import Account, Portfolio
from churn_agent.reports.portfolio.writing import Changes
from churn_agent.store.store import Notify, Store


def write_reports(
    agent: ChurnAgent,
    paths: Sequence[Path],
    run: str = NEWEST,
    *,
    since: str | None = None,
    owner: str | None = None,
    per_owner: bool = False,
    capacity: int = building.CAPACITY,
    separator: str | None = None,
    notify: Notify = lambda what: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Path]:
    """Writes the report of a batch, yielding each file once it is written. A calendar without entries is not written.

    Args:
        agent: an agent on the store of the batch; its model is used only with `since`.
        paths: files to write; the suffix chooses the format (see `writing.RENDERERS`).
        run: start of the batch's id, or `latest`.
        since: an earlier batch; cards then explain the change of the number since.
        owner: only the customers of this account manager.
        per_owner: also write a report for each account manager, beside each of `paths`.
        capacity: number of customers that can be called before the next report.
        separator: of cells in CSV; see `rows.to_csv`.
        notify: called with notes for the user.
        progress: called with (customers compared, customers) while changes are explained.

    Raises:
        InputError: a suffix, a batch or an account manager is unknown, or a path is a file of the store.
        NotAsMade: changes cannot be explained with the agent's model, prompt and method.
        Unavailable: a package that a format needs is not installed, or the model cannot be used.
    """
    for path in paths:
        writing.check(path)  # before the slow part
        agent.store.check_output(path)
    store, batch = agent.store, agent.store.run(run)
    accounts = building.read(store, batch)
    owner = building.find_owner(accounts, owner, store.card) if owner else None
    changes: Changes = _changes(agent, store.run(since), batch, progress) if since else {}
    managers = building.owners(accounts)
    if per_owner and not managers:
        notify(f"no customer has an owner: none has the attribute {store.card.owner_attribute!r}")
    taken = set(paths)
    for reader in [owner, *(managers if per_owner else ())]:
        portfolio = building.build(store, batch, accounts=accounts, owner=reader, capacity=capacity)
        for path in paths:
            target = path if reader == owner else writing.path_for(path, reader or "", taken=taken)
            if writing.write(portfolio, target, changes=changes, separator=separator):
                yield target
            else:
                earlier = "; the file of that name is an earlier one" if target.exists() else ""
                notify(f"{target} is not written: no customer at risk has a renewal to come{earlier}")


def _changes(agent: ChurnAgent, before: Run, now: Run, progress: Callable[[int, int], None]) -> Changes:
    first, second = (list(records.of_run(agent.store.history, run.id)) for run in (before, now))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, len(second))

    return dict(explain(agent, first, second, progress=advance))


@dataclass(frozen=True)
class Digest:
    """A short report."""

    portfolio: Portfolio
    accounts: Sequence[Account]
    """The customers in the digest."""
    recipient: str | None
    sender: str | None = None

    @property
    def mail(self) -> bytes:
        """The digest as an .eml file."""
        return digest.to_eml(self.portfolio, self.accounts, to=self.recipient, sender=self.sender)

    @property
    def text(self) -> str:
        """The text of the mail."""
        plain = message_from_bytes(self.mail, policy=policy.default).get_body(("plain",))
        assert plain
        return str(plain.get_content())

    def save(self, path: Path) -> None:
        """Writes the mail. Raises `InputError` if the file cannot be written."""
        atomic.save(path, self.mail)

    def post(self, url: str, *, with_texts: bool = False) -> None:
        """Posts the digest to a webhook; see `digest.post`. It contains quotes of customers only if `with_texts`."""
        digest.post(digest.to_chat(self.portfolio, self.accounts, with_texts=with_texts), url)


def build_digest(
    store: Store,
    run: str = NEWEST,
    *,
    owner: str | None = None,
    recipient: str | None = None,
    sender: str | None = None,
    false_alarms: float | None = None,
    capacity: int = building.CAPACITY,
) -> Digest:
    """Builds the digest of a batch.

    Args:
        store: the store of the batch.
        run: start of the batch's id, or `latest`.
        owner: only the customers of this account manager.
        recipient: address for the mail.
        sender: address that the mail is from; the recipient's, if not given.
        false_alarms: see `digest.chosen`.
        capacity: number of customers that can be called before the next report.

    Raises:
        InputError: the batch or the account manager is unknown, or false alarms cannot be counted.
    """
    batch = store.run(run)
    accounts = building.read(store, batch)
    owner = building.find_owner(accounts, owner, store.card) if owner else None
    portfolio = building.build(store, batch, accounts=accounts, owner=owner, capacity=capacity, cards=0)
    return Digest(portfolio, digest.chosen(portfolio, false_alarms=false_alarms), recipient, sender)
