//! Scores from a confusion matrix, as JSON and as a table for a terminal.
//!
//! Comes in: a [`Confusion`] and the class table it counts. Goes out: [`Scores`], in percent, and an
//! [`Evaluation`] that says what was scored, at which resolution. Guaranteed: which classes the means are
//! over is part of the result.
//!
//! With true positives TP, false positives FP and false negatives FN of a class over the *whole* split:
//!
//! - IoU = TP / (TP + FP + FN), the segmentation accuracy of PASCAL VOC (Everingham, Van Gool, Williams, Winn and
//!   Zisserman, "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010), counted as `cityscapesScripts` does;
//! - precision = TP / (TP + FP), recall = TP / (TP + FN);
//! - the means are over the classes counted, each with the same weight (mean IU of Long, Shelhamer and Darrell,
//!   "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015);
//! - pixel accuracy = the sum of TP over the number of counted pixels (same source).
//!
//! A class is *counted* when it is not void and occurs in the truth. One that does not has no score: `None`, `null`
//! in JSON, left out of all means and named in `classes_absent`, whether it was predicted or not: which classes the
//! means are over is a property of the split, not of the network. (`cityscapesScripts` counts a class that is only
//! predicted, with IoU 0; on a split that has every class there is no difference.) Pixels predicted as an absent
//! class are misses of their own class all the same. The precision of a class that is never predicted is 0, so that
//! a network cannot raise its mean precision by never predicting a class.

use std::fmt::Write;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::Confusion;
use crate::data::Split;
use crate::data::table::ClassTable;
use crate::views::Views;

/// One value for each class but void, in the order of ids; percent, `None` for an absent class.
///
/// In JSON a map from class name to value or `null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerClass(Vec<(String, Option<f64>)>);

impl PerClass {
    /// The value of the class called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(class, _)| *class == name).and_then(|(_, value)| value)
    }

    /// Names and values in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The mean over the classes that have a value; `None` when none has.
    pub fn mean(&self) -> Option<f64> {
        let values: Vec<f64> = self.0.iter().filter_map(|(_, value)| *value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

impl Serialize for PerClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What a confusion matrix says, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Mean IoU over `classes_counted`; `None` when there are none.
    pub miou: Option<f64>,
    /// IoU by class.
    pub iou: PerClass,
    /// Precision by class.
    pub precision: PerClass,
    /// Recall by class.
    pub recall: PerClass,
    /// Mean precision over `classes_counted`.
    pub mean_precision: Option<f64>,
    /// Mean recall over `classes_counted`, also called class accuracy.
    pub mean_recall: Option<f64>,
    /// Correct pixels among the counted ones; `None` when no pixel counts.
    pub pixel_accuracy: Option<f64>,
    /// Rows truth, columns prediction, over all classes of the table in the order of ids, void included.
    pub confusion: Confusion,
    /// The classes that the means are over.
    pub classes_counted: Vec<String>,
    /// Classes that are not void but do not occur in the truth.
    pub classes_absent: Vec<String>,
    /// Pixels that count.
    pub pixels: u64,
    /// Pixels left out: their truth is void, or they lie outside the image.
    pub pixels_left_out: u64,
}

impl Scores {
    /// The scores of `confusion`, whose ids are those of `table`.
    pub fn new(confusion: &Confusion, table: &ClassTable) -> Self {
        let percent =
            |part: u64, whole: u64| if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
        let (mut iou, mut precision, mut recall) =
            (PerClass::default(), PerClass::default(), PerClass::default());
        let (mut classes_counted, mut classes_absent) = (Vec::new(), Vec::new());
        let mut correct = 0;
        for class in table.classes.iter().filter(|class| !class.void) {
            let hits = confusion.true_positives(class.id);
            let (labelled, predicted) = (confusion.labelled(class.id), confusion.predicted(class.id));
            let counts = labelled > 0;
            correct += hits;
            let set = |values: &mut PerClass, whole| {
                values.0.push((class.name.clone(), counts.then(|| percent(hits, whole))));
            };
            set(&mut iou, labelled + predicted - hits);
            set(&mut precision, predicted);
            set(&mut recall, labelled);
            let names = if counts { &mut classes_counted } else { &mut classes_absent };
            names.push(class.name.clone());
        }
        let pixels = confusion.total();
        Self {
            miou: iou.mean(),
            mean_precision: precision.mean(),
            mean_recall: recall.mean(),
            iou,
            precision,
            recall,
            pixel_accuracy: (pixels > 0).then(|| percent(correct, pixels)),
            confusion: confusion.clone(),
            classes_counted,
            classes_absent,
            pixels,
            pixels_left_out: confusion.left_out(),
        }
    }

    /// A table for a terminal: a line for each class, the means, and what they are over. Ends with a line feed.
    pub fn table(&self) -> String {
        let mut rows: Vec<[String; 4]> = Vec::new();
        for (((name, iou), (_, precision)), (_, recall)) in
            self.iou.iter().zip(self.precision.iter()).zip(self.recall.iter())
        {
            rows.push([name.to_string(), cell(iou), cell(precision), cell(recall)]);
        }
        let means = [self.miou, self.mean_precision, self.mean_recall].map(cell);
        let [miou, precision, recall] = means;
        let name = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0).max(5);
        let mut text = String::new();
        let mut line = |row: &[String; 4]| {
            let fill = name - row[0].chars().count();
            let _ = writeln!(text, "{}{:fill$}  {:>9}  {:>9}  {:>9}", row[0], "", row[1], row[2], row[3],);
        };
        line(&["class".into(), "IoU %".into(), "precision".into(), "recall".into()]);
        rows.iter().for_each(&mut line);
        line(&["mean".into(), miou, precision, recall]);
        let _ = writeln!(text, "pixel accuracy {} %", cell(self.pixel_accuracy));
        let _ = writeln!(text, "{}", self.denominator());
        text
    }

    /// One sentence on what the means are over.
    fn denominator(&self) -> String {
        let classes = self.classes_counted.len();
        let mut text = format!("means over {classes} {}", if classes == 1 { "class" } else { "classes" });
        if !self.classes_absent.is_empty() {
            let _ = write!(text, ", without {} (not in the split)", self.classes_absent.join(", "));
        }
        let _ = write!(text, "; {} pixels, {} left out (void)", self.pixels, self.pixels_left_out);
        text
    }
}

