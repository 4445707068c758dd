// Package notify tells people: mail by SMTP (RFC 5321) and the texts of
// notices.
package notify
