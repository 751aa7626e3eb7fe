//! The confusion matrix of a whole split.
//!
//! Comes in: pairs of a label map and a prediction, as ids of one class table. Goes out: how many pixels
//! of each class were predicted as each class. Guaranteed: counts are integers, so that neither the size
//! nor the order of batches changes anything, and a pair that is refused leaves the matrix as it was.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::codes;
use crate::data::OUTSIDE;
use crate::data::table::ClassTable;
use crate::error::{Error, Kind, Result};

/// Pixels by true class (row) and predicted class (column), over all classes of a table.
///
/// A pixel whose truth is void, or [`OUTSIDE`], is left out: it is no true positive, no false positive and
/// no false negative, whatever was predicted there. A pixel of another class that is predicted as void stays in
/// its row and so is a false negative of its class. This is the protocol of `cityscapesScripts`
/// (`evalPixelLevelSemanticLabeling.py`: ignored truth never counts) and of AdapNet++ (`evaluate.py`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    void: Option<u8>,
    /// Row after row, `classes * classes`; the row of void stays zero.
    counts: Vec<u64>,
    left_out: u64,
}

impl Confusion {
    /// An empty matrix for the classes of `table`.
    pub fn new(table: &ClassTable) -> Self {
        let classes = table.len();
        Self { classes, void: table.void(), counts: vec![0; classes * classes], left_out: 0 }
    }

    /// Counts one label map (or a batch of them), `truth.len() == prediction.len()` pixels in the same order.
    ///
    /// # Errors
    /// `phg::metrics::labels` when the lengths differ, when a label is neither a class of the table nor
    /// [`OUTSIDE`], or when a prediction is no class of the table; nothing is counted then.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<()> {
        let bad = |message: String| Error::new(codes::METRICS_LABELS, Kind::Data, message);
        if truth.len() != prediction.len() {
            let message = format!("{} labels against {} predicted pixels", truth.len(), prediction.len());
            return Err(
                bad(message).help("score at one resolution: resize the prediction to the labels' size")
            );
        }
        let known = |id: u8| usize::from(id) < self.classes;
        if let Some(id) = truth.iter().find(|&&id| id != OUTSIDE && !known(id)) {
            return Err(bad(format!("label {id} is no class: the table has {}", self.classes))
                .help("map raw label values to classes in the table's `[[raw]]`"));
        }
        if let Some(id) = prediction.iter().find(|&&id| !known(id)) {
            return Err(bad(format!("predicted class {id} is no class: the table has {}", self.classes))
                .help("evaluate with the class table that the run was trained with"));
        }
        for (&truth, &prediction) in truth.iter().zip(prediction) {
            if truth == OUTSIDE || Some(truth) == self.void {
                self.left_out += 1;
            } else {
                self.counts[usize::from(truth) * self.classes + usize::from(prediction)] += 1;
            }
        }
        Ok(())
    }

    /// Adds the counts of another part of the split, such as those of another thread.
    ///
    /// # Errors
    /// `phg::metrics::labels` when the other matrix is over other classes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if (self.classes, self.void) != (other.classes, other.void) {
            let message = format!("matrices over {} and {} classes", self.classes, other.classes);
            return Err(Error::new(codes::METRICS_LABELS, Kind::Data, message));
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.left_out += other.left_out;
        Ok(())
    }

    /// Number of classes, void included: rows, and columns.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many pixels of class `truth` were predicted as `prediction`; 0 for ids outside the table.
    pub fn count(&self, truth: u8, prediction: u8) -> u64 {
        let (row, column) = (usize::from(truth), usize::from(prediction));
        if row.max(column) < self.classes { self.counts[row * self.classes + column] } else { 0 }
    }

    /// The rows, one for each true class in the order of ids.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes.max(1))
    }

    /// Pixels of class `id` that were predicted as `id`.
    pub fn true_positives(&self, id: u8) -> u64 {
        self.count(id, id)
    }

    /// Counted pixels of other classes that were predicted as `id`.
    pub fn false_positives(&self, id: u8) -> u64 {
        self.predicted(id) - self.count(id, id)
    }

    /// Pixels of class `id` that were predicted as another class or as void.
    pub fn false_negatives(&self, id: u8) -> u64 {
        self.labelled(id) - self.count(id, id)
    }

    /// Pixels of class `id` in the truth.
    pub fn labelled(&self, id: u8) -> u64 {
        self.rows().nth(usize::from(id)).map_or(0, |row| row.iter().sum())
    }

    /// Counted pixels predicted as class `id`.
    pub fn predicted(&self, id: u8) -> u64 {
        self.rows().filter_map(|row| row.get(usize::from(id))).sum()
    }

    /// Counted pixels: all but those whose truth is void or outside the image.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Pixels left out because their truth is void or outside the image.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// A list of rows, `[[..], ..]`, in the order of class ids.
