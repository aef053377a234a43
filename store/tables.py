"""The tables. Times are integer epoch milliseconds UTC; units stand in names.

Columns of `api_log` and `anomaly_log` that other tools don't know are nullable or have a default.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)

SCHEMA_VERSION = 5  # with a new one comes a revision in store/migrations/versions

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER

api_log = Table(
    "api_log",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("response_time_ms", Float(53)),
    Column("status_code", Integer, nullable=False),
    Column("payload_size", BigInteger, nullable=False),
    Column("ip_address", Text, nullable=False),
    Column("user_id", Text),
    Column("path", Text),
    Column("fingerprint", BigInteger),
    Column("source", Text, nullable=False, server_default="live"),
    Column("received_at", BigInteger),
    Column("attack", Text),
    Column("attack_score", Float(53)),
    Column("identity", BigInteger),
    Index("ix_api_log_timestamp", "timestamp"),
    Index("ix_api_log_endpoint_timestamp", "endpoint", "timestamp").ddl_if(dialect="postgresql"),
    Index(  # what is imported twice is stored once; live calls have no identity
        "ux_api_log_identity",
        "identity",
        unique=True,
        sqlite_where=text("identity IS NOT NULL"),
        postgresql_where=text("identity IS NOT NULL"),
    ),
)

# SQLite answers from it what is asked of calls without reading their rows. PostgreSQL adds up
# groups without sorting and refuses rows of an index above 2.7 kB: there it has its keys alone.
CALLS_BY_ENDPOINT = Index(
    "ix_api_log_endpoint_timestamp",
    api_log.c.endpoint,
    api_log.c.timestamp,
    api_log.c.response_time_ms,
    api_log.c.status_code,
    api_log.c.method,
    api_log.c.payload_size,
    api_log.c.ip_address,
    api_log.c.user_id,
).ddl_if(dialect="sqlite")

CALLS_BY_USER = Index(
    "ix_api_log_user_timestamp",
    api_log.c.user_id,
    api_log.c.timestamp,
    sqlite_where=text("user_id IS NOT NULL"),
    postgresql_where=text("user_id IS NOT NULL"),
)

FEATURE_COLUMNS = (
    "req_count",
    "error_rate",
    "avg_response_time",
    "max_response_time",
    "payload_mean",
    "unique_endpoints",
    "repeat_rate",
    "status_entropy",
)

anomaly_log = Table(
    "anomaly_log",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),  # start of the window
    Column("subject", Text, nullable=False),  # endpoint | client
    Column("endpoint", Text, nullable=False),  # * in client windows
    Column("method", Text, nullable=False),  # * in client windows
    Column("client", Text),  # NULL in endpoint windows
    Column("risk_score", Float(53), nullable=False),
    Column("priority", Text, nullable=False),
    Column("failure_probability", Float(53), nullable=False),
    Column("anomaly_score", Float(53), nullable=False),
    Column("is_anomaly", Integer, nullable=False),
    Column("usage_cluster", Text, nullable=False),
    Column("req_count", Integer, nullable=False),
    Column("error_rate", Float(53), nullable=False),
    Column("avg_response_time", Float(53)),  # NULL: no call had a response time
    Column("max_response_time", Float(53)),
    Column("payload_mean", Float(53), nullable=False),
    Column("unique_endpoints", Integer, nullable=False),
    Column("repeat_rate", Float(53), nullable=False),
    Column("status_entropy", Float(53), nullable=False),
    Column("thin", Integer, nullable=False, server_default="0"),  # 1: fewer than MIN_CALLS calls
    Column(
        "simulated_count", Integer, nullable=False, server_default="0"
    ),  # calls of the simulator
    Column("status_counts", Text),  # JSON object, status code -> calls
    Column("latency_histogram", LargeBinary),  # see ml/histogram.py; endpoint windows only
    Column("model_version", Text),
    Column("scored_at", BigInteger),
    Column("bot_score", Float(53)),  # 0..1, the higher the more like a program; client windows only
    Column("reasons", Text),  # JSON array, see ml/explain.py; MEDIUM and above
    Column("causes", Text),  # JSON array, see ml/causes.py; endpoint windows of MEDIUM and above
    Index("ix_anomaly_log_timestamp", "timestamp"),
    Index("ix_anomaly_log_endpoint_timestamp", "endpoint", "timestamp"),
    Index("ix_anomaly_log_client_timestamp", "client", "timestamp"),
    Index("ix_anomaly_log_priority_timestamp", "priority", "timestamp"),
)
WINDOW_KEY = (
    anomaly_log.c.timestamp,
    anomaly_log.c.subject,
    anomaly_log.c.endpoint,
    anomaly_log.c.method,
    func.coalesce(anomaly_log.c.client, text("''")),  # NULLs would be distinct in a unique index
)
Index("ux_anomaly_log_window", *WINDOW_KEY, unique=True)

# Endpoint windows are few beside those of clients, and pages read all of a range.
ENDPOINT_WINDOWS = Index(
    "ix_anomaly_log_endpoint_windows",
    anomaly_log.c.timestamp,
    sqlite_where=text("subject = 'endpoint'"),
    postgresql_where=text("subject = 'endpoint'"),
)

RISKY_ENDPOINT_WINDOWS = Index(
    "ix_anomaly_log_risky_endpoint",
    anomaly_log.c.endpoint,
    anomaly_log.c.timestamp,
    sqlite_where=text("priority <> 'LOW' AND subject = 'endpoint'"),
    postgresql_where=text("priority <> 'LOW' AND subject = 'endpoint'"),
)

rollup = Table(  # sums of the windows that start in a span of time; see store/rollups.py
    "rollup",
    metadata,
    Column("span_ms", Integer, primary_key=True, autoincrement=False),
    Column("endpoint", Text, primary_key=True),  # * and * of all windows of a subject
    Column("method", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),  # start of the span
    Column("windows", Integer, nullable=False),
    Column("anomalies", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("medium", Integer, nullable=False),
    Column("bots", Integer, nullable=False),
    Column("risk_sum", Float(53), nullable=False),
    Column("risk", Float(53), nullable=False),  # the highest, like the next two
    Column("failure_probability", Float(53), nullable=False),
    Column("anomaly_score", Float(53), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("simulated", BigInteger, nullable=False),
    Column("timed", BigInteger, nullable=False),  # calls that have a response time
    Column("spent_ms", Float(53), nullable=False),  # sum of their response times
    Column("slowest_ms", Float(53)),
    Column("newest", BigInteger),  # start of the newest window; its scores are the next three
    Column("newest_risk", Float(53)),
    Column("newest_failure_probability", Float(53)),
    Column("newest_anomaly_score", Float(53)),
    Column("status_counts", Text),  # of one endpoint: JSON object, status code -> calls
    Column("latency_histogram", LargeBinary),  # of one endpoint; see ml/histogram.py
    Index("ix_rollup_span_timestamp", "span_ms", "timestamp"),
)

rollup_due = Table(  # hours with spans that are not summed up yet
    "rollup_due",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
)

live_event = Table(  # a window became an anomaly, or HIGH, while that was news
    "live_event",
    metadata,
    Column("id", _Id, primary_key=True),  # grows, and is never used again
    Column("at", BigInteger, nullable=False),  # when the window was scored
    Column("window_id", BigInteger, nullable=False),
    Column("priority", Text, nullable=False),  # as it was then
    sqlite_autoincrement=True,
)

journal_position = Table(  # how far each capture journal is stored; committed with its rows
    "journal_position",
    metadata,
    Column("journal", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),  # bytes
)

dirty_window = Table(  # starts of windows that got rows since they were last scored
    "dirty_window",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),  # new with each write; who clears names it
)

meta = Table(  # what this store was made for
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

lease = Table(  # who leads; a dead leader's lease runs out
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

job_run = Table(  # the last run of each job, for the page and /readyz
    "job_run",
    metadata,
    Column("name", Text, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("succeeded_at", BigInteger),
    Column("error", Text),
    Column("detail", Text),
)

counter = Table(  # losses and other counts that must survive a restart
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

call_count = Table(  # of all calls ever stored; see store/call_counts.py
    "call_count",
    metadata,
    Column("source", Text, primary_key=True),
    Column("status_class", Integer, primary_key=True, autoincrement=False),
    Column("duration_bin", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),  # sum
)

feedback = Table(  # what people said of windows; features as they were, windows go with retention
    "feedback",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),  # start of the window
    Column("subject", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("client", Text),
    Column("verdict", Text, nullable=False),  # false_alarm | confirmed
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("features", Text, nullable=False),  # JSON object, feature -> value or null
    Column("risk_score", Float(53), nullable=False),
    Column("priority", Text, nullable=False),
    Column("model_version", Text),
)
Index(  # the last verdict on a window counts
    "ux_feedback_window",
    feedback.c.timestamp,
    feedback.c.subject,
    feedback.c.endpoint,
    feedback.c.method,
    func.coalesce(feedback.c.client, text("''")),
    unique=True,
)

acknowledgement = Table(  # windows that somebody has taken note of
    "acknowledgement",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),  # start of the window
    Column("subject", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("client", Text),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index(  # the first one counts
    "ux_acknowledgement_window",
    acknowledgement.c.timestamp,
    acknowledgement.c.subject,
    acknowledgement.c.endpoint,
    acknowledgement.c.method,
    func.coalesce(acknowledgement.c.client, text("''")),
    unique=True,
)

model_event = Table(  # what became of model versions, and why
    "model_event",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("event", Text, nullable=False),  # trained | promoted | refused | rolled_back
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text),  # JSON object: figures of the decision
)

drift = Table(  # how far an hour's windows are from the training data
    "drift",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),  # start of the hour
    Column("subject", Text, primary_key=True),
    Column("feature", Text, primary_key=True),
    Column("psi", Float(53), nullable=False),  # population stability index
    Column("windows", Integer, nullable=False),
    Column("model_version", Text, nullable=False),
)

forecast_bin = Table(  # failure probabilities given in an hour and what came of them, by tenths
    "forecast_bin",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),  # start of the hour
    Column("subject", Text, primary_key=True),
    Column("bin", Integer, primary_key=True, autoincrement=False),  # 0..9: tenth of the probability
    Column("windows", Integer, nullable=False),  # that were not failing and whose future is known
    Column("failed", Integer, nullable=False),  # of them, within the next 5 minutes
    Column("probability_sum", Float(53), nullable=False),
    Column("squared_error_sum", Float(53), nullable=False),
)

onset = Table(  # failures that began, and whether they were forecast
    "onset",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),  # first failing window
    Column("subject", Text, primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("client", Text, primary_key=True),  # "" in endpoint windows
    Column("warned_at", BigInteger),  # start of the first warning window before it, NULL: none
    Column("probability", Float(53)),  # of the window just before, NULL: there is none
)

question = Table(  # what was asked in plain English, the newest of each user
    "question",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # answered | refused
    Column("message", Text, nullable=False),  # how it was understood, or what was not
    Column("rows", Integer),  # NULL: refused
    Column("took_ms", Float(53), nullable=False),
    Index("ix_question_who_at", "who", "at", "id"),
)

saved_question = Table(
    "saved_question",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("who", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ux_saved_question_who_name", "who", "name", unique=True),
)

scenario_run = Table(  # attacks and faults that people played in a demo, and when they were seen
    "scenario_run",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("open", Integer),  # 1 until it is settled, then NULL
    Column("scenario", Text, nullable=False),
    Column("kind", Text, nullable=False),  # attack | fault
    Column("intensity", Float(53), nullable=False),
    Column("minutes", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("player", Text),  # who plays it, NULL: nobody yet
    Column("heartbeat_at", BigInteger),  # last sign of life of who plays it
    Column("begins_at", BigInteger),  # planned
    Column("first_at", BigInteger),  # first call of an attack, the switch of a fault
    Column("stop_asked_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("end_reason", Text),  # finished | stopped | interrupted | failed
    Column("settled_at", BigInteger),  # nothing more is waited for
    Column("subjects", Text, nullable=False, server_default="[]"),  # JSON array of names
    Column("calls_sent", BigInteger, nullable=False, server_default="0"),
    Column("calls_stored", BigInteger, nullable=False, server_default="0"),
    Column("medium_at", BigInteger),  # when the first MEDIUM or HIGH window was scored
    Column("medium_start", BigInteger),  # of that window
    Column("medium_subject", Text),
    Column("high_at", BigInteger),
    Column("high_start", BigInteger),
    Column("high_subject", Text),
    Column("subjects_high", Integer, nullable=False, server_default="0"),  # that were ever HIGH
    Column("risk_score", Float(53)),  # highest of any window of a subject
    Column("reasons", Text),  # of that window, as text
    Index("ux_scenario_run_open", "open", unique=True),  # one at a time; NULLs are distinct
)

CALL_COLUMNS = tuple(name for name, _ in api_log.columns.items() if name != "id")
ROLLUP_COLUMNS = tuple(rollup.columns.keys())
WINDOW_COLUMNS = tuple(name for name, _ in anomaly_log.columns.items() if name != "id")
