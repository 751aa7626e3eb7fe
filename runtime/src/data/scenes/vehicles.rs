//! Cars, vans, trucks and buses, built from plates in the vehicle's own axes.
//!
//! x is to the vehicle's right, y up, z to its front, the origin on the road under its middle; metres.

use super::class;
use super::geometry::{Colour, Pose, UP, Vec3, srgb, vec3};
use super::palette::{PAINTS, pick};
use super::raster::Material;
use super::stage::Stage;
use crate::random::Stream;

/// A body's outline from the front bumper over the roof to the rear one, as shares of its length and as
/// heights, and where its windows are.
struct Body {
    length: f32,
    width: f32,
    /// Height of the sill, the bonnet's front, the belt line and the roof.
    sill: f32,
    nose: f32,
    belt: f32,
    roof: f32,
    /// z of bonnet's end, windscreen's top, roof's end, rear window's foot, as shares of the length.
    cowl: f32,
    screen: f32,
    back: f32,
    boot: f32,
    /// Wheel radius and the axles' z as shares of the length.
    wheel: f32,
    axles: [f32; 2],
}

fn body(random: &mut Stream) -> Body {
    let stretch = random.uniform(0.95, 1.06);
    let (length, width, roof, nose, belt) = match random.below(10) {
        // Saloon.
        0..=2 => {
            return Body {
                length: 4.6 * stretch,
                width: 1.80,
                sill: 0.24,
                nose: 0.68,
                belt: 0.93,
                roof: 1.43,
                cowl: 0.22,
                screen: 0.05,
                back: -0.20,
                boot: -0.34,
                wheel: 0.33,
                axles: [0.30, -0.29],
            };
        }
        // Hatchback.
        3..=5 => (4.0, 1.74, 1.48, 0.70, 0.95),
        // Estate.
        6 => (4.6, 1.80, 1.46, 0.68, 0.94),
        // Sport utility.
        7..=8 => (4.5, 1.88, 1.72, 0.88, 1.10),
        // Van.
        _ => {
            return Body {
                length: 5.3 * stretch,
                width: 1.98,
                sill: 0.30,
                nose: 0.95,
                belt: 1.22,
                roof: 2.15,
                cowl: 0.38,
                screen: 0.26,
                back: -0.485,
                boot: -0.497,
                wheel: 0.36,
                axles: [0.31, -0.28],
            };
        }
    };
    Body {
        length: length * stretch,
        width,
        sill: if roof > 1.6 { 0.32 } else { 0.24 },
        nose,
        belt,
        roof,
        cowl: 0.24,
        screen: 0.09,
        back: -0.36,
        boot: -0.465,
        wheel: if roof > 1.6 { 0.37 } else { 0.32 },
        axles: [0.31, -0.30],
    }
}

