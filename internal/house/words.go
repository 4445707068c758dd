package house

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// TextFile is one file of the repository, of whatever kind.
type TextFile struct {
	Path string
	Text []byte
}

// Tracked returns the files that are in the repository or about to be: known
// to git, or new and not ignored. Binary files are left out.
func Tracked(root string) ([]TextFile, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []TextFile
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil || !info.Mode().IsRegular() {
			continue // deleted and not yet committed, or a link
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) < 0 {
			files = append(files, TextFile{name, text})
		}
	}
	return files, nil
}

// word is a pattern that does not belong into the repository. The patterns are
// put together from parts so that this file does not break its own rule.
type word struct {
	re   *regexp.Regexp
	why  string
	only []string // extensions or names; empty: every file
}

var prose = []string{".go", ".ts", ".tsx", ".css", ".html", ".md", ".sh", ".sql", ".yml", ".yaml", "Makefile", ""}

var words = []word{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`), "unfinished work: finish it or file an issue", prose},
	{regexp.MustCompile(`(?m)(^|[\s"'=:(\x60])/(wo` + `rk|ro` + `ot|ho` + `me/[a-z]+)/`), "a path of somebody's machine", nil},
	{regexp.MustCompile(`\.\./sha` + `red\b`), "a path outside the repository", nil},
	{regexp.MustCompile(`(proxy|sum)\.go` + `lang\.org|registry\.npm` + `js\.org|(deb|security)\.deb` + `ian\.org|pypi\.o` + `rg|files\.pythonho` + `sted\.org|static\.cra` + `tes\.io`),
		"the host of a package registry: package clients know their own", nil},
}

// Words finds words that do not belong into the repository.
func Words(f TextFile) []Finding {
	var out []Finding
	for _, w := range words {
		if w.only != nil && !slices.Contains(w.only, path.Ext(f.Path)) && !slices.Contains(w.only, path.Base(f.Path)) {
			continue
		}
		for _, m := range w.re.FindAllIndex(f.Text, -1) {
			line := 1 + bytes.Count(f.Text[:m[0]], []byte("\n"))
			out = append(out, Finding{fmt.Sprintf("%s:%d", f.Path, line), fmt.Sprintf("%q: %s", strings.TrimSpace(string(f.Text[m[0]:m[1]])), w.why)})
		}
	}
	return out
}
