//! One scene from its random stream to image and labels.

use super::buildings;
use super::geometry::{Camera, Colour, Vec3, srgb, vec3};
use super::layout;
use super::light::Light;
use super::palette::vary;
use super::raster::{NOTHING, Raster, SAMPLES};
use super::sensor::Sensor;
use super::shade::{Painter, Pavings};
use super::stage::Stage;
use super::street::{Side, Street};
use super::{class, vehicles};
use crate::data::{Image, LabelMap, Sample};
use crate::random::Stream;

/// Draws a scene and renders it at `height` by `width` pixels.
///
/// Everything is drawn from `random` before a pixel is looked at, so the size changes nothing but the
/// resolution; a narrower picture shows more above and below, as its field of view is fixed sideways.
pub(super) fn render(random: &mut Stream, height: usize, width: usize) -> Sample {
    let light = Light::draw(random);
    let mut street = Street::draw(random);
    let pavings = pavings(random);
    let sensor = Sensor::draw(random);
    let camera = camera(random, &street);
    let mut plots = Vec::new();
    for side in Side::BOTH {
        buildings::plan(random, &mut street, side, light.lamps, &mut plots);
    }
    let mut facades = Vec::new();
    let mut stage = Stage::new(Raster::new(camera, width, height), &light, &street);
    layout::fill(&mut stage, random, &mut facades, &plots);
    if random.chance(0.3) {
        let bottom = -0.5 * height as f32 / (width as f32 * camera.focal);
        vehicles::bonnet(&mut stage, random, bottom);
    }
    let mut raster = stage.raster;
    raster.finish();
    let haze = (0..450).map(|z| 1.0 - (-(z as f32) / light.haze).exp()).collect();
    let painter =
        Painter { light: &light, street: &street, facades: &facades, pavings, eye: camera.at, haze };
    let (radiance, labels) = resolve(&raster, &painter, width, height);
    let image = Image { width, height, data: sensor.develop(radiance, width, height) };
    Sample { image, labels: LabelMap { width, height, data: labels } }
}

fn camera(random: &mut Stream, street: &Street) -> Camera {
    let lane = random.below(street.lanes);
    let t = street.lane_middle(lane, true) + random.uniform(-0.5, 0.5);
    let high = if random.chance(0.15) { random.uniform(1.9, 2.6) } else { random.uniform(1.2, 1.7) };
    let yaw = random.normal().clamp(-2.0, 2.0) * 0.045 + 0.5 * street.heading(22.0);
    let pitch = random.uniform(-0.055, 0.035);
    let roll = random.normal().clamp(-2.5, 2.5) * 0.009;
    let focal = random.uniform(0.68, 1.02);
    Camera::new(vec3(t, high, 0.0), [yaw, pitch, roll], focal)
}

fn pavings(random: &mut Stream) -> Pavings {
    let grey = random.uniform(0.055, 0.20);
    let asphalt = vary(random, vec3(1.0, 0.99, 0.98) * grey, 0.16);
    let tones = [[150, 146, 140], [132, 130, 128], [168, 158, 144], [150, 126, 112], [118, 118, 120]];
    let [r, g, b] = tones[random.below(5) as usize];
    let slabs = vary(random, srgb(r, g, b), 0.2);
    let kerb = vary(random, srgb(152, 150, 146), 0.25);
    let paint = if random.chance(0.85) { srgb(222, 221, 214) } else { srgb(222, 178, 60) };
    Pavings {
        asphalt,
        slabs,
        slab: random.uniform(0.35, 0.9),
        kerb,
        paint,
        worn: random.uniform(0.0, 0.85),
        solid: random.chance(0.3),
        edges: random.chance(0.5),
        seed: random.bits(),
    }
}

