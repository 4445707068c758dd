package keystore

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// encodeJKS writes a Java keystore, whose aliases are in lower case. Entries without alias are called "1", "2",
// …; of several trusted certificates in one entry all but the first get a number
// after the alias.
func encodeJKS(entries []Entry, o Options) ([]byte, error) {
	store := jks.New(jks.WithOrderedAliases())
	keyPassword := o.KeyPassword
	if keyPassword == "" {
		keyPassword = o.Password
	}
	for i, e := range entries {
		alias := e.Alias
		if alias == "" {
			alias = strconv.Itoa(i + 1)
		}
		if slices.Contains(store.Aliases(), strings.ToLower(alias)) {
			return nil, malformed("alias " + strconv.Quote(alias) + " twice")
		}
		if e.Key == nil {
			for j, der := range e.Chain {
				name := alias
				if j > 0 {
					name += "-" + strconv.Itoa(j+1)
				}
				entry := jks.TrustedCertificateEntry{CreationTime: o.Created, Certificate: jks.Certificate{Type: "X509", Content: der}}
				if err := store.SetTrustedCertificateEntry(name, entry); err != nil {
					return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
				}
			}
			continue
		}
		pkcs8, err := MarshalKey(e.Key)
		if err != nil {
			return nil, err
		}
		entry := jks.PrivateKeyEntry{CreationTime: o.Created, PrivateKey: pkcs8}
		for _, der := range e.Chain {
			entry.CertificateChain = append(entry.CertificateChain, jks.Certificate{Type: "X509", Content: der})
		}
		if err := store.SetPrivateKeyEntry(alias, entry, []byte(keyPassword)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	var out bytes.Buffer
	if err := store.Store(&out, []byte(o.Password)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return out.Bytes(), nil
}

// decodeJKS reads a Java keystore whose keys have the password of the store.
func decodeJKS(data []byte, password string) ([]Entry, error) {
	return DecodeJKS(data, password, password)
}

// DecodeJKS reads a Java keystore whose private keys have a password of their
// own. Entries come in the order of their aliases.
func DecodeJKS(data []byte, password, keyPassword string) ([]Entry, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d octets", ErrTooLarge, len(data))
	}
	if !soundJKS(data) {
		return nil, malformed("Java keystore")
	}
	store := jks.New(jks.WithOrderedAliases(), jks.WithCaseExactAliases())
	if err := store.Load(bytes.NewReader(data), []byte(password)); err != nil {
		return nil, ErrPassword // the structure is sound, so the digest is wrong
	}
	var entries []Entry
	for _, alias := range store.Aliases() {
		if !store.IsPrivateKeyEntry(alias) {
			entry, err := store.GetTrustedCertificateEntry(alias)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
			}
			entries = append(entries, Entry{Alias: alias, Chain: [][]byte{entry.Certificate.Content}})
			continue
		}
		entry, err := store.GetPrivateKeyEntry(alias, []byte(keyPassword))
		if err != nil {
			return nil, ErrPassword
		}
		key, err := checkKey(x509.ParsePKCS8PrivateKey(entry.PrivateKey))
		if err != nil {
			return nil, err
		}
		e := Entry{Alias: alias, Key: key}
		for _, c := range entry.CertificateChain {
			e.Chain = append(e.Chain, c.Content)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// soundJKS walks the structure of a Java keystore and checks every length.
// keystore-go allocates what a file says before it reads, so a file that lies
// must not reach it.
func soundJKS(data []byte) bool {
	r := jksWalker{data: data, ok: true}
	if r.number(4) != 0xfeedfeed {
		return false
	}
	version := r.number(4)
	if version != 1 && version != 2 {
		return false
	}
	for n := r.number(4); n > 0 && r.ok; n-- {
		kind := r.number(4)
		r.skip(r.number(2)) // alias
		r.skip(8)           // time
		certs := uint64(1)
		switch kind {
		case 1:
			r.skip(r.number(4)) // key
			certs = r.number(4)
		case 2:
		default:
			return false
		}
		if certs > uint64(len(r.data)) {
			return false
		}
		for ; certs > 0 && r.ok; certs-- {
			if version == 2 {
				r.skip(r.number(2)) // type
			}
			r.skip(r.number(4))
		}
	}
	return r.ok && len(r.data) == 20 // the digest
}

type jksWalker struct {
	data []byte
	ok   bool
}

// number reads a big-endian number of 2 or 4 octets.
func (r *jksWalker) number(size int) uint64 {
	if len(r.data) < size {
		r.ok, r.data = false, nil
		return 0
	}
	var buf [8]byte
	copy(buf[8-size:], r.data)
	r.data = r.data[size:]
	return binary.BigEndian.Uint64(buf[:])
}

func (r *jksWalker) skip(n uint64) {
	if n > uint64(len(r.data)) {
		r.ok, r.data = false, nil
		return
	}
	r.data = r.data[n:]
}
