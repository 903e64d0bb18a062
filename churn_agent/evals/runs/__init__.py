"""Suites, runs, scoreboards and the pages about them."""
