"""Every error that churn-agent raises on purpose.

* ChurnAgentError                  exit 1
  x InputError                     exit 2   what was asked for cannot be
    + UnknownCustomer
    + EmptyStore
    + NotAsMade
    + UntrustedSettings
  x DataError                      exit 3   a file does not hold what it should
    + FileFormatError
    + NeedsAnswer                           (churn_agent.ingest.questions)
  x Unavailable                    exit 4   a model, its weights or the store cannot be used
    + WeightsMissing
    + BadWeights
    + ModelUnavailable
    + MissingExtra
    + StoreUnavailable
        IndexBusy
  x ModelCallError                 exit 1   one request to a model failed
    + ModelTimeout
    + InvalidAnswer
    + AnswerNotStored

A message says what happened, to which thing, and what to do. The command line prints it as one line (open
questions about data: a few lines) and exits with the class's exit code; anything else is a bug and gets its traceback.
"""


class ChurnAgentError(Exception):
    """The root: something a user can act on."""

    exit_code = 1
    retryable = False
    several_lines = False
    """Whether the message is a block of lines."""


class InputError(ChurnAgentError):
    """The request itself is wrong: an unknown name, an option that does not fit."""

    exit_code = 2


class UnknownCustomer(InputError):
    """No interaction of this customer is stored."""


class EmptyStore(InputError):
    """The store holds no interactions yet."""

    def __init__(self) -> None:
        super().__init__(
            "the store is empty; run: churn-agent ingest FILE.csv   (to look around first: churn-agent demo)"
        )


class NotAsMade(InputError):
    """A record cannot be judged again as it was: by another model, prompt or method it would be another one."""


class UntrustedSettings(InputError):
    """A settings file of the working folder sets what only a trusted file may set."""


class DataError(ChurnAgentError):
    """Input data cannot be used as it is."""

    exit_code = 3


class FileFormatError(DataError):
    """A file (CSV, JSONL, YAML) does not have the form it should have."""


class Unavailable(ChurnAgentError):
    """Something that the work depends on is not there."""

    exit_code = 4


class WeightsMissing(Unavailable):
    """The weights of a model are not in the model folder."""


class BadWeights(Unavailable):
    """A weights file is damaged, is another file than it claims, or is no model at all."""


class ModelUnavailable(Unavailable):
    """A model cannot be reached or cannot be loaded."""


class MissingExtra(Unavailable):
    """A package that this work needs is not installed: it comes with an extra of the project."""


class StoreUnavailable(Unavailable):
    """The history or the index cannot be opened."""


class IndexBusy(StoreUnavailable):
    """Another process uses the index."""


class ModelCallError(ChurnAgentError):
    """One request to a model failed. Travels inside results and is never turned into a score."""


class ModelTimeout(ModelCallError):
    """The model did not answer in time, or asked to be left alone for a while."""

    retryable = True


class InvalidAnswer(ModelCallError):
    """The model answered something that does not fit the schema, or was cut off."""

    retryable = True


class AnswerNotStored(ModelCallError):
    """A request to a model that may not be asked has no stored answer."""
