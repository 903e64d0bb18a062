"""The store of the reports, with two runs."""

from tests.reports.portfolio.conftest import assessed_once, store

__all__ = ["assessed_once", "store"]
