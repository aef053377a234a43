-- A store of the release with schema 4, as that release made it; times are those of tests/rows.py.
CREATE TABLE api_log (
	id BIGSERIAL NOT NULL,
	timestamp BIGINT NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	response_time_ms FLOAT(53),
	status_code INTEGER NOT NULL,
	payload_size BIGINT NOT NULL,
	ip_address TEXT NOT NULL,
	user_id TEXT,
	path TEXT,
	fingerprint BIGINT,
	source TEXT DEFAULT 'live' NOT NULL,
	received_at BIGINT,
	attack TEXT,
	attack_score FLOAT(53),
	identity BIGINT,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_api_log_identity ON api_log (identity) WHERE identity IS NOT NULL;
CREATE INDEX ix_api_log_endpoint_timestamp ON api_log (endpoint, timestamp);
CREATE INDEX ix_api_log_user_timestamp ON api_log (user_id, timestamp) WHERE user_id IS NOT NULL;
CREATE INDEX ix_api_log_timestamp ON api_log (timestamp);
CREATE TABLE anomaly_log (
	id BIGSERIAL NOT NULL,
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	client TEXT,
	risk_score FLOAT(53) NOT NULL,
	priority TEXT NOT NULL,
	failure_probability FLOAT(53) NOT NULL,
	anomaly_score FLOAT(53) NOT NULL,
	is_anomaly INTEGER NOT NULL,
	usage_cluster TEXT NOT NULL,
	req_count INTEGER NOT NULL,
	error_rate FLOAT(53) NOT NULL,
	avg_response_time FLOAT(53),
	max_response_time FLOAT(53),
	payload_mean FLOAT(53) NOT NULL,
	unique_endpoints INTEGER NOT NULL,
	repeat_rate FLOAT(53) NOT NULL,
	status_entropy FLOAT(53) NOT NULL,
	thin INTEGER DEFAULT '0' NOT NULL,
	simulated_count INTEGER DEFAULT '0' NOT NULL,
	status_counts TEXT,
	latency_histogram BYTEA,
	model_version TEXT,
	scored_at BIGINT,
	bot_score FLOAT(53),
	reasons TEXT,
	causes TEXT,
	PRIMARY KEY (id)
);
CREATE INDEX ix_anomaly_log_priority_timestamp ON anomaly_log (priority, timestamp);
CREATE INDEX ix_anomaly_log_client_timestamp ON anomaly_log (client, timestamp);
CREATE INDEX ix_anomaly_log_endpoint_windows ON anomaly_log (timestamp) WHERE subject = 'endpoint';
CREATE INDEX ix_anomaly_log_risky_endpoint ON anomaly_log (endpoint, timestamp) WHERE priority <> 'LOW' AND subject = 'endpoint';
CREATE INDEX ix_anomaly_log_endpoint_timestamp ON anomaly_log (endpoint, timestamp);
CREATE INDEX ix_anomaly_log_timestamp ON anomaly_log (timestamp);
CREATE UNIQUE INDEX ux_anomaly_log_window ON anomaly_log (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE TABLE rollup (
	span_ms INTEGER NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	subject TEXT NOT NULL,
	timestamp BIGINT NOT NULL,
	windows INTEGER NOT NULL,
	anomalies INTEGER NOT NULL,
	high INTEGER NOT NULL,
	medium INTEGER NOT NULL,
	bots INTEGER NOT NULL,
	risk_sum FLOAT(53) NOT NULL,
	risk FLOAT(53) NOT NULL,
	failure_probability FLOAT(53) NOT NULL,
	anomaly_score FLOAT(53) NOT NULL,
	calls BIGINT NOT NULL,
	errors BIGINT NOT NULL,
	simulated BIGINT NOT NULL,
	timed BIGINT NOT NULL,
	spent_ms FLOAT(53) NOT NULL,
	slowest_ms FLOAT(53),
	newest BIGINT,
	newest_risk FLOAT(53),
	newest_failure_probability FLOAT(53),
	newest_anomaly_score FLOAT(53),
	status_counts TEXT,
	latency_histogram BYTEA,
	PRIMARY KEY (span_ms, endpoint, method, subject, timestamp)
);
CREATE INDEX ix_rollup_span_timestamp ON rollup (span_ms, timestamp);
CREATE TABLE rollup_due (
	hour BIGINT NOT NULL,
	PRIMARY KEY (hour)
);
CREATE TABLE live_event (
	id BIGSERIAL NOT NULL,
	at BIGINT NOT NULL,
	window_id BIGINT NOT NULL,
	priority TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE journal_position (
	journal TEXT NOT NULL,
	position BIGINT NOT NULL,
	PRIMARY KEY (journal)
);
CREATE TABLE dirty_window (
	start BIGINT NOT NULL,
	mark BIGINT NOT NULL,
	PRIMARY KEY (start)
);
CREATE TABLE meta (
	name TEXT NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE lease (
	name TEXT NOT NULL,
	holder TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE job_run (
	name TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	finished_at BIGINT,
	succeeded_at BIGINT,
	error TEXT,
	detail TEXT,
	PRIMARY KEY (name)
);
CREATE TABLE counter (
	name TEXT NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE call_count (
	source TEXT NOT NULL,
	status_class INTEGER NOT NULL,
	duration_bin INTEGER NOT NULL,
	calls BIGINT NOT NULL,
	duration_us BIGINT NOT NULL,
	PRIMARY KEY (source, status_class, duration_bin)
);
CREATE TABLE feedback (
	id BIGSERIAL NOT NULL,
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	client TEXT,
	verdict TEXT NOT NULL,
	who TEXT NOT NULL,
	at BIGINT NOT NULL,
	features TEXT NOT NULL,
	risk_score FLOAT(53) NOT NULL,
	priority TEXT NOT NULL,
	model_version TEXT,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_feedback_window ON feedback (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE TABLE acknowledgement (
	id BIGSERIAL NOT NULL,
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	client TEXT,
	who TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_acknowledgement_window ON acknowledgement (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE TABLE model_event (
	id BIGSERIAL NOT NULL,
	at BIGINT NOT NULL,
	version TEXT NOT NULL,
	event TEXT NOT NULL,
	who TEXT NOT NULL,
	reason TEXT NOT NULL,
	detail TEXT,
	PRIMARY KEY (id)
);
CREATE TABLE drift (
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	feature TEXT NOT NULL,
	psi FLOAT(53) NOT NULL,
	windows INTEGER NOT NULL,
	model_version TEXT NOT NULL,
	PRIMARY KEY (timestamp, subject, feature)
);
CREATE TABLE forecast_bin (
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	bin INTEGER NOT NULL,
	windows INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	probability_sum FLOAT(53) NOT NULL,
	squared_error_sum FLOAT(53) NOT NULL,
	PRIMARY KEY (timestamp, subject, bin)
);
CREATE TABLE onset (
	timestamp BIGINT NOT NULL,
	subject TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	method TEXT NOT NULL,
	client TEXT NOT NULL,
	warned_at BIGINT,
	probability FLOAT(53),
	PRIMARY KEY (timestamp, subject, endpoint, method, client)
);
CREATE TABLE question (
	id BIGSERIAL NOT NULL,
	at BIGINT NOT NULL,
	who TEXT NOT NULL,
	text TEXT NOT NULL,
	outcome TEXT NOT NULL,
	message TEXT NOT NULL,
	rows INTEGER,
	took_ms FLOAT(53) NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_question_who_at ON question (who, at, id);
CREATE TABLE saved_question (
	id BIGSERIAL NOT NULL,
	who TEXT NOT NULL,
	name TEXT NOT NULL,
	text TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_saved_question_who_name ON saved_question (who, name);
CREATE TABLE scenario_run (
	id BIGSERIAL NOT NULL,
	open INTEGER,
	scenario TEXT NOT NULL,
	kind TEXT NOT NULL,
	intensity FLOAT(53) NOT NULL,
	minutes FLOAT(53) NOT NULL,
	who TEXT NOT NULL,
	asked_at BIGINT NOT NULL,
	player TEXT,
	heartbeat_at BIGINT,
	begins_at BIGINT,
	first_at BIGINT,
	stop_asked_at BIGINT,
	ended_at BIGINT,
	end_reason TEXT,
	settled_at BIGINT,
	subjects TEXT DEFAULT '[]' NOT NULL,
	calls_sent BIGINT DEFAULT '0' NOT NULL,
	calls_stored BIGINT DEFAULT '0' NOT NULL,
	medium_at BIGINT,
	medium_start BIGINT,
	medium_subject TEXT,
	high_at BIGINT,
	high_start BIGINT,
	high_subject TEXT,
	subjects_high INTEGER DEFAULT '0' NOT NULL,
	risk_score FLOAT(53),
	reasons TEXT,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_scenario_run_open ON scenario_run (open);
INSERT INTO anomaly_log (id, timestamp, subject, endpoint, method, client, risk_score, priority, failure_probability, anomaly_score, is_anomaly, usage_cluster, req_count, error_rate, avg_response_time, max_response_time, payload_mean, unique_endpoints, repeat_rate, status_entropy, thin, simulated_count, status_counts, latency_histogram, model_version, scored_at, bot_score, reasons, causes) VALUES (1, 1773846000000, 'endpoint', '/search', 'GET', NULL, 0.1, 'LOW', 0.05, 0.2, 0, 'normal', 10, 0.0, 100.0, 150.0, 1000.0, 1, 0.0, 0.0, 0, 0, '{"200": 10}', '\x0102', 'test', 1773846060000, NULL, NULL, NULL);
INSERT INTO anomaly_log (id, timestamp, subject, endpoint, method, client, risk_score, priority, failure_probability, anomaly_score, is_anomaly, usage_cluster, req_count, error_rate, avg_response_time, max_response_time, payload_mean, unique_endpoints, repeat_rate, status_entropy, thin, simulated_count, status_counts, latency_histogram, model_version, scored_at, bot_score, reasons, causes) VALUES (2, 1773846060000, 'endpoint', '/search', 'GET', NULL, 0.1, 'LOW', 0.05, 0.2, 0, 'normal', 10, 0.0, 100.0, 150.0, 1000.0, 1, 0.0, 0.0, 0, 0, '{"200": 10}', '\x0102', 'test', 1773846120000, NULL, NULL, NULL);
INSERT INTO anomaly_log (id, timestamp, subject, endpoint, method, client, risk_score, priority, failure_probability, anomaly_score, is_anomaly, usage_cluster, req_count, error_rate, avg_response_time, max_response_time, payload_mean, unique_endpoints, repeat_rate, status_entropy, thin, simulated_count, status_counts, latency_histogram, model_version, scored_at, bot_score, reasons, causes) VALUES (3, 1773846120000, 'endpoint', '/search', 'GET', NULL, 0.1, 'LOW', 0.05, 0.2, 0, 'normal', 10, 0.0, 100.0, 150.0, 1000.0, 1, 0.0, 0.0, 0, 0, '{"200": 10}', '\x0102', 'test', 1773846180000, NULL, NULL, NULL);
INSERT INTO anomaly_log (id, timestamp, subject, endpoint, method, client, risk_score, priority, failure_probability, anomaly_score, is_anomaly, usage_cluster, req_count, error_rate, avg_response_time, max_response_time, payload_mean, unique_endpoints, repeat_rate, status_entropy, thin, simulated_count, status_counts, latency_histogram, model_version, scored_at, bot_score, reasons, causes) VALUES (4, 1773853200000, 'client', '*', '*', 'u1', 0.1, 'LOW', 0.05, 0.2, 0, 'normal', 10, 0.0, 100.0, 150.0, 1000.0, 1, 0.0, 0.0, 0, 0, '{"200": 10}', NULL, 'test', 1773853260000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (1, 1773846000000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', NULL, '/search', 0, 'live', 1773846000000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (2, 1773846060000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', 'u''1', '/search', 1, 'live', 1773846060000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (3, 1773846120000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', NULL, '/search', 2, 'live', 1773846120000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (4, 1773846180000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', 'u''1', '/search', 3, 'live', 1773846180000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (5, 1773846240000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', NULL, '/search', 4, 'live', 1773846240000, NULL, NULL, NULL);
INSERT INTO api_log (id, timestamp, endpoint, method, response_time_ms, status_code, payload_size, ip_address, user_id, path, fingerprint, source, received_at, attack, attack_score, identity) VALUES (6, 1773846300000, '/search', 'GET', 100.0, 200, 1000, '10.0.0.1', 'u''1', '/search', 5, 'live', 1773846300000, NULL, NULL, NULL);
INSERT INTO call_count (source, status_class, duration_bin, calls, duration_us) VALUES ('live', 2, 4, 6, 600000);
INSERT INTO counter (name, value) VALUES ('calls_lost', 3);
INSERT INTO dirty_window (start, mark) VALUES (1773846000000, 2193720749530312344);
INSERT INTO dirty_window (start, mark) VALUES (1773846060000, 2193720749530312344);
INSERT INTO dirty_window (start, mark) VALUES (1773846120000, 2193720749530312344);
INSERT INTO dirty_window (start, mark) VALUES (1773846180000, 2193720749530312344);
INSERT INTO dirty_window (start, mark) VALUES (1773846240000, 2193720749530312344);
INSERT INTO dirty_window (start, mark) VALUES (1773846300000, 2193720749530312344);
INSERT INTO journal_position (journal, position) VALUES ('a.journal', 10);
INSERT INTO meta (name, value) VALUES ('schema_version', 4);
INSERT INTO meta (name, value) VALUES ('window_ms', 60000);
INSERT INTO meta (name, value) VALUES ('rolled_up_id', 4);
INSERT INTO rollup (span_ms, endpoint, method, subject, timestamp, windows, anomalies, high, medium, bots, risk_sum, risk, failure_probability, anomaly_score, calls, errors, simulated, timed, spent_ms, slowest_ms, newest, newest_risk, newest_failure_probability, newest_anomaly_score, status_counts, latency_histogram) VALUES (3600000, '*', '*', 'endpoint', 1773846000000, 3, 0, 0, 0, 0, 0.30000000000000004, 0.1, 0.05, 0.2, 30, 0, 0, 30, 3000.0, 150.0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO rollup (span_ms, endpoint, method, subject, timestamp, windows, anomalies, high, medium, bots, risk_sum, risk, failure_probability, anomaly_score, calls, errors, simulated, timed, spent_ms, slowest_ms, newest, newest_risk, newest_failure_probability, newest_anomaly_score, status_counts, latency_histogram) VALUES (3600000, '*', '*', 'client', 1773846000000, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0.0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO rollup (span_ms, endpoint, method, subject, timestamp, windows, anomalies, high, medium, bots, risk_sum, risk, failure_probability, anomaly_score, calls, errors, simulated, timed, spent_ms, slowest_ms, newest, newest_risk, newest_failure_probability, newest_anomaly_score, status_counts, latency_histogram) VALUES (3600000, '/search', 'GET', 'endpoint', 1773846000000, 3, 0, 0, 0, 0, 0.30000000000000004, 0.1, 0.05, 0.2, 30, 0, 0, 30, 3000.0, 150.0, 1773846120000, 0.1, 0.05, 0.2, '{"200": 30}', '\x0102');
INSERT INTO rollup_due (hour) VALUES (1773853200000);
SELECT setval(pg_get_serial_sequence('acknowledgement', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM acknowledgement), false);
SELECT setval(pg_get_serial_sequence('anomaly_log', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM anomaly_log), false);
SELECT setval(pg_get_serial_sequence('api_log', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM api_log), false);
SELECT setval(pg_get_serial_sequence('feedback', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM feedback), false);
SELECT setval(pg_get_serial_sequence('live_event', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM live_event), false);
SELECT setval(pg_get_serial_sequence('model_event', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM model_event), false);
SELECT setval(pg_get_serial_sequence('question', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM question), false);
SELECT setval(pg_get_serial_sequence('saved_question', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM saved_question), false);
SELECT setval(pg_get_serial_sequence('scenario_run', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM scenario_run), false);
