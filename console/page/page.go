// Package page is the frame of the console's pages: routes, layout, languages, errors, tokens of forms, live updates.
// Packages console, console/lab and console/reference write pages on it.
//
// A page is a [Handler]: it reads what it shows and returns a [Page], a template with its data. The frame renders it into
// the layout. A page that says when it changes (Page.Live) is rendered again on the server, and the browser replaces what
// differs. So each page is written once, works without JavaScript, and is right again after a connection was lost.
package page

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"tripsaga/asl/diagram"
	"tripsaga/report"
	"tripsaga/shared/fault"
	"tripsaga/trip/handlers/rest"
)

//go:embed layout.html error.html texts.json style.css live.js icon.svg
var files embed.FS

// maxForm is the largest body of a form, in bytes.
const maxForm = 64 << 10

// Frame serves pages. Its Handle methods must be called before it serves.
type Frame struct {
	mux       *http.ServeMux
	log       *slog.Logger
	banner    string
	nav       []Link
	assets    map[string]string // hashed address by name
	styles    []string          // addresses, in the order in which they were added
	scripts   []string
	layout    *Templates
	secret    [32]byte
	streams   chan struct{}
	rendering chan struct{} // a place for each live page that is being rendered

	sharing sync.Mutex
	shared  map[string]*shared // live pages that are open, by language and address
	clock   atomic.Uint64
	notice  func(*Request) (Page, bool) // above each page; nil for none
}

// Link is an entry of the navigation: the section of its pages is its text.
type Link struct{ Text, Path string }

// New makes a frame without pages. Banner is a text of package page that every page shows above all others, "" for none.
func New(log *slog.Logger, banner string) *Frame {
	f := &Frame{
		mux: http.NewServeMux(), log: log, banner: banner, assets: map[string]string{}, layout: Parse(files),
		streams: make(chan struct{}, maxStreams), rendering: make(chan struct{}, maxRenderings), shared: map[string]*shared{},
	}
	rand.Read(f.secret[:]) // never fails
	f.Asset("theme.css", []byte(report.Theme))
	f.Asset("diagram.css", []byte(diagram.Stylesheet))
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		f.Asset(name, read(files, name))
	}
	f.mux.HandleFunc("/", f.nowhere)
	return f
}

// nowhere answers requests for pages that do not exist, or not with this method.
func (f *Frame) nowhere(w http.ResponseWriter, hr *http.Request) {
	r, allowed := f.request(hr), []string{}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := hr.Clone(hr.Context())
		other.Method = method
		if _, pattern := f.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		f.fail(w, r, fault.New(fault.NotFound, fault.NameNotFound, "%s", f.layout.text(r.Lang, "no-page", shorten(hr.URL.Path))))
		return
	}
	methods := strings.Join(allowed, ", ")
	w.Header().Set("Allow", methods)
	f.fail(w, r, refusal{http.StatusMethodNotAllowed,
		fault.New(fault.Invalid, "MethodNotAllowed", "%s", f.layout.text(r.Lang, "no-method", shorten(hr.Method), methods))})
}

// shorten keeps a refused value short enough to be repeated in a message.
func shorten(s string) string { return fmt.Sprintf("%.80q", s) }

func read(fs embed.FS, name string) []byte {
	data, err := fs.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return data
}

// Navigate adds an entry to the navigation of every page. Text is a key of the texts of package page.
func (f *Frame) Navigate(text, path string) { f.nav = append(f.nav, Link{text, path}) }

// Notify shows the result of h above each page, unless it is empty.
func (f *Frame) Notify(h func(*Request) (notice Page, ok bool)) { f.notice = h }

// Asset serves a file, and includes it in every page if it is a style sheet or a script.
func (f *Frame) Asset(name string, data []byte) {
	sum := sha256.Sum256(data)
	path := "/console/assets/" + hex.EncodeToString(sum[:6]) + "/" + name
	f.assets[name] = path
	kind := mime.TypeByExtension(name[strings.LastIndexByte(name, '.'):])
	f.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		f.headers(w)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(data)
	})
	switch {
	case strings.HasSuffix(name, ".css"):
		f.styles = append(f.styles, path)
	case strings.HasSuffix(name, ".js"):
		f.scripts = append(f.scripts, path)
	}
}

