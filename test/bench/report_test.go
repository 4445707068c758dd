package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// median of an odd number of values is the one in the middle, else the lower
// of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// line is what the rounds of one server and one number of clients come to.
type line struct {
	Server       string        `json:"server"`
	Clients      int           `json:"clients"`
	Rate         float64       `json:"certificates_per_second"`
	P50          time.Duration `json:"p50_ns"`
	P99          time.Duration `json:"p99_ns"`
	ServerCPU    time.Duration `json:"server_cpu_per_certificate_ns"`
	ClientCPU    time.Duration `json:"client_cpu_per_certificate_ns"`
	Commits      float64       `json:"commits_per_certificate"`
	Transactions float64       `json:"transactions_per_certificate"`
	Requests     float64       `json:"requests_per_certificate,omitempty"`
	ToBase       float64       `json:"ratio_to_baseline,omitempty"` // of rates
	CPUToBase    float64       `json:"server_cpu_ratio_to_baseline,omitempty"`
	ToLimit      float64       `json:"ratio_to_limit"` // of rates
	Rounds       []level       `json:"rounds"`
}

// middle is the median over the rounds of what f says about each.
func middle(rounds []level, f func(i int, l *level) float64) float64 {
	v := make([]float64, len(rounds))
	for i := range rounds {
		v[i] = f(i, &rounds[i])
	}
	return median(v)
}

func lineOf(server string, clients int, rounds []level) line {
	each := func(f func(l *level) float64) float64 {
		return middle(rounds, func(_ int, l *level) float64 { return f(l) })
	}
	n := func(l *level) float64 { return float64(l.Certificates) }
	return line{Server: server, Clients: clients, Rounds: rounds, Rate: each((*level).rate),
		P50:          time.Duration(each(func(l *level) float64 { return float64(l.P50) })),
		P99:          time.Duration(each(func(l *level) float64 { return float64(l.P99) })),
		ServerCPU:    time.Duration(each(func(l *level) float64 { return float64(l.ServerCPU) / n(l) })),
		ClientCPU:    time.Duration(each(func(l *level) float64 { return float64(l.ClientCPU) / n(l) })),
		Commits:      each(func(l *level) float64 { return l.Commits / n(l) }),
		Transactions: each(func(l *level) float64 { return l.Transactions / n(l) }),
		Requests:     each(func(l *level) float64 { return l.Requests }),
	}
}

// report is the outcome of a run.
type report struct {
	Machine      string `json:"machine"`
	FileSystem   string `json:"file_system"`
	Postgres     bool   `json:"postgresql"`
	Certificates int    `json:"certificates_per_level"`
	Baseline     string `json:"baseline"`
	Limit        []line `json:"limit"`
	Lines        []line `json:"lines"`
}

// fill makes the lines. Each ratio is the median of the rounds' ratios, because
// what was measured in one round was measured in direct succession.
func (r *report) fill(clients []int, subjects []*subject, limits *subject) {
	named := map[string]*subject{}
	for _, s := range subjects {
		named[s.name] = s
	}
	for _, c := range clients {
		if len(limits.lines[c]) > 0 {
			r.Limit = append(r.Limit, lineOf(limits.name, c, limits.lines[c]))
		}
		for _, s := range subjects {
			l := lineOf(s.name, c, s.lines[c])
			l.ToLimit = middle(l.Rounds[:min(len(l.Rounds), len(limits.lines[c]))], func(i int, l *level) float64 { return l.rate() / limits.lines[c][i].rate() })
			if base := named[s.base]; base != nil {
				l.ToBase = middle(l.Rounds, func(i int, l *level) float64 { return l.rate() / base.lines[c][i].rate() })
				l.CPUToBase = middle(l.Rounds, func(i int, l *level) float64 {
					return float64(l.ServerCPU) / float64(max(base.lines[c][i].ServerCPU, 1))
				})
			}
			r.Lines = append(r.Lines, l)
		}
	}
}

func (r *report) print(out io.Writer) error {
	ms := func(d time.Duration, digits int) string {
		if d == 0 {
			return "-"
		}
		return strconv.FormatFloat(float64(d)/1e6, 'f', digits, 64)
	}
	or := func(v float64, format string) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf(format, v)
	}
	fmt.Fprintf(out, "\n%s; data on %s\nMedians of %d rounds with %d certificates each; CPU in milliseconds for each certificate.\n\n",
		r.Machine, r.FileSystem, len(r.Lines[0].Rounds), r.Certificates)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\tclients\trequests/cert\tcerts/s\tp50 ms\tp99 ms\tserver CPU\tclient CPU\tcommits/cert\ttx/cert\tto "+r.Baseline+"\tCPU to "+r.Baseline+"\tto limit\t")
	for i, l := range slices.Concat(r.Limit, r.Lines) {
		name, share := l.Server, or(100*l.ToLimit, "%.0f %%")
		if i < len(r.Limit) {
			name = "limit (parse, check, judge, lint, sign)"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, l.Clients, or(l.Requests, "%.2f"), l.Rate, ms(l.P50, 1), ms(l.P99, 1),
			ms(l.ServerCPU, 2), ms(l.ClientCPU, 2), or(l.Commits, "%.3f"), or(l.Transactions, "%.2f"), or(l.ToBase, "%.2f x"), or(l.CPUToBase, "%.2f x"), share)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !r.Postgres {
		fmt.Fprintln(out, "\nNot measured: PostgreSQL, of which no server is named in the environment (make bench starts one where it is installed).")
	}
	return nil
}

// save writes the report as JSON.
func (r *report) save(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
