package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints the script with which a shell completes the command line. The script calls the program with
// completeVerb, and completes file names when the program has no candidate.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completeVerb is followed by the words of the command line up to the one to complete, which may be empty.
const completeVerb = "__complete"

// Help says how to install the scripts.
func (*completionCmd) Help() string {
	return "bash: add  source <(tripsaga completion bash)  to ~/.bashrc. zsh: add  source <(tripsaga completion zsh)  to ~/.zshrc, " +
		"after compinit. fish: tripsaga completion fish >~/.config/fish/completions/tripsaga.fish"
}

var completionScripts = map[string]string{
	"bash": `_tripsaga() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <("$1" ` + completeVerb + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _tripsaga tripsaga
`,
	"zsh": `#compdef tripsaga
_tripsaga() {
  local -a found
  found=("${(@f)$("$words[1]" ` + completeVerb + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _tripsaga tripsaga
`,
	"fish": `function __tripsaga_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] ` + completeVerb + ` $words[2..-1] 2>/dev/null
end
complete -c tripsaga -a '(__tripsaga_complete)'
`,
}

func (c *completionCmd) Run(p *program) error {
	_, err := io.WriteString(p.stdout, completionScripts[c.Shell])
	return err
}

// complete prints the candidates for the last word, one a line.
func complete(out io.Writer, node *kong.Node, words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	at := typed{node: node}
	for _, word := range words[:len(words)-1] {
		at.take(word)
	}
	for _, candidate := range at.next(words[len(words)-1]) {
		if _, err := fmt.Fprintln(out, candidate); err != nil {
			return err
		}
	}
	return nil
}

// typed is how far the words before the one to complete lead into the command line.
type typed struct {
	node        *kong.Node
	flag        *kong.Flag // whose value comes next
	positionals int
}

func (t *typed) take(word string) {
	switch {
	case word == "=": // bash splits --flag=value into three words
	case t.flag != nil:
		t.flag = nil
	case strings.HasPrefix(word, "-"):
		name, _, valued := strings.Cut(word, "=")
		if f := t.flagOf(name); f != nil && !valued && !f.IsBool() {
			t.flag = f
		}
	default:
		t.command(word)
	}
}

func (t *typed) command(word string) {
	for _, child := range t.node.Children {
		if child.Name == word {
			t.node = child
			return
		}
	}
	t.positionals++
}

func (t *typed) flagOf(name string) *kong.Flag {
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func (t *typed) next(word string) []string {
	var all []string
	name, value, valued := strings.Cut(word, "=")
	switch {
	case t.flag != nil:
		return beginning(strings.TrimPrefix(word, "="), choices(t.flag.Value))
	case valued && t.flagOf(name) != nil:
		for _, choice := range beginning(value, choices(t.flagOf(name).Value)) {
			all = append(all, name+"="+choice)
		}
		return all
	case strings.HasPrefix(word, "-"):
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				all = append(all, "--"+f.Name)
			}
		}
		return beginning(word, all)
	}
	for _, child := range t.node.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	if t.positionals < len(t.node.Positional) {
		all = append(all, choices(t.node.Positional[t.positionals])...)
	}
	return beginning(word, all)
}

// choices are the values of a flag or argument that has a list of them.
func choices(v *kong.Value) []string {
	if v.Enum == "" || v.Target.Kind() != reflect.String {
		return nil
	}
	return strings.Split(v.Enum, ",")
}

func beginning(prefix string, all []string) []string {
	var some []string
	for _, s := range all {
		if strings.HasPrefix(s, prefix) {
			some = append(some, s)
		}
	}
	return some
}