// Request is a request for a page.
type Request struct {
	*http.Request
	Lang Lang
}

// Handler makes a page. Its error is shown as a page: faults with their texts, others as an internal error.
type Handler func(*Request) (Page, error)

// Page is what one page shows.
type Page struct {
	Templates *Templates
	Name      string // of the template
	Data      any
	Title     string // shown as it is; begins with a capital letter
	Section   string // the key of its entry in the navigation
	Status    int    // default 200
	Live      *Live  // nil: it does not change by itself

	Redirect string // the address of another page, which is sent instead (303)
}

// Handle serves a page that only reads. The pattern is a path of http.ServeMux.
func (f *Frame) Handle(pattern string, h Handler) {
	f.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, hr *http.Request) {
		rest.Routed(hr.Context(), pattern)
		r := f.request(hr)
		if hr.URL.Query().Has("live") {
			f.stream(w, r, h)
			return
		}
		f.answer(w, r, h)
	})
}

// HandlePost serves a form that changes something. Without the token of a form that this frame has rendered the handler is
// not called. PostForm is parsed.
func (f *Frame) HandlePost(pattern string, h Handler) {
	f.HandleForm(pattern, h, nil)
}

// HandleForm is HandlePost for a form that one fills in. If its token is not valid, which happens after the server was
// started again, stale shows the form once more with what was filled in. It must change nothing.
func (f *Frame) HandleForm(pattern string, h, stale Handler) {
	f.mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, hr *http.Request) {
		rest.Routed(hr.Context(), pattern)
		r := f.request(hr)
		err := f.form(w, r)
		if errors.Is(err, errToken) && stale != nil {
			f.answer(w, r, stale)
			return
		}
		if err != nil {
			f.fail(w, r, err)
			return
		}
		f.answer(w, r, h)
	})
}

func (f *Frame) form(w http.ResponseWriter, r *Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	refuse := func(status int, key string) error {
		return refusal{status, fault.New(fault.Invalid, fault.NameInvalid, "%s", f.layout.text(r.Lang, key))}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return refuse(http.StatusUnsupportedMediaType, "form-type")
	}
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, "form-large")
	} else if err != nil {
		return refuse(http.StatusBadRequest, "form-broken")
	}
	if !f.genuine(r) {
		return errToken
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (f *Frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		r.URL.RawQuery = "" // the page's links must not repeat it
		f.fail(w, f.request(r), fault.New(fault.Invalid, fault.NameInvalid, "%s", f.layout.text(langOf(r), "query-broken", err.Error())))
		return
	}
	if lang, ok := switched(r); ok {
		f.switchTo(w, r, lang)
		return
	}
	f.mux.ServeHTTP(w, r)
}

func (f *Frame) request(r *http.Request) *Request { return &Request{Request: r, Lang: langOf(r)} }

func (f *Frame) answer(w http.ResponseWriter, r *Request, h Handler) {
	p, err := f.make(r, h)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if p.Redirect != "" {
		f.headers(w)
		http.Redirect(w, r.Request, p.Redirect, http.StatusSeeOther)
		return
	}
	f.write(w, r, p)
}

// make calls h. A panic of a page ends neither the process nor the connection without a word.
func (f *Frame) make(r *Request, h Handler) (p Page, err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			f.log.ErrorContext(r.Context(), "a page panicked", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			err = errors.New("panic")
		}
	}()
	return h(r)
}

// frameData is what the layout shows.
type frameData struct {
	Page
	Lang   Lang
	Other  Lang
	Switch string // the address of this page in the other language, "" for none
	Main   template.HTML
	Banner string
	Notice template.HTML
	Nav    []Link

	Styles, Scripts []string
	Icon, LivePath  string
}