/// Parks or drives a car or van at `place`, its front at `heading`.
pub(super) fn car(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, heading: f32) {
    let shape = body(random);
    let paint = pick(random, PAINTS);
    let lights = stage.light.lamps && random.chance(0.8);
    let braking = random.chance(0.3);
    let plate_tone = if random.chance(0.8) { srgb(225, 225, 215) } else { srgb(220, 190, 60) };
    let closed = shape.roof > 2.0 && random.chance(0.7);
    stage.start(class::CAR, place);
    let pose = Pose::new(place, heading);
    let (w, l) = (0.5 * shape.width, shape.length);
    let colour = Material::Paint(paint);
    let dark = Material::Matt(srgb(26, 26, 28));
    let (bumper, corner, narrow) = (0.5 * l, 0.435 * l, 0.80 * w);
    let top = 0.80 * w;
    stage.box_shadow(&pose, [-w, 0.05, -0.48 * l], [w, shape.belt, 0.48 * l]);
    stage.box_shadow(&pose, [-top, shape.belt, shape.boot * l], [top, shape.roof, shape.cowl * l]);
    under(stage, &pose, w, 0.47 * l, shape.sill);

    // Sides below the belt line, with cut corners at both ends.
    for side in [-1.0f32, 1.0] {
        let p = |z: f32, y: f32| pose.at(side * w, y, z);
        let out = pose.right * side;
        let tail = shape.boot.max(-0.43) * l;
        stage.plate(
            &[
                p(-corner, shape.sill),
                p(corner, shape.sill),
                p(corner, shape.nose + 0.04),
                p(shape.cowl * l, shape.belt),
                p(tail, shape.belt),
                p(-corner, shape.belt - 0.02),
            ],
            out,
            colour,
            0.0,
        );
        for (end, height) in [(1.0f32, shape.nose), (-1.0, shape.belt - 0.02)] {
            let points = [
                p(end * corner, shape.sill),
                pose.at(side * narrow, shape.sill + 0.03, end * bumper),
                pose.at(side * narrow, height - 0.04, end * bumper),
                p(end * corner, height + if end > 0.0 { 0.04 } else { 0.0 }),
            ];
            stage.plate(&points, out + pose.front * (end * 0.5), colour, 0.0);
        }
        // Greenhouse side, then its glass.
        let g = |z: f32, y: f32| {
            let lean = (y - shape.belt) / (shape.roof - shape.belt);
            pose.at(side * (w - (w - top) * lean), y, z)
        };
        let roof_line = shape.roof - 0.03;
        stage.plate(
            &[
                g(shape.boot * l, shape.belt),
                g(shape.cowl * l, shape.belt),
                g(shape.screen * l, roof_line),
                g(shape.back * l, roof_line),
            ],
            out + UP * 0.2,
            colour,
            0.0,
        );
        let (low, high) = (shape.belt + 0.03, shape.roof - 0.11);
        let slant = |z0: f32, z1: f32, y: f32| z0 + (z1 - z0) * (y - shape.belt) / (shape.roof - shape.belt);
        let fore = |y: f32| slant(shape.cowl * l, shape.screen * l, y) - 0.09;
        let aft = |y: f32| slant(shape.boot * l, shape.back * l, y) + 0.12;
        let pillar = if closed { shape.screen * l - 0.75 } else { -0.03 * l };
        let pane = [g(pillar + 0.04, low), g(fore(low), low), g(fore(high), high), g(pillar + 0.04, high)];
        stage.plate(&pane, out + UP * 0.2, Material::Glass, 0.002);
        if !closed {
            let pane = [g(aft(low), low), g(pillar - 0.04, low), g(pillar - 0.04, high), g(aft(high), high)];
            stage.plate(&pane, out + UP * 0.2, Material::Glass, 0.002);
        }
        // Door seams, handle, sill, mirror.
        for z in [pillar, shape.cowl * l - 0.12] {
            let seam = [
                p(z, shape.sill + 0.08),
                p(z + 0.025, shape.sill + 0.08),
                p(z + 0.025, shape.belt),
                p(z, shape.belt),
            ];
            stage.plate(&seam, out, Material::Matt(paint * 0.3), 0.002);
        }
        let handle = [
            p(pillar + 0.10, shape.belt - 0.12),
            p(pillar + 0.28, shape.belt - 0.12),
            p(pillar + 0.28, shape.belt - 0.09),
            p(pillar + 0.10, shape.belt - 0.09),
        ];
        stage.plate(&handle, out, Material::Matt(paint * 0.5), 0.002);
        let skirt = [
            p(-corner, shape.sill),
            p(corner, shape.sill),
            p(corner, shape.sill + 0.09),
            p(-corner, shape.sill + 0.09),
        ];
        stage.plate(&skirt, out, dark, 0.0015);
        let mirror = shape.cowl * l - 0.22;
        let (a, b) = (side * (w + 0.02), side * (w + 0.19));
        let low = [a.min(b), shape.belt + 0.02, mirror];
        stage.cuboid(&pose, low, [a.max(b), shape.belt + 0.15, mirror + 0.1], colour);
        for axle in shape.axles {
            wheel(stage, &pose, side, [w, shape.wheel, axle * l], paint);
        }
    }
    // Along the middle: front, bonnet, screen, roof, rear.
    let b = |x: f32, y: f32, z: f32| pose.at(x, y, z);
    let strip = |from: (f32, f32, f32), to: (f32, f32, f32)| {
        // (half width, y, z) at the lower and the upper edge.
        [b(-from.0, from.1, from.2), b(from.0, from.1, from.2), b(to.0, to.1, to.2), b(-to.0, to.1, to.2)]
    };
    let front = pose.front;
    let (cowl, screen, back, boot) = (shape.cowl * l, shape.screen * l, shape.back * l, shape.boot * l);
    stage.plate(
        &strip((narrow, shape.sill, bumper), (narrow, shape.nose - 0.04, bumper)),
        front,
        colour,
        0.0,
    );
    stage.plate(&strip((narrow, shape.nose - 0.04, bumper), (w, shape.nose + 0.04, corner)), UP, colour, 0.0);
    stage.plate(&strip((w, shape.nose + 0.04, corner), (w, shape.belt, cowl)), UP, colour, 0.0);
    stage.plate(&strip((w, shape.belt, cowl), (top, shape.roof - 0.03, screen)), front + UP, colour, 0.0);
    stage.plate(
        &strip((top, shape.roof - 0.03, screen), (0.9 * top, shape.roof, screen - 0.3)),
        UP,
        colour,
        0.0,
    );
    stage.plate(
        &strip((0.9 * top, shape.roof, screen - 0.3), (0.9 * top, shape.roof, back + 0.2)),
        UP,
        colour,
        0.0,
    );
    stage.plate(&strip((0.9 * top, shape.roof, back + 0.2), (top, shape.roof - 0.03, back)), UP, colour, 0.0);
    stage.plate(&strip((top, shape.roof - 0.03, back), (w, shape.belt, boot)), UP * 0.2 - front, colour, 0.0);
    stage.plate(&strip((w, shape.belt, boot), (w, shape.belt - 0.02, -corner)), UP, colour, 0.0);
    stage.plate(
        &strip((w, shape.belt - 0.02, -corner), (narrow, shape.belt - 0.06, -bumper)),
        UP,
        colour,
        0.0,
    );
    stage.plate(
        &strip((narrow, shape.belt - 0.06, -bumper), (narrow, shape.sill + 0.03, -bumper)),
        -front,
        colour,
        0.0,
    );
    // Screens.
    let part = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let pane = |half: (f32, f32), y: (f32, f32), z: (f32, f32)| {
        let at = |s: f32| (part(half.0, half.1, s) - 0.09, part(y.0, y.1, s), part(z.0, z.1, s));
        strip(at(0.07), at(0.90))
    };
    let heights = (shape.belt, shape.roof - 0.03);
    stage.plate(&pane((w, top), heights, (cowl, screen)), front + UP, Material::Glass, 0.002);
    if !closed {
        stage.plate(&pane((w, top), heights, (boot, back)), UP * 0.2 - front, Material::Glass, 0.002);
    }
    ends(stage, &pose, &shape, plate_tone, lights, braking, dark);
}

