//! What `scenes` promises: sameness, alignment, street-like class shares, and that colour is not enough.

use super::class;
use super::{Scenes, VERSION};
use crate::data::{Dataset, Sample, Split};

fn sample(height: usize, width: usize, split: Split, index: usize) -> Sample {
    Scenes::new(height, width).unwrap().sample(split, index).unwrap()
}

#[test]
fn a_scene_is_a_function_of_split_and_index() {
    let one = sample(48, 96, Split::Train, 3);
    assert_eq!(one, sample(48, 96, Split::Train, 3));
    assert_ne!(one, sample(48, 96, Split::Train, 4));
    assert_ne!(one, sample(48, 96, Split::Val, 3));
    assert_ne!(sample(48, 96, Split::Test, 3), sample(48, 96, Split::Val, 3));
    // Neither the number of scenes nor the order of asking matters.
    let few = Scenes::with_lengths(48, 96, [4, 0, 0]).unwrap();
    assert_eq!(one, few.sample(Split::Train, 3).unwrap());
}

#[test]
fn image_and_labels_have_the_asked_size() {
    for (height, width) in [(1, 1), (7, 5), (96, 128), (64, 200), (100, 40)] {
        let sample = sample(height, width, Split::Val, 0);
        assert_eq!((sample.image.height, sample.image.width), (height, width));
        assert_eq!((sample.labels.height, sample.labels.width), (height, width));
        assert_eq!(sample.image.data.len(), 3 * height * width);
        assert_eq!(sample.labels.data.len(), height * width);
        assert!(sample.labels.data.iter().all(|&id| id < 12));
    }
}

#[test]
fn a_scene_is_the_same_scene_at_twice_the_size() {
    let (mut agree, mut total) = (0, 0);
    for index in 0..6 {
        let small = sample(96, 192, Split::Train, index).labels;
        let large = sample(192, 384, Split::Train, index).labels;
        for y in 0..96 {
            for x in 0..192 {
                total += 1;
                let id = small.data[y * 192 + x];
                // One of the four pixels that cover the same place.
                agree += usize::from((0..4).any(|k| large.data[(2 * y + k / 2) * 384 + 2 * x + k % 2] == id));
            }
        }
    }
    assert!(agree as f64 > 0.97 * total as f64, "{agree} of {total}");
}

#[test]
fn labels_follow_the_edges_of_the_image() {
    // Colour must change more across a class boundary than within a class, in every scene: labels that
    // are shifted by a few pixels lose that.
    for index in 0..4 {
        let sample = sample(96, 192, Split::Val, index);
        let step = |x: usize, y: usize, shift: usize| {
            let at = |x: usize| {
                let p = 3 * (y * 192 + x);
                sample.image.data[p..p + 3].iter().map(|&v| f64::from(v)).collect::<Vec<_>>()
            };
            let (a, b) = (at(x), at(x + 1));
            let jump = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>();
            let label = |x: usize| sample.labels.data[y * 192 + (x + shift) % 192];
            (label(x) != label(x + 1), jump)
        };
        let contrast = |shift: usize| {
            let (mut edge, mut edges) = (0.0, 0.0);
            for y in 0..96 {
                for x in 0..180 {
                    let (is_edge, jump) = step(x, y, shift);
                    if is_edge {
                        edge += jump;
                        edges += 1.0;
                    }
                }
            }
            edge / edges
        };
        let (aligned, shifted) = (contrast(0), contrast(5));
        assert!(aligned > 1.5 * shifted, "scene {index}: {aligned:.1} against {shifted:.1}");
    }
}

#[test]
fn class_shares_are_those_of_a_street() {
    let scenes = Scenes::new(96, 192).unwrap();
    let count = 60;
    let (mut pixels, mut holding) = ([0u64; 12], [0u32; 12]);
    for index in 0..count {
        let mut here = [0u64; 12];
        for &id in &scenes.sample(Split::Train, index).unwrap().labels.data {
            here[usize::from(id)] += 1;
        }
        for id in 0..12 {
            pixels[id] += here[id];
            holding[id] += u32::from(here[id] > 0);
        }
    }
    let total: u64 = pixels.iter().sum();
    let percent = pixels.map(|n| 100.0 * n as f64 / total as f64);
    let bounds: [(u8, f64, f64, u32); 12] = [
        // Class, least and most percent of the pixels, percent of the scenes that hold it at least.
        (class::VOID, 1.0, 9.0, 60),
        (class::SKY, 4.0, 20.0, 90),
        (class::BUILDING, 14.0, 34.0, 95),
        (class::ROAD, 18.0, 38.0, 100),
        (class::SIDEWALK, 2.0, 10.0, 90),
        (class::FENCE, 0.3, 4.0, 35),
        (class::VEGETATION, 5.0, 18.0, 75),
        (class::POLE, 0.5, 3.0, 90),
        (class::CAR, 6.0, 18.0, 95),
        (class::SIGN, 0.4, 2.5, 90),
        (class::PERSON, 0.4, 3.0, 85),
        (class::CYCLIST, 0.4, 3.0, 85),
    ];
    for (id, low, high, scenes) in bounds {
        let share = percent[usize::from(id)];
        assert!((low..high).contains(&share), "class {id}: {share:.2} % of pixels; all: {percent:.2?}");
        let present = holding[usize::from(id)];
        assert!(present * 100 >= scenes * count as u32, "class {id} in {present} of {count} scenes");
    }
}

