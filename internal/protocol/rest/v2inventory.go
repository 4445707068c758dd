package rest

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// inventoryResources are the certificates of the credential's group and the
// wishes to deploy them: Certwright's own.
func inventoryResources() []resource {
	return []resource{
		{"/certificates", methods{http.MethodGet: (*call).certificates}, 0},
		{"/certificates/{id}", methods{http.MethodGet: (*call).certificate}, 0},
		{"/certificates/{id}/deployments", methods{http.MethodGet: (*call).deployments, http.MethodPost: (*call).deploy}, 0},
	}
}

// inventoryRow is a certificate.
type inventoryRow struct {
	CertificateID string   `json:"certificateId"`
	OrderID       string   `json:"orderId"`
	Status        string   `json:"status"`
	SerialNumber  string   `json:"serialNumber"`
	Subject       string   `json:"subject"`
	Names         []string `json:"names"`
	KeyAlgorithm  string   `json:"keyAlgorithm"`
	Fingerprint   string   `json:"sha256Fingerprint"`
	NotBefore     string   `json:"notBefore"`
	NotAfter      string   `json:"notAfter"`
	RevokedAt     string   `json:"revokedAt,omitempty"`
	RevokeReason  string   `json:"revocationReason,omitempty"`
	IssuerCA      string   `json:"issuerCA,omitempty"`
	Protocol      string   `json:"protocol"`
	KeyKept       bool     `json:"privateKeyKept"`
	Tags          []string `json:"tags"`
	PEM           string   `json:"certificatePem,omitempty"`
}

// certificateStatus is the state of a certificate.
func certificateStatus(k *core.Certificate, now time.Time) string {
	switch {
	case k.State == core.CertActive && now.After(k.NotAfter):
		return v2Expired
	case k.State == core.CertActive:
		return "active"
	}
	return string(k.State)
}

func (c *call) showCertificate(k *core.Certificate, order, issuer string) inventoryRow {
	row := inventoryRow{CertificateID: string(k.ID), OrderID: order, Status: certificateStatus(k, c.s.d.Now()), SerialNumber: k.Serial,
		Subject: k.Subject, Names: append([]string{}, k.Names...), KeyAlgorithm: k.KeyAlgorithm, Fingerprint: hex.EncodeToString(k.Fingerprint),
		NotBefore: when(k.NotBefore), NotAfter: when(k.NotAfter), RevokedAt: when(k.RevokedAt), IssuerCA: issuer, Protocol: k.Protocol,
		KeyKept: k.HasKey, Tags: append([]string{}, k.Tags...)}
	if k.State == core.CertRevoked {
		row.RevokeReason = reasonWord(k.Reason)
	}
	return row
}

// certificates lists the certificates of the group, newest first.
func (c *call) certificates() error {
	q := c.r.URL.Query()
	page, size, err := numbered(q)
	if err != nil {
		return err
	}
	ask := ordering.Query{Issued: true, Offset: (page - 1) * size, Limit: size, Name: q.Get("search")}
	if word := q.Get("status"); word != "" {
		yes, no := true, false
		switch word {
		case "active":
			ask.CertStates, ask.Expired = []core.CertificateState{core.CertActive}, &no
		case v2Expired:
			ask.CertStates, ask.Expired = []core.CertificateState{core.CertActive}, &yes
		case string(core.CertRevoked), string(core.CertOnHold):
			ask.CertStates = []core.CertificateState{core.CertificateState(word)}
		default:
			return badWord("status", "active, expired, on-hold or revoked")
		}
	}
	if ask.EndsFrom, err = day(q, "expiresFrom", false); err != nil {
		return err
	}
	if ask.EndsTill, err = day(q, "expiresTo", true); err != nil {
		return err
	}
	if tags := q["tag"]; len(tags) > 0 {
		ask.Tags, ask.AllTags = tags, true
	}
	found, total, err := c.s.d.Orders.Report(c.ctx, c.p, ask)
	if err != nil {
		return err
	}
	rows := []inventoryRow{}
	for i := range found {
		if k := found[i].Certificate; k != nil {
			rows = append(rows, c.showCertificate(k, orderOf(&found[i].Order), found[i].Issuer))
		}
	}
	return c.json(http.StatusOK, pageOf(rows, page, size, total))
}

