package rie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tripsaga/aws/emulator/rie"
	"tripsaga/engine"
	"tripsaga/verify"
)

// payment is a saga of one step, at a function behind a bootstrap. The processes are shared by all schedules, the books
// of a schedule are a file.
func payment(t *testing.T, server *rie.Server, do string) verify.Saga {
	return verify.Saga{
		Definition: []byte(`{"StartAt": "Charge", "States": {"Charge": {"Type": "Task", "Resource": "Charge", "TimeoutSeconds": 10,
			"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 8}], "End": true}}}`),
		Scenarios: []verify.Scenario{{Name: "paid", Inputs: []any{nil}}},
		Participants: func() (any, func()) {
			dir, err := os.MkdirTemp(t.TempDir(), "books")
			if err != nil {
				panic(err)
			}
			return filepath.Join(dir, "charges"), func() { os.RemoveAll(dir) }
		},
		Open: func(p *verify.Program) map[string]engine.Task {
			payload, _ := json.Marshal(order{do, p.Participants.(string)})
			pay := server.Task("Pay")
			return map[string]engine.Task{"Charge": p.Remote("Charge", func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				return pay(ctx, payload)
			})}
		},
		Rest: func(r verify.Rest) error {
			books, err := os.ReadFile(r.Participants.(string))
			if err != nil {
				return err
			}
			if n := bytes.Count(books, []byte("charged\n")); n != 1 {
				return fmt.Errorf("charged %d times", n)
			}
			return nil
		},
		Depth: 1,
	}
}

// TestVerified explores the function, or with BROKEN one that charges for each delivery.
func TestVerified(t *testing.T) {
	do := "charge once"
	if os.Getenv("BROKEN") != "" {
		do = "charge"
	}
	verify.Run(t, payment(t, open(t, rie.Options{Concurrency: 16}), do))
}

// TestVerifiedBroken: the exploration of the broken function fails, by the shortest schedule.
func TestVerifiedBroken(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestVerified$")
	cmd.Env = append(os.Environ(), "BROKEN=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("charged 2 times")) || !bytes.Contains(out, []byte("Again: VERIFY_REPLAY='paid:A.Charge#1=")) {
		t.Errorf("%v\n%s", err, out)
	}
}
