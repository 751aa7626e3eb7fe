//! Where two networks are right, each alone, both, or neither.
//!
//! Comes in: a label map and the predictions of two networks. Goes out: for each pixel one of four verdicts, and how
//! many there are of each for each class. Guaranteed: pixels whose truth is void have no verdict, as in
//! [`super::Confusion`].
//!
//! The four are those of the comparison pictures of the PHGMM paper (Fig. 8): both right; the other network wrong;
//! this one wrong; both wrong.

use serde::Serialize;

use crate::codes;
use crate::data::OUTSIDE;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// What two networks made of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both are right.
    Both,
    /// This one is right, the other wrong.
    OnlyThis,
    /// The other is right, this one wrong.
    OnlyOther,
    /// Both are wrong.
    Neither,
}

impl Verdict {
    /// All, in the order of tables and legends.
    pub const ALL: [Self; 4] = [Self::Both, Self::OnlyThis, Self::OnlyOther, Self::Neither];

    /// The verdict on a pixel of class `truth`.
    pub fn of(truth: u8, this: u8, other: u8) -> Self {
        match (this == truth, other == truth) {
            (true, true) => Self::Both,
            (true, false) => Self::OnlyThis,
            (false, true) => Self::OnlyOther,
            (false, false) => Self::Neither,
        }
    }
}

/// Verdicts by true class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    void: Option<u8>,
    /// For each class of the table, in the order of [`Verdict::ALL`].
    counts: Vec<[u64; 4]>,
}

/// Verdicts on the pixels of one class, or of all; shares in percent, `None` without pixels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shares {
    /// The class, or `all`.
    pub class: String,
    /// Labelled pixels.
    pub pixels: u64,
    /// Both are right.
    pub both: Option<f64>,
    /// Only this one is right.
    pub only_this: Option<f64>,
    /// Only the other is right.
    pub only_other: Option<f64>,
    /// Both are wrong.
    pub neither: Option<f64>,
}

impl Shares {
    fn new(class: &str, counts: [u64; 4]) -> Self {
        let pixels = counts.iter().sum();
        let [both, only_this, only_other, neither] =
            counts.map(|count| (pixels > 0).then(|| 100.0 * count as f64 / pixels as f64));
        Self { class: class.into(), pixels, both, only_this, only_other, neither }
    }

    /// In the order of [`Verdict::ALL`].
    pub fn all(&self) -> [Option<f64>; 4] {
        [self.both, self.only_this, self.only_other, self.neither]
    }
}

impl Agreement {
    /// No verdicts yet, on the classes of `table`.
    pub fn new(table: &ClassTable) -> Self {
        Self { void: table.void(), counts: vec![[0; 4]; table.len()] }
    }

    /// Counts one image, and returns the verdict on each of its pixels; `None` where the truth is void.
    ///
    /// # Errors
    /// `phg::metrics::labels` when lengths differ, or a label is no class.
    pub fn add(&mut self, truth: &[u8], this: &[u8], other: &[u8]) -> Result<Vec<Option<Verdict>>> {
        let bad = |message: String| Error::new(codes::METRICS_LABELS, Kind::Data, message);
        if truth.len() != this.len() || truth.len() != other.len() {
            let message = format!("{} labels against {} and {} pixels", truth.len(), this.len(), other.len());
            return Err(bad(message));
        }
        let known = |id: u8| usize::from(id) < self.counts.len();
        if let Some(id) = truth.iter().find(|id| **id != OUTSIDE && !known(**id)) {
            return Err(bad(format!("label {id} is no class: the table has {}", self.counts.len())));
        }
        let mut verdicts = Vec::with_capacity(truth.len());
        for ((truth, this), other) in truth.iter().zip(this).zip(other) {
            let counted = *truth != OUTSIDE && Some(*truth) != self.void;
            let verdict = counted.then(|| Verdict::of(*truth, *this, *other));
            if let (Some(verdict), Some(counts)) = (verdict, self.counts.get_mut(usize::from(*truth))) {
                counts[verdict as usize] += 1;
            }
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    /// A line for each class of `table` but void, and one for `all`.
    pub fn shares(&self, table: &ClassTable) -> Vec<Shares> {
        let classes = table.classes.iter().zip(&self.counts).filter(|(class, _)| !class.void);
        let mut shares: Vec<Shares> =
            classes.map(|(class, counts)| Shares::new(&class.name, *counts)).collect();
        let mut all = [0; 4];
        for counts in &self.counts {
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        shares.push(Shares::new("all", all));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::super::confusion::tests::table;
    use super::*;

    #[test]
    fn verdicts_worked_by_hand() {
        let table = table(&["void", "road", "sky"], "void");
        let mut agreement = Agreement::new(&table);
        let truth = [1, 1, 1, 1, 2, 0, OUTSIDE];
        let this = [1, 1, 2, 2, 2, 1, 1];
        let other = [1, 2, 1, 0, 1, 1, 1];
        use Verdict::{Both, Neither, OnlyOther, OnlyThis};
        let verdicts = agreement.add(&truth, &this, &other).unwrap();
        let expected =
            [Some(Both), Some(OnlyThis), Some(OnlyOther), Some(Neither), Some(OnlyThis), None, None];
        assert_eq!(verdicts, expected);
        let shares = agreement.shares(&table);
        assert_eq!(shares.iter().map(|line| line.class.as_str()).collect::<Vec<_>>(), ["road", "sky", "all"]);
        assert_eq!(shares[0].all(), [Some(25.0); 4]);
        assert_eq!((shares[1].pixels, shares[1].only_this, shares[1].both), (1, Some(100.0), Some(0.0)));
        assert_eq!((shares[2].pixels, shares[2].only_this), (5, Some(40.0)));
    }

    #[test]
    fn a_class_that_does_not_occur_has_no_shares() {
        let table = table(&["road", "sky"], "");
        let mut agreement = Agreement::new(&table);
        agreement.add(&[0], &[0], &[1]).unwrap();
        assert_eq!(agreement.shares(&table)[1].all(), [None; 4]);
        for (truth, this) in [(&[0][..], &[0, 0][..]), (&[7], &[0])] {
            assert_eq!(agreement.add(truth, this, &[0]).unwrap_err().code, codes::METRICS_LABELS);
        }
    }
}
