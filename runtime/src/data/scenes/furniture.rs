//! Posts and what they carry, fences, and the clutter of pavements.

use super::class;
use super::geometry::{Frame, Pose, UP, Vec3, srgb, vec3};
use super::palette::{CLUTTER, FENCES, METALS, pick};
use super::raster::{Material, SignFace, Veil};
use super::stage::{Stage, disc};
use crate::random::Stream;

/// A street lamp whose arm reaches `reach` metres along `arm`.
pub(super) fn lamp(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, arm: Vec3, tall: f32) {
    stage.start(class::POLE, place);
    let metal = Material::Round(pick(random, METALS));
    let reach = random.uniform(0.9, 2.4);
    let style = random.unit();
    let thick = random.uniform(0.06, 0.10);
    stage.bar(place, place + UP * 0.9, [thick * 1.5, thick * 1.4], metal);
    let top = place + UP * tall;
    stage.bar(place + UP * 0.8, top, [thick, thick * 0.7], metal);
    let head = if stage.light.lamps {
        Material::Glow(vec3(3.2, 2.5, 1.5))
    } else {
        Material::Ball(srgb(215, 215, 205))
    };
    if style < 0.7 {
        let elbow = top + UP * 0.35 + arm * (0.4 * reach);
        let end = top + UP * 0.45 + arm * reach;
        stage.bar(top, elbow, [thick * 0.6, thick * 0.5], metal);
        stage.bar(elbow, end, [thick * 0.5, thick * 0.5], metal);
        stage.bar(end, end + arm * 0.6, [0.11, 0.08], metal);
        if stage.light.lamps {
            stage.bar(end - UP * 0.07, end + arm * 0.5 - UP * 0.07, [0.07, 0.07], head);
        }
    } else {
        stage.ball(top + UP * 0.2, 0.24, head);
        stage.bar(top + UP * 0.38, top + UP * 0.46, [0.2, 0.06], metal);
    }
}

/// A post with one or two traffic signs that face `facing` (a unit vector on the ground).
pub(super) fn sign(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, facing: Vec3) {
    stage.start(class::POLE, place);
    let metal = Material::Round(pick(random, METALS));
    let tall = random.uniform(2.3, 3.3);
    stage.bar(place, place + UP * tall, [0.045, 0.045], metal);
    let mut height = tall - 0.15;
    let count = if random.chance(0.35) { 2 } else { 1 };
    let across = facing.cross(UP);
    for _ in 0..count {
        let size = random.uniform(0.32, 0.46);
        let face = match random.below(12) {
            0..=2 => SignFace::Prohibition,
            3 => SignFace::Stop,
            4..=5 => SignFace::Mandatory,
            6..=8 => SignFace::Warning,
            9 => SignFace::Yellow,
            10 => SignFace::Board,
            _ => SignFace::Back,
        };
        let seed = random.bits();
        let at = place + UP * (height - size) + facing * 0.06;
        signplate(stage, at, across, size, face, seed);
        height -= 2.0 * size + 0.08;
    }
}

