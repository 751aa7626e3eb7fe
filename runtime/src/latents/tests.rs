//! A network whose prediction is its latent and nothing else, so that every change has a known price.

use std::sync::Arc;

use burn::tensor::Device;
use phg_compiler::plan::Against;
use phg_compiler::{Network, Request, compile};

use super::clusters::{Indices, indices};
use super::intervene::{self, Change, Recorded};
use super::measure::{self, collapse, divergence, divergence_of_images, figures};
use super::observe::{Distribution, Observed, Observer, Source};
use super::{Verdict, sentence, snapshot, verdict};
use crate::bank::Bank;
use crate::data::table::ClassTable;
use crate::data::{Dataset, Image, LabelMap, Sample, Split};
use crate::error::Result;
use crate::evaluate::{Evaluating, evaluate};
use crate::metrics::At;
use crate::model::Model;
use crate::precision::Precision;
use crate::tensor::Value;

/// The first half of the images is red and of class 0, the second green and of class 1.
struct Colours {
    table: ClassTable,
    len: usize,
}

impl Colours {
    fn new(len: usize) -> Self {
        let table = "name = \"two\"\n[[class]]\nid = 0\nname = \"red\"\ncolour = [9, 0, 0]\n\
                     [[class]]\nid = 1\nname = \"green\"\ncolour = [0, 9, 0]\n";
        Self { table: ClassTable::parse(table, "test").unwrap(), len }
    }
}

impl Dataset for Colours {
    fn name(&self) -> &str {
        "colours"
    }

    fn table(&self) -> &ClassTable {
        &self.table
    }

    fn len(&self, _: Split) -> usize {
        self.len
    }

    fn id(&self, _: Split, index: usize) -> String {
        index.to_string()
    }

    fn sample(&self, _: Split, index: usize) -> Result<Sample> {
        // Sizes differ, so that images come one by one in some batches.
        let (height, width) = if index == 1 { (2, 3) } else { (2, 2) };
        let class = u8::from(2 * index >= self.len);
        let pixel = if class == 0 { [255, 0, 0] } else { [0, 255, 0] };
        let image = Image { width, height, data: pixel.repeat(width * height) };
        Sample::pair(image, LabelMap { width, height, data: vec![class; width * height] })
    }

    fn fingerprint(&self, _: Split) -> String {
        String::new()
    }
}

const SPEC: &str = "
input image: float[N, 3, H, W]
input labels: class(2)[N, H, W]
latent g {
    let x = image |> global_pool
    let q = gaussian(mean: x |> linear(2) as mean, log_variance: x |> linear(2) as log_variance)
}
postnet {
    let y = one_hot(labels) |> global_pool
    let p = gaussian(mean: y |> linear(2) as mean, log_variance: y |> linear(2) as log_variance)
}
let logits = g.q.mean |> expand(like: image)
output segmentation = softmax(logits)
loss {
    l_g = kl(g.q, postnet.p)
    l_s = cross_entropy(logits, labels)
}
train { resize = [2, 2] }
";

fn network() -> Network {
    let compilation = compile(&Request::new("colours.phg", SPEC));
    let errors: Vec<String> = compilation.diags.iter().map(|diag| diag.message.clone()).collect();
    compilation.network.unwrap_or_else(|| panic!("{errors:?}"))
}

/// Red speaks for class 0 and green for class 1, of both banks.
fn listens(mut bank: Bank) -> Bank {
    let device = Device::flex();
    let set = |bank: &mut Bank, name: &str, data: Vec<f32>, shape: &[usize]| {
        bank.set(name, Value::float(data, shape, &device).unwrap()).unwrap();
    };
    set(&mut bank, "g.q.mean.weight", vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[2, 3]);
    // Without the image, class 1 wins.
    set(&mut bank, "g.q.mean.bias", vec![0.0, 0.1], &[2]);
    bank
}

fn model() -> Model {
    let device = Device::flex();
    let table = Colours::new(8).table;
    Model::new(network(), table, &device, |plan| Ok(listens(Bank::init(plan, 1, &device)?))).unwrap()
}

