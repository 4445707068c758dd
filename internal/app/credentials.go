package app

import (
	"fmt"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// credentialTypes is the list of what API credentials can be for. A protocol
// adds its line here.
func credentialTypes(cfg Config) []identity.CredentialType {
	return []identity.CredentialType{
		{
			Name: core.CredentialEST, Title: "EST",
			Auth:     []identity.AuthOption{{Kind: core.AuthPassword}, {Kind: core.AuthClientCert}},
			URL:      func(base, label string) string { return join(base+"/.well-known/est", label) },
			Commands: func(e identity.Endpoint) string { return estCommands(e, cfg) },
		},
		{
			Name: core.CredentialACME, Title: "ACME",
			Auth:     []identity.AuthOption{{Kind: core.AuthAccessKey, Form: identity.SecretSealed}}, // the key of EAB
			URL:      func(base, label string) string { return join(base+"/acme", label) + "/directory" },
			Commands: func(e identity.Endpoint) string { return acmeCommands(e, cfg) },
		},
		{
			Name: core.CredentialREST, Title: "REST order API",
			Auth:     []identity.AuthOption{{Kind: core.AuthAccessKey, Form: identity.SecretSealed}, {Kind: core.AuthOAuth}},
			URL:      func(base, _ string) string { return base },
			PublicID: func() string { return identity.Digits(10) }, // the account number
			Secret:   func() string { return identity.HexDigits(32) },
			Commands: func(e identity.Endpoint) string { return restCommands(e, cfg) },
		},
		// Credentials of the protocols that follow can be made ready.
		unserved(core.CredentialSCEP, "SCEP", func(base, label string) string { return join(base+"/scep", label) },
			identity.AuthOption{Kind: core.AuthSharedSecret, Form: identity.SecretHashed}),
		unserved(core.CredentialCMP, "CMP", func(base, label string) string { return join(base+"/.well-known/cmp/p", label) },
			identity.AuthOption{Kind: core.AuthSharedSecret}, identity.AuthOption{Kind: core.AuthClientCert}),
		unserved(core.CredentialWAEP, "Windows auto-enrolment", func(base, label string) string { return join(base+"/waep", label) },
			identity.AuthOption{Kind: core.AuthKerberos}, identity.AuthOption{Kind: core.AuthPassword}),
	}
}

// unserved describes the credentials of a protocol that this version does not
// have yet.
func unserved(name core.CredentialType, title string, url func(base, label string) string, auth ...identity.AuthOption) identity.CredentialType {
	return identity.CredentialType{Name: name, Title: title, Auth: auth, URL: url, Unserved: "this version does not serve " + title + " yet: the credential is ready, its URL is not"}
}

func join(base, label string) string {
	if label == "" {
		return base
	}
	return base + "/" + label
}

// rootFile is where the commands put the root certificate.
const rootFile = "certwright-root.pem"

// fetchRoot is the command that brings the root certificate.
func fetchRoot(cfg Config) string {
	if cfg.External.Plain == "" {
		return "# copy the root certificate of the CA to " + rootFile
	}
	return fmt.Sprintf("curl -fsS -o %s %s/root.crt", rootFile, cfg.External.Plain)
}

// acmeCommands are client commands for an ACME credential, to copy and paste:
// certbot on a host that is reached under its name at port 80, and lego.
func acmeCommands(e identity.Endpoint, cfg Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", fetchRoot(cfg))
	fmt.Fprintf(&b, "REQUESTS_CA_BUNDLE=$PWD/%s certbot certonly --standalone --agree-tos --register-unsafely-without-email \\\n"+
		"  --server %s \\\n  --eab-kid %s --eab-hmac-key %s -d www.example.internal\n", rootFile, e.URL, e.Credential.PublicID, e.Secret)
	fmt.Fprintf(&b, "LEGO_CA_CERTIFICATES=%s lego --accept-tos --email ops@example.internal --http --server %s \\\n"+
		"  --eab --kid %s --hmac %s --domains www.example.internal run\n", rootFile, e.URL, e.Credential.PublicID, e.Secret)
	return b.String()
}

// restCommands are commands for a credential of the order API: a token, in the
// form of its kind, and a first order with what the catalogue offers.
func restCommands(e identity.Endpoint, cfg Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", fetchRoot(cfg))
	if e.Credential.Auth == core.AuthOAuth {
		fmt.Fprintf(&b, "TOKEN=$(curl -fsS --cacert %s -u '%s:%s' -d grant_type=client_credentials %s/oauth/token | jq -r .access_token)\n",
			rootFile, e.Credential.PublicID, e.Secret, e.URL)
	} else {
		fmt.Fprintf(&b, "TS=$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ) TXN=$(openssl rand -hex 12) KEY='%s'\n"+
			"AUTH=$(printf %%s \"$KEY$TS$TXN\" | openssl dgst -sha256 -r | cut -d' ' -f1)\n"+
			"TOKEN=$(curl -fsS --cacert %s -H 'Content-Type: application/json' -d '{\"grant_type\":\"client_credentials\",\"ver\":\"1.0\",\"accountNumber\":\"%s\",\"authKey\":\"'$AUTH'\",\"ts\":\"'$TS'\",\"txn\":\"'$TXN'\"}' %s/oauth/token | jq -r .access_token)\n",
			e.Secret, rootFile, e.Credential.PublicID, e.URL)
	}
	fmt.Fprintf(&b, "curl -fsS --cacert %s -H \"Authorization: Bearer $TOKEN\" %s/api/certinext/v2/catalog/products\n", rootFile, e.URL)
	b.WriteString("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=www.example.internal -out request.pem\n" +
		"jq -n --rawfile csr request.pem '{variant: \"intranet-ssl\", hostname: \"www.example.internal\", requestor: {name: \"Ada Lovelace\", email: \"ada@example.internal\"}, csr: $csr}' >order.json\n")
	fmt.Fprintf(&b, "ORDER=$(curl -fsS --cacert %s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d @order.json %s/api/certinext/v2/private-pki-certificates | jq -r .orderId)\n", rootFile, e.URL)
	fmt.Fprintf(&b, "curl -fsS --cacert %s -H \"Authorization: Bearer $TOKEN\" -H 'Accept: application/x-pem-file' %s/api/certinext/v2/private-pki-certificates/$ORDER/certificate -o cert.pem\n", rootFile, e.URL)
	b.WriteString("openssl x509 -in cert.pem -noout -subject -issuer -dates\n")
	return b.String()
}

// estCommands are client commands for an EST credential, to copy and paste.
func estCommands(e identity.Endpoint, cfg Config) string {
	root := rootFile
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", fetchRoot(cfg))
	b.WriteString("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=www.example.internal \\\n" +
		"  -addext subjectAltName=DNS:www.example.internal -outform DER | openssl base64 -A > request.b64\n")
	if e.Credential.Auth == core.AuthClientCert {
		fmt.Fprintf(&b, "curl -fsS --cacert %s --cert client.pem --key client-key.pem -H 'Content-Type: application/pkcs10' \\\n"+
			"  --data-binary @request.b64 %s/simpleenroll -o cert.p7.b64\n", root, strings.Replace(e.URL, cfg.External.Main, cfg.External.MTLS, 1))
	} else {
		fmt.Fprintf(&b, "curl -fsS --cacert %s -u '%s:%s' -H 'Content-Type: application/pkcs10' \\\n"+
			"  --data-binary @request.b64 %s/simpleenroll -o cert.p7.b64\n", root, e.Credential.PublicID, e.Secret, e.URL)
	}
	b.WriteString("openssl base64 -d -A -in cert.p7.b64 | openssl pkcs7 -inform DER -print_certs -out cert.pem\n")
	b.WriteString("openssl x509 -in cert.pem -noout -subject -issuer -dates\n")
	return b.String()
}