/// Lights, grille, bumpers and number plates.
fn ends(
    stage: &mut Stage<'_>,
    pose: &Pose,
    shape: &Body,
    plate: Colour,
    lights: bool,
    braking: bool,
    dark: Material,
) {
    let (w, bumper) = (0.5 * shape.width, 0.5 * shape.length + 0.004);
    let mut patch = |x: (f32, f32), y: (f32, f32), end: f32, material: Material| {
        let z = end * bumper;
        let points = [pose.at(x.0, y.0, z), pose.at(x.1, y.0, z), pose.at(x.1, y.1, z), pose.at(x.0, y.1, z)];
        stage.plate(&points, pose.front * end, material, 0.002);
    };
    let nose = shape.nose;
    let tail = if shape.roof > 2.0 { 1.2 } else { shape.belt - 0.12 };
    let lamp =
        if lights { Material::Glow(vec3(2.6, 2.4, 2.0)) } else { Material::Paint(srgb(222, 224, 226)) };
    let red = if lights || braking {
        Material::Glow(vec3(1.1, 0.08, 0.05))
    } else {
        Material::Paint(srgb(140, 18, 16))
    };
    for side in [-1.0f32, 1.0] {
        let x = |a: f32, b: f32| if side > 0.0 { (a * w, b * w) } else { (-b * w, -a * w) };
        patch(x(0.48, 0.79), (nose - 0.19, nose - 0.06), 1.0, lamp);
        patch(x(0.53, 0.79), (tail - 0.20, tail), -1.0, red);
    }
    patch((-0.44 * w, 0.44 * w), (nose - 0.18, nose - 0.07), 1.0, dark);
    patch((-0.62 * w, 0.62 * w), (shape.sill + 0.02, shape.sill + 0.16), 1.0, dark);
    patch((-0.78 * w, 0.78 * w), (shape.sill + 0.03, shape.sill + 0.14), -1.0, dark);
    for end in [1.0, -1.0] {
        let y = if end > 0.0 { shape.sill + 0.17 } else { shape.sill + 0.28 };
        patch((-0.26, 0.26), (y, y + 0.11), end, Material::Matt(plate));
    }
}