fn on(progress: &mut dyn FnMut(usize, usize) -> bool) -> Evaluating<'_> {
    let dataset = Arc::new(Colours::new(8));
    Evaluating { dataset, split: Split::Val, first: None, at: At::Labels, batch: 3, threads: 1, progress }
}

#[test]
fn what_is_done_to_a_latent_has_its_price() {
    let model = model();
    let go_on = &mut |_, _| true;
    let recorded = Recorded::new(&model, on(go_on)).unwrap();
    assert_eq!(recorded.miou, Some(100.0));
    assert_eq!(evaluate(&model, on(go_on)).unwrap().scores.miou, recorded.miou);
    let [latent] = intervene::of(&model) else { panic!("one latent, of the predictions") };
    assert_eq!(latent.name, "g.q");
    let score = |change| recorded.score(latent, change, on(&mut |_, _| true)).unwrap();
    // Half a split further on everything is of the other class.
    assert_eq!(score(Change::Exchanged), Some(0.0));
    // The average leans to class 1, by the bias: IoU 0 of class 0. Of class 1, 8 pixels more than 16 images' worth.
    let pixels = [4.0 * 4.0 + 2.0, 4.0 * 4.0];
    let of_one = 100.0 * pixels[1] / (pixels[0] + pixels[1]) / 2.0;
    let averaged = score(Change::Averaged).unwrap();
    assert!((averaged - of_one).abs() < 1e-9, "{averaged} {of_one}");
    // Zeros say the same of both classes, and of equal ones the first wins.
    let zeroed = score(Change::Zeroed).unwrap();
    assert!((zeroed - 100.0 * pixels[0] / (pixels[0] + pixels[1]) / 2.0).abs() < 1e-9, "{zeroed}");
}

#[test]
fn latents_are_observed_image_by_image() {
    let device = Device::flex();
    let network = network();
    let observer = Observer::new(&network, &device, Precision::F32, None).unwrap();
    let plan = network.plan(phg_compiler::Mode::Train);
    let bank = listens(Bank::init(&plan, 1, &device).unwrap());
    let (dataset, model) = (Colours::new(6), model());
    let source = Source { dataset: &dataset, split: Split::Val, images: 4, preparation: model.preparation() };
    let observed = observer.split(&bank, &source, 0, &mut |_| true).unwrap();
    let names: Vec<(&str, usize)> =
        observed.iter().map(|latent| (latent.name.as_str(), latent.images.len())).collect();
    assert_eq!(names, [("g.q", 4), ("postnet.p", 4)]);
    assert_eq!(observed[0].against, Some(Against::Latent("postnet.p".into())));
    // Normalised red and green, as torchvision has them: (1 - 0.485) / 0.229 and so on.
    let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-4, "{a} {b}");
    near(observed[0].images[0].mean[0], 2.248_908);
    near(observed[0].images[0].mean[1], -2.035_714 + 0.1);
    near(observed[0].images[3].mean[0], -2.117_904);
    // Other labels change what reads labels, and nothing else.
    let other = observer.split(&bank, &source, 1, &mut |_| true).unwrap();
    assert_eq!(other[0].images, observed[0].images);
    // Of the six, 0, 2, 3 and 5 are looked at: two of each class, each shown the next one's labels.
    let changed: Vec<bool> = other[1].images.iter().zip(&observed[1].images).map(|(a, b)| a != b).collect();
    assert_eq!(changed, [false, true, false, true]);
    assert!(observer.reads_labels("postnet.p") && !observer.reads_labels("g.q"));
    assert!(divergence(&observed[1], &other[1]) > 0.0);
    let stopped = observer.split(&bank, &source, 0, &mut |done| done < 2).unwrap();
    assert_eq!(stopped[0].images.len(), 2);
}

