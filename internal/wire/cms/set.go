package cms

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// addSetOf adds a SET OF with its elements in DER order (X.690 11.6).
func addSetOf(b *cryptobyte.Builder, tag asn1.Tag, elements [][]byte) {
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, e := range sortedSet(elements) {
			b.AddBytes(e)
		}
	})
}

// sortedSet returns the elements in DER order.
func sortedSet(elements [][]byte) [][]byte {
	sorted := slices.Clone(elements)
	slices.SortFunc(sorted, bytes.Compare)
	return sorted
}
