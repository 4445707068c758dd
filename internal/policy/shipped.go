package policy

import "github.com/certwright/certwright/internal/core"

// Codes of the shipped products.
const (
	CodeTLSServer   = "tls-server"
	CodeTLSClient   = "tls-client"
	CodeDevice      = "device"
	CodeUser        = "user"
	CodeSMIME       = "smime"
	CodeCodeSigning = "code-signing"

	CodeDV              = "ssl-dv"
	CodeOV              = "ssl-ov"
	CodeEV              = "ssl-ev"
	CodeDocumentNatural = "document-signer-natural-person"
	CodeDocumentLegal   = "document-signer-legal-person"
	CodeDocumentEntity  = "document-signer-legal-entity"
)

// anyKeys are the key rules of the shipped products. Ed25519 is left
// out by default because few TLS stacks of servers and devices take it.
func anyKeys() []core.KeyRule {
	return []core.KeyRule{{Algorithm: "ECDSA"}, {Algorithm: "RSA", MinBits: 2048, MaxBits: 4096}}
}

// base is what the shipped products share: two hundred days as the CA/Browser
// Forum allows since 15 March 2026 (the certificate ends one second before the
// 200 days are over, because notAfter is inclusive), ten minutes of backdating
// for clients whose clock is slow, renewal at any time.
func base() core.Profile {
	return core.Profile{
		ValidityAmount: 200, ValidityUnit: "days", Backdate: 10,
		Keys: anyKeys(), UnknownSubject: "drop", UnknownNames: "refuse",
		KeyUsage: []string{"digitalSignature"},
		Lint:     "private", Approval: "automatic",
		RenewSameKey: true, RenewGraceDays: 0,
	}
}

// companySubject are the attributes of an organisation, all optional.
func companySubject(more ...core.SubjectRule) []core.SubjectRule {
	var out []core.SubjectRule
	for _, t := range []string{"C", "ST", "L", "O", "OU"} {
		out = append(out, core.SubjectRule{Type: t, Mode: "optional"})
	}
	return append(out, more...)
}

func tlsServer() core.Profile {
	p := base()
	p.Names = []core.NameRule{{Kind: "dns", Wildcards: true}, {Kind: "ip"}}
	p.CommonName = "in-san"
	p.Subject = companySubject()
	p.KeyUsage = []string{"digitalSignature", "keyEncipherment"}
	p.ExtKeyUsage = []string{"serverAuth"}
	p.ServerKeys = true
	p.Terms = &core.OrderTerms{Family: core.FamilyPrivatePKI, Variant: "intranet-ssl", Codes: map[core.Shape]int64{core.ShapeSingle: 950}}
	return p
}

func tlsClient() core.Profile {
	p := base()
	p.Names = []core.NameRule{{Kind: "dns"}, {Kind: "email"}, {Kind: "uri"}, {Kind: "upn"}}
	p.CommonName = "as-is"
	p.Subject = companySubject(core.SubjectRule{Type: "serialNumber", Mode: "optional"}, core.SubjectRule{Type: "UID", Mode: "optional"})
	p.ExtKeyUsage = []string{"clientAuth"}
	p.ServerKeys = true
	return p
}

func device() core.Profile {
	p := base()
	p.ValidityAmount, p.ValidityUnit = 1, "years"
	p.Names = []core.NameRule{{Kind: "dns"}, {Kind: "ip"}, {Kind: "uri"}}
	p.CommonName = "as-is"
	p.Subject = companySubject(core.SubjectRule{Type: "serialNumber", Mode: "optional"})
	p.KeyUsage = []string{"digitalSignature", "keyEncipherment"}
	p.ExtKeyUsage = []string{"serverAuth", "clientAuth"}
	p.ServerKeys = true
	p.RenewGraceDays = 7
	p.Terms = &core.OrderTerms{Family: core.FamilyPrivatePKI, Variant: "device"}
	return p
}

