//! Symbolic sizes: polynomials in `N`, `H`, `W` and in floor divisions of such polynomials.
//!
//! Comes in: sizes of inputs and the formulas of convolutions and pools. Goes out: one canonical form,
//! so that two sizes that are equal for every input compare equal wherever these rules see it:
//! whole multiples leave a division (`floor((4*H + 5) / 4) = H + 1 + floor(1 / 4)`), nested divisions
//! fuse (`ceil(ceil(H / 2) / 2) = ceil(H / 4)`). What the rules do not see is decided when sizes are bound.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};

/// A free size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// Rows of the input image.
    H,
    /// Columns of the input image.
    W,
    /// Images in a batch.
    N,
}

/// What a monomial multiplies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Atom {
    Symbol(Symbol),
    /// `floor(of / by)`, canonical: `by >= 2` and no term of `of` is a multiple of `by`.
    Floor {
        of: Dim,
        by: i64,
    },
}

/// Sorted factors; empty for the constant term.
type Monomial = Vec<Atom>;

/// Coefficients by monomial, never zero.
type Terms = BTreeMap<Monomial, i64>;

/// A size, in canonical form. Cloning one copies a number or counts a reference: graphs hold thousands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim(Form);

/// Invariant: a sum has a term that is not constant, so that equal sizes have one form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Constant(i64),
    Sum(Arc<Terms>),
}

impl Default for Dim {
    fn default() -> Self {
        Self::constant(0)
    }
}

/// What a term of a size is a product of; see [`Dim::monomials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor<'a> {
    /// A free size.
    Symbol(Symbol),
    /// `floor(of / by)`.
    Floor {
        /// What is divided.
        of: &'a Dim,
        /// At least 2.
        by: i64,
    },
}

