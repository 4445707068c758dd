// Package secret is envelope encryption of everything that must be read back:
// issuer keys, sealed credential secrets, connector passwords, user keys.
//
// # Keys
//
// A key-encryption key (KEK) comes from outside the database: a file, the
// environment, a passphrase or a hardware module. It protects one record, the
// key ring, which holds the data-encryption keys (DEK), one of them active,
// and a pepper. The ring is sealed as a whole under the KEK, so keys cannot be
// removed, added or reordered in the database, and none can be made active
// without the KEK.
//
//   - [Box.Seal] and [Box.Open] use the DEKs.
//   - [Box.MAC] and [Box.Derive] use the pepper, which never changes: hashes
//     of API secrets must stay comparable, and replicas must agree on keys for
//     nonces, across every rotation.
//   - [Box.RotateKEK] re-seals the ring under another KEK; no record changes.
//   - [Box.RotateDEK] adds a new active DEK; old records stay readable until
//     they have been put through [Box.Reseal] and [Box.Retire] drops the key.
//
// # Records
//
// A record is sealed with XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM),
// which is AES-256-GCM under a key that is derived for each record from the
// DEK and a 192-bit random nonce. Plain AES-GCM with random 96-bit nonces must
// stop after 2^32 records per key (NIST SP 800-38D section 8.3), which several
// replicas could only keep by counting together; a stored wrapped key per
// record would cost a second GCM pass and 60 octets. XAES-256-GCM has no
// practical limit, needs no counter, is made of FIPS-approved parts only and
// costs four AES blocks more.
//
//	magic "CWS" || version 0x01 || key id (8) || nonce (24) || ciphertext || tag (16)
//
// The additional data is the header (magic to nonce) followed by the caller's
// context, such as "issuer:<id>:key": a value that was moved to another row or
// column does not open.
package secret
