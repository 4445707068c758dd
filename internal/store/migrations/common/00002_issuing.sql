-- +goose Up
CREATE TABLE issuers (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  connector TEXT NOT NULL,
  parent TEXT REFERENCES issuers(id),
  root BOOLEAN NOT NULL,
  state TEXT NOT NULL,
  config BYTEA,
  certificate BYTEA,
  chain TEXT NOT NULL,
  csr BYTEA,
  key_ref TEXT NOT NULL,
  key_sealed BYTEA,
  algorithm TEXT NOT NULL,
  crl_number BIGINT NOT NULL,
  crl BYTEA,
  crl_kept BIGINT NOT NULL DEFAULT 0,
  crl_this BIGINT,
  crl_next BIGINT,
  responder BYTEA,
  responder_key BYTEA,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE products (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  number BIGINT NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  issuer TEXT NOT NULL REFERENCES issuers(id),
  state TEXT NOT NULL,
  profile TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account, code),
  UNIQUE (account, number)
);

CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  number BIGINT NOT NULL,
  type TEXT NOT NULL,
  auth TEXT NOT NULL,
  label TEXT NOT NULL,
  is_default BOOLEAN NOT NULL,
  description TEXT NOT NULL,
  tags TEXT NOT NULL,
  state TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users(id),
  group_id TEXT NOT NULL REFERENCES groups(id),
  organisation TEXT REFERENCES organisations(id),
  products TEXT NOT NULL,
  product TEXT NOT NULL REFERENCES products(id),
  public_id TEXT NOT NULL UNIQUE,
  secret_hash BYTEA,
  secret_sealed BYTEA,
  secret_set_at BIGINT NOT NULL,
  trust BYTEA,
  expires_at BIGINT,
  sources TEXT NOT NULL,
  allowed_names TEXT NOT NULL,
  proven_names TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoked_reason TEXT NOT NULL,
  UNIQUE (type, label),
  UNIQUE (account, number)
);
CREATE UNIQUE INDEX credentials_default ON credentials (type) WHERE is_default AND state = 'active';
CREATE INDEX credentials_user ON credentials (user_id);

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  number BIGINT NOT NULL,
  credential TEXT,
  user_id TEXT NOT NULL,
  group_id TEXT,
  product TEXT NOT NULL,
  issuer TEXT NOT NULL,
  protocol TEXT NOT NULL,
  state TEXT NOT NULL,
  subject TEXT NOT NULL,
  names TEXT NOT NULL,
  idempotency TEXT,
  replaces TEXT,
  certificate TEXT,
  request BYTEA NOT NULL,
  key_sealed BYTEA,
  failure TEXT NOT NULL,
  reference TEXT NOT NULL,
  lease_until BIGINT,
  attempt BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX orders_idempotency ON orders (idempotency) WHERE idempotency IS NOT NULL;
CREATE UNIQUE INDEX orders_number ON orders (number);
CREATE INDEX orders_open ON orders (state, updated_at) WHERE state NOT IN ('issued', 'rejected', 'cancelled', 'failed');
CREATE INDEX orders_account ON orders (account, id);

CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  number BIGINT NOT NULL,
  order_id TEXT,
  issuer TEXT NOT NULL,
  product TEXT NOT NULL,
  credential TEXT,
  user_id TEXT NOT NULL,
  group_id TEXT,
  protocol TEXT NOT NULL,
  state TEXT NOT NULL,
  serial TEXT NOT NULL,
  subject TEXT NOT NULL,
  common_name TEXT NOT NULL,
  names TEXT NOT NULL,
  key_algorithm TEXT NOT NULL,
  spki_hash BYTEA NOT NULL,
  ski BYTEA,
  fingerprint BYTEA,
  not_before BIGINT NOT NULL,
  not_after BIGINT NOT NULL,
  replaces TEXT,
  replaced_by TEXT,
  revoked_at BIGINT,
  reason BIGINT NOT NULL,
  invalid_since BIGINT,
  has_key BOOLEAN NOT NULL,
  tags TEXT NOT NULL,
  notified BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (issuer, serial)
);
CREATE UNIQUE INDEX certificates_fingerprint ON certificates (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX certificates_account ON certificates (account, id);
CREATE INDEX certificates_expiry ON certificates (account, not_after);
CREATE INDEX certificates_credential ON certificates (credential, not_after) WHERE credential IS NOT NULL;
CREATE INDEX certificates_named ON certificates (credential, LOWER(common_name)) WHERE credential IS NOT NULL;
CREATE INDEX certificates_ski ON certificates (ski);
CREATE INDEX certificates_revoked ON certificates (issuer, revoked_at) WHERE revoked_at IS NOT NULL;

-- The DER, apart from the narrow row that lists and filters read.
CREATE TABLE certificate_bodies (
  certificate TEXT PRIMARY KEY,
  der BYTEA NOT NULL
);

CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders(id),
  user_id TEXT NOT NULL REFERENCES users(id),
  approved BOOLEAN NOT NULL,
  comment TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (order_id, user_id)
);

-- +goose Down
DROP TABLE approvals;
DROP TABLE certificate_bodies;
DROP TABLE certificates;
DROP TABLE orders;
DROP TABLE credentials;
DROP TABLE products;
DROP TABLE issuers;