/// The dark underside and the ground's own darkness below it.
fn under(stage: &mut Stage<'_>, pose: &Pose, w: f32, reach: f32, sill: f32) {
    let dark = Material::Matt(srgb(12, 12, 13));
    stage.cuboid(pose, [-0.92 * w, 0.13, -reach], [0.92 * w, sill + 0.05, reach], dark);
    for (end, axle) in [(1.0f32, 0.66), (-1.0, 0.66)] {
        for side in [-1.0f32, 1.0] {
            let (a, b) = (side * 0.68 * w, side * 0.97 * w);
            let z = end * axle * reach;
            stage.cuboid(pose, [a.min(b), 0.0, z - 0.2], [a.max(b), sill + 0.05, z + 0.2], dark);
        }
    }
    let corner = |x: f32, z: f32| pose.at(x * w, 0.0, z * reach);
    stage.raster.cast(&[corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)], 3);
}

/// A wheel on one side: arch, tyre and rim. `at` is half the body's width, the radius, and z.
fn wheel(stage: &mut Stage<'_>, pose: &Pose, side: f32, at: [f32; 3], paint: Colour) {
    let [w, radius, z] = at;
    let out = pose.right * side;
    let centre = pose.at(side * (w + 0.005), radius, z);
    if out.dot(stage.raster.camera.at - centre) <= 0.0 {
        return;
    }
    stage.plate_round(centre, pose.front, UP, radius * 1.17, Material::Matt(paint * 0.08), 0.0022);
    let rim = srgb(150, 152, 156);
    stage.plate_round(centre, pose.front, UP, radius, Material::Wheel(rim), 0.0026);
}

