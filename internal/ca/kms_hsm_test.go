//go:build cgo && hsm

package ca_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/pkcs11"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
)

// softHSM makes a token and returns the URI of its module and PIN file.
func softHSM(t *testing.T) string {
	t.Helper()
	module := "/usr/lib/softhsm/libsofthsm2.so"
	if _, err := os.Stat(module); err != nil {
		need.Missing(t, "SoftHSM (Debian package softhsm2)")
	}
	dir := t.TempDir()
	conf, pin := filepath.Join(dir, "softhsm2.conf"), filepath.Join(dir, "pin")
	for path, text := range map[string]string{conf: "directories.tokendir = " + dir + "\n", pin: "1234"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	if out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "ca", "--pin", "1234", "--so-pin", "4321").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return "pkcs11:module-path=" + module + ";token=ca?pin-source=" + pin
}

func TestIssuerKeyInHSM(t *testing.T) {
	uri := softHSM(t)
	manager, err := pkcs11.New(ctx, apiv1.Options{Type: apiv1.PKCS11, URI: uri})
	if err != nil {
		t.Fatal(err)
	}
	key := func(id, label string, alg apiv1.SignatureAlgorithm, bits int) string {
		t.Helper()
		name := strings.Replace(uri, "token=ca", "token=ca;id="+id+";object="+label, 1)
		if _, err := manager.CreateKey(&apiv1.CreateKeyRequest{Name: name, SignatureAlgorithm: alg, Bits: bits}); err != nil {
			t.Fatal(err)
		}
		return name
	}
	rootKey, issuingKey := key("01", "root", apiv1.ECDSAWithSHA384, 0), key("02", "issuing", apiv1.SHA256WithRSA, 2048)
	w := &world{clock: &clock{t: start}, store: &catest.Storage{}}
	w.ca = ca.New(ca.Deps{Storage: w.store, Sealer: catest.Sealer{}, Now: w.clock.now})
	spec := func(name, key string) ca.Spec {
		return ca.Spec{Account: catest.Account, Name: name, Subject: core.DN{{Type: "CN", Value: name}}, Key: key, Years: 5}
	}
	root, err := w.ca.CreateRoot(ctx, nil, spec("Root", rootKey))
	if err != nil {
		t.Fatal(err)
	}
	issuing, err := w.ca.CreateIssuing(ctx, nil, root.ID, spec("Issuing", issuingKey))
	if err != nil {
		t.Fatal(err)
	}
	if root.Algorithm != "ECDSA P-384" || issuing.Algorithm != "RSA 2048" || len(issuing.KeySealed) > 0 {
		t.Errorf("%s, %s", root.Algorithm, issuing.Algorithm)
	}
	cert := w.issue(t, issuing, template(t))
	if err := cert.CheckSignatureFrom(w.issuerCert(t, issuing)); err != nil {
		t.Error(err)
	}
	if err := w.issuerCert(t, issuing).CheckSignatureFrom(w.issuerCert(t, root)); err != nil {
		t.Error(err)
	}
	if _, err := w.ca.CreateRoot(ctx, nil, spec("Nobody", strings.Replace(rootKey, "id=01;object=root", "id=77;object=none", 1))); !core.Is(err, core.KindUnavailable) {
		t.Errorf("a key that is not there: %v", err)
	}
}
