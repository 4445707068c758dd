-- +goose Up
-- Default views newest first, whole and of groups, products, credentials and
-- rare states; and what is looked up by number or order.
CREATE INDEX certificates_known ON certificates (number);
CREATE INDEX certificates_group ON certificates (account, group_id, id);
CREATE INDEX certificates_product ON certificates (account, product, id);
CREATE INDEX certificates_owner ON certificates (account, credential, id);
CREATE INDEX certificates_order ON certificates (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX certificates_state ON certificates (account, state, id) WHERE state NOT IN ('active', 'reserved');
CREATE INDEX certificates_ends ON certificates (account, not_after, id);
DROP INDEX certificates_expiry;
CREATE INDEX orders_state ON orders (account, state, id);
CREATE INDEX orders_product ON orders (account, product, id);

-- The parts of three characters of what certificates are searched by. The
-- numbers of new rows wait in certificates_unindexed until the indexer, which
-- works outside of issuing, has taken them; lists look at both.
CREATE VIRTUAL TABLE certificates_fts USING fts5(common_name, names, subject, serial, content='', detail=column, tokenize='trigram');
CREATE TABLE certificates_unindexed (number INTEGER PRIMARY KEY);
INSERT OR IGNORE INTO certificates_unindexed (number) SELECT number FROM certificates;
-- +goose StatementBegin
CREATE TRIGGER certificates_added AFTER INSERT ON certificates BEGIN
  INSERT OR IGNORE INTO certificates_unindexed (number) VALUES (new.number);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER certificates_added;
DROP TABLE certificates_unindexed;
DROP TABLE certificates_fts;
DROP INDEX orders_product;
DROP INDEX orders_state;
CREATE INDEX certificates_expiry ON certificates (account, not_after);
DROP INDEX certificates_ends;
DROP INDEX certificates_state;
DROP INDEX certificates_order;
DROP INDEX certificates_owner;
DROP INDEX certificates_product;
DROP INDEX certificates_group;
DROP INDEX certificates_known;
