package ca

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
)

// newSerial draws a serial number of 127 random bits: 16 octets of crypto/rand
// with the top bit cleared, so that the INTEGER is positive without a leading
// zero octet and never over 16 octets (RFC 5280 section 4.1.2.2 allows 20,
// CA/Browser Forum wants at least 64 random bits). Zero, which may not be a
// serial number, is drawn again; that two are the same is for the store to see.
func newSerial() *big.Int {
	var b [16]byte
	for {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		b[0] &= 0x7f
		if n := new(big.Int).SetBytes(b[:]); n.Sign() > 0 {
			return n
		}
	}
}

// serialText is the form of core.Certificate.Serial: lower-case hex without
// leading zeros.
func serialText(octets []byte) string {
	s := strings.TrimLeft(hex.EncodeToString(octets), "0")
	if s == "" {
		return "0"
	}
	return s
}

// serialOctets is the reverse of serialText; nil for anything else.
func serialOctets(text string) []byte {
	if len(text)%2 == 1 {
		text = "0" + text
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}
