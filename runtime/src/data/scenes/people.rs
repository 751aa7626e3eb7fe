//! People on foot, cyclists and parked bicycles, built from bars and balls.

use super::class;
use super::geometry::{Colour, Frame, Pose, UP, Vec3, srgb, vec3};
use super::palette::{CLOTHES, HAIRS, PAINTS, SKINS, pick};
use super::raster::{Material, Veil};
use super::stage::{Stage, disc};
use crate::random::Stream;

/// What somebody wears and looks like.
struct Outfit {
    coat: Material,
    legs: Material,
    shoes: Material,
    skin: Material,
    hair: Material,
}

fn outfit(random: &mut Stream) -> Outfit {
    let coat = pick(random, CLOTHES);
    let legs = pick(random, &CLOTHES[..8]);
    let skin = pick(random, SKINS);
    let hair = pick(random, HAIRS);
    Outfit {
        coat: Material::Round(coat),
        legs: Material::Round(legs),
        shoes: Material::Round(srgb(40, 36, 34)),
        skin: Material::Round(skin),
        hair: Material::Ball(hair),
    }
}

/// Somebody on foot at `place`, looking towards `heading`.
pub(super) fn person(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, heading: f32) {
    stage.start(class::PERSON, place);
    let wear = outfit(random);
    let child = random.chance(0.12);
    let tall = if child { random.uniform(1.0, 1.4) } else { random.uniform(1.56, 1.90) };
    let stout = random.uniform(0.88, 1.15);
    let stride = if random.chance(0.65) { random.uniform(0.25, 0.55) } else { 0.06 };
    let stride = if random.chance(0.5) { stride } else { -stride };
    let skirt = random.chance(0.22);
    let long_hair = random.chance(0.35);
    let bag = random.unit();
    let bag_tone = pick(random, CLOTHES);
    let pose = Pose::new(place, heading);
    let k = tall;
    let p = |x: f32, y: f32, z: f32| pose.at(x * k, y * k, z * k);
    let r = |m: f32| m * k * stout;
    // Seen from the side, a trunk is slimmer than from the front.
    let view = (place - stage.raster.camera.at).unit();
    let frontal = pose.front.dot(view).abs();
    let hip = 0.52;
    for side in [-1.0f32, 1.0] {
        let swing = side * stride;
        let (knee, foot) = (0.5 * swing * 0.5, swing * 0.5);
        let lift = if swing < 0.0 { 0.03 } else { 0.0 };
        let x = side * 0.052;
        let joint = p(x, 0.28, knee + 0.02);
        stage.bar(p(x, hip, 0.0), joint, [r(0.052), r(0.038)], wear.legs);
        let ankle = p(x, 0.045 + lift, foot);
        stage.bar(joint, ankle, [r(0.037), r(0.026)], wear.legs);
        stage.bar(ankle, p(x * 1.15, 0.02 + lift, foot + 0.075), [r(0.026), r(0.022)], wear.shoes);
        let (elbow, hand) = (-0.35 * swing, -0.55 * swing);
        let shoulder = p(side * 0.105, 0.80, 0.0);
        let bend = p(side * 0.132, 0.645, elbow * 0.5);
        stage.bar(shoulder, bend, [r(0.034), r(0.028)], wear.coat);
        let wrist = p(side * 0.128, 0.50, hand * 0.55 + 0.03);
        stage.bar(bend, wrist, [r(0.027), r(0.02)], wear.coat);
        stage.ball(wrist - UP * (0.02 * k), r(0.023), wear.skin);
    }
    let chest = 0.075 + 0.028 * frontal;
    stage.bar(p(0.0, hip, 0.0), p(0.0, 0.755, 0.0), [r(0.072 + 0.016 * frontal), r(chest)], wear.coat);
    if skirt {
        stage.bar(p(0.0, 0.34, 0.0), p(0.0, 0.60, 0.0), [r(0.115), r(0.075)], wear.coat);
    }
    stage.bar(p(0.0, 0.80, 0.0), p(0.0, 0.87, 0.01), [r(0.034), r(0.032)], wear.skin);
    let head = p(0.0, 0.925, 0.012);
    stage.bar(head - UP * (0.02 * k), head + UP * (0.018 * k), [0.05 * k, 0.056 * k], wear.skin);
    // The hair sits up and back, so it covers the head when seen from behind.
    stage.ball(p(0.0, 0.948, -0.02), 0.058 * k, wear.hair);
    if long_hair {
        stage.bar(p(0.0, 0.93, -0.035), p(0.0, 0.83, -0.045), [0.052 * k, 0.04 * k], wear.hair);
    }
    if bag < 0.2 {
        stage.bar(p(0.0, 0.76, -0.09), p(0.0, 0.60, -0.10), [r(0.07), r(0.075)], Material::Round(bag_tone));
    } else if bag < 0.4 {
        let (low, high) = ([0.13 * k, 0.30 * k, -0.08 * k], [0.18 * k, 0.45 * k, 0.10 * k]);
        stage.cuboid(&pose, low, high, Material::Matt(bag_tone));
    }
}