// found finds the certificate of the path and its order.
func (c *call) found() (*core.Certificate, *ordering.View, error) {
	unknown := refuse(http.StatusNotFound, "", "943", "there is no such certificate")
	id := core.CertificateID(c.r.PathValue("id"))
	if !core.ValidID(id) {
		return nil, nil, unknown
	}
	k, err := c.s.d.Storage.Certificate(c.ctx, c.p.Account, id)
	if core.Is(err, core.KindNotFound) {
		return nil, nil, unknown
	}
	if err != nil {
		return nil, nil, err
	}
	v, err := c.s.d.Orders.Order(c.ctx, c.p, k.Order) // decides whether it may be seen
	if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
		return nil, nil, unknown
	}
	return k, v, err
}

// certificate answers with one certificate.
func (c *call) certificate() error {
	k, v, err := c.found()
	if err != nil {
		return err
	}
	row := c.showCertificate(k, orderOf(v.Order), "")
	if len(k.DER) > 0 {
		row.PEM = string(keystore.EncodeChain(k.DER))
	}
	return c.json(http.StatusOK, row)
}

// deploymentOut is a wish to deploy.
type deploymentOut struct {
	ID            string `json:"deploymentId"`
	CertificateID string `json:"certificateId"`
	Target        string `json:"target"`
	State         string `json:"state"`
	RequestedAt   string `json:"requestedAt"`
	Message       string `json:"message,omitempty"`
}

func showDeployment(d *core.DeploymentRequest) deploymentOut {
	return deploymentOut{ID: string(d.ID), CertificateID: string(d.Certificate), Target: d.Target, State: d.State, RequestedAt: when(d.CreatedAt)}
}

// waitingMessage is the honest word on what a trigger does today.
const waitingMessage = "recorded; this version does not deploy certificates yet, the request waits until one does"

// deploy records the wish to put a certificate on a server.
func (c *call) deploy() error {
	var in struct {
		Target text `json:"target"`
	}
	k, err := c.deployable()
	if err == nil {
		err = c.read(&in, false)
	}
	if err == nil {
		err = c.acceptable(typeJSON)
	}
	if err != nil {
		return err
	}
	d, err := c.s.d.Orders.Deploy(c.ctx, c.p, k.ID, string(in.Target))
	switch e := core.AsError(err); {
	case err == nil:
	case e.Kind == core.KindInvalid && e.Field == "target":
		return invalid("1181", "target", "must be a short text on one line")
	case e.Kind == core.KindConflict && e.Field == "state":
		return refuse(http.StatusUnprocessableEntity, "", "1165", e.Detail)
	default:
		return err
	}
	out := showDeployment(d)
	out.Message = waitingMessage
	return c.json(http.StatusAccepted, out)
}

// deployable finds the certificate of the path, whether or not it has an order.
func (c *call) deployable() (*core.Certificate, error) {
	k, err := c.s.d.Orders.VisibleCertificate(c.ctx, c.p, core.CertificateID(c.r.PathValue("id")))
	if core.Is(err, core.KindNotFound) {
		return nil, refuse(http.StatusNotFound, "", "943", "there is no such certificate")
	}
	return k, err
}

// deployments lists the wishes to deploy a certificate.
func (c *call) deployments() error {
	k, err := c.deployable()
	if err != nil {
		return err
	}
	page, size, err := numbered(c.r.URL.Query())
	if err != nil {
		return err
	}
	list, total, err := c.s.d.Storage.DeploymentRequests(c.ctx, c.p.Account, k.ID, (page-1)*size, size)
	if err != nil {
		return err
	}
	rows := []deploymentOut{}
	for i := range list {
		rows = append(rows, showDeployment(&list[i]))
	}
	return c.json(http.StatusOK, pageOf(rows, page, size, total))
}
