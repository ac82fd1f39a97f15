package cloudwatch

// value is a series, or a number when series is nil.
type value struct {
	number float64
	series Series
}

func (v value) at(i int) Point {
	if v.series == nil {
		return Point{v.number, true}
	}
	return v.series[i]
}

// has tells whether it is a series with a point there.
func (v value) has(i int) bool { return v.series != nil && v.series[i].Present }

// env is what an expression is evaluated in.
type env struct {
	n     int // periods
	value func(id string) value
}

// each makes a series point by point, unless all values are numbers: of numbers a number is made.
func (e *env) each(f func(i int) Point, of ...value) value {
	n, series := 1, false
	for _, v := range of {
		if v.series != nil {
			n, series = e.n, true
		}
	}
	points := make(Series, n)
	for i := range points {
		points[i] = f(i)
	}
	if !series {
		return value{number: points[0].Value}
	}
	return value{series: points}
}

type node interface{ eval(*env) value }

type number float64

func (n number) eval(*env) value { return value{number: float64(n)} }

type reference string

func (r reference) eval(e *env) value { return e.value(string(r)) }

type operation struct {
	op          string
	left, right node
}

// eval treats what is missing on one side as 0, "Basic arithmetic functions" and "Comparison and logical operators";
// where no series has a point, there is none.
func (o *operation) eval(e *env) value {
	left, right := o.left.eval(e), o.right.eval(e)
	numbers := left.series == nil && right.series == nil
	return e.each(func(i int) Point {
		if !numbers && !left.has(i) && !right.has(i) {
			return Point{}
		}
		return apply(o.op, left.at(i).Value, right.at(i).Value)
	}, left, right)
}

// apply drops a point that would divide by zero.
func apply(op string, a, b float64) Point {
	switch op {
	case "+":
		return Point{a + b, true}
	case "-":
		return Point{a - b, true}
	case "*":
		return Point{a * b, true}
	case "/":
		if b == 0 {
			return Point{}
		}
		return Point{a / b, true}
	}
	return Point{truth(compare(op, a, b)), true}
}

func compare(op string, a, b float64) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "==":
		return a == b
	case "!=":
		return a != b
	case "AND", "&&":
		return a != 0 && b != 0
	}
	return a != 0 || b != 0
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

type choice struct{ condition, then, otherwise node }

// eval is "Using IF expressions": no point where the condition has none; 0 where it is true and then has none.
func (c *choice) eval(e *env) value {
	condition, then := c.condition.eval(e), c.then.eval(e)
	otherwise := value{series: make(Series, e.n)}
	if c.otherwise != nil {
		otherwise = c.otherwise.eval(e)
	}
	return e.each(func(i int) Point {
		switch asked := condition.at(i); {
		case !asked.Present:
			return Point{}
		case asked.Value != 0:
			return Point{then.at(i).Value, true}
		}
		return otherwise.at(i)
	}, condition, then, otherwise)
}

type filling struct{ of, with node }

// eval fills every period, also the latest, whose data may only be late: the guide warns of that, and tells to have
// M out of N against it. Assumed: a metric without any point is filled like any other.
func (f *filling) eval(e *env) value {
	of, with := f.of.eval(e), f.with.eval(e)
	return e.each(func(i int) Point {
		if p := of.at(i); p.Present {
			return p
		}
		return with.at(i)
	}, of, with)
}

type extreme struct {
	name string
	of   []node
}

// eval leaves out who has no point, where another one has.
func (x *extreme) eval(e *env) value {
	values := make([]value, len(x.of))
	for i, n := range x.of {
		values[i] = n.eval(e)
	}
	return e.each(func(i int) (best Point) {
		for _, v := range values {
			if p := v.at(i); p.Present && (!best.Present || (p.Value > best.Value) == (x.name == "MAX")) {
				best = p
			}
		}
		return best
	}, values...)
}
