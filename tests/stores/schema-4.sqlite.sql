-- A store of the release with schema 4, as that release made it; times are those of tests/rows.py.
BEGIN TRANSACTION;
CREATE TABLE acknowledgement (
	id INTEGER NOT NULL, 
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	method TEXT NOT NULL, 
	client TEXT, 
	who TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE anomaly_log (
	id INTEGER NOT NULL, 
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	method TEXT NOT NULL, 
	client TEXT, 
	risk_score FLOAT NOT NULL, 
	priority TEXT NOT NULL, 
	failure_probability FLOAT NOT NULL, 
	anomaly_score FLOAT NOT NULL, 
	is_anomaly INTEGER NOT NULL, 
	usage_cluster TEXT NOT NULL, 
	req_count INTEGER NOT NULL, 
	error_rate FLOAT NOT NULL, 
	avg_response_time FLOAT, 
	max_response_time FLOAT, 
	payload_mean FLOAT NOT NULL, 
	unique_endpoints INTEGER NOT NULL, 
	repeat_rate FLOAT NOT NULL, 
	status_entropy FLOAT NOT NULL, 
	thin INTEGER DEFAULT '0' NOT NULL, 
	simulated_count INTEGER DEFAULT '0' NOT NULL, 
	status_counts TEXT, 
	latency_histogram BLOB, 
	model_version TEXT, 
	scored_at BIGINT, 
	bot_score FLOAT, 
	reasons TEXT, 
	causes TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "anomaly_log" VALUES(1,1773846000000,'endpoint','/search','GET',NULL,0.1,'LOW',0.05,0.2,0,'normal',10,0.0,100.0,150.0,1000.0,1,0.0,0.0,0,0,'{"200": 10}',X'0102','test',1773846060000,NULL,NULL,NULL);
INSERT INTO "anomaly_log" VALUES(2,1773846060000,'endpoint','/search','GET',NULL,0.1,'LOW',0.05,0.2,0,'normal',10,0.0,100.0,150.0,1000.0,1,0.0,0.0,0,0,'{"200": 10}',X'0102','test',1773846120000,NULL,NULL,NULL);
INSERT INTO "anomaly_log" VALUES(3,1773846120000,'endpoint','/search','GET',NULL,0.1,'LOW',0.05,0.2,0,'normal',10,0.0,100.0,150.0,1000.0,1,0.0,0.0,0,0,'{"200": 10}',X'0102','test',1773846180000,NULL,NULL,NULL);
INSERT INTO "anomaly_log" VALUES(4,1773853200000,'client','*','*','u1',0.1,'LOW',0.05,0.2,0,'normal',10,0.0,100.0,150.0,1000.0,1,0.0,0.0,0,0,'{"200": 10}',NULL,'test',1773853260000,NULL,NULL,NULL);
CREATE TABLE api_log (
	id INTEGER NOT NULL, 
	timestamp BIGINT NOT NULL, 
	endpoint TEXT NOT NULL, 
	method TEXT NOT NULL, 
	response_time_ms FLOAT, 
	status_code INTEGER NOT NULL, 
	payload_size BIGINT NOT NULL, 
	ip_address TEXT NOT NULL, 
	user_id TEXT, 
	path TEXT, 
	fingerprint BIGINT, 
	source TEXT DEFAULT 'live' NOT NULL, 
	received_at BIGINT, 
	attack TEXT, 
	attack_score FLOAT, 
	identity BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "api_log" VALUES(1,1773846000000,'/search','GET',100.0,200,1000,'10.0.0.1',NULL,'/search',0,'live',1773846000000,NULL,NULL,NULL);
INSERT INTO "api_log" VALUES(2,1773846060000,'/search','GET',100.0,200,1000,'10.0.0.1','u''1','/search',1,'live',1773846060000,NULL,NULL,NULL);
INSERT INTO "api_log" VALUES(3,1773846120000,'/search','GET',100.0,200,1000,'10.0.0.1',NULL,'/search',2,'live',1773846120000,NULL,NULL,NULL);
INSERT INTO "api_log" VALUES(4,1773846180000,'/search','GET',100.0,200,1000,'10.0.0.1','u''1','/search',3,'live',1773846180000,NULL,NULL,NULL);
INSERT INTO "api_log" VALUES(5,1773846240000,'/search','GET',100.0,200,1000,'10.0.0.1',NULL,'/search',4,'live',1773846240000,NULL,NULL,NULL);
INSERT INTO "api_log" VALUES(6,1773846300000,'/search','GET',100.0,200,1000,'10.0.0.1','u''1','/search',5,'live',1773846300000,NULL,NULL,NULL);
CREATE TABLE call_count (
	source TEXT NOT NULL, 
	status_class INTEGER NOT NULL, 
	duration_bin INTEGER NOT NULL, 
	calls BIGINT NOT NULL, 
	duration_us BIGINT NOT NULL, 
	PRIMARY KEY (source, status_class, duration_bin)
);
INSERT INTO "call_count" VALUES('live',2,4,6,600000);
CREATE TABLE counter (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "counter" VALUES('calls_lost',3);
CREATE TABLE dirty_window (
	start BIGINT NOT NULL, 
	mark BIGINT NOT NULL, 
	PRIMARY KEY (start)
);
INSERT INTO "dirty_window" VALUES(1773846000000,2193720749530312344);
INSERT INTO "dirty_window" VALUES(1773846060000,2193720749530312344);
INSERT INTO "dirty_window" VALUES(1773846120000,2193720749530312344);
INSERT INTO "dirty_window" VALUES(1773846180000,2193720749530312344);
INSERT INTO "dirty_window" VALUES(1773846240000,2193720749530312344);
INSERT INTO "dirty_window" VALUES(1773846300000,2193720749530312344);
CREATE TABLE drift (
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	feature TEXT NOT NULL, 
	psi FLOAT NOT NULL, 
	windows INTEGER NOT NULL, 
	model_version TEXT NOT NULL, 
	PRIMARY KEY (timestamp, subject, feature)
);
CREATE TABLE feedback (
	id INTEGER NOT NULL, 
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	method TEXT NOT NULL, 
	client TEXT, 
	verdict TEXT NOT NULL, 
	who TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	features TEXT NOT NULL, 
	risk_score FLOAT NOT NULL, 
	priority TEXT NOT NULL, 
	model_version TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE forecast_bin (
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	bin INTEGER NOT NULL, 
	windows INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	probability_sum FLOAT NOT NULL, 
	squared_error_sum FLOAT NOT NULL, 
	PRIMARY KEY (timestamp, subject, bin)
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
CREATE TABLE journal_position (
	journal TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	PRIMARY KEY (journal)
);
INSERT INTO "journal_position" VALUES('a.journal',10);
CREATE TABLE lease (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE live_event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at BIGINT NOT NULL, 
	window_id BIGINT NOT NULL, 
	priority TEXT NOT NULL
);
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema_version',4);
INSERT INTO "meta" VALUES('window_ms',60000);
INSERT INTO "meta" VALUES('rolled_up_id',4);
CREATE TABLE model_event (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	version TEXT NOT NULL, 
	event TEXT NOT NULL, 
	who TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE onset (
	timestamp BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	method TEXT NOT NULL, 
	client TEXT NOT NULL, 
	warned_at BIGINT, 
	probability FLOAT, 
	PRIMARY KEY (timestamp, subject, endpoint, method, client)
);
CREATE TABLE question (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	text TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	message TEXT NOT NULL, 
	rows INTEGER, 
	took_ms FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
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
	risk_sum FLOAT NOT NULL, 
	risk FLOAT NOT NULL, 
	failure_probability FLOAT NOT NULL, 
	anomaly_score FLOAT NOT NULL, 
	calls BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	simulated BIGINT NOT NULL, 
	timed BIGINT NOT NULL, 
	spent_ms FLOAT NOT NULL, 
	slowest_ms FLOAT, 
	newest BIGINT, 
	newest_risk FLOAT, 
	newest_failure_probability FLOAT, 
	newest_anomaly_score FLOAT, 
	status_counts TEXT, 
	latency_histogram BLOB, 
	PRIMARY KEY (span_ms, endpoint, method, subject, timestamp)
);
INSERT INTO "rollup" VALUES(3600000,'*','*','endpoint',1773846000000,3,0,0,0,0,3.00000000000000044408e-01,0.1,0.05,0.2,30,0,0,30,3000.0,150.0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "rollup" VALUES(3600000,'*','*','client',1773846000000,0,0,0,0,0,0.0,0.0,0.0,0.0,0,0,0,0,0.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "rollup" VALUES(3600000,'/search','GET','endpoint',1773846000000,3,0,0,0,0,3.00000000000000044408e-01,0.1,0.05,0.2,30,0,0,30,3000.0,150.0,1773846120000,0.1,0.05,0.2,'{"200": 30}',X'0102');
CREATE TABLE rollup_due (
	hour BIGINT NOT NULL, 
	PRIMARY KEY (hour)
);
INSERT INTO "rollup_due" VALUES(1773853200000);
CREATE TABLE saved_question (
	id INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	name TEXT NOT NULL, 
	text TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE scenario_run (
	id INTEGER NOT NULL, 
	open INTEGER, 
	scenario TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	intensity FLOAT NOT NULL, 
	minutes FLOAT NOT NULL, 
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
	risk_score FLOAT, 
	reasons TEXT, 
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ux_api_log_identity ON api_log (identity) WHERE identity IS NOT NULL;
CREATE INDEX ix_api_log_user_timestamp ON api_log (user_id, timestamp) WHERE user_id IS NOT NULL;
CREATE INDEX ix_api_log_endpoint_timestamp ON api_log (endpoint, timestamp, response_time_ms, status_code, method, payload_size, ip_address, user_id);
CREATE INDEX ix_api_log_timestamp ON api_log (timestamp);
CREATE INDEX ix_anomaly_log_priority_timestamp ON anomaly_log (priority, timestamp);
CREATE INDEX ix_anomaly_log_client_timestamp ON anomaly_log (client, timestamp);
CREATE INDEX ix_anomaly_log_endpoint_windows ON anomaly_log (timestamp) WHERE subject = 'endpoint';
CREATE INDEX ix_anomaly_log_risky_endpoint ON anomaly_log (endpoint, timestamp) WHERE priority <> 'LOW' AND subject = 'endpoint';
CREATE INDEX ix_anomaly_log_endpoint_timestamp ON anomaly_log (endpoint, timestamp);
CREATE INDEX ix_anomaly_log_timestamp ON anomaly_log (timestamp);
CREATE UNIQUE INDEX ux_anomaly_log_window ON anomaly_log (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE INDEX ix_rollup_span_timestamp ON rollup (span_ms, timestamp);
CREATE UNIQUE INDEX ux_feedback_window ON feedback (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE UNIQUE INDEX ux_acknowledgement_window ON acknowledgement (timestamp, subject, endpoint, method, coalesce(client, ''));
CREATE INDEX ix_question_who_at ON question (who, at, id);
CREATE UNIQUE INDEX ux_saved_question_who_name ON saved_question (who, name);
CREATE UNIQUE INDEX ux_scenario_run_open ON scenario_run (open);
DELETE FROM "sqlite_sequence";
COMMIT;