#[test]
fn snapshots_come_back() {
    let folder = tempfile::tempdir().unwrap();
    assert!(snapshot::steps(folder.path()).is_err());
    snapshot::write(folder.path(), 10, &[mixture()]).unwrap();
    snapshot::write(folder.path(), 9, &[mixture()]).unwrap();
    let steps = snapshot::steps(folder.path()).unwrap();
    assert_eq!(steps.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [9, 10]);
    let read = snapshot::read(9, &steps[0].1).unwrap();
    assert_eq!((read.len(), read[0].name.as_str(), read[0].components), (1, "z.q", 2));
    assert_eq!(read[0].points.len(), 6);
    assert_eq!(read[0].points[2], [1.5, 2.0]);
    std::fs::write(&steps[0].1, b"no tensors").unwrap();
    assert_eq!(snapshot::read(9, &steps[0].1).unwrap_err().code, crate::codes::RUN_DAMAGED);
}

/// Three images, two components of two dimensions.
fn mixture() -> Observed {
    let image = |weights: [f32; 2], first: [f32; 2]| Distribution {
        log_weights: weights.map(f32::ln).to_vec(),
        mean: vec![first[0], 2.0, first[1], -1.0],
        log_variance: vec![0.0, -1.0, 0.5, 0.0],
    };
    Observed {
        name: "z.q".into(),
        path: "z.q.mixture_head.mixture".into(),
        mixture: true,
        components: 2,
        dim: 2,
        against: Some(Against::Latent("postnet.p".into())),
        images: vec![
            image([0.25, 0.75], [1.0, 0.0]),
            image([0.5, 0.5], [1.5, 0.5]),
            image([0.9, 0.1], [0.5, -0.5]),
        ],
    }
}

fn prior() -> Observed {
    let image =
        Distribution { log_weights: vec![0.5f32.ln(); 2], mean: vec![0.25; 4], log_variance: vec![-0.5; 4] };
    Observed { name: "postnet.p".into(), against: None, images: vec![image; 3], ..mixture() }
}

/// Computed by numpy in double precision from the formulas.
#[test]
fn figures_are_those_of_the_formulas() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
    let all = figures(&[mixture(), prior()]);
    let z = &all[0];
    assert_eq!((z.against.as_deref(), z.active, z.images), (Some("postnet.p"), Some(2), 3));
    near(z.kl.unwrap(), 1.352_711_739);
    near(z.variation.unwrap(), 0.25);
    near(z.sigma, 0.972_639_019);
    near(z.component_distance.unwrap(), 2.236_067_977);
    let parts = [(0.55, 1.626_663_35), (0.45, 0.955_240_51)];
    for (component, (weight, kl)) in z.by_component.iter().zip(parts) {
        near(component.weight, weight);
        near(component.kl.unwrap(), kl);
        assert_eq!(component.active, Some(1));
    }
    assert_eq!((all[1].kl, all[1].active), (None, Some(0)));
    near(all[1].variation.unwrap(), 0.0);
    let standard = Observed { against: Some(Against::StandardNormal), ..mixture() };
    near(figures(&[standard])[0].kl.unwrap(), 0.958_793_939);
    // Mixtures of different sizes have no components to match.
    let larger = Observed { components: 1, dim: 4, ..prior() };
    let against = &figures(&[mixture(), larger])[0];
    assert_eq!((against.kl, against.by_component[0].kl, &against.against), (None, None, &None));
    let alone = Observed { images: mixture().images[..1].to_vec(), ..mixture() };
    assert_eq!((figures(&[alone])[0].active, divergence(&mixture(), &mixture())), (None, 0.0));
    assert!(divergence_of_images(&mixture()) > 0.0);
    // A weight of zero has a logarithm of minus infinity.
    let mut empty = mixture().images[0].clone();
    empty.log_weights = vec![f32::NEG_INFINITY, 0.0];
    assert!(measure::matched(&empty, &prior().images[0], 2).is_finite());
}

