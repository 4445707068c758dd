package audit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
)

func event(n int) core.Event {
	return core.Event{
		Account: "0190a0a0-0000-7000-8000-000000000001", At: time.Date(2026, 1, 1, 0, 0, n, 123456789, time.UTC),
		Actor: "credential:0190a0a0-0000-7000-8000-0000000000c1", Login: "zoé", Address: "192.0.2.7",
		Action: "certificate.issue", Object: fmt.Sprintf("certificate:%d", n), Outcome: core.Success,
		Request: "req-1", Protocol: "est", Credential: "0190a0a0-0000-7000-8000-0000000000c1",
		Detail: map[string]any{"serial": "0a1b2c", "names": []string{"www.example.com", "example.com"}, "product": core.ProductID("p1"), "days": 90},
	}
}

func TestSealChains(t *testing.T) {
	head := audit.Head{Chain: 3, Seq: 41, Hash: audit.Hash{1}}
	rows, end, err := audit.Seal(head, []core.Event{event(1), event(2), event(3)})
	if err != nil {
		t.Fatal(err)
	}
	salts := map[audit.Salt]bool{}
	for i, r := range rows {
		if r.Chain != 3 || r.Seq != 42+int64(i) || r.Prev != head.Hash {
			t.Errorf("row %d: chain %d seq %d", i, r.Chain, r.Seq)
		}
		if r.At.Nanosecond() != 123456000 {
			t.Errorf("time %v is not in microseconds", r.At)
		}
		head.Hash = r.Hash
		salts[r.Salt] = true
	}
	if end != (audit.Head{Chain: 3, Seq: 44, Hash: rows[2].Hash}) || len(salts) != 3 {
		t.Errorf("head %+v, %d salts", end, len(salts))
	}
	for _, bad := range []audit.Head{{Chain: -1}, {Seq: -1}, {Seq: math.MaxInt64}, {Chain: math.MaxInt32 + 1}} {
		if _, _, err := audit.Seal(bad, []core.Event{event(1)}); !core.Is(err, core.KindInternal) {
			t.Errorf("head %+v: %v", bad, err)
		}
	}
}

// The hash is what the documentation says, computed here by other means.
func TestHashDefinition(t *testing.T) {
	e := event(1)
	rows, _, _ := audit.Seal(audit.Head{Chain: 2}, []core.Event{e})
	r := rows[0]
	want := `{"address":"192.0.2.7","detail":{"days":90,"names":["www.example.com","example.com"],"product":"p1","serial":"0a1b2c"},"login":"zoé"}`
	if string(r.Payload) != want {
		t.Errorf("payload %s", r.Payload)
	}
	digest := sum("certwright audit payload v1\x00", string(r.Salt[:]), want)
	if digest != r.Digest {
		t.Error("digest")
	}
	parts := []string{"certwright audit content v1\x00", be(8, uint64(r.At.UnixMicro()))}
	for _, s := range []string{string(e.Account), e.Actor, e.Action, e.Object, e.Outcome, e.Request, e.Protocol, string(e.Credential)} {
		parts = append(parts, be(4, uint64(len(s))), s)
	}
	content := sum(append(parts, string(digest[:]))...)
	if sum("certwright audit entry v1\x00", be(4, 2), be(8, 1), strings.Repeat("\x00", 32), string(content[:])) != r.Hash {
		t.Error("hash")
	}
}

// Every field of an event is covered by the hash.
func TestHashCoversEveryField(t *testing.T) {
	for name, change := range map[string]func(*core.Event){
		"account": func(e *core.Event) { e.Account = "x" }, "at": func(e *core.Event) { e.At = e.At.Add(time.Microsecond) },
		"actor": func(e *core.Event) { e.Actor += "x" }, "action": func(e *core.Event) { e.Action += "x" },
		"object": func(e *core.Event) { e.Object += "x" }, "outcome": func(e *core.Event) { e.Outcome = core.Failed },
		"request": func(e *core.Event) { e.Request += "x" }, "protocol": func(e *core.Event) { e.Protocol += "x" },
		"credential": func(e *core.Event) { e.Credential += "x" },
		"moved text": func(e *core.Event) { e.Actor, e.Action = e.Actor+e.Action[:1], e.Action[1:] },
	} {
		s := audited(t, 3)
		s.Tamper(rowAt(0, 2, func(r *audit.Row) { change(&r.Event) }))
		wantProblems(t, name, s, "changed 0/2")
	}
	for name, change := range map[string]func(*audit.Row){
		"login": func(r *audit.Row) { r.Login = "eve" }, "address": func(r *audit.Row) { r.Address = "" },
		"payload": func(r *audit.Row) { r.Payload = bytes.Replace(r.Payload, []byte("90"), []byte("91"), 1) },
		"salt":    func(r *audit.Row) { r.Salt[0]++ }, "digest": func(r *audit.Row) { r.Digest[0]++ },
		"prev": func(r *audit.Row) { r.Prev[0]++ }, "hash": func(r *audit.Row) { r.Hash[0]++ },
		"half erased": func(r *audit.Row) { r.Payload = nil },
	} {
		s := audited(t, 3)
		s.Tamper(rowAt(0, 2, change))
		want := []string{"changed 0/2"}
		if name == "half erased" {
			want = append(want, "erased 0/2")
		}
		wantProblems(t, name, s, want...)
	}
}

// secretText redacts itself, as secret.Redacted does.
type secretText string

func (secretText) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
func (secretText) LogValue() slog.Value         { return slog.StringValue("[redacted]") }

type panics struct{}

func (*panics) MarshalJSON() ([]byte, error) { panic("no") }

