-- A schema of version 1 of pgstore, with the tables of River 0.51.2 (its version 8), by
-- pg_dump --inserts, without its settings.

CREATE SCHEMA slastream_version1;

CREATE TYPE slastream_version1.river_job_state AS ENUM (
    'available',
    'cancelled',
    'completed',
    'discarded',
    'pending',
    'retryable',
    'running',
    'scheduled'
);

CREATE FUNCTION slastream_version1.river_job_state_in_bitmask(bitmask bit, state slastream_version1.river_job_state) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE state
        WHEN 'available' THEN get_bit(bitmask, 7)
        WHEN 'cancelled' THEN get_bit(bitmask, 6)
        WHEN 'completed' THEN get_bit(bitmask, 5)
        WHEN 'discarded' THEN get_bit(bitmask, 4)
        WHEN 'pending'   THEN get_bit(bitmask, 3)
        WHEN 'retryable' THEN get_bit(bitmask, 2)
        WHEN 'running'   THEN get_bit(bitmask, 1)
        WHEN 'scheduled' THEN get_bit(bitmask, 0)
        ELSE 0
    END = 1;
$$;

CREATE TABLE slastream_version1.chunk (
    deal bytea NOT NULL,
    index numeric(20,0) NOT NULL,
    chain_id numeric(20,0) NOT NULL,
    verifier bytea NOT NULL,
    set_id bytea NOT NULL,
    period numeric(20,0) NOT NULL,
    proof_tx bytea NOT NULL,
    block_hash bytea NOT NULL,
    block_number numeric(20,0) NOT NULL,
    log_index numeric(20,0) NOT NULL,
    root_cid bytea NOT NULL,
    proven numeric(20,0) NOT NULL,
    amount numeric(78,0) NOT NULL,
    provider bytea NOT NULL,
    state smallint NOT NULL,
    signed bytea NOT NULL,
    batched boolean NOT NULL,
    sender bytea NOT NULL,
    nonce numeric(20,0) NOT NULL,
    tx_hash bytea NOT NULL,
    attempts bigint NOT NULL,
    retry_at numeric(20,0) NOT NULL,
    class smallint NOT NULL,
    reason bytea NOT NULL,
    counted boolean NOT NULL,
    observed numeric(20,0) NOT NULL,
    updated numeric(20,0) NOT NULL,
    version numeric(20,0) NOT NULL,
    pays boolean DEFAULT true NOT NULL,
    waits boolean GENERATED ALWAYS AS (((state < 6) AND (nonce = (0)::numeric) AND (sender = decode(repeat('00'::text, 32), 'hex'::text)))) STORED NOT NULL
);

