//! Trees, bushes and hedges: ragged clumps of leaves on trunks.

use super::class;
use super::geometry::{Colour, UP, Vec3, srgb, vec3};
use super::palette::{LEAVES, pick, vary};
use super::raster::Material;
use super::stage::Stage;
use crate::random::Stream;

/// How a tree grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// A broad crown.
    Broad,
    /// A tall, narrow crown.
    Narrow,
    /// A cone, nearly to the ground.
    Conifer,
    /// Without leaves.
    Bare,
}

/// Plants a tree of about `height` metres.
pub(super) fn tree(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, height: f32) {
    stage.start(class::VEGETATION, place);
    let growth = match random.below(20) {
        0..=11 => Growth::Broad,
        12..=15 => Growth::Narrow,
        16..=17 => Growth::Conifer,
        _ => Growth::Bare,
    };
    let leaf = pick(random, LEAVES);
    let bark = vary(random, srgb(86, 74, 62), 0.35);
    let thick = height * random.uniform(0.017, 0.028);
    let lean = vec3(random.uniform(-0.04, 0.04), 0.0, random.uniform(-0.04, 0.04));
    let point = |h: f32| place + (UP + lean) * (h * height);
    let (middle, wide, tall, count) = match growth {
        Growth::Broad => (0.66, 0.30 + 0.12 * random.unit(), 0.34, 46),
        Growth::Narrow => (0.58, 0.15 + 0.05 * random.unit(), 0.42, 40),
        Growth::Conifer => (0.54, 0.24, 0.46, 44),
        Growth::Bare => (0.62, 0.30, 0.36, 0),
    };
    let distance = stage.raster.camera.depth(place);
    let count = if distance > 90.0 {
        count / 4
    } else if distance > 45.0 {
        count / 2
    } else {
        count
    };
    let stem = if growth == Growth::Bare { 0.45 } else { middle - 0.1 };
    stage.bar(place, point(stem), [thick, thick * 0.7], Material::Round(bark));
    let boughs = if growth == Growth::Bare { 22 } else { 5 };
    for _ in 0..boughs {
        let around = random.uniform(0.0, std::f32::consts::TAU);
        let (from, up) = (random.uniform(0.3, 0.6), random.uniform(0.12, 0.42));
        let reach = wide * random.uniform(0.4, 1.0);
        let (a, b) =
            (point(from), point(from + up) + vec3(around.cos(), 0.0, around.sin()) * (reach * height));
        if growth != Growth::Conifer {
            stage.bar(a, b, [thick * 0.45, thick * 0.12], Material::Round(bark));
        }
        if growth == Growth::Bare {
            for _ in 0..3 {
                let from = a.mix(b, random.uniform(0.35, 0.95));
                let tip = from
                    + vec3(random.uniform(-1.0, 1.0), random.uniform(0.2, 1.2), random.uniform(-1.0, 1.0))
                        * (0.11 * height);
                stage.bar(from, tip, [thick * 0.2, thick * 0.06], Material::Round(bark));
            }
        }
    }
    let centre = point(middle);
    let grow = (46.0 / count.max(1) as f32).sqrt().min(2.0);
    for at in 0..count {
        // Even steps around a spiral, pushed about at random, cover the crown without holes.
        let share = (at as f32 + random.unit()) / count as f32;
        let around = at as f32 * 2.399_963 + random.uniform(-0.5, 0.5);
        let level = 1.0 - 2.0 * share;
        let ring = (1.0 - level * level).max(0.0).sqrt();
        let deep = 0.35 + 0.6 * random.unit().sqrt();
        let (spread, size) = match growth {
            Growth::Conifer => (1.15 * share.max(0.05), 0.055 + 0.075 * share),
            Growth::Broad | Growth::Narrow | Growth::Bare => (ring, 0.082 + 0.05 * random.unit()),
        };
        let away = vec3(around.cos() * spread * wide, level * tall, around.sin() * spread * wide);
        let radius = size * height * grow * if growth == Growth::Narrow { 0.75 } else { 1.0 };
        let outward = vec3(away.x / wide, away.y / tall, away.z / wide);
        let shade = vary(random, leaf, 0.16);
        let colour = shade * (0.72 + 0.28 * deep);
        let at = [random.unit(), random.unit()];
        stage.clump(
            centre + away * (height * deep),
            radius,
            Material::Leaves { colour, outward: outward * deep },
            at,
        );
    }
}

/// A bush about `size` metres high.
pub(super) fn bush(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, size: f32, leaf: Colour) {
    stage.start(class::VEGETATION, place);
    for _ in 0..7 {
        let (x, z) = (random.uniform(-0.6, 0.6), random.uniform(-0.6, 0.6));
        let y = random.uniform(0.25, 0.72);
        let outward = vec3(x * 1.4, (y - 0.35) * 2.0, z * 1.4);
        let colour = vary(random, leaf, 0.2) * (0.6 + 0.5 * y);
        let (at, radius) = ([random.unit(), random.unit()], random.uniform(0.34, 0.5));
        stage.clump(place + vec3(x, y, z) * size, radius * size, Material::Leaves { colour, outward }, at);
    }
}

/// A hedge from `a` to `b`, `height` metres high.
pub(super) fn hedge(stage: &mut Stage<'_>, random: &mut Stream, a: Vec3, b: Vec3, height: f32, leaf: Colour) {
    stage.start(class::VEGETATION, a);
    let length = (b - a).length();
    let steps = (length / (0.45 * height.max(0.8))).ceil().clamp(1.0, 60.0) as u32;
    for step in 0..steps {
        let place = a.mix(b, (step as f32 + 0.5) / steps as f32);
        for (y, size) in [(0.32, 0.42), (0.68, 0.36)] {
            let outward = vec3(random.uniform(-0.4, 0.4), y * 1.2 - 0.3, random.uniform(-0.4, 0.4));
            let colour = vary(random, leaf, 0.15) * (0.65 + 0.4 * y);
            let jog = vec3(random.uniform(-0.08, 0.08), y * height + random.uniform(-0.06, 0.06), 0.0);
            let at = [random.unit(), random.unit()];
            stage.clump(place + jog, size * height * 1.15, Material::Leaves { colour, outward }, at);
        }
    }
}
