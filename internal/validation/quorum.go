package validation

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// opinion is what one perspective says; place 0 is this server.
type opinion struct {
	place  int
	result Result
	silent error // a vantage that gave no answer
}

// need is how many perspectives must agree. Without a setting one of three or
// more may disagree, as the CA/Browser Forum's rules for multi-perspective
// issuance and Let's Encrypt have it: single networks do fail.
func (s *Service) need() int {
	total := 1 + len(s.vantages)
	switch {
	case s.quorum > 0:
		return s.quorum
	case total < 3:
		return total
	}
	return total - 1
}

// Check implements Checker. This server and all vantages look at the same time.
// A failure here decides at once. Otherwise so do as many agreeing, or
// disagreeing, vantages as it takes; a vantage that does not answer does not
// agree.
func (s *Service) Check(ctx context.Context, c Check) Result {
	if len(s.vantages) == 0 {
		return s.Local(ctx, c)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	total := 1 + len(s.vantages)
	in := make(chan opinion, total)
	go func() { in <- opinion{result: s.Local(ctx, c)} }()
	for i, v := range s.vantages {
		go func() {
			r, err := s.ask(ctx, v, c)
			in <- opinion{place: i + 1, result: r, silent: err}
		}()
	}
	heard := make([]*opinion, total)
	agree, against := 0, 0
	for agree+against < total {
		o := <-in
		heard[o.place] = &o
		switch {
		case o.silent != nil:
			s.log.WarnContext(ctx, "a vantage did not answer", "vantage", s.vantages[o.place-1].Name, "error", o.silent)
			against++
		case o.result.Failure != nil:
			against++
		default:
			agree++
		}
		local := heard[0]
		if local != nil && (local.result.Failure != nil || agree >= s.need() || against > total-s.need()) {
			break
		}
	}
	r := s.conclude(heard, agree >= s.need())
	r.Perspectives, r.Agreed, r.Quorum = total, agree, s.need()
	return r
}

// conclude puts together what the perspectives saw.
func (s *Service) conclude(heard []*opinion, enough bool) Result {
	out := heard[0].result
	failed := out.Failure != nil
	for i, v := range s.vantages {
		o := heard[i+1]
		note := func(text string) {
			out.Records = append(out.Records, core.Record{At: s.now(), Where: v.Name, Asked: "check from vantage " + v.Name, Answer: text})
		}
		switch {
		case o == nil:
			note("no answer before the others had decided")
			continue
		case o.silent != nil:
			note("no answer: it does not count as agreeing")
		default:
			out.Records = append(out.Records, o.result.Records...)
		}
		if failed || enough {
			continue
		}
		f := o.result.Failure
		switch {
		case o.silent != nil:
			f = &core.Failure{Code: "serverInternal", Detail: "it did not answer"}
			out.Retry = true
		case f == nil:
			continue
		}
		out.Retry = out.Retry || o.result.Retry
		if out.Failure == nil {
			out.Failure = &core.Failure{Code: f.Code, Detail: "seen from vantage " + v.Name + ": " + f.Detail}
		} else {
			out.Failure.Detail += "; from vantage " + v.Name + ": " + f.Detail
		}
	}
	if out.Failure != nil {
		out.Failure = &core.Failure{Code: out.Failure.Code, Detail: printable(out.Failure.Detail, maxDetail)}
	}
	return out
}
