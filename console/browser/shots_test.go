package browser

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write the pictures of the documents, as make screenshots does")

const (
	shotsDir = "../../docs/images"
	maxShot  = 60 << 10 // bytes
)

// shot is a picture in the documents.
type shot struct {
	name string
	path string
	look
	sees string // selector of what the page must show first
}

// take makes the picture of what is on the screen.
func (p *tab) take() image.Image {
	p.Helper()
	data, err := run(p, chromedp.CaptureScreenshot())
	if err != nil {
		p.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		p.Fatal(err)
	}
	return img
}

// keep writes the picture when asked to. Otherwise it only checks that the documents have one of this size: fonts differ
// from machine to machine.
func (p *tab) keep(name string) {
	p.Helper()
	img := p.take()
	file := filepath.Join(shotsDir, name+".png")
	if *update {
		var out bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced(img)); err != nil {
			p.Fatal(err)
		}
		if out.Len() > maxShot {
			p.Errorf("%s has %d bytes, allowed are %d", file, out.Len(), maxShot)
		}
		if err := errors.Join(os.MkdirAll(shotsDir, 0o755), os.WriteFile(file, out.Bytes(), 0o644)); err != nil {
			p.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		p.Fatalf("%s is missing: make screenshots writes it", file)
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width != img.Bounds().Dx() || config.Height != img.Bounds().Dy() || len(data) > maxShot {
		p.Errorf("%s is %d by %d with %d bytes (%v), the page %v: make screenshots", file, config.Width, config.Height, len(data), err, img.Bounds().Max)
	}
}

// reduced is the picture with the 256 colours that it has most of; the others become the nearest of those. A page has few
// colours but for the edges of its letters, so that nobody sees the difference.
func reduced(img image.Image) *image.Paletted {
	count := map[color.RGBA]int{}
	b := img.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range most[:min(256, len(most))] {
		palette = append(palette, c)
	}
	out, nearest := image.NewPaletted(b, palette), map[color.RGBA]uint8{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			i, ok := nearest[c]
			if !ok {
				i = uint8(palette.Index(c))
				nearest[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}

// stopClock makes the pages' clock stand at the beginning of virtual time.
func (p *tab) stopClock() {
	p.Helper()
	p.do(command(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: "Date.now = () => " + js(begin.UnixMilli()) + ";",
	}))
}

// TestShots makes the pictures of the documents, with the same trips at the same times.
func TestShots(t *testing.T) {
	s, v := serveVirtual(t, "")
	for _, b := range []booking{
		{name: "Ada Lovelace"}, {name: "山田 花子", email: "hanako@example.jp"}, {name: "Grace Hopper", email: "grace@example.com", card: "tok_declined"},
		{name: "Alan Turing", email: "alan@example.org", card: "tok_refund_stuck"},
	} {
		s.book(b)
		v.Run()
	}
	refunded := s.book(booking{name: "Ada Lovelace", card: "tok_timeout_after"})
	v.Run()
	for _, shot := range []shot{
		{name: "trip", path: "/console/trips/" + refunded, sees: ".timeline", look: look{width: 1240, height: 900}},
		{name: "trips", path: "/console/", sees: "table.trips", look: look{width: 1100, height: 640}},
		{name: "book-ja", path: "/console/book?day=2027-03-31", sees: ".offers", look: look{width: 1100, height: 760, lang: "ja"}},
		{name: "api-dark", path: "/docs#get-trip", sees: "#get-trip", look: look{width: 1100, height: 700, dark: true}},
	} {
		t.Run(shot.name, func(t *testing.T) {
			p := openTab(t, s.base, shot.look)
			p.stopClock()
			p.visit(shot.path)
			p.sees(shot.sees)
			if value[bool](p, `!!document.getElementById("live")`) {
				p.sees(`#live[data-state="on"], #live[data-state="end"]`)
			}
			// The port differs from run to run.
			p.do(chromedp.Evaluate[chromedp.Void](`for (const e of document.querySelectorAll("code")) e.textContent = e.textContent.replaceAll(` +
				js(s.base) + `, "http://127.0.0.1:8080")`))
			p.keep(shot.name)
		})
	}
}
