package ca

import (
	"slices"

	"github.com/zmap/zlint/v3/lint"
)

// LintNames lists the lints of a source that can stop issuance, in order of
// name. An unknown source has none.
func LintNames(source string) []string {
	sources, _ := lintSources(source)
	var out []string
	l, err := newLinter(source, nil)
	if err != nil || len(sources) == 0 {
		return nil
	}
	for _, list := range [][]*lint.CertificateLint{l.plain, l.configurable} {
		for _, c := range list {
			out = append(out, c.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
