package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
)

// soon is how long certificates that are asked for too late would be good.
const soon = 3 * time.Second

// makeOrders makes orders that a person decides on: of eight three wait, two
// are approved, one is rejected, one cancelled, and one fails because it is
// approved after the end of the certificate that was asked for.
func (f *filler) makeOrders(ctx context.Context, certificates int) error {
	count := min(certificates, 16+certificates/100)
	partner := f.products[codePartner]
	var late []core.OrderID
	for n := range count {
		var end time.Time
		if n%8 == 7 {
			end = f.Now().Add(soon)
		}
		id, err := f.order(ctx, n, partner.ID, end)
		if err != nil {
			return err
		}
		switch n % 8 {
		case 3, 4:
			_, err = f.Enroll.Approve(ctx, as(f.approver()), id, "The contract is in force.")
		case 5:
			err = f.Enroll.Reject(ctx, as(f.approver()), id, "There is no contract with this partner.")
		case 6:
			err = f.Enroll.Cancel(ctx, f.host, id, "Ordered twice.")
		case 7:
			late = append(late, id)
		}
		if err != nil {
			return err
		}
	}
	return f.failLate(ctx, late)
}

func (f *filler) order(ctx context.Context, n int, product core.ProductID, end time.Time) (core.OrderID, error) {
	spki, err := makeKey(3)
	if err != nil {
		return "", err
	}
	c := f.credentials[0]
	for _, x := range f.credentials[n%len(f.credentials):] {
		if x.Type != core.CredentialEST {
			c = x
			break
		}
	}
	host := fmt.Sprintf("%s.partner-%d.example", one(f.r, services), n)
	got, err := f.Enroll.Submit(ctx, enroll.Request{Principal: with(c), Product: product, SPKI: spki, ProofChecked: true, New: true,
		Subject: core.DN{{Type: "O", Value: fmt.Sprintf("Partner %d Ltd.", n)}, {Type: "CN", Value: host}}, Names: &core.Names{DNS: []string{host}},
		NotAfter: end, Comment: "For the new interface.", Origin: core.Origin{Protocol: string(c.Type), Operation: "demo"}})
	if err != nil {
		return "", err
	}
	return got.Order.ID, nil
}

// failLate approves orders for certificates that have meanwhile ended.
func (f *filler) failLate(ctx context.Context, late []core.OrderID) error {
	select {
	case <-time.After(2 * soon):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, id := range late {
		_, err := f.Enroll.Approve(ctx, as(f.approver()), id, "Better late than never.")
		if err != nil && core.KindOf(err) != core.KindExpired {
			return err
		}
	}
	return nil
}
