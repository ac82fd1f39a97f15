package expr

import (
	"errors"
	"fmt"
)

// function is an intrinsic function. It returns its reason for refusing the arguments as a plain error.
type function struct {
	min, max int // number of arguments
	run      func(env *Env, args []any) (any, error)
}

const many = 1 << 20

var functions = map[string]function{
	"States.Format":         {1, many, format},
	"States.StringToJson":   {1, 1, stringToJSON},
	"States.JsonToString":   {1, 1, jsonToString},
	"States.Array":          {0, many, array},
	"States.ArrayPartition": {2, 2, arrayPartition},
	"States.ArrayContains":  {2, 2, arrayContains},
	"States.ArrayRange":     {3, 3, arrayRange},
	"States.ArrayGetItem":   {2, 2, arrayGetItem},
	"States.ArrayLength":    {1, 1, arrayLength},
	"States.ArrayUnique":    {1, 1, arrayUnique},
	"States.Base64Encode":   {1, 1, base64Encode},
	"States.Base64Decode":   {1, 1, base64Decode},
	"States.Hash":           {2, 2, hashText},
	"States.JsonMerge":      {3, 3, jsonMerge},
	"States.MathRandom":     {2, 3, mathRandom},
	"States.MathAdd":        {2, 2, mathAdd},
	"States.StringSplit":    {2, 2, stringSplit},
	"States.UUID":           {0, 0, uuid},
}

// call is an intrinsic function with its arguments.
type call struct {
	name string
	function
	args []node
	// template is the parsed first argument of States.Format, when it is a literal.
	template formatTemplate
}

// check refuses what can be seen to be wrong before the arguments have values.
func (c *call) check() error {
	if len(c.args) < c.min || len(c.args) > c.max {
		return fmt.Errorf("%s takes %s, not %d", c.name, arity(c.min, c.max), len(c.args))
	}
	if c.name != "States.Format" {
		return nil
	}
	literal, ok := c.args[0].(textNode)
	if !ok {
		return nil
	}
	template, err := parseFormat(literal.written)
	if err != nil {
		return err
	}
	c.template = template
	return template.fits(len(c.args) - 1)
}

func arity(least, most int) string {
	switch {
	case most == many && least == 0:
		return "any number of arguments"
	case most == many:
		return fmt.Sprintf("at least %d argument", least)
	case least == most:
		return fmt.Sprintf("%d argument(s)", least)
	default:
		return fmt.Sprintf("%d to %d arguments", least, most)
	}
}

func (c *call) eval(env *Env) (any, error) {
	args := make([]any, len(c.args))
	for i, arg := range c.args {
		v, err := arg.eval(env)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	for _, arg := range args {
		if err := env.read(arg); err != nil {
			return nil, err
		}
	}
	v, err := c.apply(env, args)
	if err == errTooMuch {
		return nil, err
	}
	if err != nil {
		return nil, &Error{nameIntrinsic, "Invalid arguments in " + c.name + ": " + err.Error()}
	}
	return v, nil
}

func (c *call) apply(env *Env, args []any) (any, error) {
	if c.template != nil {
		return c.template.fill(args[1:])
	}
	return c.run(env, args)
}

func textArg(args []any, i int) (string, error) {
	s, ok := args[i].(string)
	if !ok {
		return "", fmt.Errorf("argument %d must be a string, not %s", i+1, kindOf(args[i]))
	}
	return s, nil
}

func arrayArg(args []any, i int) ([]any, error) {
	a, ok := args[i].([]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an array, not %s", i+1, kindOf(args[i]))
	}
	return a, nil
}

func objectArg(args []any, i int) (map[string]any, error) {
	o, ok := args[i].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an object, not %s", i+1, kindOf(args[i]))
	}
	return o, nil
}

var errNoRandom = errors.New("no source of randomness here")
