package page

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// A form's token proves that this server rendered the form for this browser: it is the MAC of a random cookie under a key
// of the process. Another site can send a form in the user's browser, but can read neither the cookie nor a token. The
// guards of the API (Host, Origin, Sec-Fetch-Site) refuse such a form already; the token holds where they know nothing.

const tokenCookie = "tripsaga_form"

// tokenMark is in the place of the token while a template is rendered. It is random, so no text from outside contains it.
var tokenMark = rand.Text()

// token returns the token of the request's browser, which gets a cookie if it has none.
func (f *Frame) token(w http.ResponseWriter, r *Request) string {
	c, err := r.Cookie(tokenCookie)
	if err != nil || len(c.Value) < 20 || len(c.Value) > 100 {
		c = &http.Cookie{Name: tokenCookie, Value: rand.Text(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
		r.AddCookie(c) // for a second form of this page
		http.SetCookie(w, c)
	}
	return f.mac(c.Value)
}

func (f *Frame) mac(cookie string) string {
	m := hmac.New(sha256.New, f.secret[:])
	m.Write([]byte(cookie))
	return hex.EncodeToString(m.Sum(nil))
}

// genuine reports whether the form has the token of its browser.
func (f *Frame) genuine(r *Request) bool {
	c, err := r.Cookie(tokenCookie)
	return err == nil && hmac.Equal([]byte(r.PostForm.Get("token")), []byte(f.mac(c.Value)))
}
