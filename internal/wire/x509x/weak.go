package x509x

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"math/big"
	"math/bits"
)

// WeakKeyError says why a public key must not be certified.
type WeakKeyError struct{ Reason string }

// Error returns "weak key: …".
func (e *WeakKeyError) Error() string { return "weak key: " + e.Reason }

// CheckKey looks for public keys whose private key can be found: an RSA modulus
// shorter than minRSABits, even, divisible by a prime below 752, a product of
// two close primes, or made by the faulty Infineon library (ROCA,
// CVE-2017-15361), and RSA exponents below 3 or even (CA/Browser Forum
// Baseline Requirements 6.1.1.3 and 6.1.6). It returns a *WeakKeyError. EC and
// Ed25519 keys have nothing to check after ParsePublicKey.
func CheckKey(pub crypto.PublicKey, minRSABits int) error {
	k, ok := pub.(*rsa.PublicKey)
	if !ok {
		return nil
	}
	n := k.N
	switch {
	case n.BitLen() < minRSABits:
		return &WeakKeyError{fmt.Sprintf("RSA modulus of %d bits, at least %d", n.BitLen(), minRSABits)}
	case n.Bit(0) == 0:
		return &WeakKeyError{"even RSA modulus"}
	case k.E < 3 || k.E&1 == 0:
		return &WeakKeyError{fmt.Sprintf("RSA exponent %d", k.E)}
	}
	rest := oddPrimeResidues(n)
	for i, p := range oddPrimes() {
		if rest[i] == 0 {
			return &WeakKeyError{fmt.Sprintf("RSA modulus divisible by %d", p)}
		}
	}
	if isROCA(&rest) {
		return &WeakKeyError{"RSA modulus with the ROCA fingerprint (CVE-2017-15361)"}
	}
	if closePrimes(n) {
		return &WeakKeyError{"RSA modulus is a product of close primes"}
	}
	return nil
}

const oddPrimeCount = 132

// oddPrimes are the primes from 3 to 751.
func oddPrimes() *[oddPrimeCount]uint16 { return &oddPrimeTable }

var oddPrimeTable = [oddPrimeCount]uint16{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
	107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211,
	223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331,
	337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449,
	457, 461, 463, 467, 479, 487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587,
	593, 599, 601, 607, 613, 617, 619, 631, 641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709,
	719, 727, 733, 739, 743, 751,
}

// oddPrimeResidues returns n modulo each prime. It divides n once for as many
// primes as have a product of 64 bits.
func oddPrimeResidues(n *big.Int) (rest [oddPrimeCount]uint16) {
	primes, words := oddPrimes(), n.Bits()
	for i := 0; i < oddPrimeCount; {
		product, j := uint64(1), i
		for j < oddPrimeCount {
			hi, lo := bits.Mul64(product, uint64(primes[j]))
			if hi != 0 {
				break
			}
			product = lo
			j++
		}
		r := modWords(words, product)
		for ; i < j; i++ {
			rest[i] = uint16(r % uint64(primes[i]))
		}
	}
	return rest
}

func modWords(words []big.Word, m uint64) uint64 {
	var r uint64
	for i := len(words) - 1; i >= 0; i-- {
		if bits.UintSize == 64 {
			_, r = bits.Div64(r, uint64(words[i]), m)
			continue
		}
		_, r = bits.Div64(r>>32, r<<32|uint64(words[i]), m)
	}
	return r
}

// isROCA tests the fingerprint that Nemec et al. describe in "The Return of
// Coppersmith's Attack" (CCS 2017): primes of the faulty generator are k*M +
// (65537^a mod M) with M the product of the first primes (at least up to 167),
// so the modulus is a power of 65537 modulo each of those primes.
func isROCA(rest *[oddPrimeCount]uint16) bool {
	for i, p := range oddPrimes() {
		if p > 167 {
			break
		}
		if !isPowerOf65537(uint32(rest[i]), uint32(p)) {
			return false
		}
	}
	return true
}

// isPowerOf65537 reports whether r is in the subgroup that 65537 generates
// modulo p.
func isPowerOf65537(r, p uint32) bool {
	g := 65537 % p
	for v := uint32(1); ; {
		if v == r {
			return true
		}
		if v = v * g % p; v == 1 {
			return false
		}
	}
}

// closePrimes runs 100 rounds of Fermat's factorisation (CVE-2022-26320): n =
// a²-b² with a just above the root of n.
func closePrimes(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	square := new(big.Int).Mul(a, a)
	if square.Cmp(n) == 0 {
		return true
	}
	one, step, root := big.NewInt(1), new(big.Int), new(big.Int)
	for range 100 {
		// From a²-n to (a+1)²-n: add 2a+1.
		step.Lsh(a, 1)
		square.Add(square, step.Add(step, one))
		a.Add(a, one)
		step.Sub(square, n)
		if !maybeSquare(step) {
			continue
		}
		if root.Sqrt(step); root.Mul(root, root).Cmp(step) == 0 {
			return true
		}
	}
	return false
}

// maybeSquare rules out most numbers that are no squares by their residues
// modulo 64, 63, 65 and 11.
func maybeSquare(v *big.Int) bool {
	if v.Sign() == 0 {
		return true
	}
	const squares64 = 0x0202021202030213 // bit i is set when i is a square modulo 64
	words := v.Bits()
	if uint64(squares64)>>(uint(words[0])&63)&1 == 0 {
		return false
	}
	r := modWords(words, 63*65*11)
	return isResidue(r, 63) && isResidue(r, 65) && isResidue(r, 11)
}

func isResidue(r, m uint64) bool {
	r %= m
	for i := uint64(0); i <= m/2; i++ {
		if i*i%m == r {
			return true
		}
	}
	return false
}
