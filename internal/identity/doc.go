// Package identity knows who may come in: accounts, organisations, groups and
// users; sign-in sessions and personal API tokens of people; and API
// credentials, by which machines reach a protocol endpoint.
//
// # Who may do what
//
// The table of role, action and scope is [Rules]; [Can] and [VisibleGroups]
// read it. Every method here that takes a principal asks it first. Objects of
// another account are never found, whatever the id.
//
// # Secrets
//
//	password of a person         argon2id, PHC text
//	cookie of a session          SHA-256 (256 random bits)
//	personal API token           HMAC-SHA-256 under the server's pepper
//	credential secret            declared per authentication kind, and where a
//	                             protocol needs it otherwise per credential
//	                             type: hashed (peppered HMAC-SHA-256, compared
//	                             only) or sealed (readable again for a MAC)
//
// Nothing that decides over access is cached between requests: a revoked
// credential, token or session, a regenerated secret and a disabled user are
// refused from the next request on, on every replica.
package identity
