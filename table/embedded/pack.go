package embedded

import (
	"encoding/hex"
	"errors"
	"strings"
)

// Packed text takes a third of the room that JSON takes. It replaces what most items contain by tokens: bytes that UTF-8
// does not have. Text without them is packed as it is. Equal texts of one item are packed equally.
//
// It is a dictionary and not a compression library, because items are small and are decoded at each read, and because half of
// what is left are random ids, see docs/adr/0050.
const (
	tokenOwn    = 0xc0 // the end of the item's own partition key, see ownID
	tokenUUID   = 0xc1 // 16 bytes follow
	tokenHex    = 0xf5 // 32 hexadecimal digits, 16 bytes follow
	tokenPhrase = 0xf6 // the index of a phrase follows
)

// isToken also reports bytes that are no tokens yet. Neither may occur in a text.
func isToken(b byte) bool { return b >= 0xf5 || b == 0xc0 || b == 0xc1 }

var errPacked = errors.New("the packed text is malformed")

// ownID returns the part of a partition key after the last '#', which often occurs in its items. A short one is not worth
// a search.
func ownID(pk string) string {
	if id := pk[strings.LastIndexByte(pk, '#')+1:]; len(id) >= 8 {
		return id
	}
	return ""
}

// appendPacked appends the packed text of an item whose partition key ends in own. ok is false if the text cannot be packed,
// because it is not UTF-8.
func appendPacked(dst, text []byte, own string) (packed []byte, ok bool) {
	word := true // an id may begin here
	for i := 0; i < len(text); {
		c := text[i]
		if phraseBegins[c] {
			if n, at := phraseAt(text[i:]); n > 0 {
				dst = append(dst, tokenPhrase, at)
				i, word = i+n, true
				continue
			}
		}
		if word && (isHex(c) || own != "" && c == own[0]) {
			if own != "" && len(text)-i >= len(own) && string(text[i:i+len(own)]) == own {
				dst = append(dst, tokenOwn)
				i, word = i+len(own), false
				continue
			}
			if packed, n := appendHex(dst, text[i:]); n > 0 {
				dst, i, word = packed, i+n, false
				continue
			}
		}
		if isToken(c) {
			return dst, false
		}
		start := i
		i++
		word = c == '"' || c == '#' || c == '_'
		for !word && i < len(text) && !stops[text[i]] {
			i++
		}
		dst = append(dst, text[start:i]...)
	}
	return dst, true
}

func isHex(c byte) bool { return c-'0' < 10 || c-'a' < 6 }

// stops has the bytes at which appendPacked must look for a phrase, an id or a token. All others it copies.
var stops = func() (stops [256]bool) {
	for b := range 256 {
		c := byte(b)
		stops[b] = phraseBegins[c] || isToken(c) || c == '"' || c == '#' || c == '_'
	}
	return stops
}()

// appendHex appends the UUID or the 32 digits at the beginning of text, and returns their length in text, 0 if there are
// none.
func appendHex(dst, text []byte) (packed []byte, n int) {
	token, size := byte(tokenHex), 32
	if len(text) > 8 && text[8] == '-' {
		token, size = tokenUUID, 36
	}
	if len(text) < size {
		return dst, 0
	}
	var raw [16]byte
	for i := range raw {
		if token == tokenUUID && (i == 4 || i == 6 || i == 8 || i == 10) {
			if text[n] != '-' {
				return dst, 0
			}
			n++
		}
		high, low := digits[text[n]], digits[text[n+1]]
		if high|low > 0xf {
			return dst, 0
		}
		raw[i] = high<<4 | low
		n += 2
	}
	return append(append(dst, token), raw[:]...), n
}

// digits maps each hexadecimal digit in lower case to its value, and all other bytes to 0xff.
var digits = func() (values [256]byte) {
	for b := range values {
		values[b] = 0xff
	}
	for value, digit := range []byte("0123456789abcdef") {
		values[digit] = byte(value)
	}
	return values
}()

// nonASCII has the bits that no ASCII character has. Most text is read eight characters at a time.
const nonASCII = 0x8080808080808080

// appendUnpacked appends the text that was packed.
func appendUnpacked(dst, packed []byte, own string) ([]byte, error) {
	for i := 0; i < len(packed); {
		start := i
		for len(packed)-i >= 8 && little.Uint64(packed[i:])&nonASCII == 0 {
			i += 8
		}
		for i < len(packed) && !isToken(packed[i]) {
			i++
		}
		dst = append(dst, packed[start:i]...)
		if i == len(packed) {
			break
		}
		token, rest := packed[i], packed[i+1:]
		switch {
		case token == tokenOwn:
			dst = append(dst, own...)
			i++
		case token == tokenPhrase && len(rest) > 0 && int(rest[0]) < len(phrases):
			dst = append(dst, phrases[rest[0]]...)
			i += 2
		case token == tokenHex && len(rest) >= 16:
			dst = hex.AppendEncode(dst, rest[:16])
			i += 17
		case token == tokenUUID && len(rest) >= 16:
			for from, to := range uuidGroups {
				if from > 0 {
					dst = append(dst, '-')
				}
				dst = hex.AppendEncode(dst, rest[to[0]:to[1]])
			}
			i += 17
		default:
			return dst, errPacked
		}
	}
	return dst, nil
}

var uuidGroups = [5][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}}

// phraseAt returns the length and the index of the longest phrase with which text begins; the length is 0 without one.
func phraseAt(text []byte) (n int, at uint8) {
	if !phraseBegins[text[0]] {
		return 0, 0
	}
	for _, start := range [...]int{longStart, shortStart} {
		if len(text) < start {
			continue
		}
		for _, at := range phrasesByStart[startOf(text[:start])] {
			if p := phrases[at]; len(p) <= len(text) && string(text[:len(p)]) == p {
				return len(p), at
			}
		}
	}
	return 0, 0
}

// A phrase is found by a hash of its first bytes: of longStart if it has so many, because many have the first few in common.
const longStart, shortStart = 16, 5

// startOf hashes longStart or shortStart bytes.
func startOf(b []byte) uint8 {
	h := uint64(little.Uint32(b)) | uint64(b[4])<<32
	if len(b) == longStart {
		h = little.Uint64(b)*31 + little.Uint64(b[8:])
	}
	return uint8(h * 0x9e3779b97f4a7c15 >> 56)
}