/// Percent with two decimals, or a dash.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))
}

/// At which resolution predictions are compared with labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// The labels' own size: the prediction is brought to it. Scores of different networks compare.
    Labels,
    /// The network's input size: the labels are brought to it (nearest). Easier, as in AdapNet++'s own protocol.
    Input,
}

impl At {
    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Input => "input",
        }
    }
}

/// The scores of a checkpoint on a split: what `phgc eval --format json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The scores, on the same level of the JSON as the fields below.
    #[serde(flatten)]
    pub scores: Scores,
    /// Number of images scored.
    pub images: u64,
    /// Height and width at which pixels were compared; `None` when images differ in size.
    pub resolution: Option<[usize; 2]>,
    /// Whose resolution that is.
    pub at: At,
    /// The checkpoint's folder name, such as `step-924`.
    pub checkpoint: String,
    /// The dataset's name.
    pub data: String,
    /// The split scored.
    pub split: Split,
    /// The looks that predictions were averaged over; left out of the JSON where it was one.
    #[serde(skip_serializing_if = "Views::is_single")]
    pub views: Views,
}

impl Evaluation {
    /// The table of [`Scores::table`] below a line that says what was scored and at which resolution.
    pub fn table(&self) -> String {
        format!("{}\n{}", self.headline(), self.scores.table())
    }

