package ctl

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
)

func TestAuditVerifyExport(t *testing.T) {
	l, _, clock := audittest.NewLog(t)
	for i := range 9 {
		e := core.Event{Account: "a", At: clock.Now(), Actor: "user:ann", Action: "certificate.issue", Object: fmt.Sprintf("certificate:%d", i), Outcome: core.Success}
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		clock.Pass(time.Minute)
	}
	var export bytes.Buffer
	if err := l.Export(t.Context(), &export, audit.Range{Account: "a"}); err != nil {
		t.Fatal(err)
	}
	good := export.String()
	key := hex.EncodeToString(audittest.Key(t).PublicKey())
	verify := func(text string) outcome {
		return call{args: []string{"audit", "verify", "--file", file(t, "x", text), "--public-key", key}}.run(t)
	}
	if o := verify(good).ok(t); !strings.HasPrefix(o.out, "The audit log is intact: 9 rows in 1 chain") {
		t.Errorf("said %q", o.out)
	}
	o := verify(strings.Replace(good, "certificate:4", "certificate:5", 1)).fails(t, codeFailed, "not intact: 1 problem")
	if !strings.Contains(o.out, "row 5: changed") {
		t.Errorf("said %q", o.out)
	}
	verify(good[:len(good)/2]).fails(t, codeFailed, "of the export")
}

func TestAuditVerifyOfBadFiles(t *testing.T) {
	key := strings.Repeat("0", 64)
	if _, err := hex.DecodeString(key); err != nil {
		t.Fatal(err)
	}
	call{args: []string{"audit", "verify", "--file", file(t, "x", "not an export\n"), "--public-key", key}}.run(t).fails(t, codeFailed, "line 1 of the export")
	call{args: []string{"audit", "verify", "--file", "-", "--public-key", key}, in: `{"kind":"header","format":"certwright-audit-export/1","chain":0}` + "\n"}.run(t).fails(t, codeFailed, "cut off")
	call{args: []string{"audit", "verify", "--file", "x"}}.run(t).fails(t, codeUsage, "--public-key")
	call{args: []string{"audit", "verify", "--file", filepath.Join(t.TempDir(), "x"), "--public-key", key}}.run(t).fails(t, codeUsage, "no such file")
	o := call{args: []string{"audit", "verify", "--file", "-", "--public-key", key},
		in: `{"kind":"header","format":"certwright-audit-export/1","chain":0}` + "\n" + `{"kind":"end","chain":0}` + "\n"}.run(t).ok(t)
	if o.out != "The audit log is intact: 0 rows in 0 chains, 0 checkpoints.\n" {
		t.Errorf("out %q", o.out)
	}
}

// TestForeignEnvironment: variables of the platform do not steer ctl, and ctl
// leaves those of the program's own commands alone.
func TestForeignEnvironment(t *testing.T) {
	f := newFake(t, false)
	certificates(f)
	for _, name := range []string{"YES", "LIMIT", "OUTPUT", "COLUMNS", "FILTER", "ALL"} {
		t.Setenv("CERTWRIGHT_"+name, "7")
	}
	f.ctl(t, "cert", "list").ok(t)
	var place string
	t.Setenv("CERTWRIGHT_PLACE", "there")
	g := grammar{}
	g.Ctl.Backup.into = &place
	kctx, err := parser(t, &g).Parse([]string{"ctl", "backup"})
	if err != nil {
		t.Fatal(err)
	}
	if err := kctx.Run(); err != nil || place != "there" {
		t.Errorf("backup: %v, %q", err, place)
	}
	t.Setenv("CERTWRIGHT_CTL_OUTPUT", "json")
	if o := f.ctl(t, "cert", "list").ok(t); !strings.HasPrefix(o.out, "[") {
		t.Errorf("CERTWRIGHT_CTL_OUTPUT was not heard: %s", o.out)
	}
	if err := os.Unsetenv("CERTWRIGHT_CTL_OUTPUT"); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	c := new(console)
	name := filepath.Join(dir, "f")
	if err := c.writeFile(name, []byte("one"), modeSecret, false); err != nil {
		t.Fatal(err)
	}
	if err := c.writeFile(name, []byte("two"), modePublic, false); err == nil || read(t, name) != "one" {
		t.Errorf("an existing file was replaced: %v", err)
	}
	// A link is a file that is there, wherever it leads.
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	if err := c.writeFile(link, []byte("two"), modeSecret, false); err == nil {
		t.Error("a link was followed")
	}
	if err := c.writeFile(name, []byte("two"), modePublic, true); err != nil || read(t, name) != "two" {
		t.Errorf("--force: %v", err)
	}
	mode(t, name, 0o644)
	if err := c.writeFile(filepath.Join(dir, "no", "folder"), nil, modeSecret, false); err == nil {
		t.Error("a file was written into no folder")
	}
	temp, err := writeTemp(name, []byte("three"), modeSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := keep(temp, name, false); err == nil || read(t, name) != "two" {
		t.Errorf("a file that appeared meanwhile was replaced: %v", err)
	}
	nothing(t, dir, "f", "link")
}
