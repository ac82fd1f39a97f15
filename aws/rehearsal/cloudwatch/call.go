package cloudwatch

// call parses a function with its arguments.
func (p *parser) call(name string) node {
	p.advance()
	switch name {
	case "IF", "FILL", "MAX", "MIN":
	default:
		p.fail("the function %s is not supported; supported are IF, FILL, MAX and MIN", name)
		return number(0)
	}
	p.expect("(")
	var made node
	switch name {
	case "IF":
		made = p.choice()
	case "FILL":
		made = p.fill()
	default:
		made = p.extreme(name)
	}
	p.expect(")")
	return made
}

func (p *parser) choice() node {
	c := &choice{condition: p.binary(0)}
	p.expect(",")
	c.then = p.binary(0)
	if p.token == "," {
		p.advance()
		c.otherwise = p.binary(0)
	}
	return c
}

// fill takes a number alone: REPEAT and LINEAR depend on how far back is read.
func (p *parser) fill() node {
	f := &filling{of: p.binary(0)}
	p.expect(",")
	if p.token == "REPEAT" || p.token == "LINEAR" {
		p.fail("FILL with %s is not supported, with a number it is", p.token)
	}
	f.with = p.binary(0)
	return f
}

// extreme takes an array alone: of a single series, MAX is a number over the whole range, whose length is CloudWatch's affair.
func (p *parser) extreme(name string) node {
	if p.token != "[" {
		p.fail("%s is supported over an array in brackets alone, not at %q", name, p.token)
		return number(0)
	}
	x := &extreme{name: name}
	for {
		p.advance()
		x.of = append(x.of, p.binary(0))
		if p.token != "," {
			break
		}
	}
	p.expect("]")
	return x
}
