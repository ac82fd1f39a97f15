package asl

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A task token names an execution and one of its deliveries, and proves by a message authentication code that the execution
// issued it: base64url of the code, the delivery's id and the execution's name. It is derived and never stored: a replay
// computes the same token, and it cannot be computed without the execution's secret. It has at most 163 characters, all of
// which are allowed in a URL.

const codeSize, idSize = sha256.Size, 8

// token returns the token of a delivery.
func (s *Started) token(task int64) string {
	text := make([]byte, codeSize, codeSize+idSize+len(s.Name))
	text = binary.BigEndian.AppendUint64(text, uint64(task))
	text = append(text, s.Name...)
	copy(text, s.code(text[codeSize:]))
	return base64.RawURLEncoding.EncodeToString(text)
}

func (s *Started) code(of []byte) []byte {
	mac := hmac.New(sha256.New, s.TokenKey)
	mac.Write(of)
	return mac.Sum(nil)
}

// Token is a parsed task token. [Started.Owns] reports whether the execution issued it.
type Token struct {
	Execution string // name
	Task      int64  // the delivery's id
	text      []byte
}

// ParseToken parses a task token. ok is false if text does not have the format of a token.
func ParseToken(text string) (Token, bool) {
	const most = codeSize + idSize + MaxName
	if len(text) > base64.RawURLEncoding.EncodedLen(most) {
		return Token{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= codeSize+idSize {
		return Token{}, false
	}
	id := binary.BigEndian.Uint64(b[codeSize:])
	return Token{Execution: string(b[codeSize+idSize:]), Task: int64(id), text: b}, true
}

// Owns reports whether the execution issued the token.
func (s *Started) Owns(t Token) bool {
	return len(s.TokenKey) > 0 && t.Execution == s.Name && hmac.Equal(t.text[:codeSize], s.code(t.text[codeSize:]))
}
