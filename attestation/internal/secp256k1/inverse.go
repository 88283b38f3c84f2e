package secp256k1

import "math/bits"

// A signed62 is an integer in five limbs of 62 bits, least significant first.
// Limbs may be negative; only the highest may be so where a comment says
// "normal".
type signed62 [5]int64

const mask62 = 1<<62 - 1

// A modulus is an odd number of 256 bits with its inverse mod 2^62.
type modulus struct {
	m   signed62
	inv uint64
}

// fieldModulus returns p, orderModulus the order n of the group.
func fieldModulus() modulus {
	return modulus{signed62{-fold, 0, 0, 0, 1 << 8}, 0x27c7f6e22ddacacf}
}

func orderModulus() modulus {
	return modulus{signed62{0x3fd25e8cd0364141, 0x2abb739abd2280ee, -0x15, 0, 1 << 8}, 0x34f20099aa774ec1}
}

// invert returns 1/x mod m, and 0 for 0; x is below m. It takes divsteps, 62
// at a time, until g is 0: Bernstein and Yang prove that 12 rounds do for any
// numbers of 256 bits (741 divsteps).
func (m *modulus) invert(x [4]uint64) [4]uint64 {
	var d signed62
	e := signed62{1}
	f, g := m.m, toSigned62(x)
	eta := int64(-1)
	for g != (signed62{}) {
		var t matrix
		eta, t = divsteps(eta, uint64(f[0]), uint64(g[0]))
		m.updateDE(&d, &e, &t)
		updateFG(&f, &g, &t)
	}
	return m.normalize(d, f[4] < 0).limbs()
}

func toSigned62(x [4]uint64) signed62 {
	return signed62{
		int64(x[0] & mask62),
		int64((x[0]>>62 | x[1]<<2) & mask62),
		int64((x[1]>>60 | x[2]<<4) & mask62),
		int64((x[2]>>58 | x[3]<<6) & mask62),
		int64(x[3] >> 56),
	}
}

// limbs is the inverse of toSigned62, for a normal number below 2^256.
func (s signed62) limbs() [4]uint64 {
	return [4]uint64{
		uint64(s[0]) | uint64(s[1])<<62,
		uint64(s[1])>>2 | uint64(s[2])<<60,
		uint64(s[2])>>4 | uint64(s[3])<<58,
		uint64(s[3])>>6 | uint64(s[4])<<56,
	}
}

// A matrix turns f, g into (u·f + v·g)/2^62, (q·f + r·g)/2^62.
type matrix struct{ u, v, q, r int64 }

// divsteps takes 62 divsteps on the lowest limbs of f and g. eta is −δ.
func divsteps(eta int64, f, g uint64) (int64, matrix) {
	u, v, q, r := uint64(1), uint64(0), uint64(0), uint64(1)
	left := 62
	for {
		zeros := bits.TrailingZeros64(g | ^uint64(0)<<left)
		g >>= zeros
		u <<= zeros
		v <<= zeros
		eta -= int64(zeros)
		left -= zeros
		if left == 0 {
			return eta, matrix{int64(u), int64(v), int64(q), int64(r)}
		}
		if eta < 0 {
			eta = -eta
			f, g = g, -f
			u, q = q, -u
			v, r = r, -v
		}
		// w·f clears as many low bits of g as there are steps that neither
		// swap nor pass the end, at most six: −1/f mod 64 = f·(f² − 2).
		mask := ^uint64(0) >> (64 - min(int(eta)+1, left)) & 63
		w := g * f * (f*f - 2) & mask
		g += f * w
		q += u * w
		r += v * w
	}
}

// updateDE applies t to d and e and divides by 2^62 mod m. Both stay in
// (−2m, m).
func (m *modulus) updateDE(d, e *signed62, t *matrix) {
	// Start from a multiple of m that keeps the result in range…
	sd, se := d[4]>>63, e[4]>>63
	md := t.u&sd + t.v&se
	me := t.q&sd + t.r&se
	var cd, ce wide
	cd.mac(t.u, d[0])
	cd.mac(t.v, e[0])
	ce.mac(t.q, d[0])
	ce.mac(t.r, e[0])
	// …and add the one that clears the lowest 62 bits.
	md -= int64((m.inv*cd.lo + uint64(md)) & mask62)
	me -= int64((m.inv*ce.lo + uint64(me)) & mask62)
	cd.mac(m.m[0], md)
	ce.mac(m.m[0], me)
	cd.shift()
	ce.shift()
	for i := 1; i < 5; i++ {
		di, ei := d[i], e[i]
		cd.mac(t.u, di)
		cd.mac(t.v, ei)
		ce.mac(t.q, di)
		ce.mac(t.r, ei)
		if m.m[i] != 0 {
			cd.mac(m.m[i], md)
			ce.mac(m.m[i], me)
		}
		d[i-1] = int64(cd.lo & mask62)
		e[i-1] = int64(ce.lo & mask62)
		cd.shift()
		ce.shift()
	}
	d[4], e[4] = int64(cd.lo), int64(ce.lo)
}

// updateFG applies t to f and g and divides by 2^62, which is exact.
func updateFG(f, g *signed62, t *matrix) {
	var cf, cg wide
	cf.mac(t.u, f[0])
	cf.mac(t.v, g[0])
	cg.mac(t.q, f[0])
	cg.mac(t.r, g[0])
	cf.shift()
	cg.shift()
	for i := 1; i < 5; i++ {
		fi, gi := f[i], g[i]
		cf.mac(t.u, fi)
		cf.mac(t.v, gi)
		cg.mac(t.q, fi)
		cg.mac(t.r, gi)
		f[i-1] = int64(cf.lo & mask62)
		g[i-1] = int64(cg.lo & mask62)
		cf.shift()
		cg.shift()
	}
	f[4], g[4] = int64(cf.lo), int64(cg.lo)
}

// normalize brings d, or −d, from (−2m, m) to [0, m).
func (m *modulus) normalize(d signed62, negative bool) signed62 {
	if d[4] < 0 {
		d.add(&m.m)
	}
	if negative {
		for i := range d {
			d[i] = -d[i]
		}
	}
	d.carry()
	if d[4] < 0 {
		d.add(&m.m)
		d.carry()
	}
	return d
}

func (s *signed62) add(o *signed62) {
	for i := range s {
		s[i] += o[i]
	}
}

// carry makes s normal.
func (s *signed62) carry() {
	for i := range 4 {
		s[i+1] += s[i] >> 62
		s[i] &= mask62
	}
}

// A wide is a signed integer of 128 bits.
type wide struct{ hi, lo uint64 }

// mac adds a·b.
func (w *wide) mac(a, b int64) {
	h, l := bits.Mul64(uint64(a), uint64(b))
	h -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a)
	var c uint64
	w.lo, c = bits.Add64(w.lo, l, 0)
	w.hi += h + c
}

// shift divides by 2^62, rounding down.
func (w *wide) shift() {
	w.lo = w.lo>>62 | w.hi<<2
	w.hi = uint64(int64(w.hi) >> 62)
}
