package ctl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints a completion script.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (c *completionCmd) Help() string {
	return "bash: source <(certwright ctl completion bash), in ~/.bashrc for good.\n\n" +
		"zsh: certwright ctl completion zsh > a file named _certwright in a folder of $fpath, before compinit runs.\n\n" +
		"fish: certwright ctl completion fish > ~/.config/fish/completions/certwright.fish"
}

// Run implements kong's command.
func (c *completionCmd) Run(ctx context.Context, cli *CLI, k *kong.Context) error {
	return cli.local(ctx, func(_ context.Context, s *session) error {
		script := map[string]func(string, []spot) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
		_, err := s.console.out.Write([]byte(script(k.Model.Name, spots(k.Model.Node, ""))))
		return err
	})
}

// spot is a place on the command line: after some commands.
type spot struct {
	path     string // " ctl cert list"; empty for the program itself
	commands []choiceOf
	aliases  map[string]string
	flags    []flagOf // of this command alone; those of the commands before it hold, too
	values   []string // of the first argument, when it is one of a few
	files    bool     // the first argument is a file
}

// choiceOf is a word with what it is for.
type choiceOf struct{ word, help string }

// flagOf is a flag.
type flagOf struct {
	names  []string // --output, -o
	help   string
	valued bool
	values []string // the value is one of these
	files  bool     // the value is a file
}

// spots lists the places of a grammar, the program's own first. Hidden commands
// and flags are left out.
func spots(n *kong.Node, path string) []spot {
	at := spot{path: path, aliases: map[string]string{}}
	var below []spot
	for _, child := range n.Children {
		if child.Hidden || child.Type != kong.CommandNode {
			continue
		}
		at.commands = append(at.commands, choiceOf{child.Name, oneLine(child.Help)})
		for _, a := range child.Aliases {
			at.aliases[a] = child.Name
		}
		below = append(below, spots(child, path+" "+child.Name)...)
	}
	for _, f := range n.Flags {
		if !f.Hidden {
			at.flags = append(at.flags, flagAt(f))
		}
	}
	if len(n.Positional) > 0 {
		at.values, at.files = valuesOf(n.Positional[0])
	}
	return append([]spot{at}, below...)
}

// flagAt takes from a flag of the grammar what completion needs.
func flagAt(f *kong.Flag) flagOf {
	out := flagOf{names: []string{"--" + f.Name}, help: oneLine(f.Help), valued: !f.IsBool() && !f.IsCounter()}
	if f.Tag.Negatable != "" {
		out.names = append(out.names, "--no-"+f.Name)
	}
	if f.Short != 0 {
		out.names = append(out.names, "-"+string(f.Short))
	}
	out.values, out.files = valuesOf(f.Value)
	return out
}

// valuesOf returns the few values that there are, or whether it is a file.
func valuesOf(v *kong.Value) (values []string, files bool) {
	if v.Enum != "" {
		values = slices.DeleteFunc(v.EnumSlice(), func(s string) bool { return s == "" })
	}
	switch v.Tag.Type {
	case "path", "existingfile", "existingdir":
		files = true
	}
	return values, files
}

// oneLine cuts a help text to its first sentence.
func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	for _, end := range []string{". ", "; ", ": "} {
		s, _, _ = strings.Cut(s, end)
	}
	return strings.TrimSuffix(s, ".")
}

// words are the names of all commands.
func (s *spot) words() []string {
	var out []string
	for _, c := range s.commands {
		out = append(out, c.word)
	}
	return out
}

// names are the flags of a place: all of them, and those that take a value.
func (s *spot) names() (all, valued []string) {
	for _, f := range s.flags {
		all = append(all, f.names...)
		if f.valued {
			valued = append(valued, f.names...)
		}
	}
	return all, valued
}

// single quotes a word for bash and zsh.
func single(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fill replaces @NAME@ in a template.
func fill(template string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(template)
}

// bashFrame is the part of the script for bash that does not depend on the
// grammar. It needs nothing but bash 4.
const bashFrame = `# bash completion for @PROGRAM@; load it with: source <(@PROGRAM@ ctl completion bash)

# what there is after the commands in $1
_@PROGRAM@_at() {
    commands="" aliases=""
    case "$1" in
@PLACES@    esac
}

# the values of flag $2, or of an argument when it is empty, after $1
_@PROGRAM@_values() {
    case "$1|$2" in
@VALUES@    *) return 1 ;;
    esac
}

_@PROGRAM@() {
    local cur=${COMP_WORDS[COMP_CWORD]} at="" flag="" commands aliases flags="" valued="" word pair place
    local -i i
    COMPREPLY=()
    _@PROGRAM@_at ""
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]} flag=""
        if [[ $word == -* ]]; then
            [[ " $valued " == *" $word "* ]] || continue
            # Its value follows, perhaps behind a "=", which bash makes a word.
            [[ ${COMP_WORDS[i + 1]} == "=" ]] && ((i += 1))
            flag=$word
            ((i += 1))
            continue
        fi
        for pair in $aliases; do
            [[ $word == "${pair%%=*}" ]] && word=${pair#*=}
        done
        if [[ " $commands " == *" $word "* ]]; then
            at+=" $word"
            _@PROGRAM@_at "$at"
        fi
    done
    # The word before the cursor is the value of a flag only if the loop ran past it.
    ((i > COMP_CWORD)) || flag=""
    [[ $cur == "=" ]] && cur=""
    if [[ -z $flag && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
        return
    fi
    for place in "$at" "${at% *}" "${at% * *}" "${at% * * *}" ""; do
        if word=$(_@PROGRAM@_values "$place" "$flag"); then
            if [[ $word == "<file>" ]]; then
                compopt -o filenames 2>/dev/null
                local IFS=$'\n'
                COMPREPLY=($(compgen -f -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$word" -- "$cur"))
            fi
            return
        fi
        [[ -z $flag ]] && break
    done
    [[ -n $flag ]] || COMPREPLY=($(compgen -W "$commands" -- "$cur"))
}

complete -F _@PROGRAM@ @PROGRAM@
`

// bashScript writes the completion for bash.
func bashScript(program string, list []spot) string {
	var places, values strings.Builder
	for _, s := range list {
		all, valued := s.names()
		var aliases []string
		for a, name := range s.aliases {
			aliases = append(aliases, a+"="+name)
		}
		slices.Sort(aliases)
		fmt.Fprintf(&places, "    %s)\n        commands=%s aliases=%s\n        flags+=%s valued+=%s\n        ;;\n", single(s.path),
			single(strings.Join(s.words(), " ")), single(strings.Join(aliases, " ")), single(padded(all)), single(padded(valued)))
		bashValues(&values, s.path, "", s.values, s.files)
		for _, f := range s.flags {
			for _, n := range f.names {
				bashValues(&values, s.path, n, f.values, f.files)
			}
		}
	}
	return fill(bashFrame, "@PROGRAM@", program, "@PLACES@", places.String(), "@VALUES@", values.String())
}

// padded joins words with a blank in front of each.
func padded(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ")
}

// bashValues writes the values of one flag or argument.
func bashValues(b *strings.Builder, path, flag string, values []string, files bool) {
	text := strings.Join(values, " ")
	if files {
		text = "<file>"
	}
	if text != "" {
		fmt.Fprintf(b, "    %s) echo %s ;;\n", single(path+"|"+flag), single(text))
	}
}