/// One sign plate of half size `size` around `at`.
fn signplate(stage: &mut Stage<'_>, at: Vec3, across: Vec3, size: f32, face: SignFace, seed: u32) {
    stage.class(class::SIGN);
    let size = size.max(1.0 * stage.raster.half_pixel(at));
    let frame = Frame { origin: at, along_u: across * size, along_v: UP * size };
    let material = Material::Sign { face, seed };
    match face {
        SignFace::Warning => stage.face(frame, &[[-1.05, -0.85], [1.05, -0.85], [0.0, 1.0]], material, 0.002),
        SignFace::Yellow if seed & 1 == 0 => {
            stage.face(frame, &[[0.0, -1.1], [1.1, 0.0], [0.0, 1.1], [-1.1, 0.0]], material, 0.002);
        }
        SignFace::Stop if seed & 1 == 0 => {
            let k = 0.42;
            let corners =
                [[-1.0, -k], [-k, -1.0], [k, -1.0], [1.0, -k], [1.0, k], [k, 1.0], [-k, 1.0], [-1.0, k]];
            stage.face(frame, &corners, material, 0.002);
        }
        SignFace::Mandatory if seed & 3 == 0 => {
            stage.face(frame, &[[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], material, 0.002);
        }
        SignFace::Board | SignFace::Yellow => {
            stage.face(frame, &[[-1.5, -0.7], [1.5, -0.7], [1.5, 0.7], [-1.5, 0.7]], material, 0.002);
        }
        SignFace::Prohibition | SignFace::Stop | SignFace::Mandatory | SignFace::Back => {
            stage.face(frame, &disc(1.0), material, 0.002);
        }
    }
    stage.class(class::POLE);
}

/// A large direction board over the pavement's edge, on two posts.
pub(super) fn board(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, facing: Vec3) {
    stage.start(class::POLE, place);
    let metal = Material::Round(pick(random, METALS));
    let across = facing.cross(UP);
    let (wide, tall) = (random.uniform(0.7, 1.2), random.uniform(0.45, 0.8));
    let foot = random.uniform(2.1, 2.8);
    for side in [-0.7f32, 0.7] {
        let post = place + across * (side * wide);
        stage.bar(post, post + UP * (foot + 2.0 * tall), [0.05, 0.05], metal);
    }
    stage.class(class::SIGN);
    let frame = Frame {
        origin: place + UP * (foot + tall) + facing * 0.08,
        along_u: across * wide,
        along_v: UP * tall,
    };
    let seed = random.bits();
    let square = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    stage.face(frame, &square, Material::Sign { face: SignFace::Board, seed }, 0.002);
}

/// Traffic lights on a post (a pole; the lights themselves have no class, as in the 12-class sets).
pub(super) fn lights(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, facing: Vec3) {
    stage.start(class::POLE, place);
    let metal = Material::Round(pick(random, METALS));
    let tall = random.uniform(2.6, 3.4);
    stage.bar(place, place + UP * tall, [0.065, 0.06], metal);
    stage.class(class::VOID);
    let pose = Pose { origin: place + UP * (tall - 0.95), right: facing.cross(UP), front: facing };
    let dark = Material::Matt(srgb(28, 30, 30));
    stage.cuboid(&pose, [-0.16, 0.0, 0.07], [0.16, 0.95, 0.3], dark);
    let shows = random.below(3);
    for (at, colour) in [(0u32, vec3(0.1, 0.9, 0.35)), (1, vec3(1.2, 0.6, 0.05)), (2, vec3(1.3, 0.08, 0.05))]
    {
        let y = 0.17 + 0.3 * at as f32;
        let glass = if at == shows { Material::Glow(colour * 1.4) } else { Material::Matt(colour * 0.08) };
        stage.plate_round(pose.at(0.0, y, 0.31), pose.right, UP, 0.1, glass, 0.001);
    }
}

/// A fence from `a` to `b`.
pub(super) fn fence(stage: &mut Stage<'_>, random: &mut Stream, a: Vec3, b: Vec3) {
    stage.start(class::FENCE, a);
    let height = random.uniform(0.9, 1.9);
    let colour = pick(random, FENCES);
    let style = random.unit();
    let length = (b - a).length();
    let along = (b - a) * (1.0 / length);
    let frame = Frame { origin: a, along_u: along, along_v: UP * height };
    let shape = [[0.0, 0.0], [length, 0.0], [length, 1.0], [0.0, 1.0]];
    let post = Material::Round(colour * 0.8);
    if style < 0.42 {
        stage.face(frame, &shape, Material::Boards(colour), 0.0);
    } else if style < 0.75 {
        stage.veil(frame, &shape, Material::Veil(Veil::Bars(colour)));
    } else {
        stage.veil(frame, &shape, Material::Veil(Veil::Mesh(colour)));
    }
    let posts = (length / 2.5).ceil().clamp(1.0, 30.0) as u32;
    for at in 0..=posts {
        let foot = a.mix(b, at as f32 / posts as f32);
        stage.bar(foot, foot + UP * (height * 1.03), [0.045, 0.045], post);
    }
}

/// A guard rail of bars from `a` to `b`.
pub(super) fn guard(stage: &mut Stage<'_>, a: Vec3, b: Vec3) {
    stage.start(class::FENCE, a);
    let metal = srgb(132, 136, 138);
    let length = (b - a).length();
    let frame = Frame { origin: a, along_u: (b - a) * (1.0 / length), along_v: UP * 1.05 };
    let shape = [[0.0, 0.0], [length, 0.0], [length, 1.0], [0.0, 1.0]];
    stage.veil(frame, &shape, Material::Veil(Veil::Bars(metal)));
    for at in 0..=2 {
        let foot = a.mix(b, 0.5 * at as f32);
        stage.bar(foot, foot + UP * 1.07, [0.04, 0.04], Material::Round(metal));
    }
    stage.bar(a + UP * 1.05, b + UP * 1.05, [0.03, 0.03], Material::Round(metal));
}

/// Something on the pavement that has no class: a bin, a box, a bench, a cone.
pub(super) fn clutter(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, heading: f32) {
    stage.start(class::VOID, place);
    let pose = Pose::new(place, heading);
    let tone = pick(random, CLUTTER);
    let matt = Material::Matt(tone);
    match random.below(5) {
        0 => {
            let (w, h) = (random.uniform(0.25, 0.6), random.uniform(0.8, 1.3));
            stage.cuboid(&pose, [-w, 0.0, -0.3], [w, h, 0.3], matt);
            stage.cuboid(
                &pose,
                [-w - 0.03, h, -0.33],
                [w + 0.03, h + 0.07, 0.33],
                Material::Matt(tone * 0.7),
            );
            stage.box_shadow(&pose, [-w, 0.0, -0.3], [w, h, 0.3]);
        }
        1 => {
            stage.bar(place + UP * 0.15, place + UP * 0.85, [0.22, 0.25], Material::Round(tone));
            stage.bar(place + UP * 0.88, place + UP * 0.92, [0.27, 0.24], Material::Round(tone * 0.6));
        }
        2 => {
            stage.cuboid(&pose, [-0.85, 0.40, -0.25], [0.85, 0.47, 0.25], matt);
            stage.cuboid(&pose, [-0.85, 0.55, -0.27], [0.85, 0.9, -0.22], matt);
            for x in [-0.7, 0.7] {
                stage.cuboid(
                    &pose,
                    [x - 0.04, 0.0, -0.22],
                    [x + 0.04, 0.4, 0.22],
                    Material::Matt(tone * 0.5),
                );
            }
            stage.box_shadow(&pose, [-0.85, 0.3, -0.25], [0.85, 0.5, 0.25]);
        }
        3 => {
            stage.bar(place + UP * 0.06, place + UP * 0.70, [0.19, 0.03], Material::Round(srgb(216, 92, 38)));
            stage.bar(
                place + UP * 0.34,
                place + UP * 0.46,
                [0.125, 0.095],
                Material::Round(srgb(226, 224, 218)),
            );
        }
        _ => {
            let (w, h) = (random.uniform(0.5, 0.9), random.uniform(0.9, 1.5));
            stage.cuboid(&pose, [-w, 0.12, -0.45], [w, h, 0.45], matt);
            stage.cuboid(&pose, [-w, h, -0.5], [w, h + 0.14, 0.5], Material::Matt(tone * 0.6));
            stage.box_shadow(&pose, [-w, 0.0, -0.45], [w, h, 0.45]);
        }
    }
}

/// A bollard.
pub(super) fn bollard(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3) {
    stage.start(class::POLE, place);
    let metal = Material::Round(pick(random, METALS));
    let tall = random.uniform(0.8, 1.1);
    stage.bar(place, place + UP * tall, [0.07, 0.06], metal);
}
