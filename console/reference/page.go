package reference

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
)

//go:embed docs.html texts.json docs.css
var files embed.FS

var templates = page.Parse(files)

// Pages adds the reference of the API at /docs. It asks the API, in this process, for its document, and for trips that the
// commands can name.
func Pages(f *page.Frame, api http.Handler) {
	style, err := files.ReadFile("docs.css")
	if err != nil {
		panic(err)
	}
	f.Asset("docs.css", style)
	f.Navigate("api", "/docs")
	f.Handle("/docs", func(r *page.Request) (page.Page, error) { return docs(r, api) })
	f.Handle("/docs/{$}", func(*page.Request) (page.Page, error) { return page.Page{Redirect: "/docs"}, nil })
}

// view is what the page shows. Without a trip the commands name one that does not exist.
type view struct {
	API
	Base string
	Trip string
}

func docs(r *page.Request, api http.Handler) (page.Page, error) {
	if err := r.Only(r.URL.Query()); err != nil {
		return page.Page{}, err
	}
	v := view{Base: base(r)}
	document, err := ask(r, api, v.Base+"/openapi.json")
	if err != nil {
		return page.Page{}, err
	}
	v.Trip = newest(r, api, v.Base+"/trips?limit=1")
	waiting := newest(r, api, v.Base+"/trips?limit=1&status=NEEDS_ATTENTION")
	v.API, err = Read(document, Settings{Base: v.Base, Value: func(operation, parameter string) string {
		switch {
		case parameter != "id":
			return ""
		case operation == "redrive-trip" && waiting != "":
			return waiting
		}
		return v.Trip
	}})
	return page.Page{Templates: templates, Name: "docs.html", Data: v, Title: templates.Text(r.Lang, "title"), Section: "api"}, err
}

// base is the address at which the reader has found the server.
func base(r *page.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newest is the id of the first trip of a list, "" if the list is empty or cannot be read.
func newest(r *page.Request, api http.Handler, address string) string {
	var list struct{ Trips []struct{ ID string } }
	data, err := ask(r, api, address)
	if err != nil || json.Unmarshal(data, &list) != nil || len(list.Trips) == 0 {
		return ""
	}
	return list.Trips[0].ID
}

// ask returns the body of an answer with status 200.
func ask(r *page.Request, api http.Handler, address string) ([]byte, error) {
	call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	a := answer{header: http.Header{}, status: http.StatusOK}
	api.ServeHTTP(&a, call)
	if a.status == http.StatusServiceUnavailable {
		return nil, fault.New(fault.Unavailable, fault.NameUnavailable, "%s cannot be read", call.URL.Path)
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s is answered with status %d", call.URL.Path, a.status)
	}
	return a.body.Bytes(), nil
}

// answer is an http.ResponseWriter in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) Write(data []byte) (int, error) { return a.body.Write(data) }
