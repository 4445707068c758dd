package app

import (
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/certwright/certwright/internal/secret"
)

// Version is the module version or the commit of this build.
func Version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := b.Main.Version
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v + " " + b.GoVersion
}

// Print writes the settings in force as YAML that can be used as configuration
// file. Secrets are masked.
func (c Config) Print(w io.Writer) error {
	c.Database = dumpDatabase(c.Database)
	return printStruct(w, "", reflect.ValueOf(c))
}

func printStruct(w io.Writer, indent string, v reflect.Value) error {
	t := v.Type()
	for i := range t.NumField() {
		f, x := t.Field(i), v.Field(i)
		if f.Anonymous { // its fields stand where it stands
			if err := printStruct(w, indent, x); err != nil {
				return err
			}
			continue
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		if prefix := f.Tag.Get("prefix"); prefix != "" {
			if _, err := fmt.Fprintf(w, "%s%s:\n", indent, strings.TrimSuffix(prefix, "-")); err != nil {
				return err
			}
			if err := printStruct(w, indent+"  ", x); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "%s%s: %s\n", indent, name, yamlValue(x)); err != nil {
			return err
		}
	}
	return nil
}

func yamlValue(x reflect.Value) string {
	switch v := x.Interface().(type) {
	case secret.Redacted:
		if v.Reveal() == "" {
			return `""`
		}
		return fmt.Sprintf("%q", v.String())
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		q := make([]string, len(v))
		for i := range v {
			q[i] = fmt.Sprintf("%q", v[i])
		}
		return "[" + strings.Join(q, ", ") + "]"
	}
	return fmt.Sprint(x.Interface())
}

// kebab turns PerSecond into per-second, as kong does.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
