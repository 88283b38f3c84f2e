package jsonrpc

import "bytes"

// split takes a response apart into its members without looking into the result:
// encoding/json would read it twice. ok is false for an error object and for all
// that is not written as nodes write it; then encoding/json decides. The result
// may be no JSON: whoever reads it finds out.
func split(raw []byte) (r response, ok bool) {
	rest := bytes.TrimSpace(raw)
	if len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return r, false
	}
	rest = rest[1 : len(rest)-1]
	for {
		key, after, found := quoted(rest)
		after = bytes.TrimLeft(after, " \t\r\n")
		if !found || len(after) == 0 || after[0] != ':' {
			return response{}, false
		}
		value, after, found := value(after[1:])
		if !found {
			return response{}, false
		}
		switch string(key) {
		case "jsonrpc":
		case "id":
			r.ID = value
		case "result":
			r.Result = value
		default:
			return response{}, false
		}
		after = bytes.TrimLeft(after, " \t\r\n")
		if len(after) == 0 {
			return r, r.Result != nil
		}
		if after[0] != ',' {
			return response{}, false
		}
		rest = after[1:]
	}
}

// quoted returns the string that b begins with, and what follows it. It is not
// found if it has escapes.
func quoted(b []byte) (s, rest []byte, found bool) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 0 || bytes.IndexByte(b[1:1+end], '\\') >= 0 {
		return nil, nil, false
	}
	return b[1 : 1+end], b[2+end:], true
}

// value returns the value that b begins with, up to the comma or the end that
// follows it outside of brackets and strings.
func value(b []byte) (v, rest []byte, found bool) {
	b = bytes.TrimLeft(b, " \t\r\n")
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i+1:])
			if n < 0 {
				return nil, nil, false
			}
			i += 1 + n
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return nil, nil, false
			}
		case ',':
			if depth == 0 {
				return bytes.TrimRight(b[:i], " \t\r\n"), b[i:], i > 0
			}
		}
	}
	v = bytes.TrimRight(b, " \t\r\n")
	return v, nil, depth == 0 && len(v) > 0
}

// stringEnd returns the index of the quote that ends a string.
func stringEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		slashes := 0
		for i-slashes > 0 && b[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		i++
	}
}
