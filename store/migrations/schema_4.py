"""The tables of schema 4, frozen: what its stores have, and older ones are brought up to."""

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

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")

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
    Index(
        "ux_api_log_identity",
        "identity",
        unique=True,
        sqlite_where=text("identity IS NOT NULL"),
        postgresql_where=text("identity IS NOT NULL"),
    ),
)

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

anomaly_log = Table(
    "anomaly_log",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("client", Text),
    Column("risk_score", Float(53), nullable=False),
    Column("priority", Text, nullable=False),
    Column("failure_probability", Float(53), nullable=False),
    Column("anomaly_score", Float(53), nullable=False),
    Column("is_anomaly", Integer, nullable=False),
    Column("usage_cluster", Text, nullable=False),
    Column("req_count", Integer, nullable=False),
    Column("error_rate", Float(53), nullable=False),
    Column("avg_response_time", Float(53)),
    Column("max_response_time", Float(53)),
    Column("payload_mean", Float(53), nullable=False),
    Column("unique_endpoints", Integer, nullable=False),
    Column("repeat_rate", Float(53), nullable=False),
    Column("status_entropy", Float(53), nullable=False),
    Column("thin", Integer, nullable=False, server_default="0"),
    Column("simulated_count", Integer, nullable=False, server_default="0"),
    Column("status_counts", Text),
    Column("latency_histogram", LargeBinary),
    Column("model_version", Text),
    Column("scored_at", BigInteger),
    Column("bot_score", Float(53)),
    Column("reasons", Text),
    Column("causes", Text),
    Index("ix_anomaly_log_timestamp", "timestamp"),
    Index("ix_anomaly_log_endpoint_timestamp", "endpoint", "timestamp"),
    Index("ix_anomaly_log_client_timestamp", "client", "timestamp"),
    Index("ix_anomaly_log_priority_timestamp", "priority", "timestamp"),
)
Index(
    "ux_anomaly_log_window",
    anomaly_log.c.timestamp,
    anomaly_log.c.subject,
    anomaly_log.c.endpoint,
    anomaly_log.c.method,
    func.coalesce(anomaly_log.c.client, text("''")),
    unique=True,
)

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

Table(
    "rollup",
    metadata,
    Column("span_ms", Integer, primary_key=True, autoincrement=False),
    Column("endpoint", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("windows", Integer, nullable=False),
    Column("anomalies", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("medium", Integer, nullable=False),
    Column("bots", Integer, nullable=False),
    Column("risk_sum", Float(53), nullable=False),
    Column("risk", Float(53), nullable=False),
    Column("failure_probability", Float(53), nullable=False),
    Column("anomaly_score", Float(53), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("simulated", BigInteger, nullable=False),
    Column("timed", BigInteger, nullable=False),
    Column("spent_ms", Float(53), nullable=False),
    Column("slowest_ms", Float(53)),
    Column("newest", BigInteger),
    Column("newest_risk", Float(53)),
    Column("newest_failure_probability", Float(53)),
    Column("newest_anomaly_score", Float(53)),
    Column("status_counts", Text),
    Column("latency_histogram", LargeBinary),
    Index("ix_rollup_span_timestamp", "span_ms", "timestamp"),
)

Table(
    "rollup_due",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
)

Table(
    "live_event",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("window_id", BigInteger, nullable=False),
    Column("priority", Text, nullable=False),
    sqlite_autoincrement=True,
)

Table(
    "journal_position",
    metadata,
    Column("journal", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

Table(
    "dirty_window",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

Table(
    "job_run",
    metadata,
    Column("name", Text, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("succeeded_at", BigInteger),
    Column("error", Text),
    Column("detail", Text),
)

Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

Table(
    "call_count",
    metadata,
    Column("source", Text, primary_key=True),
    Column("status_class", Integer, primary_key=True, autoincrement=False),
    Column("duration_bin", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("client", Text),
    Column("verdict", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("features", Text, nullable=False),
    Column("risk_score", Float(53), nullable=False),
    Column("priority", Text, nullable=False),
    Column("model_version", Text),
)
Index(
    "ux_feedback_window",
    feedback.c.timestamp,
    feedback.c.subject,
    feedback.c.endpoint,
    feedback.c.method,
    func.coalesce(feedback.c.client, text("''")),
    unique=True,
)

acknowledgement = Table(
    "acknowledgement",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("client", Text),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index(
    "ux_acknowledgement_window",
    acknowledgement.c.timestamp,
    acknowledgement.c.subject,
    acknowledgement.c.endpoint,
    acknowledgement.c.method,
    func.coalesce(acknowledgement.c.client, text("''")),
    unique=True,
)

Table(
    "model_event",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text),
)

Table(
    "drift",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
    Column("feature", Text, primary_key=True),
    Column("psi", Float(53), nullable=False),
    Column("windows", Integer, nullable=False),
    Column("model_version", Text, nullable=False),
)

Table(
    "forecast_bin",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
    Column("bin", Integer, primary_key=True, autoincrement=False),
    Column("windows", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("probability_sum", Float(53), nullable=False),
    Column("squared_error_sum", Float(53), nullable=False),
)

Table(
    "onset",
    metadata,
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("warned_at", BigInteger),
    Column("probability", Float(53)),
)

Table(
    "question",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("rows", Integer),
    Column("took_ms", Float(53), nullable=False),
    Index("ix_question_who_at", "who", "at", "id"),
)

Table(
    "saved_question",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("who", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ux_saved_question_who_name", "who", "name", unique=True),
)

Table(
    "scenario_run",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("open", Integer),
    Column("scenario", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("intensity", Float(53), nullable=False),
    Column("minutes", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("player", Text),
    Column("heartbeat_at", BigInteger),
    Column("begins_at", BigInteger),
    Column("first_at", BigInteger),
    Column("stop_asked_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("end_reason", Text),
    Column("settled_at", BigInteger),
    Column("subjects", Text, nullable=False, server_default="[]"),
    Column("calls_sent", BigInteger, nullable=False, server_default="0"),
    Column("calls_stored", BigInteger, nullable=False, server_default="0"),
    Column("medium_at", BigInteger),
    Column("medium_start", BigInteger),
    Column("medium_subject", Text),
    Column("high_at", BigInteger),
    Column("high_start", BigInteger),
    Column("high_subject", Text),
    Column("subjects_high", Integer, nullable=False, server_default="0"),
    Column("risk_score", Float(53)),
    Column("reasons", Text),
    Index("ux_scenario_run_open", "open", unique=True),
)
