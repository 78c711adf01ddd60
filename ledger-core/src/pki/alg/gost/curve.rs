//! The verification equation of GOST R 34.10 over any short Weierstrass curve (RFC 7091 section 6.2).
//!
//! Everything here is public (keys, signatures, digests), so the arithmetic branches on its input: variable time
//! gives nothing away. There is no signing here, and no private key.

use std::sync::OnceLock;

use crypto_bigint::Uint;
use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams};

/// A curve y² = x³ + ax + b over the integers modulo a prime of `N` words, and its group of prime order.
pub(super) trait Curve<const N: usize>: Sized + 'static {
    /// Arithmetic modulo p.
    type Field: ConstMontyParams<N>;
    /// Arithmetic modulo q, the order of the group.
    type Order: ConstMontyParams<N>;
    const A: Uint<N>;
    const B: Uint<N>;
    /// The base point.
    const BASE: [Uint<N>; 2];
    /// Whether all points of the curve are in the group, so that a point needs no other check.
    const IS_WHOLE_GROUP: bool;

    /// Place for the multiples of the base point, computed once.
    fn base_multiples() -> &'static OnceLock<Vec<Point<Self, N>>>;
}

/// Why the equation does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// The public key is no point of the group.
    Key,
    /// The signature is out of range, or not of this message by this key.
    Signature,
}