func user() core.Profile {
	p := base()
	p.ValidityAmount, p.ValidityUnit = 1, "years"
	p.Names = []core.NameRule{{Kind: "email"}, {Kind: "upn"}}
	p.CommonName = "as-is"
	p.Subject = companySubject(core.SubjectRule{Type: "GN", Mode: "optional"}, core.SubjectRule{Type: "SN", Mode: "optional"},
		core.SubjectRule{Type: "UID", Mode: "optional"}, core.SubjectRule{Type: "DC", Mode: "optional"})
	p.ExtKeyUsage = []string{"clientAuth"}
	p.ServerKeys = true
	return p
}

func smime() core.Profile {
	p := base()
	p.ValidityAmount, p.ValidityUnit = 2, "years"
	p.Names = []core.NameRule{{Kind: "email", Required: true, Max: 10}}
	p.CommonName = "as-is"
	p.Subject = companySubject(core.SubjectRule{Type: "GN", Mode: "optional"}, core.SubjectRule{Type: "SN", Mode: "optional"})
	p.KeyUsage = []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement"}
	p.ExtKeyUsage = []string{"emailProtection"}
	p.ServerKeys, p.KeyExport = true, true // a lost decryption key loses the mail
	p.Terms = &core.OrderTerms{Family: core.FamilySMIME, Codes: map[core.Shape]int64{core.ShapeSingle: 894}}
	return p
}

// codeSigning wants a person's consent and keys of the strength that the
// CA/Browser Forum asks of code signing.
func codeSigning() core.Profile {
	p := base()
	p.ValidityAmount, p.ValidityUnit = 1, "years"
	p.Keys = []core.KeyRule{{Algorithm: "ECDSA"}, {Algorithm: "RSA", MinBits: 3072, MaxBits: 4096}}
	p.CommonName = "as-is"
	p.Subject = companySubject(core.SubjectRule{Type: "CN", Mode: "required"})
	p.ExtKeyUsage = []string{"codeSigning"}
	p.Approval = "manual"
	p.RenewSameKey = false
	return p
}

// Shipped returns the products of a new installation, without id, account and
// times. issuer signs them; rsaIssuer, when not empty, signs those whose holders
// may know nothing but RSA (devices with old firmware).
func Shipped(issuer, rsaIssuer core.IssuerID) []core.Product {
	if rsaIssuer == "" {
		rsaIssuer = issuer
	}
	out := []core.Product{
		{Code: CodeTLSServer, Name: "TLS server", Description: "Web servers and other TLS services: any DNS name or IP address.", Profile: tlsServer()},
		{Code: CodeTLSClient, Name: "TLS client", Description: "Programs and services that authenticate with TLS client certificates.", Profile: tlsClient()},
		{Code: CodeDevice, Name: "Device", Description: "Network devices, printers, phones: server and client in one, key pair also made here; signed with RSA for old firmware.", Issuer: rsaIssuer, Profile: device()},
		{Code: CodeUser, Name: "User", Description: "People who sign in with a certificate.", Profile: user()},
		{Code: CodeSMIME, Name: "S/MIME", Description: "Signed and encrypted mail; the key pair can be recovered.", Profile: smime()},
		{Code: CodeCodeSigning, Name: "Code signing", Description: "Signatures on software; each certificate is approved by a person.", Profile: codeSigning()},
		{Code: CodeDV, Name: "SSL DV", Description: "TLS servers whose names are proven: by DNS, file or mail.", Profile: sslDV()},
		{Code: CodeOV, Name: "SSL OV", Description: "TLS servers with the name of a vetted organisation.", Profile: sslOV()},
		{Code: CodeEV, Name: "SSL EV", Description: "TLS servers with the legal data of a vetted organisation; no wildcards.", Profile: sslEV()},
		{Code: CodeDocumentNatural, Name: "Document signer, natural person", Description: "People who sign documents; identity documents are looked at by a person.", Profile: documentSigner(core.FamilyNatural, 819)},
		{Code: CodeDocumentLegal, Name: "Document signer, legal person", Description: "People who sign documents for their organisation.", Profile: documentSigner(core.FamilyLegal, 822)},
		{Code: CodeDocumentEntity, Name: "Document signer, legal entity", Description: "Organisations that seal documents.", Profile: documentSigner(core.FamilyEntity, 825)},
	}
	for i := range out {
		if out[i].Issuer == "" {
			out[i].Issuer = issuer
		}
		out[i].State = core.ProductActive
	}
	return out
}
