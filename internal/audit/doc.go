// Package audit is the append-only, hash-chained log of what was done, refused
// and failed, with signed checkpoints.
//
// # Chains
//
// There are several chains, one for each writer, so that writers do not queue
// for one end of chain. In a chain every row names the hash of the row before:
//
//	digest  = SHA-256("certwright audit payload v1\0" || salt (16) || payload)
//	content = SHA-256("certwright audit content v1\0" || time || account || actor ||
//	          action || object || outcome || request || protocol || credential || digest)
//	hash    = SHA-256("certwright audit entry v1\0" || chain (4) || seq (8) || prev (32) || content)
//
// Numbers are big-endian, time is in microseconds since 1970 (8 octets), texts
// have their length (4 octets) in front. seq starts at 1; prev of row 1 is
// zero.
//
// The payload is canonical JSON of what may be personal: login, address and
// detail. Only its salted digest goes into the chain. So the payload and salt
// of an account's rows can be erased, the chain still verifies, and nobody can
// find the erased values by trying. The content hash stands between, so that an
// export for one account can bridge rows of other accounts without showing
// anything about them.
//
// # Checkpoints
//
// A checkpoint signs the heads of all chains with Ed25519. Checkpoints are
// numbered, and each names the hash of the one before.
//
// # What this can prove
//
// Whoever can write to the database, but does not have the checkpoint key,
// cannot change, remove, insert or reorder rows up to the newest checkpoint
// without [Log.Verify] naming the place. Rows after it are guarded by the chain
// only, which such a person could compute anew; so checkpoints are made often.
// The newest checkpoints and all rows after the one before can be cut off
// together without a trace inside the database; a checkpoint kept elsewhere and
// handed to Verify as an anchor shows it.
package audit
