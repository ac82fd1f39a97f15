package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// maxRange is AWS's limit on the elements of a States.ArrayRange.
const maxRange = 1000

func array(_ *Env, args []any) (any, error) { return args, nil }

func arrayPartition(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	size, err := truncatedArg(args, 1)
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, fmt.Errorf("the size of the chunks must be at least 1, not %d", size)
	}
	chunks := make([]any, 0, (int64(len(a))+size-1)/size)
	for chunk := range slices.Chunk(a, int(size)) {
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

func arrayContains(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	return slices.ContainsFunc(a, func(v any) bool { return equal(v, args[1]) }), nil
}

// arrayRange counts from the first argument to the second, both included, in steps of the third.
func arrayRange(_ *Env, args []any) (any, error) {
	var n [3]int64
	for i := range n {
		v, err := truncatedArg(args, i)
		if err != nil {
			return nil, err
		}
		n[i] = v
	}
	first, last, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, errors.New("the step must not be 0")
	}
	count := max(0, (last-first)/step+1)
	if (last-first)*step < 0 {
		count = 0
	}
	if count > maxRange {
		return nil, fmt.Errorf("the range has %d elements; at most %d are allowed", count, maxRange)
	}
	out := make([]any, count)
	for i := range out {
		out[i] = integer(first + int64(i)*step)
	}
	return out, nil
}

func arrayGetItem(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	i, err := truncatedArg(args, 1)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(a)) {
		return nil, fmt.Errorf("index %d is outside the array, whose length is %d", i, len(a))
	}
	return a[i], nil
}

func arrayLength(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	return integer(int64(len(a))), nil
}

// arrayUnique keeps the first of equal elements. AWS promises no order.
func arrayUnique(env *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	// Comparing each element with all others costs far more than reading them.
	if err := env.spend(8 * Size(a, env.work)); err != nil {
		return nil, err
	}
	seen := make(map[any]bool, len(a))
	out := []any{}
	for _, v := range a {
		if id := identity(v); !seen[id] {
			seen[id] = true
			out = append(out, v)
		}
	}
	return out, nil
}

func integer(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
