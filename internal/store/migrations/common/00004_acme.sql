-- +goose Up
ALTER TABLE credentials ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE issuers ADD COLUMN alternates TEXT NOT NULL DEFAULT '[]';

CREATE TABLE acme_accounts (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  credential TEXT NOT NULL,
  state TEXT NOT NULL,
  jwk BYTEA NOT NULL,
  thumbprint TEXT NOT NULL,
  contacts TEXT NOT NULL,
  terms BOOLEAN NOT NULL,
  external TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (credential, thumbprint)
);

CREATE TABLE acme_orders (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  credential TEXT NOT NULL,
  acme_account TEXT NOT NULL,
  state TEXT NOT NULL,
  product TEXT NOT NULL,
  profile TEXT NOT NULL,
  identifiers TEXT NOT NULL,
  authorizations TEXT NOT NULL,
  wish TEXT NOT NULL,
  not_before BIGINT,
  not_after BIGINT,
  replaces TEXT,
  csr BYTEA,
  order_id TEXT,
  certificate TEXT,
  problem TEXT,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX acme_orders_wish ON acme_orders (acme_account, wish) WHERE state IN ('pending', 'ready');
CREATE INDEX acme_orders_account ON acme_orders (acme_account, id);
CREATE INDEX acme_orders_certificate ON acme_orders (certificate) WHERE certificate IS NOT NULL;
CREATE INDEX acme_orders_replaces ON acme_orders (replaces) WHERE replaces IS NOT NULL;

CREATE TABLE authorizations (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  credential TEXT NOT NULL,
  acme_account TEXT NOT NULL,
  identifier_type TEXT NOT NULL,
  identifier_value TEXT NOT NULL,
  wildcard BOOLEAN NOT NULL,
  subdomains BOOLEAN NOT NULL,
  state TEXT NOT NULL,
  method TEXT NOT NULL,
  challenges TEXT NOT NULL,
  busy_until BIGINT,
  expires_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX authorizations_identifier ON authorizations (acme_account, identifier_type, identifier_value);
CREATE INDEX authorizations_busy ON authorizations (busy_until) WHERE busy_until IS NOT NULL;

-- From an authorization to the orders that wait for it, and back: an order is
-- ready when none of its authorizations is missing.
CREATE TABLE acme_order_authorizations (
  authorization_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  PRIMARY KEY (authorization_id, order_id)
);
CREATE INDEX acme_order_authorizations_order ON acme_order_authorizations (order_id);

-- Nonces that were used; until is when they would not be accepted any more.
CREATE TABLE nonces (
  id BYTEA PRIMARY KEY,
  until BIGINT NOT NULL
);
CREATE INDEX nonces_until ON nonces (until);

CREATE TABLE renewal_pulls (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  issuer TEXT REFERENCES issuers(id),
  product TEXT REFERENCES products(id),
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  explanation TEXT NOT NULL,
  reason TEXT NOT NULL,
  cancelled_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX renewal_pulls_account ON renewal_pulls (account, created_at);

-- +goose Down
DROP TABLE renewal_pulls;
DROP TABLE nonces;
DROP TABLE acme_order_authorizations;
DROP TABLE authorizations;
DROP TABLE acme_orders;
DROP TABLE acme_accounts;
ALTER TABLE issuers DROP COLUMN alternates;
ALTER TABLE credentials DROP COLUMN options;
