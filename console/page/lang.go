package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/text/language"

	"tripsaga/shared/text"
)

// Lang is a language of the pages.
type Lang string

// The languages.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

func (l Lang) other() Lang {
	if l == Japanese {
		return English
	}
	return Japanese
}

const langCookie = "tripsaga_lang"

var languages = language.NewMatcher([]language.Tag{language.English, language.Japanese})

// langOf returns the language that was chosen by the switch, else the browser's.
func langOf(r *http.Request) Lang {
	if c, err := r.Cookie(langCookie); err == nil && (c.Value == string(English) || c.Value == string(Japanese)) {
		return Lang(c.Value)
	}
	_, i := language.MatchStrings(languages, r.Header.Get("Accept-Language"))
	return []Lang{English, Japanese}[i]
}

// switched reports whether the request is one of the language switch.
func switched(r *http.Request) (Lang, bool) {
	l := Lang(r.URL.Query().Get("lang"))
	return l, (r.Method == http.MethodGet || r.Method == http.MethodHead) && (l == English || l == Japanese)
}

// switchTo keeps the language in a cookie and returns to the page.
func (f *Frame) switchTo(w http.ResponseWriter, r *http.Request, l Lang) {
	http.SetCookie(w, &http.Cookie{Name: langCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	q := r.URL.Query()
	q.Del("lang")
	f.headers(w)
	http.Redirect(w, r, (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).RequestURI(), http.StatusSeeOther)
}

// Templates are the templates and texts of one package, in every language.
type Templates struct {
	texts map[string]map[Lang]string
	by    map[Lang]*template.Template
}

// Parse reads *.html and texts.json: an object that has an object with the members en and ja for each key. The templates
// may call these functions besides those of html/template:
//   - t KEY ARGS...: the text, formatted as by fmt.Sprintf
//   - lang: the language
//   - bdi TEXT: text from outside, isolated, so that it cannot turn its neighbours round; what cannot be seen is escaped
//   - time TIME: a time in UTC, with its zone; nothing for the zero time
//   - token: the hidden field that every form needs which is sent by POST
//   - copy TEXT: a button that copies the text
//
// It panics if a file is missing or wrong, since the files are part of the program.
func Parse(files fs.FS) *Templates {
	s := &Templates{by: map[Lang]*template.Template{}}
	data, err := fs.ReadFile(files, "texts.json")
	if err == nil {
		err = json.Unmarshal(data, &s.texts)
	}
	if err != nil {
		panic(fmt.Sprintf("page: texts.json: %v", err))
	}
	for _, l := range []Lang{English, Japanese} {
		s.by[l] = template.Must(template.New("").Funcs(s.functions(l)).ParseFS(files, "*.html"))
	}
	return s
}

// Text returns a text of the package for use in a handler, such as a title.
func (s *Templates) Text(l Lang, key string, args ...any) string { return s.text(l, key, args...) }

func (s *Templates) text(l Lang, key string, args ...any) string {
	t, ok := s.texts[key][l]
	if !ok {
		panic(fmt.Sprintf("page: there is no text %q in %s", key, l))
	}
	if len(args) == 0 {
		return t
	}
	return fmt.Sprintf(t, args...)
}

func (s *Templates) functions(l Lang) template.FuncMap {
	return template.FuncMap{
		"t":    func(key string, args ...any) string { return s.text(l, key, args...) },
		"lang": func() string { return string(l) },
		"bdi":  bdi,
		"time": clock,
		"copy": func(v any) template.HTML { return copyButton(l, fmt.Sprint(v)) },
		"token": func() template.HTML {
			return `<input type="hidden" name="token" value="` + template.HTML(tokenMark) + `">`
		},
	}
}

// bdi isolates text from outside.
func bdi(v any) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(text.Visible(fmt.Sprint(v))) + "</bdi>")
}

func clock(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05 UTC")))
}

func copyButton(l Lang, s string) template.HTML {
	word := map[Lang]string{English: "Copy", Japanese: "コピー"}[l]
	return template.HTML(fmt.Sprintf(`<button type="button" class="copy" data-copy="%s" aria-label="%s %s">%s</button>`,
		template.HTMLEscapeString(s), word, template.HTMLEscapeString(text.Visible(s)), word))
}

func (s *Templates) execute(w io.Writer, l Lang, name string, data any) error {
	return s.by[l].ExecuteTemplate(w, name, data)
}