/// Values of the free sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Sizes {
    /// Images in a batch.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl Dim {
    /// A fixed size.
    pub fn constant(value: i64) -> Self {
        Self(Form::Constant(value))
    }

    /// Brings a sum into its one form.
    fn from_terms(terms: Terms) -> Self {
        if terms.keys().any(|monomial| !monomial.is_empty()) {
            return Self(Form::Sum(Arc::new(terms)));
        }
        Self::constant(terms.get(&Vec::new()).copied().unwrap_or(0))
    }

    /// Factors and coefficient of each term; none for zero.
    fn terms(&self) -> impl Iterator<Item = (&[Atom], i64)> {
        let (constant, sum) = match &self.0 {
            Form::Constant(0) => (None, None),
            Form::Constant(value) => (Some((&[] as &[Atom], *value)), None),
            Form::Sum(terms) => (None, Some(terms.iter().map(|(m, c)| (m.as_slice(), *c)))),
        };
        constant.into_iter().chain(sum.into_iter().flatten())
    }

    /// The terms whose sum it is: factors, none for the constant, and a coefficient.
    pub fn monomials(&self) -> impl Iterator<Item = (Vec<Factor<'_>>, i64)> {
        self.terms().map(|(monomial, coefficient)| {
            let factors = monomial.iter().map(|atom| match atom {
                Atom::Symbol(symbol) => Factor::Symbol(*symbol),
                Atom::Floor { of, by } => Factor::Floor { of, by: *by },
            });
            (factors.collect(), coefficient)
        })
    }

    /// Terms and their factors, those within divisions too: how much there is to copy.
    pub fn factors(&self) -> u64 {
        self.terms()
            .map(|(monomial, _)| {
                1 + monomial
                    .iter()
                    .map(|atom| match atom {
                        Atom::Symbol(_) => 1,
                        Atom::Floor { of, .. } => of.factors(),
                    })
                    .sum::<u64>()
            })
            .sum()
    }

    /// The coefficients, to be changed.
    fn to_terms(&self) -> Terms {
        match &self.0 {
            Form::Constant(0) => Terms::new(),
            Form::Constant(value) => Terms::from([(Vec::new(), *value)]),
            Form::Sum(terms) => terms.as_ref().clone(),
        }
    }

    /// The constant term.
    pub fn constant_term(&self) -> i64 {
        match &self.0 {
            Form::Constant(value) => *value,
            // The empty monomial sorts first.
            Form::Sum(terms) => terms.first_key_value().filter(|(m, _)| m.is_empty()).map_or(0, |(_, c)| *c),
        }
    }

    /// A free size. Every tensor has an `N`: one of each is enough for all of them.
    pub fn symbol(symbol: Symbol) -> Self {
        static FREE: LazyLock<[Dim; 3]> = LazyLock::new(|| {
            [Symbol::H, Symbol::W, Symbol::N]
                .map(|symbol| Dim::from_terms(Terms::from([(vec![Atom::Symbol(symbol)], 1)])))
        });
        let [h, w, n] = &*FREE;
        match symbol {
            Symbol::H => h.clone(),
            Symbol::W => w.clone(),
            Symbol::N => n.clone(),
        }
    }

    /// Images in a batch.
    pub fn n() -> Self {
        Self::symbol(Symbol::N)
    }

    /// Rows of the input image.
    pub fn h() -> Self {
        Self::symbol(Symbol::H)
    }

    /// Columns of the input image.
    pub fn w() -> Self {
        Self::symbol(Symbol::W)
    }

    /// The value, when it does not depend on a free size.
    pub fn as_constant(&self) -> Option<i64> {
        if let Form::Constant(value) = self.0 { Some(value) } else { None }
    }

    /// The free sizes that it depends on, sorted.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut found = Vec::new();
        self.collect_symbols(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect_symbols(&self, found: &mut Vec<Symbol>) {
        for atom in self.terms().flat_map(|(monomial, _)| monomial) {
            match atom {
                Atom::Symbol(symbol) => found.push(*symbol),
                Atom::Floor { of, .. } => of.collect_symbols(found),
            }
        }
    }

    /// How far `symbol` (with `None`, any free size) steps until the size has grown by a whole number that is the same
    /// at every step: 1 for sums, what divides for a division. `None` when free sizes are multiplied with one another,
    /// or when it is above 65,536.
    pub fn period(&self, symbol: Option<Symbol>) -> Option<i64> {
        self.terms().try_fold(1, |period, (monomial, _)| {
            let mut growing = monomial.iter().filter(|atom| atom.depends_on(symbol));
            let own = match (growing.next(), growing.next()) {
                (_, Some(_)) => return None,
                (Some(Atom::Floor { of, by }), None) => of.period(symbol)?.checked_mul(*by)?,
                (Some(Atom::Symbol(_)) | None, None) => 1,
            };
            Self::common_period(period, own)
        })
    }

    /// The smallest number that two periods divide; `None` above 65,536.
    pub fn common_period(a: i64, b: i64) -> Option<i64> {
        let (mut divisor, mut rest) = (a, b);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let both = a.checked_div(divisor)?.checked_mul(b)?;
        (both <= 1 << 16).then_some(both)
    }

    /// `self + other`, saturating.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut terms = match (&self.0, &other.0) {
            (Form::Constant(a), Form::Constant(b)) => return Self::constant(a.saturating_add(*b)),
            (_, Form::Constant(0)) => return self.clone(),
            (Form::Constant(0), _) => return other.clone(),
            (_, _) => self.to_terms(),
        };
        for (monomial, coefficient) in other.terms() {
            add_term(&mut terms, monomial, coefficient);
        }
        Self::from_terms(terms)
    }

    /// `self + value`, saturating.
    #[must_use]
    pub fn offset(&self, value: i64) -> Self {
        self.plus(&Self::constant(value))
    }

    /// `factor * self`, saturating.
    #[must_use]
    pub fn scale(&self, factor: i64) -> Self {
        match &self.0 {
            Form::Constant(value) => Self::constant(value.saturating_mul(factor)),
            Form::Sum(_) if factor == 0 => Self::default(),
            Form::Sum(_) if factor == 1 => self.clone(),
            Form::Sum(terms) => {
                Self::from_terms(terms.iter().map(|(m, c)| (m.clone(), c.saturating_mul(factor))).collect())
            }
        }
    }

    /// `self - other`, saturating.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.scale(-1))
    }

    /// `self * other`, saturating.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        if let Form::Constant(factor) = other.0 {
            return self.scale(factor);
        }
        if let Form::Constant(factor) = self.0 {
            return other.scale(factor);
        }
        let mut terms = Terms::new();
        for (left, a) in self.terms() {
            for (right, b) in other.terms() {
                let mut monomial = [left, right].concat();
                monomial.sort_unstable();
                add_term(&mut terms, &monomial, a.saturating_mul(b));
            }
        }
        Self::from_terms(terms)
    }

    /// `floor(self / by)`; `by` below 1 counts as 1.
    #[must_use]
    pub fn floor_div(&self, by: i64) -> Self {
        if by <= 1 {
            return self.clone();
        }
        if let Form::Constant(value) = self.0 {
            return Self::constant(value.div_euclid(by));
        }
        // Whole multiples leave the division; the constant leaves its remainder behind.
        let (mut whole, mut rest) = (Terms::new(), Terms::new());
        for (monomial, coefficient) in self.terms() {
            let (quotient, remainder) = if monomial.is_empty() {
                (coefficient.div_euclid(by), coefficient.rem_euclid(by))
            } else if coefficient % by == 0 {
                (coefficient / by, 0)
            } else {
                (0, coefficient)
            };
            add_term(&mut whole, monomial, quotient);
            add_term(&mut rest, monomial, remainder);
        }
        let rest = Self::from_terms(rest);
        if rest.as_constant().is_some() {
            return Self::from_terms(whole); // the rest is a constant in 0..by
        }
        // floor((floor(x / a) + c) / by) = floor((x + a * c) / (a * by)): one division, however deep.
        if let Some((inner, a, c)) = rest.as_single_floor()
            && let (Some(shift), Some(both)) = (a.checked_mul(c), a.checked_mul(by))
        {
            return Self::from_terms(whole).plus(&inner.offset(shift).floor_div(both));
        }
        add_term(&mut whole, &[Atom::Floor { of: rest, by }], 1);
        Self::from_terms(whole)
    }

    /// `ceil(self / by)`.
    #[must_use]
    pub fn ceil_div(&self, by: i64) -> Self {
        self.offset(by.max(1) - 1).floor_div(by)
    }

    /// `(x, a, c)` when `self` is `floor(x / a) + c`.
    fn as_single_floor(&self) -> Option<(&Self, i64, i64)> {
        let mut found = None;
        let mut shift = 0;
        for (monomial, coefficient) in self.terms() {
            match (monomial, coefficient) {
                ([], c) => shift = c,
                ([Atom::Floor { of, by }], 1) if found.is_none() => found = Some((of, *by)),
                _ => return None,
            }
        }
        found.map(|(of, by)| (of, by, shift))
    }

    /// The value at given sizes; `None` on overflow. May be negative or zero: the caller decides what is legal.
    pub fn eval(&self, sizes: &Sizes) -> Option<i64> {
        let mut sum = 0i64;
        for (monomial, coefficient) in self.terms() {
            let mut product = coefficient;
            for atom in monomial {
                let value = match atom {
                    Atom::Symbol(Symbol::N) => i64::try_from(sizes.n).ok()?,
                    Atom::Symbol(Symbol::H) => i64::try_from(sizes.h).ok()?,
                    Atom::Symbol(Symbol::W) => i64::try_from(sizes.w).ok()?,
                    Atom::Floor { of, by } => of.eval(sizes)?.div_euclid(*by),
                };
                product = product.checked_mul(value)?;
            }
            sum = sum.checked_add(product)?;
        }
        Some(sum)
    }

    /// The value at given sizes as an array size; `None` on overflow or below zero.
    pub fn size(&self, sizes: &Sizes) -> Option<usize> {
        usize::try_from(self.eval(sizes)?).ok()
    }
}