CREATE TABLE slastream_version1.lease (
    name bytea NOT NULL,
    owner bytea NOT NULL,
    token numeric(20,0) NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE slastream_version1.progress (
    one boolean DEFAULT true NOT NULL,
    cursor numeric(20,0) NOT NULL,
    CONSTRAINT progress_one_check CHECK (one)
);

CREATE TABLE slastream_version1.river_job (
    id bigint NOT NULL,
    state slastream_version1.river_job_state DEFAULT 'available'::slastream_version1.river_job_state NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL,
    attempted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finalized_at timestamp with time zone,
    scheduled_at timestamp with time zone DEFAULT now() NOT NULL,
    priority smallint DEFAULT 1 NOT NULL,
    args jsonb NOT NULL,
    attempted_by text[],
    errors jsonb[],
    kind text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    tags character varying(255)[] DEFAULT '{}'::character varying[] NOT NULL,
    unique_key bytea,
    unique_states bit(8),
    CONSTRAINT finalized_or_finalized_at_null CHECK ((((finalized_at IS NULL) AND (state <> ALL (ARRAY['cancelled'::slastream_version1.river_job_state, 'completed'::slastream_version1.river_job_state, 'discarded'::slastream_version1.river_job_state]))) OR ((finalized_at IS NOT NULL) AND (state = ANY (ARRAY['cancelled'::slastream_version1.river_job_state, 'completed'::slastream_version1.river_job_state, 'discarded'::slastream_version1.river_job_state]))))),
    CONSTRAINT kind_length CHECK (((char_length(kind) > 0) AND (char_length(kind) < 128))),
    CONSTRAINT max_attempts_is_positive CHECK ((max_attempts > 0)),
    CONSTRAINT priority_in_range CHECK (((priority >= 1) AND (priority <= 4))),
    CONSTRAINT queue_length CHECK (((char_length(queue) > 0) AND (char_length(queue) < 128)))
);

CREATE SEQUENCE slastream_version1.river_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE slastream_version1.river_job_id_seq OWNED BY slastream_version1.river_job.id;

CREATE UNLOGGED TABLE slastream_version1.river_leader (
    elected_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    leader_id text NOT NULL,
    name text DEFAULT 'default'::text NOT NULL,
    CONSTRAINT leader_id_length CHECK (((char_length(leader_id) > 0) AND (char_length(leader_id) < 128))),
    CONSTRAINT name_length CHECK ((name = 'default'::text))
);

CREATE TABLE slastream_version1.river_migration (
    line text NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT line_length CHECK (((char_length(line) > 0) AND (char_length(line) < 128))),
    CONSTRAINT version_gte_1 CHECK ((version >= 1))
);

CREATE TABLE slastream_version1.river_notification (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    payload text NOT NULL,
    topic text NOT NULL,
    CONSTRAINT topic_length CHECK (((length(topic) > 0) AND (length(topic) < 128)))
);

CREATE SEQUENCE slastream_version1.river_notification_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE slastream_version1.river_notification_id_seq OWNED BY slastream_version1.river_notification.id;

CREATE TABLE slastream_version1.river_queue (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    paused_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);

CREATE TABLE slastream_version1.spend (
    scope bytea NOT NULL,
    hour numeric(20,0) NOT NULL,
    amount numeric(78,0) NOT NULL
);

CREATE TABLE slastream_version1.tally (
    state smallint NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE slastream_version1.track (
    deal bytea NOT NULL,
    set_id bytea NOT NULL,
    start_epoch numeric(20,0) NOT NULL,
    provider bytea NOT NULL,
    amount numeric(78,0) NOT NULL,
    chunks numeric(20,0) NOT NULL,
    deadline numeric(20,0) NOT NULL,
    earned numeric(20,0) NOT NULL,
    next_epoch numeric(20,0) NOT NULL,
    behind boolean NOT NULL,
    ended boolean NOT NULL,
    halted bytea NOT NULL,
    version numeric(20,0) NOT NULL
);

CREATE TABLE slastream_version1.tx (
    sender bytea NOT NULL,
    nonce numeric(20,0) NOT NULL,
    first bytea NOT NULL,
    signed jsonb NOT NULL,
    chunks jsonb NOT NULL,
    state smallint NOT NULL,
    due numeric(20,0) NOT NULL,
    stored numeric(20,0) NOT NULL
);

CREATE TABLE slastream_version1.version (
    version integer NOT NULL
);

ALTER TABLE ONLY slastream_version1.river_job ALTER COLUMN id SET DEFAULT nextval('slastream_version1.river_job_id_seq'::regclass);

ALTER TABLE ONLY slastream_version1.river_notification ALTER COLUMN id SET DEFAULT nextval('slastream_version1.river_notification_id_seq'::regclass);

INSERT INTO slastream_version1.chunk VALUES ('\x0000000000000000000000000000000000000000000000000000000000000001', 3, 314, '\x0000000000000000000000000000000000000009', '\x0000000000000000000000000000000000000000000000000000000000000065', 3008640, '\x000000000000000000000000000000000000000000000000000000000000000b', '\x000000000000000000000000000000000000000000000000000000000000000c', 3008740, 4, '\x000000000000000000000000000000000000000000000000000000000000000d', 1800000000, 1000000000000000000, '\x0000000000000000000000000000000000000000000000000000000000000001', 0, '\x', false, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, 0, 0, '\x', false, 1800000000003, 1800000000000, 1, true, DEFAULT);
INSERT INTO slastream_version1.chunk VALUES ('\x0000000000000000000000000000000000000000000000000000000000000001', 0, 314, '\x0000000000000000000000000000000000000009', '\x0000000000000000000000000000000000000000000000000000000000000065', 3000000, '\x000000000000000000000000000000000000000000000000000000000000000b', '\x000000000000000000000000000000000000000000000000000000000000000c', 3000100, 4, '\x000000000000000000000000000000000000000000000000000000000000000d', 1800000000, 1000000000000000000, '\x0000000000000000000000000000000000000000000000000000000000000001', 3, '\x000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000065000000000000000000000000000000000000000000000000000000000000000d000000000000000000000000000000000000000000000000000000006b49d2000000000000000000000000000000000000000000000000000000000000000015000000000000000000000000000000000000000000000000000000000000001600000001', true, '\x0000000000000000000000000000000000000000000000000000000000000007', 18446744073709551615, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, 0, 0, '\x', true, 1800000000000, 1800000000000, 2, true, DEFAULT);
INSERT INTO slastream_version1.chunk VALUES ('\x0000000000000000000000000000000000000000000000000000000000000001', 1, 314, '\x0000000000000000000000000000000000000009', '\x0000000000000000000000000000000000000000000000000000000000000065', 3002880, '\x000000000000000000000000000000000000000000000000000000000000000b', '\x000000000000000000000000000000000000000000000000000000000000000c', 3002980, 4, '\x000000000000000000000000000000000000000000000000000000000000000d', 1800000000, 1000000000000000000, '\x0000000000000000000000000000000000000000000000000000000000000001', 2, '\x000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000065000000000000000000000000000000000000000000000000000000000000000d000000000000000000000000000000000000000000000000000000006b49d2000000000000000000000000000000000000000000000000000000000000000015000000000000000000000000000000000000000000000000000000000000001600000001', false, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, '\x0000000000000000000000000000000000000000000000000000000000000000', 3, 1800000001000, 4, '\x63757420696e20612072c3', false, 1800000000001, 1800000000000, 2, true, DEFAULT);
INSERT INTO slastream_version1.chunk VALUES ('\x0000000000000000000000000000000000000000000000000000000000000001', 2, 314, '\x0000000000000000000000000000000000000009', '\x0000000000000000000000000000000000000000000000000000000000000065', 3005760, '\x000000000000000000000000000000000000000000000000000000000000000b', '\x000000000000000000000000000000000000000000000000000000000000000c', 3005860, 4, '\x000000000000000000000000000000000000000000000000000000000000000d', 1800000000, 1000000000000000000, '\x0000000000000000000000000000000000000000000000000000000000000001', 7, '\x', false, '\x0000000000000000000000000000000000000000000000000000000000000000', 0, '\x0000000000000000000000000000000000000000000000000000000000000017', 0, 0, 0, '\x', false, 1800000000002, 1800000000000, 2, false, DEFAULT);

INSERT INTO slastream_version1.lease VALUES ('\x307830303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303037', '\x76657273696f6e2031', 1, '2026-11-25 11:52:11.148083+00');

INSERT INTO slastream_version1.progress VALUES (true, 4000000);

INSERT INTO slastream_version1.river_migration VALUES ('main', 1, '2026-11-25 11:52:11.06579+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 2, '2026-11-25 11:52:11.072835+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 3, '2026-11-25 11:52:11.092463+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 4, '2026-11-25 11:52:11.094655+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 5, '2026-11-25 11:52:11.102362+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 6, '2026-11-25 11:52:11.122149+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 7, '2026-11-25 11:52:11.12663+00');
INSERT INTO slastream_version1.river_migration VALUES ('main', 8, '2026-11-25 11:52:11.137795+00');

INSERT INTO slastream_version1.spend VALUES ('\x', 500000, 5);
INSERT INTO slastream_version1.spend VALUES ('\x307837', 500001, 115339776388732929035197660848497720713218148788040405586178452820382218977280);

INSERT INTO slastream_version1.tally VALUES (1, 0);
INSERT INTO slastream_version1.tally VALUES (4, 0);
INSERT INTO slastream_version1.tally VALUES (5, 0);
INSERT INTO slastream_version1.tally VALUES (6, 0);
INSERT INTO slastream_version1.tally VALUES (-1, 2);
INSERT INTO slastream_version1.tally VALUES (0, 1);
INSERT INTO slastream_version1.tally VALUES (2, 1);
INSERT INTO slastream_version1.tally VALUES (3, 1);
INSERT INTO slastream_version1.tally VALUES (7, 1);

INSERT INTO slastream_version1.track VALUES ('\x0000000000000000000000000000000000000000000000000000000000000002', '\x0000000000000000000000000000000000000000000000000000000000000066', 3000000, '\x0000000000000000000000000000000000000000000000000000000000000002', 1000000000000000000, 30, 1900000000, 0, 3000000, true, false, '\x', 1);
INSERT INTO slastream_version1.track VALUES ('\x0000000000000000000000000000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000000000000000000000000000065', 3000000, '\x0000000000000000000000000000000000000000000000000000000000000001', 1000000000000000000, 30, 1900000000, 4, 3000000, false, false, '\x', 2);

INSERT INTO slastream_version1.tx VALUES ('\x0000000000000000000000000000000000000000000000000000000000000007', 18446744073709551615, '\x000000000000000000000000000000000000000000000000000000000000001f', '[{"body": "eyJ0eXBlIjoiSU5WT0tFIn0=", "hash": "0x000000000000000000000000000000000000000000000000000000000000001f", "nonce": 18446744073709551615, "sender": "0x0000000000000000000000000000000000000000000000000000000000000007"}]', '[{"deal": "0x0000000000000000000000000000000000000000000000000000000000000001", "index": 0}]', 4, 7, 8);

INSERT INTO slastream_version1.version VALUES (1);

SELECT pg_catalog.setval('slastream_version1.river_job_id_seq', 1, false);

SELECT pg_catalog.setval('slastream_version1.river_notification_id_seq', 1, false);

ALTER TABLE ONLY slastream_version1.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (deal, index);

ALTER TABLE ONLY slastream_version1.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (name);

ALTER TABLE ONLY slastream_version1.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (one);

ALTER TABLE ONLY slastream_version1.river_job
    ADD CONSTRAINT river_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY slastream_version1.river_leader
    ADD CONSTRAINT river_leader_pkey PRIMARY KEY (name);

ALTER TABLE ONLY slastream_version1.river_migration
    ADD CONSTRAINT river_migration_pkey1 PRIMARY KEY (line, version);

ALTER TABLE ONLY slastream_version1.river_notification
    ADD CONSTRAINT river_notification_pkey PRIMARY KEY (id);

ALTER TABLE ONLY slastream_version1.river_queue
    ADD CONSTRAINT river_queue_pkey PRIMARY KEY (name);

ALTER TABLE ONLY slastream_version1.spend
    ADD CONSTRAINT spend_pkey PRIMARY KEY (scope, hour);

ALTER TABLE ONLY slastream_version1.tally
    ADD CONSTRAINT tally_pkey PRIMARY KEY (state);

ALTER TABLE ONLY slastream_version1.track
    ADD CONSTRAINT track_pkey PRIMARY KEY (deal);

ALTER TABLE ONLY slastream_version1.tx
    ADD CONSTRAINT tx_pkey PRIMARY KEY (sender, nonce);

CREATE INDEX chunk_due ON slastream_version1.chunk USING btree (retry_at, deal, index) WHERE waits;

CREATE INDEX chunk_oldest ON slastream_version1.chunk USING btree (observed) WHERE (state < 5);

CREATE INDEX chunk_open ON slastream_version1.chunk USING btree (deal, index) WHERE (state < 5);

CREATE UNIQUE INDEX chunk_period ON slastream_version1.chunk USING btree (set_id, period, verifier, chain_id) WHERE pays;

CREATE INDEX river_job_args_index ON slastream_version1.river_job USING gin (args);

CREATE INDEX river_job_kind ON slastream_version1.river_job USING btree (kind);

CREATE INDEX river_job_metadata_index ON slastream_version1.river_job USING gin (metadata);

CREATE INDEX river_job_prioritized_fetching_index ON slastream_version1.river_job USING btree (state, queue, priority, scheduled_at, id);

CREATE INDEX river_job_state_and_finalized_at_index ON slastream_version1.river_job USING btree (state, finalized_at) WHERE (finalized_at IS NOT NULL);

CREATE UNIQUE INDEX river_job_unique_idx ON slastream_version1.river_job USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (unique_states IS NOT NULL) AND slastream_version1.river_job_state_in_bitmask(unique_states, state));

CREATE INDEX river_notification_created_at_idx ON slastream_version1.river_notification USING btree (created_at);

CREATE INDEX river_notification_topic_id_idx ON slastream_version1.river_notification USING btree (topic, id);

CREATE INDEX track_behind ON slastream_version1.track USING btree (deal) WHERE (behind AND (NOT ended) AND (halted = '\x'::bytea));

CREATE UNIQUE INDEX track_set ON slastream_version1.track USING btree (set_id) WHERE (NOT ended);

