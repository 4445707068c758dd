package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// file is an answer that is a file.
type file struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        func(huma.Context)
}

func fileOf(media, name string, body []byte) *file {
	return &file{Type: media, Disposition: attachment(name), Body: func(ctx huma.Context) {
		ctx.SetStatus(http.StatusOK)
		_, _ = ctx.BodyWriter().Write(body)
	}}
}

func (a *API) certificateFileRoutes() {
	register(a, get("certificates", "download-certificate", "/certificates/{id}/download", "Download a certificate as a file", identity.CertificateDownload).
		says("pem and p7b bring the chain unless told otherwise, der the certificate alone.").streams("application/octet-stream"), a.download)
	register(a, post("certificates", "export-certificate", "/certificates/{id}/export", "Download a certificate with its private key", identity.CertificateExportKey).
		says("Only for keys that were made here, and only if the product allows export. Every call is in the audit log.").streams("application/octet-stream"), a.export)
}

type downloadRequest struct {
	ByWord
	Format string `query:"format" enum:"pem,der,p7b" default:"pem"`
	Chain  string `query:"chain" enum:"none,intermediates,full" doc:"pem and p7b: full unless given"`
}

func (a *API) download(ctx context.Context, p *core.Principal, in *downloadRequest) (*file, error) {
	c, chain, err := a.bundle(ctx, p, in.ID, identity.CertificateDownload, in.Chain)
	if err != nil {
		return nil, err
	}
	name := baseName(c)
	entry := keystore.Entry{Chain: chain}
	switch in.Format {
	case "der":
		if in.Chain == "intermediates" || in.Chain == "full" {
			return nil, core.Errorf(core.KindInvalid, "a DER file holds one certificate").At("chain")
		}
		return fileOf("application/pkix-cert", name+".cer", c.DER), nil
	case "p7b":
		body, err := keystore.Encode(keystore.P7B, keystore.Options{}, entry)
		return fileOf("application/x-pkcs7-certificates", name+".p7b", body), encoded(err)
	}
	return fileOf("application/x-pem-file", name+".pem", keystore.EncodeChain(chain...)), nil
}

// bundle finds a certificate with as much of its chain as is wanted: none,
// intermediates (without a root) or full, which is also the default.
func (a *API) bundle(ctx context.Context, p *core.Principal, word string, action identity.Action, depth string) (*core.Certificate, [][]byte, error) {
	c, err := a.certificate(ctx, p, word, action)
	if err != nil {
		return nil, nil, err
	}
	if len(c.DER) == 0 {
		return nil, nil, core.Errorf(core.KindConflict, "the certificate was never signed")
	}
	if depth == "none" {
		return c, [][]byte{c.DER}, nil
	}
	above, err := a.chain(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if depth == "intermediates" && len(above) > 0 && selfSigned(above[len(above)-1]) {
		above = above[:len(above)-1]
	}
	return c, append([][]byte{c.DER}, above...), nil
}

// baseName names the files of a certificate.
func baseName(c *core.Certificate) string {
	if c.CommonName != "" {
		return c.CommonName
	}
	return "certificate-" + c.Serial
}

type exportRequest struct {
	ByWord
	Body resource.Export
}

func (a *API) export(ctx context.Context, p *core.Principal, in *exportRequest) (*file, error) {
	b := &in.Body
	if b.Password == "" && b.Format != "pem" {
		return nil, core.Errorf(core.KindInvalid, "a keystore needs a password").At("password")
	}
	c, chain, err := a.bundle(ctx, p, in.ID, identity.CertificateExportKey, b.Chain)
	if err != nil {
		return nil, err
	}
	pkcs8, err := a.d.Enroll.Key(ctx, p, c.ID)
	if err != nil {
		return nil, err
	}
	defer clear(pkcs8)
	key, err := keystore.ParseKey(pkcs8, "")
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the stored key cannot be read")
	}
	entry := keystore.Entry{Alias: b.Alias, Key: key, Chain: chain}
	if entry.Alias == "" {
		entry.Alias = baseName(c)
	}
	o := keystore.Options{Password: b.Password, Legacy: b.Format == "p12-legacy", Created: a.d.Now()}
	name := baseName(c)
	switch b.Format {
	case "jks":
		body, err := keystore.Encode(keystore.JKS, o, entry)
		return fileOf("application/x-java-keystore", name+".jks", body), encoded(err)
	case "pem":
		body, err := keystore.Encode(keystore.PEM, o, entry)
		return fileOf("application/x-pem-file", name+".pem", body), encoded(err)
	}
	body, err := keystore.Encode(keystore.P12, o, entry)
	return fileOf("application/x-pkcs12", name+".p12", body), encoded(err)
}

// encoded makes an error of ours of one of package keystore.
func encoded(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keystore.ErrUnsupported):
		return core.Wrap(core.KindUnsupported, err, "the format cannot hold this: %v", err).At("format")
	case errors.Is(err, keystore.ErrPassword):
		return core.Wrap(core.KindInvalid, err, "the password cannot be used in this format").At("password")
	}
	return core.AsError(err)
}
