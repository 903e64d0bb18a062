"""The tables of the history. They are not specific to one database."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# Times are UTC without an offset; the source's own offset is stored beside them where it matters.

book = Table(
    "book",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", DateTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("rows_added", Integer, nullable=False),
    Column("summary", JSON, nullable=False),
    Column("mapping", JSON),
    Column("contents", JSON),
    Column("state", String(16), nullable=False, server_default="stored"),
)

interactions = Table(
    "interactions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("utc_offset_minutes", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("direction", String(8)),
    Column("author", Text),
    Column("text", Text, nullable=False),
    Column("text_id", String(32), nullable=False),
    Column("amount", Float),
    Column("metadata", JSON, nullable=False),
    Column("original", Text),
    Column("language", String(8)),
    Column("speaker", String(8)),
    Column("key", Text),
    Column("marks", JSON(none_as_null=True)),
    Column("import_id", Integer),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("source_customer_id", Text),
    Index("interactions_by_customer", "customer_id", "occurred_at"),
    Index("interactions_by_text", "text_id"),
    Index("interactions_by_time", "occurred_at"),
    Index("interactions_by_key", "key"),
    Index("interactions_by_import", "import_id"),
)

# Rows that were imported when ids were hashes of more than customer, time, author and text: their identity today.
identities = Table(
    "identities",
    metadata,
    Column("identity", String(32), primary_key=True),
    Column("interaction_id", String(32), nullable=False),
)

# The earlier values of an interaction by the import that they came with. No values: the import repeated those before.
versions = Table(
    "versions",
    metadata,
    Column("interaction_id", String(32), primary_key=True),
    Column("import_id", Integer, primary_key=True),
    Column("row", JSON(none_as_null=True)),
    Index("versions_by_import", "import_id"),
)

# The attributes, labels and cards of each import, of which `customers`, `labels` and `book` hold the sum.
contributions = Table(
    "contributions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("import_id", Integer),
    Column("kind", String(16), nullable=False),
    Column("customer_id", Text),
    Column("as_of", Date),
    Column("known_from", Date),
    Column("content", JSON, nullable=False),
    Column("original", JSON(none_as_null=True)),
    Index("contributions_by_customer", "customer_id", "kind"),
    Index("contributions_by_import", "import_id"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("attributes", JSON, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("churned", Boolean, nullable=False),
    Column("horizon_days", Integer),
    Column("metadata", JSON, nullable=False),
    Column("left_on", Date),
    Column("notice_on", Date),
    Column("kind", String(16)),
    Column("amount", Float),
    Column("voluntary", Boolean),
)

# Numbers of customers at a time. The rows of all imports are kept; those that a later import repeats or corrects have
# its number in `superseded_by`. The customer in the source stays beside today's, so that aliases can be split.
measurements = Table(
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("source_customer_id", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("day", Integer, nullable=False),
    Column("metric", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("person", Text, nullable=False, server_default=""),
    Column("seats", Float),
    Column("key", Text, nullable=False, server_default=""),
    Column("import_id", Integer),
    Column("superseded_by", Integer),
    Index("measurements_by_customer", "customer_id", "metric", "day"),
    Index("measurements_by_metric", "metric", "day"),
)

# People's answers to whether a message shows a signal. They hold the text's hash, not its words: a text that changes is
# not the one that was judged. Numbers are not used again, because people approve and undo by number.
corrections = Table(
    "corrections",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("interaction_id", String(32), nullable=False),
    Column("text_id", String(32), nullable=False),
    Column("concept", String(64), nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", Text),
    Column("approved_at", DateTime),
    Column("approved_by", Text),
    Index("corrections_by_message", "interaction_id", "concept", unique=True),
    sqlite_autoincrement=True,
)

# Risk items: who does what for a customer by when. They hold no words of customers: their reasons are those of the
# record of the batch `run_id`. Numbers are not used again, because people refer to items by number.
tasks = Table(
    "tasks",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", String(32), nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("previous", Integer),
    Column("state", String(16), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("band", String(8)),
    Column("override", String(8)),
    Column("owner", Text),
    Column("owner_set", Boolean, nullable=False),
    Column("due", Date),
    Column("due_set", Boolean, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("checked_on", Date, nullable=False),
    Column("touched", Boolean, nullable=False),
    Column("untrue_since", Date),
    Column("closed_on", Date),
    Column("code", String(64)),
    Column("exported", String(16)),
    Index("tasks_by_key", "key", unique=True),
    Index("tasks_by_customer", "customer_id"),
    sqlite_autoincrement=True,
)

task_log = Table(
    "task_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", Integer, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("person", Boolean, nullable=False),
    Column("by", Text),
    Column("what", String(16), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("code", String(64)),
    Column("note", Text),
    Index("task_log_by_task", "task"),
)

answers = Table(
    "answers",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("created_at", DateTime, nullable=False),
    Column("answer", JSON, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created_at", DateTime, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("updated_at", DateTime),
    Column("summary", JSON),
)

assignments = Table(
    "assignments",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("arm", String(8), nullable=False),
    Column("drawn", Boolean, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", DateTime, nullable=False),
    Column("run_id", String(32)),
    Column("customer_id", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("verdict", String(16)),
    Column("decision", Text),
    Column("note", Text),
    Index("feedback_by_customer", "customer_id", "as_of"),
)

records = Table(
    "records",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", DateTime, nullable=False),
    Column("run_id", String(32), ForeignKey("runs.id")),
    Column("customer_id", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("status", String(16), nullable=False),
    Column("record", JSON, nullable=False),
    Index("records_by_customer", "customer_id", "as_of"),
    Index("records_by_run", "run_id", "customer_id"),
)

# Cards drawn at random for an audit, with their weights. Marks are by person and item, and hold no words.
audits = Table(
    "audits",
    metadata,
    Column("audit_id", String(16), primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("created_at", DateTime, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("card", Integer, nullable=False),
    Column("stratum", String(16), nullable=False),
    Column("weight", Float, nullable=False),
    Column("reasons", Integer, nullable=False),
    Column("quoted", JSON, nullable=False),
    Column("actions", Integer, nullable=False),
    Column("marks", JSON, nullable=False),
)