/// Drives a bus, or a truck, at `place`.
pub(super) fn large(stage: &mut Stage<'_>, random: &mut Stream, place: Vec3, heading: f32) {
    stage.start(class::CAR, place);
    let pose = Pose::new(place, heading);
    let paint = pick(random, PAINTS);
    let second = pick(random, PAINTS);
    let bus = random.chance(0.5);
    let lights = stage.light.lamps;
    let length = if bus { random.uniform(9.0, 12.0) } else { random.uniform(6.5, 9.5) };
    let height = if bus { random.uniform(2.9, 3.2) } else { random.uniform(2.9, 3.7) };
    let (w, l) = (1.24, 0.5 * length);
    stage.box_shadow(&pose, [-w, 0.1, -l], [w, height, l]);
    under(stage, &pose, w, 0.97 * l, 0.5);
    let body = Material::Paint(paint);
    let glass = Material::Glass;
    let cab = if bus { -l } else { l - 1.9 };
    if bus {
        stage.cuboid(&pose, [-w, 0.38, -l], [w, height, l], body);
    } else {
        stage.cuboid(&pose, [-w * 0.95, 0.45, cab], [w * 0.95, 2.6, l], body);
        stage.cuboid(&pose, [-w, 0.85, -l], [w, height, cab - 0.15], Material::Paint(second));
        stage.cuboid(&pose, [-w * 0.9, 0.5, -l], [w * 0.9, 0.86, cab], Material::Matt(srgb(40, 40, 42)));
    }
    let mut panel = |from: (f32, f32, f32), to: (f32, f32, f32), outward: Vec3, material: Material| {
        let points = if from.0 == to.0 {
            [(from.0, from.1, from.2), (from.0, from.1, to.2), (to.0, to.1, to.2), (to.0, to.1, from.2)]
        } else {
            [(from.0, from.1, from.2), (to.0, from.1, from.2), (to.0, to.1, to.2), (from.0, to.1, to.2)]
        };
        stage.plate(&points.map(|(x, y, z)| pose.at(x, y, z)), outward, material, 0.0015);
    };
    let skin = if bus { w + 0.006 } else { w * 0.95 + 0.006 };
    let front = l + 0.006;
    let (low, high) = if bus { (1.15, height - 0.45) } else { (1.45, 2.4) };
    panel((-0.92 * w, low, front), (0.92 * w, high, front), pose.front, glass);
    let dark = Material::Matt(srgb(24, 24, 26));
    panel((-0.9 * w, 0.45, front), (0.9 * w, 0.62, front), pose.front, dark);
    let lamp =
        if lights { Material::Glow(vec3(2.6, 2.4, 2.0)) } else { Material::Paint(srgb(222, 224, 226)) };
    let red = if lights { Material::Glow(vec3(1.1, 0.08, 0.05)) } else { Material::Paint(srgb(140, 18, 16)) };
    for side in [-1.0f32, 1.0] {
        let span = |a: f32, b: f32| if side > 0.0 { (a, b) } else { (-b, -a) };
        let (a, b) = span(0.72, 1.05);
        panel((a, 0.7, front), (b, 0.9, front), pose.front, lamp);
        panel((a, 0.75, -front), (b, 1.05, -front), -pose.front, red);
        let out = pose.right * side;
        if bus {
            let bays = (length / 1.45) as u32;
            for bay in 0..bays {
                let z = -l + 0.3 + bay as f32 * (length - 0.5) / bays as f32;
                let door = bay + 1 == bays || bay == bays / 2;
                let foot = if door && side > 0.0 { 0.5 } else { low };
                panel((side * skin, foot, z), (side * skin, high, z + 1.25), out, glass);
            }
            panel((side * skin, 0.55, -l), (side * skin, 0.95, l), out, Material::Paint(second));
        } else {
            panel((side * skin, 1.5, cab + 0.6), (side * skin, 2.35, l - 0.2), out, glass);
            let side_mirror = span(w, w + 0.16);
            panel((side_mirror.0, 1.6, l - 0.1), (side_mirror.1, 2.2, l - 0.1), pose.front, dark);
        }
    }
    if bus {
        panel(
            (-0.8, height - 0.38, front),
            (0.8, height - 0.1, front),
            pose.front,
            Material::Glow(vec3(0.7, 0.45, 0.1)),
        );
        panel((-0.85 * w, 1.3, -front), (0.85 * w, high, -front), -pose.front, glass);
    } else {
        panel((-0.02, 0.9, -front), (0.02, height - 0.1, -front), -pose.front, dark);
    }
    panel((-0.26, 0.55, -front), (0.26, 0.67, -front), -pose.front, Material::Matt(srgb(220, 220, 210)));
    for side in [-1.0f32, 1.0] {
        for axle in [0.62, -0.55] {
            wheel(stage, &pose, side, [w, 0.47, axle * l], srgb(60, 60, 60));
        }
    }
}

/// The bonnet of the camera's own car along the bottom of the picture, which has no class.
pub(super) fn bonnet(stage: &mut Stage<'_>, random: &mut Stream, bottom: f32) {
    let rise = random.uniform(0.02, 0.075);
    let tilt = random.uniform(-0.02, 0.02);
    let paint = pick(random, PAINTS);
    let camera = stage.raster.camera;
    let deep = 0.6;
    let half = 0.5 / camera.focal;
    stage.start(class::VOID, camera.at);
    let at = |x: f32, y: f32| camera.at + camera.ray(x, y) * deep;
    let mut edge = vec![at(1.3 * half, bottom * 1.2), at(-1.3 * half, bottom * 1.2)];
    for step in 0..=10 {
        let x = -1.25 + 2.5 * step as f32 / 10.0;
        let y = bottom + half * (rise * 2.0 * (1.0 - 0.75 * x * x).max(-1.0) + tilt * x);
        edge.push(at(x * half, y));
    }
    // It lies nearly flat, so its light is that of a horizontal plate.
    stage.plate(&edge, -camera.forward, Material::Paint(paint * 0.6), 0.0);
    if let Some(last) = stage.raster.surfaces.last_mut() {
        last.normal = (UP * 0.93 - camera.forward * 0.37).unit();
    }
}
