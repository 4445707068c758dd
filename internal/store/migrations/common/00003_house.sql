-- +goose Up
CREATE TABLE audit_chains (
  chain BIGINT PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash BYTEA NOT NULL
);

CREATE TABLE audit_entries (
  chain BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  account TEXT NOT NULL,
  at BIGINT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL,
  actor TEXT NOT NULL,
  login TEXT,
  address TEXT,
  request TEXT NOT NULL,
  protocol TEXT NOT NULL,
  credential TEXT,
  payload BYTEA,
  salt BYTEA,
  digest BYTEA NOT NULL,
  prev BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_entries_at ON audit_entries (account, at, chain, seq);
CREATE INDEX audit_entries_credential ON audit_entries (credential, at) WHERE credential IS NOT NULL;
CREATE INDEX audit_entries_object ON audit_entries (object);

CREATE TABLE audit_checkpoints (
  number BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  body BYTEA NOT NULL,
  signature BYTEA NOT NULL
);

-- Single values that replicas share: key ring, installation id, first-start marks.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value BYTEA NOT NULL,
  version BIGINT NOT NULL
);

-- Work that one replica at a time does. token grows with each new holder.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until BIGINT NOT NULL,
  token BIGINT NOT NULL
);

-- +goose Down
DROP TABLE leases;
DROP TABLE settings;
DROP TABLE audit_checkpoints;
DROP TABLE audit_entries;
DROP TABLE audit_chains;
