package rest

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// TestCodes: every number of the table stands in a golden answer of the
// versions that have it, or in unreachable.tsv with a reason; and the table and
// the files name no number that there is not.
func TestCodes(t *testing.T) {
	given := map[string]map[string]bool{"v1": {}, "v2": {}}
	number := regexp.MustCompile(`EMS-(DOMAIN-\d{3}|\d{3,4})`)
	for version := range given {
		files, _ := filepath.Glob("testdata/golden/" + version + "/*.json")
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range number.FindAllStringSubmatch(string(raw), -1) {
				given[version][m[1]] = true
			}
			var g struct {
				Answer struct{ Problem string }
			}
			if version == "v2" && json.Unmarshal(raw, &g) == nil && g.Answer.Problem != "" {
				given[version][g.Answer.Problem] = true
			}
		}
	}
	table := allCodes()
	excused := unreachable(t)
	for _, c := range table {
		for version, has := range map[string]bool{"v1": c.v1, "v2": c.v2} {
			reason, listed := excused[version+" "+c.id]
			switch {
			case has && !given[version][c.id] && !listed:
				t.Errorf("%s: EMS-%s (%s) is in no golden answer and not in unreachable.tsv", version, c.id, c.meaning)
			case has && given[version][c.id] && listed:
				t.Errorf("%s: EMS-%s is called unreachable and has a golden answer", version, c.id)
			case listed && !has:
				t.Errorf("unreachable.tsv names EMS-%s, which %s does not have", c.id, version)
			case listed && len(reason) < 15:
				t.Errorf("%s: EMS-%s has no reason", version, c.id)
			}
		}
	}
	for version, list := range given {
		for id := range list {
			if !slices.ContainsFunc(table, func(c code) bool { return c.id == id }) {
				t.Errorf("a golden answer of %s has EMS-%s, which is not in the table", version, id)
			}
		}
	}
	for _, m := range mappings {
		for _, id := range []string{m.v1, m.v2} {
			if !slices.ContainsFunc(table, func(c code) bool { return c.id == id }) {
				t.Errorf("%s %q maps to EMS-%s, which is not in the table", m.kind, m.field, id)
			}
		}
	}
}

// unreachable reads the file: version, number, reason.
func unreachable(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/unreachable.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.SplitN(line, "\t", 3)
		if len(cells) != 3 {
			t.Fatalf("unreachable.tsv: %q", line)
		}
		out[cells[0]+" "+strings.TrimPrefix(cells[1], "EMS-")] = cells[2]
	}
	return out
}

// TestMaps: every kind has a number in both versions and a status.
func TestMaps(t *testing.T) {
	for _, k := range core.Kinds {
		if !Maps(k) {
			t.Errorf("kind %s has no wire form", k)
		}
	}
	if Maps("nonsense") {
		t.Error("a kind that does not exist has a wire form")
	}
}
