-- +goose Up
CREATE TABLE rest_tokens (
  access_hash BYTEA PRIMARY KEY,
  refresh_hash BYTEA NOT NULL UNIQUE,
  family TEXT NOT NULL,
  account TEXT NOT NULL,
  credential TEXT NOT NULL,
  public_id TEXT NOT NULL,
  secret_set_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  refresh_until BIGINT NOT NULL,
  used_at BIGINT,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX rest_tokens_family ON rest_tokens (family);
CREATE INDEX rest_tokens_end ON rest_tokens (refresh_until);

CREATE TABLE rest_txns (
  credential TEXT NOT NULL,
  txn TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (credential, txn)
);
CREATE INDEX rest_txns_until ON rest_txns (until);

CREATE TABLE rest_answers (
  credential TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  digest BYTEA NOT NULL,
  order_id TEXT NOT NULL,
  final BOOLEAN NOT NULL,
  status BIGINT NOT NULL,
  location TEXT NOT NULL,
  body BYTEA,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (credential, idempotency_key)
);
CREATE INDEX rest_answers_age ON rest_answers (created_at);

CREATE TABLE deployment_requests (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  number BIGINT NOT NULL,
  certificate TEXT NOT NULL,
  credential TEXT NOT NULL,
  user_id TEXT NOT NULL,
  group_id TEXT NOT NULL,
  target TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account, number)
);
CREATE INDEX deployment_requests_certificate ON deployment_requests (certificate, id);

-- +goose Down
DROP TABLE deployment_requests;
DROP TABLE rest_answers;
DROP TABLE rest_txns;
DROP TABLE rest_tokens;
