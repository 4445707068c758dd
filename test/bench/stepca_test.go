package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/loopback"
)

// buildStepCA builds the step-ca that ./stepca pins.
func buildStepCA(dir string) (string, error) {
	program := filepath.Join(dir, "step-ca")
	cmd := exec.Command("go", "build", "-o", program, "github.com/smallstep/certificates/cmd/step-ca")
	cmd.Dir, cmd.Env = "stepca", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build step-ca: %w\n%s", err, out)
	}
	return program, nil
}

// provisioner is the name under which step-ca knows who signs one-time tokens.
const provisioner = "bench"

// provisionerACME is what "step ca provisioner add acme --type ACME" adds.
const provisionerACME = "acme"

// stepCA is a step-ca as "step ca init" sets it up: the database badgerv2 with
// synchronous writes, a JWK provisioner, an ECDSA P-256 hierarchy; with an ACME
// provisioner besides.
type stepCA struct {
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
	url    string
	pool   *x509.CertPool
	print  string            // SHA-256 of the root
	tokens *ecdsa.PrivateKey // of the provisioner
}

func startStepCA(t testing.TB, program, dir string, args ...string) (*stepCA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &stepCA{dir: dir, exited: make(chan struct{})}
	address := fmt.Sprintf("localhost:%d", loopback.Port(t))
	s.url = "https://" + address
	if err := s.hierarchy(); err != nil {
		return nil, err
	}
	if err := s.configure(address); err != nil {
		return nil, err
	}
	log, err := os.Create(s.file("server.log"))
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(program, append(args, s.file("ca.json"))...)
	s.cmd.Env = append(os.Environ(), "STEPPATH="+dir, "NO_PROXY=*", "no_proxy=*")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = s.cmd.Wait(); _ = log.Close(); close(s.exited) }()
	t.Cleanup(func() { _ = s.end() })
	return s, s.ready()
}

func (s *stepCA) file(name string) string { return filepath.Join(s.dir, name) }

// hierarchy makes a root and an issuing CA.
func (s *stepCA) hierarchy() error {
	now := time.Now()
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, template(1, "Bench Root"), template(1, "Bench Root"), rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template(2, "Bench Issuing"), root, key.Public(), rootKey)
	if err != nil {
		return err
	}
	s.pool = x509.NewCertPool()
	s.pool.AddCert(root)
	s.print = fmt.Sprintf("%x", sha256.Sum256(rootDER))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writePEM(s.file("root.crt"), "CERTIFICATE", rootDER), writePEM(s.file("issuing.crt"), "CERTIFICATE", der),
		writePEM(s.file("issuing.key"), "PRIVATE KEY", pkcs8))
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// configure writes ca.json with what "step ca init" writes.
func (s *stepCA) configure(address string) error {
	var err error
	if s.tokens, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	point, err := s.tokens.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	type object map[string]any
	text, err := json.MarshalIndent(object{
		"root": s.file("root.crt"), "crt": s.file("issuing.crt"), "key": s.file("issuing.key"),
		"address": address, "dnsNames": []string{"localhost"}, "logger": object{"format": "text"},
		"db": object{"type": "badgerv2", "dataSource": s.file("db"), "badgerFileLoadingMode": ""},
		"authority": object{"provisioners": []object{{"type": "JWK", "name": provisioner, "key": object{
			"use": "sig", "kty": "EC", "kid": provisioner, "crv": "P-256", "alg": "ES256", "x": b64(point[1:33]), "y": b64(point[33:])}},
			{"type": "ACME", "name": provisionerACME}}},
		"tls": object{"cipherSuites": []string{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
			"minVersion": 1.2, "maxVersion": 1.3, "renegotiation": false},
	}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(s.file("ca.json"), text, 0o600)
}

func (s *stepCA) ready() error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.pool}}}
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := fetch(client, s.url+"/health")
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			err = errors.New("the process ended")
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		log, _ := os.ReadFile(s.file("server.log"))
		return fmt.Errorf("step-ca did not start: %w\n%s", err, log)
	}
}

// token signs a one-time token (JWS with ES256, RFC 7515) for a name.
func (s *stepCA) token(name string, now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": provisioner, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(map[string]any{"iss": provisioner, "aud": s.url + "/1.0/sign", "sub": name, "sans": []string{name}, "sha": s.print,
		"jti": rand.Text() + rand.Text(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.tokens, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return text + "." + b64(signature), nil
}

func (s *stepCA) prepare(wishes []wish) ([]call, error) {
	out := make([]call, len(wishes))
	now := time.Now()
	for i := range wishes {
		ott, err := s.token(wishes[i].name, now)
		if err != nil {
			return nil, err
		}
		csr := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: wishes[i].csr})
		body, err := json.Marshal(map[string]string{"csr": string(csr), "ott": ott})
		if err != nil {
			return nil, err
		}
		out[i] = call{url: s.url + "/1.0/sign", header: http.Header{"Content-Type": {"application/json"}}, status: http.StatusCreated, body: body}
	}
	return out, nil
}

func (s *stepCA) read(body []byte) (certs, issuers []*x509.Certificate, err error) {
	var answer struct {
		Chain []string `json:"certChain"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, nil, err
	}
	if len(answer.Chain) != 2 {
		return nil, nil, fmt.Errorf("%d certificates in an answer to sign", len(answer.Chain))
	}
	for _, text := range answer.Chain {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, nil, errors.New("an answer to sign is not PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		certs = append(certs, c)
	}
	return certs, nil, nil
}

func (s *stepCA) roots() *x509.CertPool { return s.pool }

func (s *stepCA) pid() int { return s.cmd.Process.Pid }

func (s *stepCA) counters() (commits, transactions float64, err error) { return 0, 0, nil }

func (s *stepCA) end() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		return nil
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return errors.New("step-ca did not stop")
	}
}

// stop ends the process. Its store is opaque to us, but it cannot be smaller
// than what it should hold.
func (s *stepCA) stop(certs []*x509.Certificate) error {
	if err := s.end(); err != nil {
		return err
	}
	var want, size int64
	for _, c := range certs {
		want += int64(len(c.Raw))
	}
	err := filepath.WalkDir(s.file("db"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err == nil && size < want {
		err = fmt.Errorf("step-ca's database has %d octets, its certificates have %d", size, want)
	}
	return err
}
