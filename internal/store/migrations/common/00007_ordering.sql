-- +goose Up
-- What is gathered step by step for an order; requestor and tags stand once
-- more in columns of their own because reports search by them.
CREATE TABLE order_details (
  order_id TEXT PRIMARY KEY REFERENCES orders(id),
  account TEXT NOT NULL,
  request BIGINT NOT NULL,
  organisation TEXT,
  owner TEXT,
  ask TEXT NOT NULL,
  requestor TEXT NOT NULL,
  tags TEXT NOT NULL,
  csr BYTEA,
  agreement TEXT,
  approved BOOLEAN NOT NULL,
  reissues TEXT,
  mode TEXT NOT NULL,
  reason TEXT NOT NULL,
  revoke_old BOOLEAN NOT NULL,
  revoke_all BOOLEAN NOT NULL,
  revoke_reason BIGINT NOT NULL,
  remarks TEXT NOT NULL,
  digest TEXT NOT NULL,
  documents_after BIGINT,
  subscribed_until BIGINT,
  due_at BIGINT,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX order_details_request ON order_details (request);
CREATE INDEX order_details_due ON order_details (due_at) WHERE due_at IS NOT NULL;

-- From what a change is about to the orders that wait for it: a domain by its
-- name and by those above it that may cover it, an organisation by its id.
CREATE TABLE order_waits (
  order_id TEXT NOT NULL REFERENCES orders(id),
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  reference TEXT NOT NULL,
  PRIMARY KEY (order_id, kind, reference)
);
CREATE INDEX order_waits_reference ON order_waits (account, kind, reference);

CREATE INDEX orders_group ON orders (account, group_id, id);

-- +goose Down
DROP INDEX orders_group;
DROP TABLE order_waits;
DROP TABLE order_details;
