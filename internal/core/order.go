package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// OrderState is the state of an order.
type OrderState string

// The states of an order. Those from OrderDraft to OrderAgreement belong to
// orders that are put together step by step (see OrderDetails); a request that
// is complete when it arrives starts at OrderApproval or later. Revoked and
// expired are states of the certificate.
const (
	OrderDraft        OrderState = "draft"                             // not handed in yet
	OrderOrganisation OrderState = "pending-organization-verification" // waits for a validator
	OrderDocuments    OrderState = "pending-documents"                 // waits for the requester's documents
	OrderDCV          OrderState = "pending-dcv"                       // waits for proof of control of its domains
	OrderCSR          OrderState = "pending-csr"                       // waits for the requester's key
	OrderAgreement    OrderState = "pending-agreement"                 // waits for the subscriber agreement
	OrderApproval     OrderState = "pending-approval"                  // waits for people
	OrderIssuing      OrderState = "issuing"                           // serial recorded, signature under way
	OrderUpstream     OrderState = "pending-ca"                        // a remote CA works on it
	OrderIssued       OrderState = "issued"
	OrderRejected     OrderState = "rejected" // by a person
	OrderCancelled    OrderState = "cancelled"
	OrderFailed       OrderState = "failed"
)

// OrderStates lists every state.
var OrderStates = []OrderState{OrderDraft, OrderOrganisation, OrderDocuments, OrderDCV, OrderCSR, OrderAgreement,
	OrderApproval, OrderIssuing, OrderUpstream, OrderIssued, OrderRejected, OrderCancelled, OrderFailed}