/// A bicycle; somebody rides it if `ridden`.
pub(super) fn bicycle(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, heading: f32, ridden: bool) {
    stage.start(class::CYCLIST, place);
    let frame_tone = Material::Round(pick(random, PAINTS));
    let wear = outfit(random);
    let helmet = random.chance(0.5);
    let helmet_tone = Material::Ball(pick(random, PAINTS));
    let pedal = random.uniform(0.0, std::f32::consts::TAU);
    let k = random.uniform(0.94, 1.06);
    let upright = random.uniform(0.0, 0.2);
    let pose = Pose::new(place, heading);
    let p = |x: f32, y: f32, z: f32| pose.at(x * k, y * k, z * k);
    let tyre = Material::Round(srgb(28, 28, 30));
    for z in [-0.52, 0.52] {
        wheel(stage, &pose, p(0.0, 0.34, z), 0.34 * k, tyre);
    }
    let (rear, front) = (p(0.0, 0.34, -0.52), p(0.0, 0.34, 0.52));
    let (crank, seat, head) = (p(0.0, 0.30, -0.06), p(0.0, 0.86, -0.24), p(0.0, 0.78, 0.34));
    for (a, b) in [
        (crank, seat),
        (seat, head),
        (crank, head),
        (crank, rear),
        (seat.mix(crank, 0.2), rear),
        (head + UP * 0.16, front),
    ] {
        stage.bar(a, b, [0.02, 0.018], frame_tone);
    }
    stage.bar(p(0.0, 0.90, -0.34), p(0.0, 0.91, -0.12), [0.06, 0.03], tyre);
    let grips = [p(-0.27, 0.99, 0.30), p(0.27, 0.99, 0.30)];
    stage.bar(grips[0], grips[1], [0.018, 0.018], tyre);
    if !ridden {
        return;
    }
    let hips = p(0.0, 0.98, -0.20);
    let shoulders = p(0.0, 1.46, 0.10 - upright);
    for (side, grip) in [-1.0f32, 1.0].into_iter().zip(grips) {
        let turn = pedal + if side > 0.0 { std::f32::consts::PI } else { 0.0 };
        let foot = p(side * 0.11, 0.30 + 0.165 * turn.sin(), -0.06 + 0.165 * turn.cos());
        let knee = p(side * 0.12, 0.72 + 0.10 * turn.sin(), 0.22 + 0.06 * turn.cos());
        let hip = hips + pose.right * (side * 0.09);
        stage.bar(hip, knee, [0.095, 0.068], wear.legs);
        stage.bar(knee, foot, [0.064, 0.045], wear.legs);
        stage.bar(foot - pose.front * 0.05, foot + pose.front * 0.13, [0.045, 0.038], wear.shoes);
        let shoulder = shoulders + pose.right * (side * 0.17);
        let elbow = shoulder.mix(grip, 0.5) - UP * 0.06 + pose.right * (side * 0.04);
        stage.bar(shoulder, elbow, [0.06, 0.05], wear.coat);
        stage.bar(elbow, grip, [0.047, 0.036], wear.coat);
        stage.ball(grip, 0.045, wear.skin);
    }
    let view = (place - stage.raster.camera.at).unit();
    let frontal = pose.front.dot(view).abs();
    stage.bar(hips, shoulders, [0.145, 0.14 + 0.05 * frontal], wear.coat);
    let skull = shoulders + UP * 0.27 + pose.front * 0.07;
    stage.bar(shoulders + UP * 0.08, skull, [0.06, 0.06], wear.skin);
    stage.bar(skull - UP * 0.03, skull + UP * 0.03, [0.09, 0.098], wear.skin);
    let cap = if helmet { helmet_tone } else { wear.hair };
    stage.ball(skull + UP * 0.045 - pose.front * 0.025, if helmet { 0.118 } else { 0.103 }, cap);
}

