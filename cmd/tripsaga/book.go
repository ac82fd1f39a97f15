package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tripsaga/shared/strictjson"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
)

// bookCmd books the trip in a file and follows its saga.
type bookCmd struct {
	remote
	File     string        `help:"JSON file with the booking; - reads the standard input. See examples/." short:"f" required:"" placeholder:"FILE"`
	Key      string        `help:"Idempotency-Key: under the same key the same booking is made once. Default: a random one." name:"idempotency-key" placeholder:"KEY"`
	NoWait   bool          `help:"Do not follow the saga."`
	Print    bool          `help:"Print the booking as it would be sent, its relative dates (today, today+14) as those of this day (UTC), and send nothing."`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
}

// Help lists the cards of the built-in bank.
func (*bookCmd) Help() string {
	var b strings.Builder
	b.WriteString("Test cards of the built-in bank (payment.card_token):\n\n")
	for _, c := range bank.TestCards {
		fmt.Fprintf(&b, "    %-22s  %s\n", c.Token, c.What)
	}
	return b.String() + "\nAny other card is declined: no such card."
}

// maxInput bounds a file, well above what the server accepts.
const maxInput = 8 << 20

func (b *bookCmd) Run(p *program) error {
	if err := checkInterval(b.Interval); err != nil {
		return err
	}
	c, err := b.client()
	if err != nil {
		return err
	}
	body, err := p.readFile(b.File)
	if err != nil {
		return usage(err)
	}
	if err := strictjson.Check(body); err != nil {
		return usage(fmt.Errorf("%s: %w", source(b.File), err))
	}
	body = relative.Booking(body, today())
	if b.Print {
		_, err := p.stdout.Write(body)
		return err
	}
	key := cmp.Or(b.Key, rand.Text())
	trip, err := c.Book(p.ctx, key, body)
	if err != nil {
		return inFile(source(b.File), unsureBooking(err, key))
	}
	if b.NoWait {
		return b.accepted(p, trip)
	}
	b.announce(p, trip.ID)
	return p.follow(c, trip.ID, b.Interval, b.JSON, true, domain.Confirmed)
}

// today is the day that relative dates in files and flags refer to, in UTC.
func today() domain.Date { return domain.DateOf(time.Now()) }

func unsureBooking(err error, key string) error {
	return unsure(err, "the booking may have been taken; to be sure of one, repeat it with --idempotency-key "+key)
}

// announce prints the id immediately, so that it is known whatever happens next.
func (b *bookCmd) announce(p *program, id string) {
	out := p.stdout
	if b.JSON {
		out = p.stderr
	}
	fmt.Fprintf(out, "trip %s\n", id)
}

func (b *bookCmd) accepted(p *program, trip wire.Trip) error {
	if b.JSON {
		return p.printJSON(trip)
	}
	fmt.Fprintf(p.stdout, "trip %s\nits saga is under way; follow it with: tripsaga trip %s --follow\n", trip.ID, trip.ID)
	return nil
}

// source is the name of a file of readFile in messages.
func source(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// readFile reads a file, or the standard input for "-".
func (p *program) readFile(name string) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("%s has more than %d bytes", source(name), maxInput)
	}
	return text, nil
}

// readRegular reads the file of a flag. It must be a regular one: the opening of a pipe waits for its writer, and no signal
// ends that.
func readRegular(name string) ([]byte, error) {
	if name == "-" {
		return nil, errors.New("- is not a regular file")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return (&program{}).readFile(name)
}

// inFile adds the name of the file to the error of a server that refuses it.
func inFile(name string, err error) error {
	var e *exitError
	if errors.As(err, &e) && e.code == exitUsage {
		return usage(fmt.Errorf("%s: %w", name, err))
	}
	return err
}