#[test]
fn collapse_is_told_by_three_signs() {
    let signs = |figures: &measure::Figures| collapse(figures).iter().map(|sign| sign.0).collect::<Vec<_>>();
    let all = figures(&[mixture(), prior()]);
    assert_eq!(signs(&all[0]), [""; 0]);
    assert_eq!(signs(&all[1]), ["active"]);
    let copied = Observed { name: "z.q".into(), against: mixture().against, ..prior() };
    assert_eq!(signs(&figures(&[copied, prior()])[0]), ["active", "kl"]);
    let mut one = mixture();
    for image in &mut one.images {
        image.log_weights = vec![0.999f32.ln(), 0.001f32.ln()];
    }
    assert_eq!(signs(&figures(&[one, prior()])[0]), ["weight"]);
}

/// Points from a formula; the values are scikit-learn's.
#[test]
fn indices_are_scikit_learns() {
    let points = |n: usize, d: usize, k: usize| -> (Vec<Vec<f32>>, Vec<usize>) {
        let groups: Vec<usize> = (0..n).map(|i| i % k).collect();
        let value = |i: usize, j: usize| {
            let base = ((i * 37 + j * 61 + i * j * 13) % 101) as f32 / 50.0;
            base + if j % k == groups[i] { groups[i] as f32 } else { 0.0 }
        };
        ((0..n).map(|i| (0..d).map(|j| value(i, j)).collect()).collect(), groups)
    };
    let check = |(points, groups): (Vec<Vec<f32>>, Vec<usize>), wanted: [f64; 3]| {
        let Indices { silhouette, calinski_harabasz, davies_bouldin } = indices(&points, &groups).unwrap();
        for (found, wanted) in [silhouette, calinski_harabasz, davies_bouldin].into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-5 * wanted.abs().max(1.0), "{found} {wanted}");
        }
    };
    check(points(30, 4, 3), [0.150_886_319_2, 10.497_852_028_5, 1.822_818_709_1]);
    check(points(21, 7, 5), [0.277_745_393_6, 12.043_309_267_3, 1.171_108_479_6]);
    check(points(13, 2, 2), [-0.070_801_506_5, 0.472_647_770_6, 4.018_086_747_3]);
    let single = vec![0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2];
    check((points(12, 3, 3).0, single), [-0.151_583_362_3, 0.572_321_196_6, 5.905_320_78]);
    let places = |places: &[[f32; 2]]| places.iter().map(|place| place.to_vec()).collect::<Vec<_>>();
    let (a, b) = ([0.0, 1.0], [2.0, 2.0]);
    check((places(&[a, a, a, b, b, b]), vec![0, 0, 0, 1, 1, 1]), [1.0, 1.0, 0.0]);
    let c = [1.0, 0.0];
    check((places(&[a, c, a, c]), vec![0, 0, 1, 1]), [-0.5, 0.0, 0.0]);
    check((places(&[a, a, a, a]), vec![0, 0, 1, 1]), [0.0, 1.0, 0.0]);
    assert_eq!(indices(&places(&[a, b]), &[0, 0]), None);
    assert_eq!(indices(&places(&[a, b]), &[0, 1]), None);
    assert_eq!(indices(&[], &[]), None);
}

#[test]
fn verdicts_weigh_what_is_lost() {
    assert_eq!(verdict(53.0, 53.0, 53.1, 52.9), Verdict::NotUsed);
    assert_eq!(verdict(53.0, 50.0, 51.0, 48.0), Verdict::Used);
    assert_eq!(verdict(53.0, 52.0, 53.0, 53.0), Verdict::HardlyUsed);
    // The decoder leans on a constant: only zeros hurt.
    assert_eq!(verdict(53.0, 40.0, 53.0, 52.8), Verdict::ConstantUsed);
    assert_eq!(
        sentence("z.q", Verdict::NotUsed, 53.0, 52.998),
        "z.q is not used: mIoU changes by 0.00 when it is zeroed"
    );
    assert_eq!(
        sentence("z.q", Verdict::Used, 53.0, 50.5),
        "z.q is used: mIoU changes by -2.50 when it is zeroed"
    );
}