func TestPayloadValues(t *testing.T) {
	type S struct {
		A int `json:"a"`
	}
	cycle := map[string]any{}
	cycle["self"] = cycle
	at := time.Date(2026, 5, 6, 7, 8, 9, 10, time.FixedZone("x", 3600))
	for _, tt := range []struct {
		v    any
		want string
	}{
		{nil, `null`}, {true, `true`}, {7, `7`}, {int64(-8), `-8`}, {uint8(9), `9`}, {1.5, `1.5`},
		{"a\"\\\n\r\t\x01\u2028é\xff<>", `"a\"\\\n\r\t\u0001` + "\u2028é\uFFFD" + `<>"`},
		{at, `"2026-05-06T06:08:09.00000001Z"`},
		{map[string]any{"b": 1, "a": []any{"x", nil}}, `{"a":["x",null],"b":1}`},
		{map[string]string{"b": "1", "a": "2"}, `{"a":"2","b":"1"}`},
		{S{3}, `{"a":3}`}, {core.ProductID("p"), `"p"`}, {secretText("hunter2"), `"[redacted]"`},
		{[]secretText{"hunter2"}, `["[redacted]"]`}, {map[string]secretText{"x": "hunter2"}, `{"x":"[redacted]"}`},
		{[]byte("hi"), `"aGk="`}, {make(chan int), `"[unwritable]"`}, {math.NaN(), `"[unwritable]"`}, {&panics{}, `"[unwritable]"`},
		{cycle, strings.Repeat(`{"self":`, 8) + `"[too deep]"` + strings.Repeat("}", 8)},
	} {
		e := core.Event{Detail: map[string]any{"v": tt.v}}
		rows, _, err := audit.Seal(audit.Head{}, []core.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(rows[0].Payload); got != `{"detail":{"v":`+tt.want+`}}` {
			t.Errorf("%T: %s; want %s", tt.v, got, tt.want)
		}
		if !json.Valid(rows[0].Payload) {
			t.Errorf("%T: no JSON", tt.v)
		}
	}
}

func TestSecretsStayOut(t *testing.T) {
	d := map[string]any{}
	for i, k := range []string{"password", "Passphrase", "secret", "client_secret", "TOKEN", "private_key", "pin"} {
		d[k] = fmt.Sprintf("hunter%d", i)
	}
	d["nested"] = map[string]any{"password": []byte("hunter9")}
	d["typed"] = secretText("hunter10")
	d["key"] = "RSA 3072"
	rows, _, _ := audit.Seal(audit.Head{}, []core.Event{{Detail: d}})
	p := string(rows[0].Payload)
	if strings.Contains(p, "hunter") || strings.Contains(p, "aHVudGVy") || !strings.Contains(p, "RSA 3072") {
		t.Errorf("payload %s", p)
	}
}

func TestTextsAreStorable(t *testing.T) {
	long := strings.Repeat("é", 5000)
	e := core.Event{Actor: "a\x00b", Object: "\xff", Login: long, Address: long, Action: long, Detail: map[string]any{"v": long}}
	for range 20 {
		e.Detail[fmt.Sprint(len(e.Detail))] = long
	}
	rows, _, _ := audit.Seal(audit.Head{}, []core.Event{e})
	r := rows[0]
	if r.Actor != "a\uFFFDb" || r.Object != "\uFFFD" || len(r.Action) > 1024 || !strings.HasSuffix(r.Action, "é…") {
		t.Errorf("%q %q %d", r.Actor, r.Object, len(r.Action))
	}
	if len(r.Payload) > 64<<10 || !strings.Contains(string(r.Payload), "left_out") {
		t.Errorf("payload of %d octets", len(r.Payload))
	}
	entry, err := r.Entry()
	if err != nil || entry.Login != r.Login || entry.Address != r.Address {
		t.Errorf("payload and columns differ: %v", err)
	}
}

func TestEntry(t *testing.T) {
	rows, _, _ := audit.Seal(audit.Head{Chain: 1}, []core.Event{event(1), {}})
	e, err := rows[0].Entry()
	if err != nil || e.Login != "zoé" || e.Detail["serial"] != "0a1b2c" || e.Erased || e.Seq != 1 || e.Chain != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	if string(rows[1].Payload) != "{}" {
		t.Errorf("empty payload %q", rows[1].Payload)
	}
	rows[0].Payload = nil
	if e, err = rows[0].Entry(); err != nil || !e.Erased || e.Login != "" {
		t.Errorf("%+v, %v", e, err)
	}
	rows[0].Payload = []byte("{")
	if _, err = rows[0].Entry(); !core.Is(err, core.KindInternal) {
		t.Error(err)
	}
}

func FuzzSeal(f *testing.F) {
	f.Add("login", "key", "value", []byte("raw"))
	f.Add("\x00\xff", "pass\"word", "\u2028\\", []byte{})
	f.Fuzz(func(t *testing.T, login, key, value string, raw []byte) {
		e := core.Event{Login: login, Actor: value, Detail: map[string]any{key: value, "raw": raw, "l": []any{value, login}}}
		rows, _, err := audit.Seal(audit.Head{}, []core.Event{e})
		if err != nil || !json.Valid(rows[0].Payload) {
			t.Fatalf("%v: %q", err, rows[0].Payload)
		}
		entry, err := rows[0].Entry()
		if err != nil || entry.Login != rows[0].Login {
			t.Fatalf("%v: %q, %q", err, entry.Login, rows[0].Login)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	events := make([]core.Event, 32)
	for i := range events {
		events[i] = event(i)
	}
	for _, n := range []int{1, 32} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			head := audit.Head{}
			for b.Loop() {
				_, head, _ = audit.Seal(head, events[:n])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
}

func be(n int, v uint64) string {
	b, _ := hex.DecodeString(fmt.Sprintf("%0*x", 2*n, v))
	return string(b)
}
