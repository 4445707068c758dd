package ctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
)

// script makes a completion script.
func script(t *testing.T, shell string) string {
	t.Helper()
	return call{args: []string{"completion", shell}}.run(t).ok(t).out
}

// completions are lines with the cursor at their end, and what is offered.
var completions = []struct {
	line string
	want string // sorted, with blanks between
}{
	{"certwright ", "ctl"},
	{"certwright --da", "--data"},
	{"certwright ctl ce", "cert"},
	{"certwright ctl cert ", "cancel-deployment deploy deployments download list release renew revoke show tag"},
	{"certwright ctl certificate l", "list"},
	{"certwright ctl --url https://ca.example:8443 cert li", "list"},
	{"certwright ctl -o json cert li", "list"},
	{"certwright ctl -o ", "json table"},
	{"certwright ctl cert list --output ", "json table"},
	{"certwright ctl cert list --output=j", "json"},
	{"certwright ctl cert list --filter a:eq:cert --exp", "--expiring --explain"},
	{"certwright ctl cert download 17 --format ", "der jks p12 p7b pem"},
	{"certwright ctl cert download 17 --format p", "p12 p7b pem"},
	{"certwright ctl cert download 17 --form", "--format"},
	{"certwright ctl cert download 17 --key my", "my-key.pem"},
	{"certwright ctl --roots my", "my-key.pem"},
	{"certwright ctl order create --new-key=ecdsa-p256 --key-ou", "--key-out"},
	{"certwright ctl credential update web --no-d", "--no-default"},
	{"certwright ctl completion ", "bash fish zsh"},
	{"certwright ctl cert list nonsense", ""},
	{"certwright ctl cert list --sort ", ""},
}

// inDir makes a folder with one file to complete.
func inDir(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	for name, body := range map[string]string{"my-key.pem": "", "script": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, filepath.Join(dir, "script")
}

// complete runs a shell and returns the words that it prints, sorted.
func complete(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return strings.Join(words, " ")
}

// bashDriver splits a line into words as readline does (COMP_WORDBREAKS has "="
// and ":"), calls the function that the script has registered, and prints what
// it offers.
const bashDriver = `
set -u
source "$1"
line=$2
COMP_WORDS=() word=""
for ((n = 0; n < ${#line}; n++)); do
    c=${line:n:1}
    case $c in
    ' ') [[ -n $word ]] && COMP_WORDS+=("$word"); word="" ;;
    '=' | ':') [[ -n $word ]] && COMP_WORDS+=("$word"); COMP_WORDS+=("$c"); word="" ;;
    *) word+=$c ;;
    esac
done
[[ -n $word || $line == *' ' ]] && COMP_WORDS+=("$word")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
spec=$(complete -p certwright)
f=${spec#*-F } f=${f%% *}
"$f" certwright "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]+"${COMPREPLY[@]}"}"
`

func TestCompletionInBash(t *testing.T) {
	bash := need.Program(t, "bash", "bash")
	dir, path := inDir(t, script(t, "bash"))
	for _, c := range completions {
		if got := complete(t, dir, bash, "--norc", "-c", bashDriver, "bash", path, c.line); got != c.want {
			t.Errorf("%q: offered %q, want %q", c.line, got, c.want)
		}
	}
}

// TestCompletionInInteractiveBash lets readline do it: two tabs list what there
// is.
func TestCompletionInInteractiveBash(t *testing.T) {
	bash := need.Program(t, "bash", "bash")
	tty := need.Program(t, "script", "bsdutils")
	dir, path := inDir(t, script(t, "bash"))
	if err := os.WriteFile(filepath.Join(dir, "rc"), []byte("source "+path+"\nbind 'set bell-style none'\nPS1='$ '\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tty, "-qec", bash+" --noprofile --rcfile rc -i", "/dev/null")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
	cmd.Stdin = strings.NewReader("echo certwright ctl completion\nfunction certwright { echo \"ran: $*\"; }\ncertwright ctl cert dow\t17 --form\tjk\t\nexit\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ran: ctl cert download 17 --format jks") {
		t.Errorf("%v\n%s", err, out)
	}
}

// zshDriver replaces the builtins that talk to zsh's completion system, which
// runs only behind a terminal, by ones that print.
const zshDriver = `
emulate zsh
compdef() { : }
_describe() { shift $(( $# - 1 )); local w; for w in ${(P)1}; do [[ ${w%%:*} == ${PREFIX}* ]] && print -r -- ${w%%:*}; done; return 0 }
compadd() { local w; for w in ${(P)2}; do [[ $w == ${PREFIX}* ]] && print -r -- $w; done; return 0 }
_files() { print -rl -- ${PREFIX}*(N) }
compset() { PREFIX=${PREFIX#*=} }
source $1
words=(${(s: :)2})
[[ $2 == *' ' ]] && words+=("")
CURRENT=$#words
PREFIX=${words[CURRENT]}
_certwright
`

func TestCompletionInZsh(t *testing.T) {
	zsh := need.Program(t, "zsh", "zsh")
	dir, path := inDir(t, script(t, "zsh"))
	for _, c := range completions {
		if got := complete(t, dir, zsh, "-f", "-c", zshDriver, "zsh", path, c.line); got != c.want {
			t.Errorf("%q: offered %q, want %q", c.line, got, c.want)
		}
	}
}

func TestCompletionInFish(t *testing.T) {
	fish := need.Program(t, "fish", "fish")
	dir, path := inDir(t, script(t, "fish"))
	for _, c := range completions {
		got := complete(t, dir, fish, "--no-config", "-c", "source "+path+"; complete -C \"$argv[1]\" | string replace -r '\\t.*' ''; true", c.line)
		// fish offers "--output=json" whole.
		if i := strings.LastIndexByte(c.line, ' '); strings.Contains(c.line[i:], "=") && got != "" {
			_, got, _ = strings.Cut(got, "=")
		}
		if got != c.want {
			t.Errorf("%q: offered %q, want %q", c.line, got, c.want)
		}
	}
}

func TestCompletionNeedsNoServer(t *testing.T) {
	call{args: []string{"completion", "tcsh"}}.run(t).fails(t, codeUsage, "bash")
}