impl Serialize for Confusion {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.classes))?;
        for row in self.rows() {
            rows.serialize_element(row)?;
        }
        rows.end()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::table::Class;

    /// A table of the named classes; `void` is one of them, or none.
    pub(crate) fn table(names: &[&str], void: &str) -> ClassTable {
        let class = |(id, name): (usize, &&str)| Class {
            id: id as u8,
            name: (*name).to_string(),
            colour: [id as u8, 0, 0],
            void: *name == void,
        };
        ClassTable {
            name: "test".into(),
            classes: names.iter().enumerate().map(class).collect(),
            raw: Vec::new(),
        }
    }

    #[test]
    fn counts_a_published_example() {
        // scikit-learn's documentation of `confusion_matrix`: y_true = [2, 0, 2, 2, 0, 1] and
        // y_pred = [0, 0, 2, 2, 0, 2] give [[2, 0, 0], [0, 0, 1], [1, 0, 2]].
        let mut confusion = Confusion::new(&table(&["a", "b", "c"], ""));
        confusion.add(&[2, 0, 2, 2, 0, 1], &[0, 0, 2, 2, 0, 2]).unwrap();
        let rows: Vec<&[u64]> = confusion.rows().collect();
        assert_eq!(rows, [[2, 0, 0], [0, 0, 1], [1, 0, 2]]);
        assert_eq!(serde_json::to_string(&confusion).unwrap(), "[[2,0,0],[0,0,1],[1,0,2]]");
    }

    #[test]
    fn void_truth_is_left_out_and_predicted_void_is_a_false_negative() {
        let mut confusion = Confusion::new(&table(&["void", "road", "sky"], "void"));
        //             truth: void void outside road road sky
        confusion.add(&[0, 0, OUTSIDE, 1, 1, 2], &[1, 0, 2, 0, 1, 1]).unwrap();
        assert_eq!(confusion.left_out(), 3);
        assert_eq!(confusion.total(), 3);
        let of =
            |id| (confusion.true_positives(id), confusion.false_positives(id), confusion.false_negatives(id));
        assert_eq!(of(1), (1, 1, 1), "the void pixel predicted as road is no false positive");
        assert_eq!(of(2), (0, 0, 1));
        assert_eq!(confusion.rows().next(), Some(&[0, 0, 0][..]));
    }

    #[test]
    fn refused_pairs_count_nothing() {
        let mut confusion = Confusion::new(&table(&["a", "b"], ""));
        for (truth, prediction) in [(&[0, 1][..], &[0][..]), (&[0, 2], &[0, 0]), (&[0, 1], &[0, OUTSIDE])] {
            assert_eq!(confusion.add(truth, prediction).unwrap_err().code, codes::METRICS_LABELS);
        }
        assert_eq!(confusion, Confusion::new(&table(&["a", "b"], "")));
        let other = Confusion::new(&table(&["a", "b"], "a"));
        assert_eq!(confusion.merge(&other).unwrap_err().code, codes::METRICS_LABELS);
    }

    proptest! {
        /// TP, FP and FN by their definition as sets of pixels, computed without a matrix.
        #[test]
        fn agrees_with_the_definition_and_ignores_batches(
            pixels in prop::collection::vec((0u8..7, 0u8..6), 0..300),
            size in 1usize..40,
            turn in 0usize..40,
        ) {
            let table = table(&["void", "a", "b", "c", "d", "e"], "void");
            let label = |id: u8| if id == 6 { OUTSIDE } else { id };
            let truth: Vec<u8> = pixels.iter().map(|pixel| label(pixel.0)).collect();
            let prediction: Vec<u8> = pixels.iter().map(|pixel| pixel.1).collect();
            let mut whole = Confusion::new(&table);
            whole.add(&truth, &prediction).unwrap();
            for id in 1..6u8 {
                let number = |test: &dyn Fn(u8, u8) -> bool| {
                    let counted = |(t, _): &(&u8, &u8)| **t != OUTSIDE && **t != 0;
                    truth.iter().zip(&prediction).filter(counted).filter(|(t, p)| test(**t, **p)).count() as u64
                };
                prop_assert_eq!(whole.true_positives(id), number(&|t, p| t == id && p == id));
                prop_assert_eq!(whole.false_positives(id), number(&|t, p| t != id && p == id));
                prop_assert_eq!(whole.false_negatives(id), number(&|t, p| t == id && p != id));
            }
            prop_assert_eq!(whole.total() + whole.left_out(), pixels.len() as u64);

            let mut batches: Vec<_> = truth.chunks(size).zip(prediction.chunks(size)).collect();
            if !batches.is_empty() {
                let turn = turn % batches.len();
                batches.rotate_left(turn);
            }
            let (mut left, mut right) = (Confusion::new(&table), Confusion::new(&table));
            for (at, (truth, prediction)) in batches.into_iter().enumerate() {
                let half = if at % 2 == 0 { &mut left } else { &mut right };
                half.add(truth, prediction).unwrap();
            }
            right.merge(&left).unwrap();
            prop_assert_eq!(right, whole);
        }
    }
}