/// Mean IoU over ids 1 to 11 in percent, pixels of void left out.
fn mean_iou(confusion: &[[u64; 12]; 12]) -> f64 {
    let iou = (1..12).map(|id| {
        let hit = confusion[id][id] as f64;
        let truth: u64 = confusion[id].iter().sum();
        let said: u64 = (1..12).map(|truth| confusion[truth][id]).sum();
        hit / (truth as f64 + said as f64 - hit).max(1.0)
    });
    100.0 * iou.sum::<f64>() / 11.0
}

#[test]
fn colour_alone_does_not_solve_it() {
    // The best look-up by colour: 16 bins a channel, each bin answers with its most frequent class; and
    // the same with each class weighted by its inverse frequency.
    let scenes = Scenes::new(48, 96).unwrap();
    let bin = |p: &[u8]| usize::from(p[0] >> 4) << 8 | usize::from(p[1] >> 4) << 4 | usize::from(p[2] >> 4);
    let mut seen = vec![[0f64; 12]; 4096];
    let mut total = [0f64; 12];
    for index in 0..200 {
        let sample = scenes.sample(Split::Train, index).unwrap();
        for (pixel, &id) in sample.image.data.chunks(3).zip(&sample.labels.data) {
            seen[bin(pixel)][usize::from(id)] += 1.0;
            total[usize::from(id)] += 1.0;
        }
    }
    for weighted in [false, true] {
        let answer: Vec<usize> = seen
            .iter()
            .map(|counts| {
                let score = |id: usize| if weighted { counts[id] / total[id] } else { counts[id] };
                (1..12).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap()
            })
            .collect();
        let mut confusion = [[0u64; 12]; 12];
        for index in 0..50 {
            let sample = scenes.sample(Split::Val, index).unwrap();
            for (pixel, &id) in sample.image.data.chunks(3).zip(&sample.labels.data) {
                if id != class::VOID {
                    confusion[usize::from(id)][answer[bin(pixel)]] += 1;
                }
            }
        }
        let score = mean_iou(&confusion);
        eprintln!("mean IoU by colour alone, weighted {weighted}: {score:.1} %");
        assert!((3.0..25.0).contains(&score), "{score:.1} %");
    }
}

#[test]
fn the_table_has_the_twelve_classes_in_order() {
    let scenes = Scenes::new(8, 16).unwrap();
    let table = scenes.table();
    let names: Vec<&str> = table.classes.iter().map(|class| class.name.as_str()).collect();
    let twelve = [
        "void",
        "sky",
        "building",
        "road",
        "sidewalk",
        "fence",
        "vegetation",
        "pole",
        "car",
        "sign",
        "person",
        "cyclist",
    ];
    assert_eq!(names, twelve);
    assert_eq!(table.void(), Some(class::VOID));
    assert_eq!(table.id_of("cyclist"), Some(class::CYCLIST));
    assert_eq!(table.classes[usize::from(class::ROAD)].colour, [128, 64, 128]);
    assert_eq!(table.classes[usize::from(class::CYCLIST)].colour, [107, 104, 130]);
}

#[test]
fn splits_have_lengths_names_and_fingerprints() {
    let scenes = Scenes::new(48, 96).unwrap();
    assert_eq!([Split::Train, Split::Val, Split::Test].map(|split| scenes.len(split)), [600, 100, 100]);
    assert_eq!(scenes.id(Split::Val, 7), "000007");
    assert_ne!(scenes.fingerprint(Split::Train), scenes.fingerprint(Split::Val));
    let other = Scenes::new(96, 96).unwrap();
    assert_ne!(scenes.fingerprint(Split::Train), other.fingerprint(Split::Train));
    assert!(scenes.fingerprint(Split::Train).contains(&VERSION.to_string()));
}
