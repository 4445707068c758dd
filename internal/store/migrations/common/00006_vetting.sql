-- +goose Up
ALTER TABLE organisations ADD COLUMN legal TEXT NOT NULL DEFAULT '{}';
-- The pre-vetting token, sealed.
ALTER TABLE organisations ADD COLUMN token_sealed BYTEA;

CREATE TABLE vettings (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  organisation TEXT NOT NULL REFERENCES organisations(id),
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  asked_by TEXT,
  asked_as TEXT NOT NULL,
  validator TEXT,
  method TEXT NOT NULL,
  source TEXT NOT NULL,
  comment TEXT NOT NULL,
  evidence TEXT NOT NULL,
  decided_at BIGINT,
  expires_at BIGINT,
  reminded BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX vettings_organisation ON vettings (account, organisation, purpose);
CREATE UNIQUE INDEX vettings_open ON vettings (organisation, purpose) WHERE state IN ('pending', 'discrepancy');
CREATE INDEX vettings_end ON vettings (expires_at) WHERE state = 'validated';

CREATE TABLE representatives (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  number BIGINT NOT NULL,
  organisation TEXT NOT NULL REFERENCES organisations(id),
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  phone TEXT NOT NULL,
  designation TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account, number)
);
CREATE INDEX representatives_organisation ON representatives (organisation);

-- The link's secret is known by hash only. A representative who is removed
-- leaves his answers behind.
CREATE TABLE consents (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  organisation TEXT NOT NULL REFERENCES organisations(id),
  representative TEXT NOT NULL,
  order_id TEXT,
  statement TEXT NOT NULL,
  state TEXT NOT NULL,
  sent_to TEXT NOT NULL,
  secret_hash BYTEA NOT NULL UNIQUE,
  expires_at BIGINT NOT NULL,
  answered_at BIGINT,
  answered_from TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX consents_organisation ON consents (organisation, representative);
CREATE INDEX consents_order ON consents (order_id) WHERE order_id IS NOT NULL;

-- A document belongs to an order or to an organisation (owner).
CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  order_id TEXT,
  owner TEXT REFERENCES organisations(id),
  group_id TEXT,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  type TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  uploader TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL
);
CREATE INDEX documents_order ON documents (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX documents_owner ON documents (owner) WHERE owner IS NOT NULL;

-- +goose Down
DROP TABLE documents;
DROP TABLE consents;
DROP TABLE representatives;
DROP TABLE vettings;
ALTER TABLE organisations DROP COLUMN token_sealed;
ALTER TABLE organisations DROP COLUMN legal;
