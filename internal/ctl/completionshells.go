package ctl

import (
	"fmt"
	"slices"
	"strings"
)

// zshFrame is the part of the script for zsh that does not depend on the
// grammar.
const zshFrame = `#compdef @PROGRAM@
# zsh completion for @PROGRAM@; put it into a folder of $fpath as _@PROGRAM@

# what there is after the commands in $1
_@PROGRAM@_at() {
    commands=() aliases=()
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
    local at="" flag="" word place
    local -a commands flags valued candidates
    local -A aliases
    integer i
    _@PROGRAM@_at ""
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]} flag=""
        if [[ $word == -* ]]; then
            if (( ${valued[(Ie)$word]} )); then
                flag=$word
                ((i += 1))
            fi
            continue
        fi
        [[ -n ${aliases[$word]} ]] && word=${aliases[$word]}
        if (( ${commands[(I)$word:*]} )); then
            at+=" $word"
            _@PROGRAM@_at "$at"
        fi
    done
    ((i > CURRENT)) || flag=""
    if [[ -z $flag && ${words[CURRENT]} == --*=* ]]; then
        flag=${words[CURRENT]%%=*}
        compset -P '*='
    elif [[ -z $flag && ${words[CURRENT]} == -* ]]; then
        _describe -o flag flags
        return
    fi
    for place in "$at" "${at% *}" "${at% * *}" "${at% * * *}" ""; do
        if word=$(_@PROGRAM@_values "$place" "$flag"); then
            if [[ $word == "<file>" ]]; then
                _files
            else
                candidates=(${(s: :)word})
                compadd -a candidates
            fi
            return
        fi
        [[ -z $flag ]] && break
    done
    [[ -n $flag ]] || _describe command commands
}

if [[ $funcstack[1] == _@PROGRAM@ ]]; then
    _@PROGRAM@ "$@"
else
    compdef _@PROGRAM@ @PROGRAM@
fi
`

// zshScript writes the completion for zsh.
func zshScript(program string, list []spot) string {
	var places, values strings.Builder
	for _, s := range list {
		var commands, aliases, flags []string
		for _, c := range s.commands {
			commands = append(commands, single(described(c.word, c.help)))
		}
		for a, name := range s.aliases {
			aliases = append(aliases, single(a)+" "+single(name))
		}
		slices.Sort(aliases)
		for _, f := range s.flags {
			for _, n := range f.names {
				flags = append(flags, single(described(n, f.help)))
			}
		}
		_, valued := s.names()
		fmt.Fprintf(&places, "    %s)\n        commands=(%s)\n        aliases=(%s)\n        flags+=(%s)\n        valued+=(%s)\n        ;;\n", single(s.path),
			strings.Join(commands, " "), strings.Join(aliases, " "), strings.Join(flags, " "), strings.Join(valued, " "))
		bashValues(&values, s.path, "", s.values, s.files)
		for _, f := range s.flags {
			for _, n := range f.names {
				bashValues(&values, s.path, n, f.values, f.files)
			}
		}
	}
	return fill(zshFrame, "@PROGRAM@", program, "@PLACES@", places.String(), "@VALUES@", values.String())
}

// described is a word with its help as zsh's _describe wants it.
func described(word, help string) string {
	return strings.ReplaceAll(word, ":", `\:`) + ":" + help
}

// fishFrame is the part of the script for fish that does not depend on the
// grammar.
const fishFrame = `# fish completion for @PROGRAM@; put it into ~/.config/fish/completions/@PROGRAM@.fish

# what there is after the commands in $argv[1]: lines of a kind, a word and,
# behind a tab, its help
function __@PROGRAM@_at
    switch "$argv[1]"
@PLACES@    end
end

# the values of flag $argv[2], or of an argument when it is empty, after $argv[1]
function __@PROGRAM@_values
    switch "$argv[1]|$argv[2]"
@VALUES@        case '*'
            return 1
    end
end

function __@PROGRAM@_complete
    set -l done (commandline -opc)
    set -l cur (commandline -ct)
    set -l at ""
    set -l flag ""
    set -l lines (__@PROGRAM@_at "")
    set -l flags (string match -r '^flag .*' -- $lines) (string match -r '^valued .*' -- $lines)
    set -e done[1]
    for word in $done
        if test -n "$flag"
            set flag ""
            continue
        end
        if string match -q -- '-*' $word
            contains -- "valued $word" (string replace -r '\t.*' '' -- $flags); and set flag $word
            continue
        end
        set -l alias (string match -r "^alias $word=.*" -- $lines)
        test -n "$alias"; and set word (string replace -r '^alias [^=]*=' '' -- $alias)
        if contains -- "command $word" (string replace -r '\t.*' '' -- $lines)
            set at "$at $word"
            set lines (__@PROGRAM@_at $at)
            set -a flags (string match -r '^flag .*' -- $lines) (string match -r '^valued .*' -- $lines)
        end
    end
    set -l front ""
    if test -z "$flag"; and string match -q -- '--*=*' $cur
        set flag (string replace -r '=.*' '' -- $cur)
        set front "$flag="
        set cur (string replace -r '^[^=]*=' '' -- $cur)
    else if test -z "$flag"; and string match -q -- '-*' $cur
        string replace -r '^(flag|valued) ' '' -- $flags
        return
    end
    set -l place $at
    while true
        set -l found (__@PROGRAM@_values "$place" "$flag")
        if test $status -eq 0
            if test "$found" = "<file>"
                printf "$front%s\n" (__fish_complete_path $cur)
            else
                printf "$front%s\n" (string split ' ' -- $found)
            end
            return
        end
        if test -z "$flag" -o -z "$place"
            break
        end
        set place (string replace -r ' [^ ]*$' '' -- $place)
    end
    test -n "$flag"; or string replace -rf '^command ' '' -- $lines
end

complete -c @PROGRAM@ -f -a '(__@PROGRAM@_complete)'
`

// fishScript writes the completion for fish.
func fishScript(program string, list []spot) string {
	var places, values strings.Builder
	for _, s := range list {
		var lines []string
		for _, c := range s.commands {
			lines = append(lines, "command "+c.word+"\t"+c.help)
		}
		for a, name := range s.aliases {
			lines = append(lines, "alias "+a+"="+name)
		}
		for _, f := range s.flags {
			kind := map[bool]string{true: "valued ", false: "flag "}[f.valued]
			for _, n := range f.names {
				lines = append(lines, kind+n+"\t"+f.help)
			}
		}
		slices.Sort(lines)
		fmt.Fprintf(&places, "        case %s\n            printf '%%s\\n'", fishQuoted(s.path))
		for _, l := range lines {
			fmt.Fprintf(&places, " \\\n                %s", fishQuoted(l))
		}
		places.WriteString("\n")
		fishValues(&values, s.path, "", s.values, s.files)
		for _, f := range s.flags {
			for _, n := range f.names {
				fishValues(&values, s.path, n, f.values, f.files)
			}
		}
	}
	return fill(fishFrame, "@PROGRAM@", program, "@PLACES@", places.String(), "@VALUES@", values.String())
}

// fishQuoted quotes a word for fish.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// fishValues writes the values of one flag or argument.
func fishValues(b *strings.Builder, path, flag string, values []string, files bool) {
	text := strings.Join(values, " ")
	if files {
		text = "<file>"
	}
	if text != "" {
		fmt.Fprintf(b, "        case %s\n            echo %s\n", fishQuoted(path+"|"+flag), fishQuoted(text))
	}
}