// orderMoves is the table of allowed transitions. Steps that are satisfied
// already are skipped, so each step may lead to any later one. A proof can run
// out while an order waits for something else: so the way back to
// OrderOrganisation and OrderDCV, and from OrderApproval to OrderDocuments when
// people ask for other documents.
var orderMoves = map[OrderState][]OrderState{
	"": {OrderDraft, OrderOrganisation, OrderDocuments, OrderDCV, OrderCSR, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream, OrderFailed},
	OrderDraft: {OrderOrganisation, OrderDocuments, OrderDCV, OrderCSR, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderOrganisation: {OrderDocuments, OrderDCV, OrderCSR, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderDocuments: {OrderOrganisation, OrderDCV, OrderCSR, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderDCV: {OrderOrganisation, OrderCSR, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderCSR: {OrderOrganisation, OrderDCV, OrderAgreement, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderAgreement: {OrderOrganisation, OrderDCV, OrderApproval, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderApproval: {OrderOrganisation, OrderDocuments, OrderDCV, OrderCSR, OrderAgreement, OrderIssuing, OrderUpstream,
		OrderRejected, OrderCancelled, OrderFailed},
	OrderIssuing:  {OrderIssuing, OrderIssued, OrderFailed, OrderUpstream}, // to itself: taken up again after a crash
	OrderUpstream: {OrderIssued, OrderFailed, OrderCancelled},
}

// Open reports whether an order of state s is still being put together by its
// requester, so that its CSR, documents and so on may change.
func (s OrderState) Open() bool {
	switch s {
	case OrderDraft, OrderOrganisation, OrderDocuments, OrderDCV, OrderCSR, OrderAgreement:
		return true
	}
	return false
}

// To returns nil when an order may go from s to next, else a conflict.
func (s OrderState) To(next OrderState) error {
	if slices.Contains(orderMoves[s], next) {
		return nil
	}
	return Errorf(KindConflict, "an order that is %s cannot become %s", s, next)
}

// Final reports whether no transition leaves s.
func (s OrderState) Final() bool { return len(orderMoves[s]) == 0 }

// OrderRequest is what was asked, kept with the order so that a person can
// judge it and so that work can be taken up again.
type OrderRequest struct {
	CSR      []byte   `json:"csr,omitempty"` // DER
	Template Template `json:"template"`      // what policy made of it
	Comment  string   `json:"comment,omitempty"`
	CAA      bool     `json:"caa,omitempty"`    // the protocol looks at CAA records itself
	Digest   string   `json:"digest,omitempty"` // of the whole request, to tell a repeat from a clash
	// JudgedAt is when policy made the template; zero in orders of earlier versions.
	JudgedAt time.Time `json:"judged_at,omitzero"`
	// FixedEnd: the template's end was asked for by date, not as a period.
	FixedEnd bool `json:"fixed_end,omitempty"`
}

// Begun is the template for a certificate that is signed at now: who waited for
// approval gets the whole period, and no notBefore from long ago. The start
// keeps its distance from the time of judgement; so does the end, unless it was
// asked for by date. Error: expired, when that date is past.
func (r OrderRequest) Begun(now time.Time) (Template, error) {
	t := r.Template
	if r.JudgedAt.IsZero() {
		return t, nil
	}
	start := now.Add(-max(0, r.JudgedAt.Sub(t.NotBefore))).Truncate(time.Second)
	if late := start.Sub(t.NotBefore); late > 0 {
		t.NotBefore = start
		if !r.FixedEnd {
			t.NotAfter = t.NotAfter.Add(late)
		}
	}
	if !t.NotAfter.After(now) {
		return t, Errorf(KindExpired, "the end that was asked for, %s, has passed", t.NotAfter.Format(time.RFC3339))
	}
	return t, nil
}

// Order is one wish for a certificate and its fate.
type Order struct {
	ID             OrderID
	Account        AccountID
	Number         int64
	Credential     CredentialID // empty: portal or API
	User           UserID
	Group          GroupID
	Product        ProductID
	Issuer         IssuerID
	Protocol       string // "est", "api", …
	State          OrderState
	Subject        string // DN text, for lists
	Names          []string
	IdempotencyKey string // unique per credential (or user); empty: none
	Replaces       CertificateID
	Certificate    CertificateID // once issued
	Request        OrderRequest
	Reference      string    // the order's name at a remote CA
	KeySealed      []byte    // private key made here, sealed; empty otherwise
	Failure        string    // shown to the requester
	LeaseUntil     time.Time // issuing: whoever signs has until then
	Attempt        int
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// CertificateState is the state of a certificate. Expiry is not a state: it
// follows from NotAfter.
type CertificateState string

// The states of a certificate.
const (
	CertReserved  CertificateState = "reserved" // serial durable, no signature known
	CertActive    CertificateState = "active"
	CertOnHold    CertificateState = "on-hold" // reason certificateHold
	CertRevoked   CertificateState = "revoked"
	CertAbandoned CertificateState = "abandoned" // reserved by a process that died; counts as revoked
)

var certificateMoves = map[CertificateState][]CertificateState{
	"":           {CertReserved, CertActive},
	CertReserved: {CertActive, CertAbandoned},
	CertActive:   {CertOnHold, CertRevoked},
	CertOnHold:   {CertActive, CertRevoked},
}

// CertificateStates lists every state.
var CertificateStates = []CertificateState{CertReserved, CertActive, CertOnHold, CertRevoked, CertAbandoned}

// To returns nil when a certificate may go from s to next, else a conflict.
func (s CertificateState) To(next CertificateState) error {
	if slices.Contains(certificateMoves[s], next) {
		return nil
	}
	if s == CertRevoked && next == CertRevoked {
		return Errorf(KindRevoked, "the certificate is revoked already")
	}
	return Errorf(KindConflict, "a certificate that is %s cannot become %s", s, next)
}

// Reason codes of RFC 5280 section 5.3.1.
const (
	ReasonUnspecified          = 0
	ReasonKeyCompromise        = 1
	ReasonCACompromise         = 2
	ReasonAffiliationChanged   = 3
	ReasonSuperseded           = 4
	ReasonCessationOfOperation = 5
	ReasonCertificateHold      = 6
	ReasonPrivilegeWithdrawn   = 9
	ReasonAACompromise         = 10
)

// Certificate is a certificate that we issued or know of.
type Certificate struct {
	ID           CertificateID
	Account      AccountID
	Number       int64
	Order        OrderID
	Issuer       IssuerID // of one that other CAs issued: see ForeignIssuer
	IssuerDN     string   // its issuer's name when that is no CA of ours; empty otherwise
	CA           bool     // a CA certificate, ours or imported
	Product      ProductID
	Credential   CredentialID
	User         UserID
	Group        GroupID
	Protocol     string // ProtocolImport: read from a file
	State        CertificateState
	Serial       string // lower-case hex without leading zeros; unique per issuer
	Subject      string
	CommonName   string
	Names        []string // as Names.Strings
	KeyAlgorithm string   // "RSA 3072", "ECDSA P-256"
	SPKIHash     []byte   // SHA-256 of the SubjectPublicKeyInfo
	SKI          []byte   // subjectKeyIdentifier
	Fingerprint  []byte   // SHA-256 of the DER; empty while reserved
	NotBefore    time.Time
	NotAfter     time.Time
	Replaces     CertificateID
	ReplacedBy   CertificateID
	RevokedAt    time.Time
	Reason       int
	InvalidSince time.Time // invalidityDate; zero: not given
	HasKey       bool      // a sealed private key is kept with the order
	Tags         []string
	Notified     int // the smallest number of days before expiry that was announced; 0: none
	CreatedAt    time.Time
	DER          []byte // loaded only when asked for
}

// ProtocolImport is the protocol of certificates that were read from files.
const ProtocolImport = "import"

// ForeignIssuer is the id of an issuer that is no CA of ours: it follows from
// the account, the issuer's name and its key id, so that an issuer has the same
// id wherever it is met. A UUID of version 8 (RFC 9562 section 5.8).
func ForeignIssuer(account AccountID, name, keyID []byte) IssuerID {
	h := sha256.New()
	for _, part := range [][]byte{[]byte("foreign issuer"), []byte(account), name, keyID} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return IssuerID(s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:])
}

// Origin says where a request came from, for lists and the audit log.
type Origin struct {
	Protocol  string
	Operation string
	Address   string
	RequestID string
}

// Approval is one person's word on an order.
type Approval struct {
	ID        ApprovalID
	Account   AccountID
	Order     OrderID
	User      UserID
	Approved  bool
	Comment   string
	CreatedAt time.Time
}