/// Colours every pixel once for each surface that its samples see; the label is that of most samples,
/// the nearest one deciding a tie.
fn resolve(raster: &Raster, painter: &Painter<'_>, width: usize, height: usize) -> (Vec<Colour>, Vec<u8>) {
    const COUNT: usize = SAMPLES * SAMPLES;
    let mut radiance = Vec::with_capacity(width * height);
    let mut labels = Vec::with_capacity(width * height);
    let share = 1.0 / COUNT as f32;
    for row in 0..height {
        // The two rows of samples, two columns at a time.
        let first = row * SAMPLES * raster.columns;
        let second = first + raster.columns;
        let pairs = |all: &'_ [u16]| -> Vec<[u16; COUNT]> {
            let upper = all[first..second].as_chunks::<SAMPLES>().0;
            let lower = all[second..second + raster.columns].as_chunks::<SAMPLES>().0;
            upper.iter().zip(lower).map(|(&[a, b], &[c, d])| [a, b, c, d]).collect()
        };
        for (column, (seen, veil)) in pairs(&raster.seen).into_iter().zip(pairs(&raster.veil)).enumerate() {
            let at: [usize; COUNT] = std::array::from_fn(|k| {
                first + k / SAMPLES * raster.columns + column * SAMPLES + k % SAMPLES
            });
            let centre = [(column * SAMPLES) as f32 + 1.0, (row * SAMPLES) as f32 + 1.0];
            if seen == [seen[0]; COUNT] && veil == [NOTHING; COUNT] {
                // By far the most frequent case: one surface, or the sky.
                let (one, label) = match raster.surfaces.get(usize::from(seen[0])) {
                    Some(surface) => {
                        let shadow = if surface.ground {
                            mean_shadow(at.map(|at| raster.shadow[at]))
                        } else {
                            [0.0; 2]
                        };
                        (painter.colour(surface, centre[0], centre[1], shadow), surface.class)
                    }
                    None => (sky(raster, painter, centre), class::SKY),
                };
                radiance.push(one);
                labels.push(label);
                continue;
            }
            let mut colour = Vec3::all(0.0);
            let mut classes = [class::SKY; COUNT];
            for k in 0..COUNT {
                if seen[..k].contains(&seen[k]) {
                    continue;
                }
                // The mean place of the samples that see this surface.
                let (mut x, mut y, mut n) = (0.0f32, 0.0f32, 0.0f32);
                let mut shadow = [0.0f32; 2];
                for j in k..COUNT {
                    if seen[j] == seen[k] {
                        x += (j % SAMPLES) as f32;
                        y += (j / SAMPLES) as f32;
                        n += 1.0;
                        let [direct, sky] = shaded(raster.shadow[at[j]]);
                        shadow = [shadow[0] + direct, shadow[1] + sky];
                    }
                }
                let (x, y) = (centre[0] - 0.5 + x / n, centre[1] - 0.5 + y / n);
                let one = match raster.surfaces.get(usize::from(seen[k])) {
                    Some(surface) => painter.colour(surface, x, y, shadow.map(|s| s / n)),
                    None => sky(raster, painter, [x, y]),
                };
                colour = colour + one * (n * share);
            }
            for k in 0..COUNT {
                if seen[k] != NOTHING {
                    classes[k] = raster.surfaces[usize::from(seen[k])].class;
                }
                if veil[k] != NOTHING {
                    let surface = &raster.surfaces[usize::from(veil[k])];
                    classes[k] = surface.class;
                    if !veil[..k].contains(&veil[k]) {
                        let n = veil[k..].iter().filter(|&&other| other == veil[k]).count() as f32;
                        let (tone, solid) = painter.veil(surface, centre[0], centre[1]);
                        colour = colour.mix(tone, solid * n * share);
                    }
                }
            }
            radiance.push(colour);
            labels.push(vote(classes, at.map(|at| raster.depth[at])));
        }
    }
    (radiance, labels)
}

fn sky(raster: &Raster, painter: &Painter<'_>, [x, y]: [f32; 2]) -> Colour {
    let [x, y] = raster.image_plane(x, y);
    painter.light.sky(raster.camera.ray(x, y).unit())
}

fn mean_shadow<const N: usize>(marks: [u8; N]) -> [f32; 2] {
    if marks == [marks[0]; N] {
        return shaded(marks[0]);
    }
    let sum = marks.map(shaded).into_iter().fold([0.0, 0.0], |a, b| [a[0] + b[0], a[1] + b[1]]);
    sum.map(|s| s / N as f32)
}

/// Shares of sun and of sky that a shadow mark takes.
fn shaded(mark: u8) -> [f32; 2] {
    match mark {
        0 => [0.0, 0.0],
        1 => [0.82, 0.12],
        2 => [1.0, 0.10],
        _ => [1.0, 0.62],
    }
}

/// The class of most samples; the nearest sample decides a tie.
fn vote<const N: usize>(classes: [u8; N], nearness: [f32; N]) -> u8 {
    let mut best = (0usize, f32::NEG_INFINITY, classes[0]);
    for k in 0..N {
        let count = classes.iter().filter(|&&other| other == classes[k]).count();
        if (count, nearness[k]) > (best.0, best.1) {
            best = (count, nearness[k], classes[k]);
        }
    }
    best.2
}
