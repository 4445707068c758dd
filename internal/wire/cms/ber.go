package cms

import "fmt"

// maxDepth is the deepest nesting of BER elements that is read. A certificate
// inside SignedData needs about 12.
const maxDepth = 40

// NormaliseBER turns one BER element of at most MaxSize octets into the form
// that DER parsers read: definite lengths in their shortest form and OCTET
// STRINGs in one piece (X.690 10.1, 10.2). It changes nothing else: the order of
// a SET OF and the octets of primitive values stay. Input that has this form
// already is returned as it is. Octets after the element are malformed.
func NormaliseBER(ber []byte) ([]byte, error) {
	if len(ber) > MaxSize {
		return nil, fmt.Errorf("%w: %d octets, at most %d", ErrTooLarge, len(ber), MaxSize)
	}
	var n normaliser
	out, rest, err := n.element(make([]byte, 0, len(ber)), ber, 0)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, malformed("octets after the message")
	}
	if !n.changed {
		return ber, nil
	}
	return out, nil
}

// header is a BER identifier and length.
type header struct {
	tag         []byte // identifier octets
	constructed bool
	indefinite  bool
	length      int // of the contents, when definite
}

// readHeader reads identifier and length octets (X.690 8.1.2, 8.1.3); minimal
// says whether the length has its shortest form.
func readHeader(s []byte) (h header, rest []byte, minimal bool, err error) {
	if len(s) < 2 {
		return h, nil, false, malformed("BER ends early")
	}
	i := 1
	if s[0]&0x1f == 0x1f { // high tag number, at most four octets
		for ; i < len(s) && i < 5 && s[i]&0x80 != 0; i++ {
		}
		i++
	}
	if i >= len(s) || i > 5 {
		return h, nil, false, malformed("BER tag")
	}
	h.tag, h.constructed = s[:i], s[0]&0x20 != 0
	first := s[i]
	s = s[i+1:]
	switch {
	case first < 0x80:
		h.length, minimal = int(first), true
	case first == 0x80:
		if h.indefinite = true; !h.constructed {
			return h, nil, false, malformed("BER primitive of indefinite length")
		}
		return h, s, false, nil
	default:
		n := int(first & 0x7f)
		if n > 4 || n > len(s) {
			return h, nil, false, malformed("BER length")
		}
		for _, c := range s[:n] {
			h.length = h.length<<8 | int(c)
		}
		minimal = h.length >= 0x80 && s[0] != 0
		s = s[n:]
	}
	if h.length > len(s) {
		return h, nil, false, malformed("BER length")
	}
	return h, s, minimal, nil
}

type normaliser struct{ changed bool }

// element appends the normal form of the first element of src to dst.
func (n *normaliser) element(dst, src []byte, depth int) (out, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, malformed("BER nesting too deep")
	}
	h, src, minimal, err := readHeader(src)
	if err != nil {
		return nil, nil, err
	}
	if len(h.tag) == 1 && h.tag[0] == 0 {
		return nil, nil, malformed("BER end-of-contents out of place")
	}
	if !minimal {
		n.changed = true
	}
	if !h.constructed {
		dst = append(dst, h.tag...)
		dst = appendLength(dst, h.length)
		return append(dst, src[:h.length]...), src[h.length:], nil
	}
	octets := len(h.tag) == 1 && h.tag[0] == 0x24 // constructed OCTET STRING
	if octets {
		n.changed = true
		dst = append(dst, 0x04)
	} else {
		dst = append(dst, h.tag...)
	}
	start := len(dst)
	if octets {
		dst, rest, err = n.segments(dst, src, h, depth)
	} else {
		dst, rest, err = n.children(dst, src, h, depth)
	}
	if err != nil {
		return nil, nil, err
	}
	return insertLength(dst, start), rest, nil
}

// children appends the elements inside a constructed element.
func (n *normaliser) children(dst, src []byte, h header, depth int) (out, rest []byte, err error) {
	return walk(src, h, func(in []byte) (after []byte, err error) {
		dst, after, err = n.element(dst, in, depth+1)
		return after, err
	}, &dst)
}

// segments appends the contents of the OCTET STRINGs inside a constructed one
// (X.690 8.7.3), which may be constructed themselves.
func (n *normaliser) segments(dst, src []byte, h header, depth int) (out, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, malformed("BER nesting too deep")
	}
	return walk(src, h, func(in []byte) (after []byte, err error) {
		inner, body, _, err := readHeader(in)
		if err != nil {
			return nil, err
		}
		if len(inner.tag) != 1 || inner.tag[0]&^0x20 != 0x04 {
			return nil, malformed("BER segment is no OCTET STRING")
		}
		if inner.constructed {
			dst, after, err = n.segments(dst, body, inner, depth+1)
			return after, err
		}
		dst = append(dst, body[:inner.length]...)
		return body[inner.length:], nil
	}, &dst)
}

// walk calls each for every element inside h, until its length or the
// end-of-contents octets; each returns what follows the element.
func walk(src []byte, h header, each func(in []byte) ([]byte, error), dst *[]byte) (out, rest []byte, err error) {
	in := src
	if !h.indefinite {
		in, rest = src[:h.length], src[h.length:]
	}
	for {
		if h.indefinite && len(in) >= 2 && in[0] == 0 && in[1] == 0 {
			return *dst, in[2:], nil
		}
		if !h.indefinite && len(in) == 0 {
			return *dst, rest, nil
		}
		if in, err = each(in); err != nil {
			return nil, nil, err
		}
	}
}

// appendLength appends DER length octets.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 1<<8:
		return append(dst, 0x81, byte(n))
	case n < 1<<16:
		return append(dst, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// insertLength puts the length of dst[start:] before it.
func insertLength(dst []byte, start int) []byte {
	var buf [5]byte
	length := appendLength(buf[:0], len(dst)-start)
	end := len(dst)
	dst = append(dst, length...)
	copy(dst[start+len(length):], dst[start:end])
	copy(dst[start:], length)
	return dst
}
