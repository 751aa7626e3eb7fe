//! Which sizes meet the constraints of a graph: the nearest to given ones, or a proof that there are none.
//!
//! Comes in: constraints on `N`, `H` and `W`. Goes out: the nearest sizes that meet all of them, or those that
//! no sizes meet together. Guaranteed: what is called a conflict is one at every size. A size that is made by
//! additions and floor divisions grows by the same whole number each time that a free size grows by its period;
//! so for each remainder of a free size by the period a constraint is a linear one, which is decided exactly.
//! What is not linear, or would take too long, is called no conflict.

mod pair;

use super::constraint::{Constraint, ConstraintKind};
use super::dim::{Dim, Sizes, Symbol};

/// Sizes that a proof evaluates before it gives up.
const PROOF: u64 = 300_000;
/// Sizes that the search for the nearest ones evaluates before it gives up.
const SEARCH: u64 = 2_000_000;
/// So far from the rows that are asked for others are tried.
const REACH: i64 = 16_384;
/// Batches up to this size are tried where a constraint speaks of `N`.
const BATCHES: i64 = 64;

/// Counts evaluations; there are none left when a proof or search takes too long.
struct Work(u64);

impl Work {
    fn spend(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.checked_sub(count as u64)?;
        Some(())
    }
}

/// Values of one free size with one remainder: `start + k * period` for `k` from `first` to `last`.
#[derive(Clone, Copy, Debug)]
struct Class {
    start: i64,
    first: i64,
    last: i64,
}

/// Values of one free size.
#[derive(Clone, Debug)]
struct Axis {
    symbol: Symbol,
    period: i64,
    classes: Vec<Class>,
}

impl Axis {
    /// Every value from 1 on.
    fn all(symbol: Symbol, period: i64) -> Self {
        let classes = (1..=period).map(|start| Class { start, first: 0, last: i64::MAX }).collect();
        Self { symbol, period, classes }
    }

    /// Those values that meet `kinds`, with the other free sizes as in `at`. `None` when they overflow or take too
    /// long. The period must be one of every kind.
    fn narrowed(&self, kinds: &[&ConstraintKind], at: &Sizes, work: &mut Work) -> Option<Self> {
        let mut classes = Vec::new();
        for class in &self.classes {
            work.spend(2 * kinds.len())?;
            let mut kept = Some(*class);
            for kind in kinds {
                let Some(class) = kept else { break };
                let grows = |dim: &Dim| {
                    let value = eval(dim, at, &[(self.symbol, class.start)])?;
                    let next = eval(dim, at, &[(self.symbol, class.start.checked_add(self.period)?)])?;
                    Some((value, next.checked_sub(value)?))
                };
                kept = class.meeting(kind, grows)?;
            }
            classes.extend(kept);
        }
        Some(Self { symbol: self.symbol, period: self.period, classes })
    }

    /// The value nearest to `from`; of two, the larger.
    fn nearest(&self, from: i64) -> Option<i64> {
        let candidates = self.classes.iter().flat_map(|class| {
            let below = from.saturating_sub(class.start).div_euclid(self.period);
            [below, below.saturating_add(1)].into_iter().filter_map(|k| {
                class.start.checked_add(k.clamp(class.first, class.last).checked_mul(self.period)?)
            })
        });
        candidates.min_by_key(|value| (value.abs_diff(from), *value < from))
    }
}

impl Class {
    /// The part that meets a constraint; `grows` gives a size's value at the start and its growth with `k`.
    fn meeting(
        self,
        kind: &ConstraintKind,
        grows: impl Fn(&Dim) -> Option<(i64, i64)>,
    ) -> Option<Option<Self>> {
        let (first, last) = match kind {
            ConstraintKind::Equal(a, b) => {
                let ((a, up), (b, by)) = (grows(a)?, grows(b)?);
                let (value, slope) = (a.checked_sub(b)?, up.checked_sub(by)?);
                match slope {
                    0 if value == 0 => (self.first, self.last),
                    0 => return Some(None),
                    _ if value.checked_rem(slope)? != 0 => return Some(None),
                    _ => {
                        let k = value.checked_div(slope)?.checked_neg()?;
                        (k.max(self.first), k.min(self.last))
                    }
                }
            }
            ConstraintKind::AtLeast(dim, least) => {
                let (value, slope) = grows(dim)?;
                let need = least.checked_sub(value)?;
                match slope {
                    0 if need <= 0 => (self.first, self.last),
                    0 => return Some(None),
                    1.. => (self.first.max(need.checked_add(slope - 1)?.div_euclid(slope)), self.last),
                    _ => (self.first, self.last.min(need.checked_neg()?.div_euclid(slope.checked_neg()?))),
                }
            }
            // The period was chosen so that the size grows by multiples.
            ConstraintKind::Multiple(dim, by) if grows(dim)?.0 % by == 0 => (self.first, self.last),
            ConstraintKind::Multiple(..) => return Some(None),
        };
        Some((first <= last).then_some(Self { first, last, ..self }))
    }
}

