"""The synthetic book in a store: its files, and an example customer."""

from collections.abc import Callable
from pathlib import Path

from churn_agent.demo.simulator import showcase, simulate
from churn_agent.demo.writing import SEED, card_of, write_book
from churn_agent.errors import InputError
from churn_agent.history import interactions
from churn_agent.store.store import Store


def folder_of(store: Store, domain: str, customers: int) -> Path:
    """Returns the folder of the book's files."""
    return store.settings.store / "demo" / f"{domain}-{customers}"


def write_files(
    store: Store, domain: str, customers: int, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """Writes the files of the book into the store's folder, unless they exist.

    Args:
        store: an empty store, or one with this book.
        domain: domain of the company, one of `simulator.DOMAINS`.
        customers: number of customers.
        progress: called with (customers written, customers).

    Returns:
        The folder to import.

    Raises:
        InputError: the store holds another book.
    """
    folder = folder_of(store, domain, customers)
    if interactions.count(store.history):
        same_company = store.card.company == card_of(domain)["company"]
        if not (same_company and folder.exists()):
            raise InputError(
                f"the store {str(store.settings.store)!r} holds another book; use another folder: "
                "churn-agent --store FOLDER demo"
            )
    if not (folder / "card.yaml").exists():
        write_book(folder, domain, customers, progress=progress)
    return folder


def example_customer(domain: str, customers: int) -> str:
    """Returns the id of an example customer of the book; see `write_files` for the arguments."""
    return showcase(domain, simulate(domain, customers, seed=SEED))
