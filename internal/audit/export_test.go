package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
)

// history writes an event of two accounts in turn every 10 minutes for a day
// into two chains, with a checkpoint every hour.
func history(t testing.TB) (*audit.Log, *audittest.Storage, time.Time) {
	s, clock := audittest.New(2), audittest.NewClock()
	l := audit.New(audit.Deps{Storage: s, Signer: audittest.Key(t), Now: clock.Now})
	start := clock.Now()
	for i := range 144 {
		e := event(i)
		e.At = clock.Now()
		if i%3 == 0 {
			e.Account = "other"
		}
		if err := l.Record(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		if i%6 == 5 {
			if _, _, err := l.Checkpoint(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		clock.Pass(10 * time.Minute)
	}
	return l, s, start
}

func export(t testing.TB, l *audit.Log, q audit.Range) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := l.Export(context.Background(), &b, q); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyExport(t testing.TB, x []byte) ([]string, audit.Summary, error) {
	var got []string
	sum, err := audit.VerifyExport(bytes.NewReader(x), func(p audit.Problem) { got = append(got, short(p)) }, audittest.Key(t).PublicKey())
	return got, sum, err
}

func TestExport(t *testing.T) {
	l, _, start := history(t)
	mine := event(0).Account
	hour := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
	for _, tt := range []struct {
		name           string
		q              audit.Range
		full, min, max int64 // rows shown, and all rows at least and at most
	}{
		{"everything", audit.Range{AllAccounts: true}, 144, 144, 144},
		{"one account", audit.Range{Account: mine}, 96, 144, 144},
		{"one morning", audit.Range{Account: mine, From: hour(8), To: hour(12)}, 16, 24, 48},
		{"from noon", audit.Range{AllAccounts: true, From: hour(12)}, 72, 72, 90},
		{"until noon", audit.Range{AllAccounts: true, To: hour(12)}, 72, 72, 90},
		{"the future", audit.Range{Account: mine, From: hour(100)}, 0, 0, 0},
		{"another account", audit.Range{Account: "nobody"}, 0, 144, 144},
	} {
		x := export(t, l, tt.q)
		got, sum, err := verifyExport(t, x)
		if err != nil || len(got) != 0 {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
		if sum.Rows-sum.Bridged != tt.full || sum.Rows < tt.min || sum.Rows > tt.max || sum.Uncovered != 0 {
			t.Errorf("%s: %+v", tt.name, sum)
		}
		if tt.q.Account == mine && strings.Contains(string(x), `"other"`) {
			t.Errorf("%s shows another account", tt.name)
		}
	}
	if err := l.Export(context.Background(), &bytes.Buffer{}, audit.Range{}); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
	if err := l.Export(context.Background(), failingWriter{}, audit.Range{AllAccounts: true}); err == nil {
		t.Error("a full disk is no error")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestExportErased(t *testing.T) {
	l, _, start := history(t)
	if _, err := l.Erase(context.Background(), core.Event{Account: event(0).Account, Actor: "user:1"}, start.Add(12*time.Hour)); err != nil {
		t.Fatal(err)
	}
	x := export(t, l, audit.Range{Account: event(0).Account})
	got, sum, err := verifyExport(t, x)
	if err != nil || len(got) != 0 || sum.Erased != 48 {
		t.Errorf("%q, %+v, %v", got, sum, err)
	}
}

// exportTampering is one attack on the lines of an export.
type exportTampering struct {
	name string
	do   func([]string) []string
}

func exportTamperings(t *testing.T, lines []string) []exportTampering {
	find := func(kind string, n int) int {
		for i, l := range lines {
			if strings.HasPrefix(l, `{"kind":"`+kind+`"`) {
				if n--; n < 0 {
					return i
				}
			}
		}
		t.Fatalf("no %s", kind)
		return 0
	}
	edit := func(kind string, n int, old, new string) func([]string) []string {
		return func(l []string) []string {
			i := find(kind, n)
			if !strings.Contains(l[i], old) {
				t.Fatalf("%q not in %s", old, l[i])
			}
			l[i] = strings.Replace(l[i], old, new, 1)
			return l
		}
	}
	remove := func(kind string, n int) func([]string) []string {
		return func(l []string) []string { i := find(kind, n); return slices.Delete(l, i, i+1) }
	}
	return []exportTampering{
		{"row changed", edit("row", 1, `"outcome":"success"`, `"outcome":"failed"`)},
		{"payload changed", edit("row", 1, `192.0.2.7`, `192.0.2.8`)},
		{"bridge changed", edit("bridge", 1, `"content":"`, `"content":"00`)},
		{"row removed", remove("row", 2)},
		{"last row removed", remove("end", 0)},
		{"row doubled", func(l []string) []string { i := find("row", 1); return slices.Insert(l, i, l[i]) }},
		{"rows swapped", func(l []string) []string { i := find("row", 1); l[i], l[i+1] = l[i+1], l[i]; return l }},
		{"checkpoint removed", remove("checkpoint", 1)},
		{"first checkpoint removed", remove("checkpoint", 0)},
		{"checkpoint changed", edit("checkpoint", 1, `\"seq\":`, `\"seq\":1`)},
		{"signature changed", edit("checkpoint", 0, `"signature":"`, `"signature":"AAAA`)},
		{"chain start moved", func(l []string) []string {
			i := find("chain", 0)
			l[i] = `{"kind":"chain","chain":0,"seq":1,"hash":"` + strings.Repeat("00", 32) + "\"}\n"
			return l
		}},
		{"header removed", remove("header", 0)},
		{"more at the end", func(l []string) []string { return append(l, "\n"+l[find("row", 0)]) }},
		{"garbage", func(l []string) []string { return append(l[:3:3], "{garbage\n") }},
		{"cut off", func(l []string) []string { return l[:len(l)-3] }},
		{"empty", func([]string) []string { return nil }},
	}
}

func TestExportTampered(t *testing.T) {
	l, s, start := history(t)
	x := export(t, l, audit.Range{Account: event(0).Account, From: start.Add(6 * time.Hour), To: start.Add(8 * time.Hour)})
	lines := strings.SplitAfter(strings.TrimSuffix(string(x), "\n"), "\n")
	for _, tt := range exportTamperings(t, lines) {
		got, _, err := verifyExport(t, []byte(strings.Join(tt.do(slices.Clone(lines)), "")))
		if len(got) == 0 && err == nil {
			t.Errorf("%s: nothing found", tt.name)
		}
		if err != nil && !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	testExportLeftOut(t, l)
	// What is wrong in the database is found in the export, too.
	s.Tamper(rowAt(0, 20, func(r *audit.Row) { r.Action = "x" }))
	x = export(t, l, audit.Range{AllAccounts: true})
	if got, _, err := verifyExport(t, x); err != nil || !slices.Equal(got, []string{"changed 0/20"}) {
		t.Errorf("%q, %v", got, err)
	}
	// Without the key nothing is proven.
	sum, err := audit.VerifyExport(bytes.NewReader(x), func(audit.Problem) {})
	if err != nil || sum.Problems == 0 {
		t.Errorf("without a key: %+v, %v", sum, err)
	}
	if _, err := audit.VerifyExport(bytes.NewReader(x), nil, ed25519.PublicKey("short")); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
}

// testExportLeftOut leaves out rows so that the rest fits together.
func testExportLeftOut(t *testing.T, l *audit.Log) {
	lines := strings.SplitAfter(string(export(t, l, audit.Range{AllAccounts: true})), "\n")
	hash := regexp.MustCompile(`"hash":"([0-9a-f]+)"`)
	end := func(rows int) string {
		return fmt.Sprintf(`{"kind":"end","chain":0,"rows":%d,"checkpoints":24}`+"\n", rows)
	}
	first := slices.IndexFunc(lines, func(s string) bool { return strings.HasPrefix(s, `{"kind":"chain"`) })
	second := first + 73
	late := slices.Clone(lines)
	late[first] = `{"kind":"chain","chain":0,"seq":2,` + hash.FindString(lines[first+2]) + "}\n"
	late[len(late)-2] = end(142)
	late = slices.Delete(late, first+1, first+3)
	alone := append(slices.Clone(lines[:second]), end(72))
	for want, x := range map[string][]string{"removed 0/1-2": late, "removed 1/1-72": alone} {
		if got, _, err := verifyExport(t, []byte(strings.Join(x, ""))); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%q, %v; want %s", got, err, want)
		}
	}
}

// Whatever is done to the stored rows, something is found: 2,000 random
// attacks of one to three steps.
func TestVerifyFindsRandomTampering(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := twoChains(t)
		before := snapshot(s)
		var steps []string
		for range 1 + r.IntN(3) {
			s.Tamper(func(d *audittest.Data) { steps = append(steps, randomStep(r, d)) })
		}
		got, _ := problems(t, s)
		if snapshot(s) != before && len(got) == 0 {
			t.Errorf("seed %d: nothing found after %q", seed, steps)
		}
		if snapshot(s) == before && len(got) != 0 {
			t.Errorf("seed %d: found %q although %q cancel out", seed, got, steps)
		}
	}
}

func snapshot(s *audittest.Storage) (out string) {
	s.Tamper(func(d *audittest.Data) {
		for _, chain := range []int{0, 1} {
			rows := slices.Clone(d.Rows[chain])
			slices.SortStableFunc(rows, func(a, b audit.Row) int { return int(a.Seq - b.Seq) })
			for _, r := range rows {
				out += fmt.Sprintf("%d %d %s %x %x\n", chain, r.Seq, r.Object, r.Hash, r.Payload)
			}
		}
	})
	return out
}

func randomStep(r *rand.Rand, d *audittest.Data) string {
	rows := d.Rows[0]
	if len(rows) < 2 {
		return "nothing"
	}
	i, j := r.IntN(len(rows)), r.IntN(len(rows))
	switch r.IntN(6) {
	case 0:
		rows[i].Object = "x"
		return fmt.Sprintf("change %d", i+1)
	case 1:
		rows[i].Object = "y"
		reseal(&rows[i])
		return fmt.Sprintf("change and reseal %d", i+1)
	case 2:
		d.Rows[0] = slices.Delete(rows, i, i+1)
		return fmt.Sprintf("remove %d", i+1)
	case 3:
		d.Rows[0] = slices.Insert(rows, i, rows[j])
		return fmt.Sprintf("copy %d to %d", j+1, i+1)
	case 4:
		swap(i, j)(d)
		return fmt.Sprintf("swap %d and %d", i+1, j+1)
	}
	d.Rows[0] = slices.Delete(rows, i, i+1)
	renumber(d.Rows[0], i)
	return fmt.Sprintf("remove %d and renumber", i+1)
}

func FuzzVerifyExport(f *testing.F) {
	l, _, _ := audittest.NewLog(f)
	for i := range 3 { // small, or the fuzzer spends its time on making it smaller
		_ = l.Record(context.Background(), core.Event{Account: core.AccountID(fmt.Sprint(i % 2)), Action: "x"})
	}
	f.Add(export(f, l, audit.Range{Account: "1"}))
	f.Add([]byte("{\"kind\":\"header\",\"format\":\"certwright-audit-export/1\",\"chain\":0}\n{\"kind\":\"end\",\"chain\":0}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, sum, err := verifyExport(t, in)
		if err == nil && sum.Problems != len(got) {
			t.Fatalf("%d problems of %d", sum.Problems, len(got))
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := audittest.New(1)
	l := audit.New(audit.Deps{Storage: s, Signer: audittest.Key(b), Now: audittest.NewClock().Now})
	const rows = 10000
	_ = s.InTx(context.Background(), func(_ context.Context, tx core.Tx) error {
		for i := range rows {
			l.Write(tx, event(i))
		}
		return nil
	})
	b.ReportAllocs()
	for b.Loop() {
		if sum, err := l.Verify(context.Background(), func(audit.Problem) {}); err != nil || sum.Rows != rows {
			b.Fatal(sum, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