/// A wheel: a veil of spokes and rim, and the tyre's own width where it is seen from the end.
fn wheel(stage: &mut Stage<'_>, pose: &Pose, centre: Vec3, radius: f32, tyre: Material) {
    let frame = Frame { origin: centre, along_u: pose.front * radius, along_v: UP * radius };
    stage.veil(frame, &disc(1.0), Material::Veil(Veil::Spokes));
    stage.bar(centre - UP * (radius - 0.02), centre + UP * (radius - 0.02), [0.02, 0.02], tyre);
}

/// A motor scooter or motorcycle; somebody rides it if `ridden`.
pub(super) fn motorcycle(
    stage: &mut Stage<'_>,
    random: &mut Stream,
    place: Vec3,
    heading: f32,
    ridden: bool,
) {
    stage.start(class::CYCLIST, place);
    let paint: Colour = pick(random, PAINTS);
    let wear = outfit(random);
    let helmet = Material::Ball(pick(random, PAINTS));
    let pose = Pose::new(place, heading);
    let p = |x: f32, y: f32, z: f32| pose.at(x, y, z);
    let dark = Material::Round(srgb(30, 30, 32));
    for z in [-0.62, 0.62] {
        let centre = p(0.0, 0.29, z);
        stage.plate_round(centre, pose.front, UP, 0.29, Material::Wheel(srgb(120, 120, 124)), 0.0);
        stage.bar(p(0.0, 0.07, z), p(0.0, 0.51, z), [0.06, 0.06], dark);
    }
    let shell = Material::Round(paint);
    stage.bar(p(0.0, 0.45, -0.55), p(0.0, 0.48, 0.25), [0.15, 0.13], shell);
    stage.bar(p(0.0, 0.35, 0.60), p(0.0, 0.98, 0.38), [0.07, 0.09], shell);
    stage.bar(p(0.0, 0.72, -0.62), p(0.0, 0.72, 0.10), [0.12, 0.10], dark);
    stage.bar(p(-0.33, 1.02, 0.36), p(0.33, 1.02, 0.36), [0.025, 0.025], dark);
    stage.ball(p(0.0, 0.92, 0.47), 0.08, Material::Ball(srgb(225, 225, 220)));
    stage.ball(p(0.0, 0.70, -0.73), 0.05, Material::Ball(srgb(150, 20, 18)));
    if !ridden {
        return;
    }
    let (hips, shoulders) = (p(0.0, 0.86, -0.18), p(0.0, 1.36, 0.02));
    for side in [-1.0f32, 1.0] {
        let knee = p(side * 0.20, 0.72, 0.24);
        stage.bar(hips + pose.right * (side * 0.1), knee, [0.10, 0.075], wear.legs);
        stage.bar(knee, p(side * 0.19, 0.32, 0.12), [0.07, 0.05], wear.legs);
        let shoulder = shoulders + pose.right * (side * 0.18);
        let elbow = p(side * 0.33, 1.12, 0.12);
        stage.bar(shoulder, elbow, [0.068, 0.055], wear.coat);
        stage.bar(elbow, p(side * 0.30, 1.03, 0.34), [0.052, 0.04], wear.coat);
    }
    stage.bar(hips, shoulders, [0.16, 0.18], wear.coat);
    let skull = shoulders + vec3(0.0, 0.26, 0.0) + pose.front * 0.03;
    stage.bar(shoulders, skull, [0.07, 0.07], wear.skin);
    stage.ball(skull, 0.135, helmet);
}