/// Checks a signature over the octets of a digest. `key` is x then y, `signature` r then s, `digest` as printed:
/// every one of these numbers is little-endian, which is how the Kazakh national authority writes them all.
#[expect(clippy::many_single_char_names, reason = "the letters of RFC 7091")]
pub(super) fn verify<C: Curve<N>, const N: usize>(
    key: &[u8],
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Rejection> {
    let [x, y] = pair(key).ok_or(Rejection::Key)?;
    let key = Point::<C, N>::from_coordinates(x, y).ok_or(Rejection::Key)?;
    let [r, s] = pair::<N>(signature).ok_or(Rejection::Signature)?;
    let order = C::Order::PARAMS.modulus().get();
    if [r, s].iter().any(|number| number.is_zero_vartime() || *number >= order) {
        return Err(Rejection::Signature);
    }
    let mut e = Scalar::<C, N>::new(&little_endian(digest).ok_or(Rejection::Signature)?);
    if e == Scalar::<C, N>::ZERO {
        e = Scalar::<C, N>::ONE;
    }
    let inverse: Option<Scalar<C, N>> = e.invert_vartime().into_option();
    let v = inverse.ok_or(Rejection::Signature)?;
    let (r, s) = (Scalar::<C, N>::new(&r), Scalar::<C, N>::new(&s));
    let sum = key.combine(&s.mul(&v).retrieve(), &r.mul(&v).neg().retrieve());
    let x = sum.affine_x().ok_or(Rejection::Signature)?;
    if Scalar::<C, N>::new(&x.retrieve()) == r { Ok(()) } else { Err(Rejection::Signature) }
}

/// Numbers modulo p.
type Element<C, const N: usize> = ConstMontyForm<<C as Curve<N>>::Field, N>;
/// Numbers modulo q.
type Scalar<C, const N: usize> = ConstMontyForm<<C as Curve<N>>::Order, N>;

fn pair<const N: usize>(octets: &[u8]) -> Option<[Uint<N>; 2]> {
    let (first, second) = octets.split_at_checked(Uint::<N>::BYTES)?;
    Some([little_endian(first)?, little_endian(second)?])
}

fn little_endian<const N: usize>(octets: &[u8]) -> Option<Uint<N>> {
    (octets.len() == Uint::<N>::BYTES).then(|| Uint::from_le_slice(octets))
}

/// A point in Jacobian coordinates: x/z², y/z³; infinity when z is 0.
#[derive(Debug)]
pub(super) struct Point<C: Curve<N>, const N: usize> {
    x: Element<C, N>,
    y: Element<C, N>,
    z: Element<C, N>,
}

impl<C: Curve<N>, const N: usize> Clone for Point<C, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Curve<N>, const N: usize> Copy for Point<C, N> {}

impl<C: Curve<N>, const N: usize> Point<C, N> {
    const INFINITY: Self = Self { x: Element::<C, N>::ONE, y: Element::<C, N>::ONE, z: Element::<C, N>::ZERO };
    const A: Element<C, N> = Element::<C, N>::new(&C::A);
    const B: Element<C, N> = Element::<C, N>::new(&C::B);

    /// `None` unless the coordinates are reduced and the point is one of the group.
    fn from_coordinates(x: Uint<N>, y: Uint<N>) -> Option<Self> {
        let p = C::Field::PARAMS.modulus().get();
        if x >= p || y >= p {
            return None;
        }
        let (x, y) = (Element::<C, N>::new(&x), Element::<C, N>::new(&y));
        if y.square() != x.square().add(&Self::A).mul(&x).add(&Self::B) {
            return None;
        }
        let point = Self { x, y, z: Element::<C, N>::ONE };
        let order = C::Order::PARAMS.modulus().get();
        (C::IS_WHOLE_GROUP || point.combine(&Uint::ZERO, &order).is_infinity()).then_some(point)
    }

    fn is_infinity(&self) -> bool {
        self.z == Element::<C, N>::ZERO
    }

    fn affine_x(&self) -> Option<Element<C, N>> {
        let inverse: Option<Element<C, N>> = self.z.invert_vartime().into_option();
        Some(self.x.mul(&inverse?.square()))
    }

    /// `base_times` times the base point plus `self_times` times this one, with common doublings (Straus): four
    /// bits of `self_times` at a time, eight of `base_times`, whose multiples are computed once for all.
    fn combine(&self, base_times: &Uint<N>, self_times: &Uint<N>) -> Self {
        let base = C::base_multiples().get_or_init(|| {
            let [x, y] = C::BASE.map(|coordinate| Element::<C, N>::new(&coordinate));
            Self { x, y, z: Element::<C, N>::ONE }.multiples(256)
        });
        let own = self.multiples(16);
        let multiple = |of: &[Self], times: u8| of.get(usize::from(times)).copied().unwrap_or(Self::INFINITY);
        let (base_times, self_times) = (base_times.to_be_bytes(), self_times.to_be_bytes());
        let mut sum = Self::INFINITY;
        for (base_byte, own_byte) in base_times.as_ref().iter().zip(self_times.as_ref()) {
            sum = sum.double().double().double().double().add(&multiple(&own, own_byte >> 4));
            sum = sum.double().double().double().double().add(&multiple(&own, own_byte & 0xf));
            sum = sum.add(&multiple(base, *base_byte));
        }
        sum
    }

    /// The point times 0, 1, 2 and so on.
    fn multiples(&self, count: usize) -> Vec<Self> {
        std::iter::successors(Some(Self::INFINITY), |last| Some(last.add(self))).take(count).collect()
    }

    /// "dbl-2007-bl" for any a (Explicit-Formulas Database); of infinity and of points of order two it is infinity.
    fn double(&self) -> Self {
        let yy = self.y.square();
        let s = self.x.mul(&yy).double().double();
        let xx = self.x.square();
        let m = xx.double().add(&xx).add(&self.z.square().square().mul(&Self::A));
        let x = m.square().sub(&s.double());
        let y = m.mul(&s.sub(&x)).sub(&yy.square().double().double().double());
        Self { x, y, z: self.y.mul(&self.z).double() }
    }

    /// "add-1998-cmo-2", and the cases that it leaves out.
    fn add(&self, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let (zz1, zz2) = (self.z.square(), other.z.square());
        let (u1, u2) = (self.x.mul(&zz2), other.x.mul(&zz1));
        let (s1, s2) = (self.y.mul(&other.z).mul(&zz2), other.y.mul(&self.z).mul(&zz1));
        let (h, r) = (u2.sub(&u1), s2.sub(&s1));
        if h == Element::<C, N>::ZERO {
            return if r == Element::<C, N>::ZERO { self.double() } else { Self::INFINITY };
        }
        let hh = h.square();
        let hhh = hh.mul(&h);
        let v = u1.mul(&hh);
        let x = r.square().sub(&hhh).sub(&v.double());
        Self { x, y: r.mul(&v.sub(&x)).sub(&s1.mul(&hhh)), z: self.z.mul(&other.z).mul(&h) }
    }
}