/// A size at `at` with some of the free sizes replaced.
fn eval(dim: &Dim, at: &Sizes, values: &[(Symbol, i64)]) -> Option<i64> {
    dim.eval(&replaced(at, values)?)
}

fn replaced(at: &Sizes, values: &[(Symbol, i64)]) -> Option<Sizes> {
    let mut sizes = *at;
    for (symbol, value) in values {
        let value = usize::try_from(*value).ok()?;
        match symbol {
            Symbol::H => sizes.h = value,
            Symbol::W => sizes.w = value,
            Symbol::N => sizes.n = value,
        }
    }
    Some(sizes)
}

/// A common period of constraints in `symbol`, or in all free sizes; `None` when one is not linear.
fn period(kinds: &[&ConstraintKind], symbol: Option<Symbol>) -> Option<i64> {
    kinds.iter().try_fold(1, |all, kind| {
        let own = match kind {
            ConstraintKind::Equal(a, b) => Dim::common_period(a.period(symbol)?, b.period(symbol)?)?,
            ConstraintKind::Multiple(dim, by) => dim.period(symbol)?.checked_mul(*by)?,
            ConstraintKind::AtLeast(dim, _) => dim.period(symbol)?,
        };
        Dim::common_period(all, own)
    })
}

/// Those constraints that speak of these free sizes, and of no other ones.
fn speaking_of<'a>(kinds: &[&'a ConstraintKind], symbols: &[Symbol]) -> Vec<&'a ConstraintKind> {
    kinds.iter().copied().filter(|kind| kind.symbols() == symbols).collect()
}

/// The sizes nearest to `sizes` that meet every constraint: the fewest rows and columns away, and with the batch of
/// `sizes` unless no other than another batch does. `None` when none was found.
pub fn nearest(constraints: &[Constraint], sizes: &Sizes) -> Option<Sizes> {
    let kinds: Vec<&ConstraintKind> = constraints.iter().map(|each| &each.kind).collect();
    let mut work = Work(SEARCH);
    let from = i64::try_from(sizes.n).ok()?;
    let mut batches = vec![from];
    if kinds.iter().any(|kind| kind.symbols().contains(&Symbol::N)) {
        let mut others: Vec<i64> = (1..=BATCHES).filter(|n| *n != from).collect();
        others.sort_by_key(|n| n.abs_diff(from));
        batches.extend(others);
    }
    batches.into_iter().find_map(|n| nearest_image(&kinds, &replaced(sizes, &[(Symbol::N, n)])?, &mut work))
}

