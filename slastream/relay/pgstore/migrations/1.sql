-- Version 1 of the tables. Numbers of 64 bits without a sign are numeric(20),
-- amounts numeric(78); words, addresses and texts are bytea, for a text may hold
-- bytes that no text column takes: convert_from(owner, 'UTF8') reads one.
-- States and classes are the numbers of relay.State and relay.Class; times are
-- Unix milliseconds.

-- One row: the first epoch that was not observed.
CREATE TABLE {progress} (
	one    boolean PRIMARY KEY DEFAULT true CHECK (one),
	cursor numeric(20) NOT NULL
);
INSERT INTO {progress} (cursor) VALUES (0);

CREATE TABLE {track} (
	deal        bytea PRIMARY KEY,
	set_id      bytea NOT NULL,
	start_epoch numeric(20) NOT NULL,
	provider    bytea NOT NULL,
	amount      numeric(78) NOT NULL,
	chunks      numeric(20) NOT NULL,
	deadline    numeric(20) NOT NULL,
	earned      numeric(20) NOT NULL,
	next_epoch  numeric(20) NOT NULL,
	behind      boolean NOT NULL,
	ended       boolean NOT NULL,
	halted      bytea NOT NULL,
	version     numeric(20) NOT NULL
);
CREATE UNIQUE INDEX track_set ON {track} (set_id) WHERE NOT ended;
CREATE INDEX track_behind ON {track} (deal) WHERE behind AND NOT ended AND halted = '';

CREATE TABLE {chunk} (
	deal         bytea NOT NULL,
	index        numeric(20) NOT NULL,
	chain_id     numeric(20) NOT NULL,
	verifier     bytea NOT NULL,
	set_id       bytea NOT NULL,
	period       numeric(20) NOT NULL,
	proof_tx     bytea NOT NULL,
	block_hash   bytea NOT NULL,
	block_number numeric(20) NOT NULL,
	log_index    numeric(20) NOT NULL,
	root_cid     bytea NOT NULL,
	proven       numeric(20) NOT NULL,
	amount       numeric(78) NOT NULL,
	provider     bytea NOT NULL,
	state        smallint NOT NULL,
	signed       bytea NOT NULL,
	batched      boolean NOT NULL,
	sender       bytea NOT NULL,
	nonce        numeric(20) NOT NULL,
	tx_hash      bytea NOT NULL,
	attempts     bigint NOT NULL,
	retry_at     numeric(20) NOT NULL,
	class        smallint NOT NULL,
	reason       bytea NOT NULL,
	counted      boolean NOT NULL,
	observed     numeric(20) NOT NULL,
	updated      numeric(20) NOT NULL,
	version      numeric(20) NOT NULL,
	-- The proving period is this chunk's: until it is refused.
	pays         boolean NOT NULL DEFAULT true,
	-- It has no transaction and is not at its end (6 is Settled): sender and nonce
	-- of no transaction are 0.
	waits        boolean NOT NULL GENERATED ALWAYS AS (state < 6 AND nonce = 0 AND sender = decode(repeat('00', 32), 'hex')) STORED,
	PRIMARY KEY (deal, index)
);
-- The nullifier: a proving period pays once.
CREATE UNIQUE INDEX chunk_period ON {chunk} (set_id, period, verifier, chain_id) WHERE pays;
-- What has to be looked at.
CREATE INDEX chunk_due ON {chunk} (retry_at, deal, index) WHERE waits;
-- What is still to be paid: 5 is Accepted.
CREATE INDEX chunk_open ON {chunk} (deal, index) WHERE state < 5;
CREATE INDEX chunk_oldest ON {chunk} (observed) WHERE state < 5;

CREATE TABLE {tx} (
	sender bytea NOT NULL,
	nonce  numeric(20) NOT NULL,
	first  bytea NOT NULL,
	signed jsonb NOT NULL,
	chunks jsonb NOT NULL,
	state  smallint NOT NULL,
	due    numeric(20) NOT NULL,
	stored numeric(20) NOT NULL,
	PRIMARY KEY (sender, nonce)
);

CREATE TABLE {lease} (
	name  bytea PRIMARY KEY,
	owner bytea NOT NULL,
	token numeric(20) NOT NULL,
	until timestamptz NOT NULL
);

CREATE TABLE {spend} (
	scope  bytea NOT NULL,
	hour   numeric(20) NOT NULL,
	amount numeric(78) NOT NULL,
	PRIMARY KEY (scope, hour)
);

-- How many chunks there are in each state, and tracks in state -1.
CREATE TABLE {tally} (
	state smallint PRIMARY KEY,
	n     bigint NOT NULL
);
INSERT INTO {tally} SELECT generate_series(-1, 7), 0;
