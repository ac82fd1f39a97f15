package lab

import (
	_ "embed"
	"encoding/json"
	"sync"

	"tripsaga/console/page"
)

// means.ja.json has what scenarios and mutants mean in Japanese, by their names; package verify describes them in English.
//
//go:embed means.ja.json
var meansJapanese []byte

var japanese = sync.OnceValue(func() map[string]string {
	var texts map[string]string
	if err := json.Unmarshal(meansJapanese, &texts); err != nil {
		panic(err)
	}
	return texts
})

// described is a description and its language, which is English for what has no other.
type described struct {
	Lang page.Lang
	Text string
}

func describe(r *page.Request, name, english string) described {
	if text := japanese()[name]; r.Lang == page.Japanese && text != "" {
		return described{page.Japanese, text}
	}
	return described{page.English, english}
}