/// The nearest rows and columns, with the batch as it is.
fn nearest_image(kinds: &[&ConstraintKind], sizes: &Sizes, work: &mut Work) -> Option<Sizes> {
    let (mut rows, mut columns, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for kind in kinds {
        let symbols = kind.symbols();
        match (symbols.contains(&Symbol::H), symbols.contains(&Symbol::W)) {
            (true, true) => both.push(*kind),
            (true, false) => rows.push(*kind),
            (false, true) => columns.push(*kind),
            (false, false) if !kind.holds(sizes) => return None,
            (false, false) => {}
        }
    }
    let (from_h, from_w) = (i64::try_from(sizes.h).ok()?, i64::try_from(sizes.w).ok()?);
    let axis = |symbol: Symbol, own: &[&ConstraintKind], others: &[&ConstraintKind], work: &mut Work| {
        let every = Dim::common_period(period(own, Some(symbol))?, period(others, Some(symbol))?)?;
        Axis::all(symbol, every).narrowed(own, sizes, work)
    };
    if both.is_empty() {
        let h = axis(Symbol::H, &rows, &[], work)?.nearest(from_h)?;
        let w = axis(Symbol::W, &columns, &[], work)?.nearest(from_w)?;
        return replaced(sizes, &[(Symbol::H, h), (Symbol::W, w)]);
    }
    // Rows from the nearest on, each with the nearest columns that go with them.
    let columns = axis(Symbol::W, &columns, &both, work)?;
    let mut best: Option<(u64, Sizes)> = None;
    for away in 0..=REACH {
        if best.as_ref().is_some_and(|(distance, _)| *distance <= away.unsigned_abs()) {
            break;
        }
        for h in [from_h + away, from_h - away] {
            let Some(at) = replaced(sizes, &[(Symbol::H, h)]).filter(|at| at.h > 0) else { continue };
            if work.spend(rows.len() + 1).is_none() {
                return best.map(|(_, sizes)| sizes);
            }
            if !rows.iter().all(|kind| kind.holds(&at)) {
                continue;
            }
            let Some(fitting) = columns.narrowed(&both, &at, work) else {
                return best.map(|(_, sizes)| sizes);
            };
            let Some(w) = fitting.nearest(from_w) else { continue };
            let distance = away.unsigned_abs().saturating_add(w.abs_diff(from_w));
            if best.as_ref().is_none_or(|(known, _)| distance < *known) {
                best = Some((distance, replaced(&at, &[(Symbol::W, w)])?));
            }
        }
    }
    best.map(|(_, sizes)| sizes)
}

/// Constraints that no sizes meet together, no more of them than the proof needs; `None` when sizes may exist.
pub fn conflict(constraints: &[Constraint]) -> Option<Vec<&Constraint>> {
    let mut work = Work(PROOF);
    if let Some(alone) = constraints.iter().find(|each| refuted(&[&each.kind], &mut work)) {
        return Some(vec![alone]);
    }
    let mut core: Vec<&Constraint> = constraints.iter().collect();
    let kinds =
        |list: &[&Constraint]| -> Vec<ConstraintKind> { list.iter().map(|each| each.kind.clone()).collect() };
    let mut work = Work(PROOF);
    let mut refuses = |list: &[&Constraint]| {
        let kinds = kinds(list);
        refuted(&kinds.iter().collect::<Vec<_>>(), &mut work)
    };
    if !refuses(&core) {
        return None;
    }
    // Whatever the proof does not need leaves, as long as there is work left to see that.
    let mut at = 0;
    while at < core.len() {
        let mut without = core.clone();
        without.remove(at);
        if refuses(&without) {
            core = without;
        } else {
            at += 1;
        }
    }
    Some(core)
}

/// The values of the one free size that these constraints speak of, when there are 1 to 1,000 of them; ascending.
pub fn only_values(kinds: &[&ConstraintKind]) -> Option<(Symbol, Vec<i64>)> {
    let symbols = kinds.first()?.symbols();
    let [symbol] = symbols.as_slice() else { return None };
    let at = Sizes { n: 1, h: 1, w: 1 };
    let axis = Axis::all(*symbol, period(kinds, Some(*symbol))?).narrowed(kinds, &at, &mut Work(PROOF))?;
    let mut values = Vec::new();
    for class in &axis.classes {
        let count = class.last.checked_sub(class.first)?;
        if count > 1_000 || values.len() > 1_000 {
            return None;
        }
        for k in class.first..=class.last {
            values.push(class.start.checked_add(k.checked_mul(axis.period)?)?);
        }
    }
    values.sort_unstable();
    (!values.is_empty()).then_some((*symbol, values))
}

/// Is it proved that no sizes meet these constraints?
fn refuted(kinds: &[&ConstraintKind], work: &mut Work) -> bool {
    let at = Sizes { n: 1, h: 1, w: 1 };
    let constant = kinds.iter().any(|kind| kind.symbols().is_empty() && !kind.holds(&at));
    let mut axis_refuted = |symbol: Symbol| {
        let own = speaking_of(kinds, &[symbol]);
        let axis =
            period(&own, Some(symbol)).and_then(|period| Axis::all(symbol, period).narrowed(&own, &at, work));
        axis.is_some_and(|axis| axis.classes.is_empty())
    };
    constant
        || [Symbol::H, Symbol::W, Symbol::N].into_iter().any(&mut axis_refuted)
        || [(Symbol::H, Symbol::W), (Symbol::H, Symbol::N), (Symbol::W, Symbol::N)]
            .into_iter()
            .any(|two| pair::refuted(kinds, two, work) == Some(true))
}

#[cfg(test)]
mod tests;