    /// Such as `camvid test: 233 images at 360x480 (labels), step-924`.
    pub fn headline(&self) -> String {
        let size = self.resolution.map_or_else(|| "various sizes".into(), |[h, w]| format!("{h}x{w}"));
        let images = if self.images == 1 { "image" } else { "images" };
        let (split, at) = (self.split.name(), self.at.name());
        let views = if self.views.is_single() { String::new() } else { format!(", {}", self.views.words()) };
        format!(
            "{} {split}: {} {images} at {size} ({at}), {}{views}",
            self.data, self.images, self.checkpoint
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::confusion::tests::table;
    use super::*;

    fn scores(names: &[&str], void: &str, truth: &[u8], prediction: &[u8]) -> Scores {
        let table = table(names, void);
        let mut confusion = Confusion::new(&table);
        confusion.add(truth, prediction).unwrap();
        Scores::new(&confusion, &table)
    }

    fn close(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-9)
    }

    #[test]
    fn agrees_with_published_examples() {
        // scikit-learn's documentation of `jaccard_score`: y_true = [0, 1, 2, 2] and y_pred = [0, 2, 1, 2]
        // give 1, 0 and 1/3.
        let s = scores(&["a", "b", "c"], "", &[0, 1, 2, 2], &[0, 2, 1, 2]);
        assert!(
            close(s.iou.get("a"), 100.0) && close(s.iou.get("b"), 0.0) && close(s.iou.get("c"), 100.0 / 3.0)
        );
        assert!(close(s.miou, 400.0 / 9.0));
        // Same source, `precision_score` and `recall_score`: y_true = [0, 1, 2, 0, 1, 2] and
        // y_pred = [0, 2, 1, 0, 0, 1] give 2/3, 0, 0 and 1, 0, 0.
        let s = scores(&["a", "b", "c"], "", &[0, 1, 2, 0, 1, 2], &[0, 2, 1, 0, 0, 1]);
        assert!(close(s.precision.get("a"), 200.0 / 3.0) && close(s.precision.get("c"), 0.0));
        assert!(close(s.recall.get("a"), 100.0) && close(s.recall.get("b"), 0.0));
        assert!(close(s.mean_precision, 200.0 / 9.0) && close(s.mean_recall, 100.0 / 3.0));
        assert!(close(s.pixel_accuracy, 100.0 / 3.0));
    }

    #[test]
    fn a_matrix_worked_by_hand() {
        // Truth road x5 (3 road, 1 sky, 1 void), sky x3 (2 sky, 1 road), void x2: void pixels do not count.
        // road: TP 3, FP 1, FN 2 -> IoU 3/6, precision 3/4, recall 3/5. sky: TP 2, FP 1, FN 1 -> 2/4, 2/3, 2/3.
        let s = scores(
            &["void", "road", "sky", "car"],
            "void",
            &[1, 1, 1, 1, 1, 2, 2, 2, 0, 0],
            &[1, 1, 1, 2, 0, 2, 2, 1, 3, 1],
        );
        assert!(close(s.iou.get("road"), 50.0) && close(s.iou.get("sky"), 50.0) && close(s.miou, 50.0));
        assert!(close(s.precision.get("road"), 75.0) && close(s.recall.get("road"), 60.0));
        assert!(close(s.precision.get("sky"), 200.0 / 3.0) && close(s.pixel_accuracy, 62.5));
        assert_eq!(s.classes_counted, ["road", "sky"]);
        assert_eq!(s.classes_absent, ["car"], "car was predicted, but is not in the truth");
        assert_eq!((s.pixels, s.pixels_left_out), (8, 2));
        assert_eq!(s.iou.get("car"), None);
    }

    #[test]
    fn a_class_never_predicted_scores_zero_and_one_never_labelled_has_no_score() {
        let s = scores(&["a", "b", "c"], "", &[0, 0, 1], &[0, 2, 0]);
        assert!(
            close(s.precision.get("b"), 0.0) && close(s.recall.get("b"), 0.0) && close(s.iou.get("b"), 0.0)
        );
        assert_eq!([s.precision.get("c"), s.recall.get("c"), s.iou.get("c")], [None; 3]);
        assert_eq!(s.classes_counted, ["a", "b"]);
        // a: one hit of two, one false alarm of b's pixel.
        assert!(close(s.iou.get("a"), 100.0 / 3.0) && close(s.miou, 50.0 / 3.0));
    }

    #[test]
    fn nothing_counted_is_no_score() {
        let s = scores(&["void", "road"], "void", &[0, 0], &[1, 1]);
        assert_eq!((s.miou, s.pixel_accuracy, s.mean_recall), (None, None, None));
        assert_eq!(s.classes_counted, Vec::<String>::new());
    }

    fn evaluation() -> Evaluation {
        let scores =
            scores(&["void", "road", "sky", "car"], "void", &[1, 1, 1, 2, 2, 0], &[1, 1, 2, 2, 2, 3]);
        Evaluation {
            scores,
            images: 1,
            resolution: Some([2, 3]),
            at: At::Labels,
            checkpoint: "step-7".into(),
            data: "scenes".into(),
            split: Split::Val,
            views: Views::default(),
        }
    }

    #[test]
    fn json_has_the_contract_s_keys() {
        let json = serde_json::to_value(evaluation()).unwrap();
        assert_eq!(json["iou"]["sky"], 200.0 / 3.0);
        assert_eq!(json["iou"]["car"], serde_json::Value::Null);
        assert_eq!(json["iou"].as_object().unwrap().len(), 3, "void has no score");
        assert_eq!(json["resolution"], serde_json::json!([2, 3]));
        assert_eq!(json["classes_counted"], serde_json::json!(["road", "sky"]));
        assert_eq!(json["confusion"].as_array().unwrap().len(), 4);
        for key in ["miou", "precision", "recall", "pixel_accuracy", "images", "checkpoint", "split", "at"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert!(json.get("views").is_none(), "one look is not worth a word");
        let averaged = Evaluation { views: Views { flip: true, ..Views::default() }, ..evaluation() };
        assert_eq!(serde_json::to_value(&averaged).unwrap()["views"]["flip"], true);
        assert!(averaged.headline().ends_with("step-7, flipped too"));
    }

    #[test]
    fn the_table_is_aligned() {
        let text = evaluation().table();
        let expected = "\
scenes val: 1 image at 2x3 (labels), step-7
class      IoU %  precision     recall
road       66.67     100.00      66.67
sky        66.67      66.67     100.00
car            -          -          -
mean       66.67      83.33      83.33
pixel accuracy 80.00 %
means over 2 classes, without car (not in the split); 5 pixels, 1 left out (void)
";
        assert_eq!(text, expected);
    }
}