impl Atom {
    /// Does it grow with `symbol`, or with any free size?
    fn depends_on(&self, symbol: Option<Symbol>) -> bool {
        match (self, symbol) {
            (_, None) => true,
            (Self::Symbol(own), Some(symbol)) => *own == symbol,
            (Self::Floor { of, .. }, Some(symbol)) => of.symbols().contains(&symbol),
        }
    }
}

fn add_term(terms: &mut Terms, monomial: &[Atom], coefficient: i64) {
    if coefficient == 0 {
        return;
    }
    match terms.get_mut(monomial) {
        None => {
            terms.insert(monomial.to_vec(), coefficient);
        }
        Some(known) => {
            *known = known.saturating_add(coefficient);
            if *known == 0 {
                terms.remove(monomial);
            }
        }
    }
}

impl From<usize> for Dim {
    fn from(value: usize) -> Self {
        Self::constant(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Dim {
    /// `ceil(H/4)` where a division rounds up, `floor((H + 1)/4)` where it does not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Form::Constant(value) = self.0 {
            return write!(f, "{value}");
        }
        // The constant is the smallest key but reads best at the end.
        let ordered = self.terms().filter(|(m, _)| !m.is_empty());
        let mut first = true;
        for (monomial, coefficient) in ordered {
            let sign = if coefficient < 0 { "-" } else { "+" };
            match (first, sign) {
                (true, "-") => f.write_str("-")?,
                (true, _) => {}
                (false, _) => write!(f, " {sign} ")?,
            }
            first = false;
            let magnitude = coefficient.unsigned_abs();
            if magnitude != 1 {
                write!(f, "{magnitude}*")?;
            }
            for (at, atom) in monomial.iter().enumerate() {
                if at > 0 {
                    f.write_str("*")?;
                }
                write!(f, "{atom}")?;
            }
        }
        match self.constant_term() {
            0 => Ok(()),
            c => write!(f, " {} {}", if c < 0 { "-" } else { "+" }, c.unsigned_abs()),
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(symbol) => write!(f, "{symbol:?}"),
            Self::Floor { of, by } => {
                // floor((x + by - 1) / by) is the ceiling of x / by.
                let above = of.offset(1 - by);
                let (name, inner) = if of.constant_term() != 0 && above.constant_term() == 0 {
                    ("ceil", above)
                } else {
                    ("floor", of.clone())
                };
                if inner.terms().count() == 1 {
                    write!(f, "{name}({inner}/{by})")
                } else {
                    write!(f, "{name}(({inner})/{by})")
                }
            }
        }
    }
}

impl Serialize for Dim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_constant() {
            Some(value) => serializer.serialize_i64(value),
            None => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The size that a convolution gives (PyTorch's documented formula).
    fn conv(x: &Dim, kernel: i64, stride: i64, padding: i64) -> Dim {
        x.offset(2 * padding - kernel).floor_div(stride).offset(1)
    }

    #[test]
    fn nested_divisions_fuse() {
        let half = conv(&Dim::h(), 3, 2, 1);
        assert_eq!(half.to_string(), "ceil(H/2)");
        assert_eq!(conv(&half, 3, 2, 1).to_string(), "ceil(H/4)");
        assert_eq!(conv(&half, 3, 2, 1), Dim::h().ceil_div(2).ceil_div(2));
        assert_eq!(half.floor_div(2), Dim::h().offset(1).floor_div(4));
    }

    #[test]
    fn same_padding_keeps_a_size() {
        assert_eq!(conv(&Dim::h(), 3, 1, 1), Dim::h());
        assert_eq!(conv(&Dim::h().ceil_div(4), 3, 1, 1).to_string(), "ceil(H/4)");
    }

    #[test]
    fn whole_multiples_leave_a_division() {
        let four = Dim::h().scale(4).offset(5);
        assert_eq!(four.floor_div(4), Dim::h().offset(1));
        assert_eq!(Dim::h().scale(2).floor_div(2), Dim::h());
    }

    #[test]
    fn products_print_and_commute() {
        let area = Dim::h().ceil_div(8).times(&Dim::w().ceil_div(8));
        assert_eq!(area, Dim::w().ceil_div(8).times(&Dim::h().ceil_div(8)));
        assert_eq!(area.eval(&Sizes { n: 1, h: 180, w: 240 }), Some(23 * 30));
    }

    /// What a random chain of steps does to a size.
    #[derive(Clone, Debug)]
    enum Move {
        Offset(i64),
        Scale(i64),
        Floor(i64),
        Ceil(i64),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        prop::collection::vec(
            prop_oneof![
                (-5i64..6).prop_map(Move::Offset),
                (1i64..5).prop_map(Move::Scale),
                (1i64..9).prop_map(Move::Floor),
                (1i64..9).prop_map(Move::Ceil),
            ],
            0..7,
        )
    }

    proptest! {
        /// Canonical forms mean what the plain arithmetic means.
        #[test]
        fn canonical_form_keeps_the_value(chain in moves(), h in 0usize..400) {
            let mut dim = Dim::h();
            let mut value = h as i64;
            for step in &chain {
                (dim, value) = match step {
                    Move::Offset(by) => (dim.offset(*by), value + by),
                    Move::Scale(by) => (dim.scale(*by), value * by),
                    Move::Floor(by) => (dim.floor_div(*by), value.div_euclid(*by)),
                    Move::Ceil(by) => (dim.ceil_div(*by), (value + by - 1).div_euclid(*by)),
                };
            }
            prop_assert_eq!(dim.eval(&Sizes { n: 1, h, w: 1 }), Some(value));
        }

        /// Sums and products too.
        #[test]
        fn algebra_keeps_the_value(a in moves(), b in moves(), h in 0usize..200, w in 0usize..200) {
            let run = |start: Dim, chain: &[Move]| chain.iter().fold(start, |dim, step| match step {
                Move::Offset(by) => dim.offset(*by),
                Move::Scale(by) => dim.scale(*by),
                Move::Floor(by) => dim.floor_div(*by),
                Move::Ceil(by) => dim.ceil_div(*by),
            });
            let (x, y) = (run(Dim::h(), &a), run(Dim::w(), &b));
            let sizes = Sizes { n: 1, h, w };
            let (vx, vy) = (x.eval(&sizes).unwrap(), y.eval(&sizes).unwrap());
            prop_assert_eq!(x.plus(&y).eval(&sizes), Some(vx + vy));
            prop_assert_eq!(x.minus(&y).eval(&sizes), Some(vx - vy));
            prop_assert_eq!(x.times(&y).eval(&sizes), Some(vx * vy));
            prop_assert_eq!(x.times(&y).floor_div(3).eval(&sizes), Some((vx * vy).div_euclid(3)));
        }
    }
}