func (f *Frame) write(w http.ResponseWriter, r *Request, p Page) {
	main, err := f.main(w, r, p)
	if err != nil {
		f.log.ErrorContext(r.Context(), "a page could not be rendered", "path", r.URL.Path, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	d := frameData{
		Page: p, Lang: r.Lang, Other: r.Lang.other(), Main: template.HTML(main), Banner: f.banner, Nav: f.nav,
		Styles: f.styles, Scripts: f.scripts, Icon: f.assets["icon.svg"],
	}
	if f.notice != nil {
		if n, ok := f.notice(r); ok {
			notice, err := f.main(w, r, n)
			if err != nil {
				f.log.ErrorContext(r.Context(), "the notice could not be rendered", "error", err)
			}
			d.Notice = template.HTML(notice)
		}
	}
	if p.Live != nil {
		d.LivePath = with(r.URL, "live", "1")
	}
	if r.Method != http.MethodPost { // the page that a form leads to cannot be loaded again: what was filled in would be lost
		d.Switch = with(r.URL, "lang", string(r.Lang.other()))
	}
	var out bytes.Buffer
	if err := f.layout.execute(&out, r.Lang, "layout.html", d); err != nil {
		f.log.ErrorContext(r.Context(), "the layout could not be rendered", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	f.headers(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(max(p.Status, http.StatusOK))
	w.Write(out.Bytes())
}

// main renders what the page itself shows. If it has forms, w gets the cookie that their tokens belong to.
func (f *Frame) main(w http.ResponseWriter, r *Request, p Page) ([]byte, error) {
	main, err := f.render(r, p)
	return f.withTokens(w, r, main), err
}

// render leaves the mark of tokens in their places.
func (f *Frame) render(r *Request, p Page) ([]byte, error) {
	var out bytes.Buffer
	err := p.Templates.execute(&out, r.Lang, p.Name, p.Data)
	return out.Bytes(), err
}

func hasTokens(main []byte) bool { return bytes.Contains(main, []byte(tokenMark)) }

func (f *Frame) withTokens(w http.ResponseWriter, r *Request, main []byte) []byte {
	if !hasTokens(main) {
		return main
	}
	return bytes.ReplaceAll(main, []byte(tokenMark), []byte(f.token(w, r)))
}

// headers are those of pages: they load nothing from elsewhere, run no script but the console's files, and are in no
// other page's frame.
func (f *Frame) headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types console")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
}

// with returns the address u with a parameter set.
func with(u *url.URL, name, value string) string {
	q := u.Query()
	q.Del("lang")
	q.Set(name, value)
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).RequestURI()
}

var errToken = fault.New(fault.Invalid, "StaleForm", "")

// refusal is an error whose status is not that of its kind.
type refusal struct {
	status int
	error
}

func (e refusal) Unwrap() error { return e.error }

// failure is what the page of an error shows.
type failure struct {
	Heading, Detail, Advice string
	Details                 []string
	Name                    string
}

func (f *Frame) fail(w http.ResponseWriter, r *Request, err error) {
	p := f.failed(r, err)
	level := slog.LevelDebug
	switch {
	case r.Context().Err() != nil: // the client has left
	case p.Status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case p.Status > http.StatusServiceUnavailable, p.Status == http.StatusInternalServerError:
		level = slog.LevelError
	}
	f.log.Log(r.Context(), level, "a page failed", "path", r.URL.Path, "error", err)
	f.write(w, r, p)
}

func (f *Frame) failed(r *Request, err error) Page {
	t := func(key string) string { return f.layout.text(r.Lang, key) }
	kind := fault.KindOf(err)
	key := map[fault.Kind]string{
		fault.NotFound: "not-found", fault.Invalid: "invalid", fault.Conflict: "conflict", fault.Refused: "conflict",
		fault.Unavailable: "unavailable", fault.Internal: "internal",
	}[kind]
	status := map[fault.Kind]int{
		fault.NotFound: 404, fault.Invalid: 400, fault.Conflict: 409, fault.Refused: 409, fault.Unavailable: 503, fault.Internal: 500,
	}[kind]
	d := failure{Heading: t("error-" + key), Advice: t("advice-" + key), Name: fault.NameOf(err)}
	switch {
	case errors.Is(err, errToken):
		status, d.Heading, d.Advice = http.StatusForbidden, t("error-token"), t("advice-token")
	case kind != fault.Internal:
		for _, e := range fault.All(err) {
			d.Details = append(d.Details, strings.TrimPrefix(e.Field+": "+e.Message, ": "))
		}
	}
	var own refusal
	if errors.As(err, &own) {
		status = own.status
	}
	return Page{Templates: f.layout, Name: "error.html", Data: d, Title: d.Heading, Status: status}
}
