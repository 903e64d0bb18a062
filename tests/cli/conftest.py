"""The command line as a function: code, standard output, standard error."""

import json
import logging

import pytest

from churn_agent.cli import main


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def cli(capsys):
    def call(*arguments):
        logging.disable(logging.NOTSET)
        code = main.run([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
