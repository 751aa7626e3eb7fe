//! Two free sizes at once: is it proved that they cannot be chosen?
//!
//! Comes in: constraints, some of which speak of both sizes. Goes out: `true` only for a proof. For each pair of
//! remainders a constraint is a line or a half-plane over whole numbers; lines that never meet, meet between whole
//! numbers or outside of what each size may be alone, leave nothing.

use super::{Axis, Class, Work, eval, period, speaking_of};
use crate::ir::constraint::ConstraintKind;
use crate::ir::dim::{Dim, Sizes, Symbol};

/// Is it proved that two free sizes cannot be chosen? `None` when that takes too long or is not linear.
pub(super) fn refuted(
    kinds: &[&ConstraintKind],
    (one, other): (Symbol, Symbol),
    work: &mut Work,
) -> Option<bool> {
    let both = speaking_of(kinds, &[one, other]);
    if both.is_empty() {
        return Some(false);
    }
    let (first, second) = (speaking_of(kinds, &[one]), speaking_of(kinds, &[other]));
    let own = Dim::common_period(period(&first, Some(one))?, period(&second, Some(other))?)?;
    let every = Dim::common_period(own, period(&both, None)?)?;
    let at = Sizes { n: 1, h: 1, w: 1 };
    let xs = Axis::all(one, every).narrowed(&first, &at, work)?;
    let ys = Axis::all(other, every).narrowed(&second, &at, work)?;
    for x in &xs.classes {
        for y in &ys.classes {
            work.spend(3 * both.len())?;
            let grows = |dim: &Dim| {
                let value = eval(dim, &at, &[(one, x.start), (other, y.start)])?;
                let along = eval(dim, &at, &[(one, x.start.checked_add(every)?), (other, y.start)])?;
                let across = eval(dim, &at, &[(one, x.start), (other, y.start.checked_add(every)?)])?;
                Some(Form {
                    value: i128::from(value),
                    along: i128::from(along) - i128::from(value),
                    across: i128::from(across) - i128::from(value),
                })
            };
            if (Cell { x: *x, y: *y }).may_meet(&both, grows)? {
                return Some(false);
            }
        }
    }
    Some(true)
}

/// `value + along * k + across * l`.
#[derive(Clone, Copy, Debug)]
struct Form {
    value: i128,
    along: i128,
    across: i128,
}

impl Form {
    fn minus(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            along: self.along - other.along,
            across: self.across - other.across,
        }
    }

    fn at(self, k: i128, l: i128) -> Option<i128> {
        let along = self.along.checked_mul(k)?;
        self.value.checked_add(along)?.checked_add(self.across.checked_mul(l)?)
    }
}

/// One remainder of each of two free sizes.
#[derive(Clone, Copy, Debug)]
struct Cell {
    x: Class,
    y: Class,
}

impl Cell {
    /// May constraints on both sizes be met here? `false` is certain, `true` is not.
    fn may_meet(self, kinds: &[&ConstraintKind], grows: impl Fn(&Dim) -> Option<Form>) -> Option<bool> {
        let (mut lines, mut bounds): (Vec<Form>, Vec<Form>) = (Vec::new(), Vec::new());
        for kind in kinds {
            match kind {
                ConstraintKind::Equal(a, b) => lines.push(grows(a)?.minus(grows(b)?)),
                ConstraintKind::Multiple(dim, by) if grows(dim)?.value % i128::from(*by) != 0 => {
                    return Some(false);
                }
                ConstraintKind::Multiple(..) => {}
                ConstraintKind::AtLeast(dim, least) => {
                    let form = grows(dim)?;
                    bounds.push(Form { value: form.value - i128::from(*least), ..form });
                }
            }
        }
        if bounds.iter().any(|form| self.range(*form).1 < 0) || !lines.iter().all(|line| self.crosses(*line))
        {
            return Some(false);
        }
        let Some((first, rest)) = lines.split_first() else { return Some(true) };
        for line in rest {
            let turn = first.along * line.across - line.along * first.across;
            if turn == 0 {
                // Parallel: one line, or two that never meet.
                let apart = first.value * line.along != line.value * first.along
                    || first.value * line.across != line.value * first.across;
                if apart {
                    return Some(false);
                }
                continue;
            }
            // Two lines meet in one point: it is whole, within bounds and on all lines, or there is none.
            let k = line.value * first.across - first.value * line.across;
            let l = first.value * line.along - line.value * first.along;
            if k % turn != 0 || l % turn != 0 {
                return Some(false);
            }
            let (k, l) = (k / turn, l / turn);
            let within =
                |class: Class, at: i128| (i128::from(class.first)..=i128::from(class.last)).contains(&at);
            return Some(
                within(self.x, k)
                    && within(self.y, l)
                    && lines.iter().all(|line| line.at(k, l) == Some(0))
                    && bounds.iter().all(|bound| bound.at(k, l).is_some_and(|value| value >= 0)),
            );
        }
        Some(true)
    }

    /// The smallest and largest value of a form.
    fn range(self, form: Form) -> (i128, i128) {
        let ends = |class: Class, slope: i128| {
            let (a, b) = (slope * i128::from(class.first), slope * i128::from(class.last));
            (a.min(b), a.max(b))
        };
        let ((low, high), (down, up)) = (ends(self.x, form.along), ends(self.y, form.across));
        (form.value + low + down, form.value + high + up)
    }

    /// May a form be 0? It takes values within its range, all of one remainder by the divisor of its slopes.
    fn crosses(self, form: Form) -> bool {
        let (low, high) = self.range(form);
        let (mut a, mut b) = (form.along.abs(), form.across.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (low..=high).contains(&0) && if a == 0 { form.value == 0 } else { form.value % a == 0 }
    }
}
