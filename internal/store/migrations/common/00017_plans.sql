-- +goose Up
-- The history of one thing in its order; lists of ACME objects newest first, of
-- an account and of a credential; lists of what people register newest first.
DROP INDEX audit_entries_object;
CREATE INDEX audit_entries_object ON audit_entries (object, at, chain, seq);
CREATE INDEX acme_accounts_newest ON acme_accounts (account, id);
CREATE INDEX acme_orders_newest ON acme_orders (account, id);
CREATE INDEX acme_orders_credential ON acme_orders (credential, id);
CREATE INDEX authorizations_newest ON authorizations (account, id);
CREATE INDEX authorizations_credential ON authorizations (credential, id);
CREATE INDEX users_newest ON users (account, id);
CREATE INDEX domains_newest ON domains (account, id);
CREATE INDEX credentials_newest ON credentials (account, id);
CREATE INDEX deployment_requests_newest ON deployment_requests (account, id);

-- +goose Down
DROP INDEX deployment_requests_newest;
DROP INDEX credentials_newest;
DROP INDEX domains_newest;
DROP INDEX users_newest;
DROP INDEX authorizations_credential;
DROP INDEX authorizations_newest;
DROP INDEX acme_orders_credential;
DROP INDEX acme_orders_newest;
DROP INDEX acme_accounts_newest;
DROP INDEX audit_entries_object;
CREATE INDEX audit_entries_object ON audit_entries (object);
