//! What a façade looks like at one point: wall, trim, and how much of it is glass.
//!
//! All patterns are averaged over the pixel's footprint, so that far façades turn smooth instead of
//! flickering.

use super::buildings::{Facade, GroundFloor, Wall};
use super::geometry::{Colour, Vec3, smoothstep, srgb};
use super::noise::{self, band, floor, fract, stripes};

/// One point of a façade.
pub(super) struct Point {
    /// Colour of what is not glass.
    pub(super) wall: Colour,
    /// Share of glass.
    pub(super) glass: f32,
    /// Colour behind the glass.
    pub(super) behind: Colour,
    /// How much the glass mirrors, 0 to 1.
    pub(super) mirror: f32,
    /// Light from inside.
    pub(super) shine: Colour,
}

/// The façade at `u` metres along it and `v` over the ground; `fu`, `fv` is the size of a pixel there.
pub(super) fn at(look: &Facade, u: f32, v: f32, fu: f32, fv: f32) -> Point {
    let mut point = Point {
        wall: surface(look, u, v, fu, fv),
        glass: 0.0,
        behind: Vec3::all(0.03),
        mirror: 0.3,
        shine: Vec3::all(0.0),
    };
    if look.window[0] <= 0.0 {
        return point;
    }
    if v < look.base && look.ground != GroundFloor::Same {
        match look.ground {
            GroundFloor::Shop => shop(look, u, v, fu, fv, &mut point),
            GroundFloor::Gates => gates(look, u, v, fu, fv, &mut point),
            GroundFloor::Base | GroundFloor::Same => {
                let groove = stripes(v / 0.45, 0.0, 0.08, fv / 0.45);
                point.wall = point.wall * (0.8 - 0.25 * groove);
                windows(look, [u, v, fu, fv], [0.0, look.base], 0.6, &mut point);
            }
        }
        // A string course over the ground floor.
        let ledge = band(v, look.base - 0.22, look.base, fv);
        point.wall = point.wall.mix(look.trim, ledge);
        point.glass *= 1.0 - ledge;
    } else {
        let from = if v < look.base { 0.0 } else { look.base };
        let storey = if v < look.base { look.base } else { look.storey };
        let bottom = from + floor((v - from) / storey) as f32 * storey;
        if bottom + storey < look.height + 0.2 {
            windows(look, [u, v, fu, fv], [bottom, storey], 1.0, &mut point);
        }
    }
    point
}

/// The wall itself, with stains.
fn surface(look: &Facade, u: f32, v: f32, fu: f32, fv: f32) -> Colour {
    let shift = (look.seed & 255) as f32 * 0.13;
    let stain = noise::fractal(u * 0.021 + shift, v * 0.033) - 0.5;
    let streak = noise::grain(u * 0.11 + shift, v * 0.011) - 0.5;
    let damp = smoothstep(1.6, 0.0, v + 1.2 * stain) * 0.22;
    let mut tone = 1.0 + 0.28 * stain + 0.20 * streak - damp;
    match look.pattern {
        Wall::Plaster => tone += 0.12 * (noise::grain(u * 0.3, v * 0.3) - 0.5),
        Wall::Brick => {
            let course = v / 0.085;
            let row = floor(course);
            let along = u / 0.26 + if row & 1 == 0 { 0.0 } else { 0.5 };
            let fine = smoothstep(0.16, 0.05, fu.max(fv));
            let joint = stripes(course, 0.0, 0.16, fv / 0.085).max(stripes(along, 0.0, 0.07, fu / 0.26));
            tone += fine * (0.34 * (noise::cell(floor(along), row, look.seed) - 0.5)) + 0.15 * joint;
        }
        Wall::Slab => {
            let (x, y) = (u / look.bay, (v - look.base) / look.storey);
            let joint = stripes(x, 0.0, 0.014, fu / look.bay).max(stripes(y, 0.0, 0.014, fv / look.storey));
            tone += 0.14 * (noise::cell(floor(x), floor(y), look.seed) - 0.5) - 0.35 * joint;
        }
        Wall::Sheet => tone -= 0.24 * stripes(u / 0.3, 0.0, 0.4, fu / 0.3),
        Wall::Curtain => {}
    }
    look.wall * tone.max(0.2)
}

/// The window of the bay and storey that hold the point. `storey` is its bottom and its height.
fn windows(look: &Facade, [u, v, fu, fv]: [f32; 4], storey: [f32; 2], scale: f32, point: &mut Point) {
    let x = u / look.bay;
    let column = floor(x);
    let y = (v - storey[0]) / storey[1];
    let row = floor((storey[0] + 0.5) / look.storey);
    let (wide, tall) = if look.pattern == Wall::Curtain {
        (0.93, 0.90)
    } else {
        (look.window[0], look.window[1] * scale.max(0.85))
    };
    let low = if look.pattern == Wall::Curtain { 0.04 } else { 0.86 - tall };
    let kind = noise::cell(column, row, look.seed);
    let other = noise::cell(column, row, look.seed ^ 0x55);
    // Works have few windows; elsewhere the ground floor has a door now and then.
    let door = storey[0] == 0.0 && kind > 0.8 && look.ground == GroundFloor::Same;
    let low = if door { 0.0 } else { low };
    let (fx, px, py) = (x - column as f32, fu / look.bay, fv / storey[1]);
    let (a, b) = (0.5 - 0.5 * wide, 0.5 + 0.5 * wide);
    let high = low.max(0.86 - tall) + tall;
    let opening = band(fx, a, b, px) * band(y, low, high, py);
    let rim = 0.09 / look.bay;
    let rise = 0.09 / storey[1];
    let around = band(fx, a - rim, b + rim, px) * band(y, low - 1.6 * rise, high + rise, py);
    if look.pattern != Wall::Curtain && look.pattern != Wall::Sheet {
        point.wall = point.wall.mix(look.trim, (around - opening).max(0.0));
    } else {
        point.wall = point.wall.mix(look.trim * 0.6, (around - opening).max(0.0));
    }
    if opening <= 0.0 {
        return;
    }
    if door {
        point.wall = point.wall.mix(look.accent * 0.7, opening);
        return;
    }
    let (wx, wy) = ((fx - a) / wide, (y - low) / tall);
    // Bars of the window, thinner than the pixel more often than not.
    let bar = 0.06 / (wide * look.bay);
    let frame = (1.0 - band(wx, bar, 1.0 - bar, px / wide) * band(wy, bar, 1.0 - bar, py / tall)).max(band(
        wx,
        0.5 - 0.6 * bar,
        0.5 + 0.6 * bar,
        px / wide,
    ));
    point.wall = point.wall.mix(look.trim, opening * frame);
    point.glass = opening * (1.0 - frame);
    point.mirror = 0.25 + 0.55 * other;
    if kind < look.lit {
        point.shine = Vec3::all(0.9).times(srgb(255, 214, 150)) * (0.5 + other);
        point.mirror = 0.15;
    } else if other > 0.55 {
        // A blind or curtain, part of the way down.
        let drawn = band(wy, 1.0 - 1.2 * kind, 1.0, py / tall);
        point.behind = Vec3::all(0.03).mix(Vec3::all(0.38), drawn);
        point.mirror = 0.2;
    }
    // The lintel's and the reveal's shade.
    let shade = smoothstep(0.78, 0.95, wy).max(smoothstep(0.12, 0.0, wx));
    point.behind = point.behind * (1.0 - 0.6 * shade);
    point.mirror *= 1.0 - 0.55 * shade;
}

/// Shop windows under a sign, between piers.
fn shop(look: &Facade, u: f32, v: f32, fu: f32, fv: f32, point: &mut Point) {
    let bay = look.bay.max(2.4) * 1.35;
    let x = u / bay;
    let column = floor(x);
    let fx = fract(x);
    let px = fu / bay;
    let sign_low = look.base - 0.95;
    let (kind, other) = (noise::cell(column, 1, look.seed), noise::cell(column / 2, 2, look.seed));
    let door = kind > 0.66;
    let foot = if door { 0.05 } else { 0.45 };
    let pane = band(fx, 0.07, 0.93, px) * band(v, foot, sign_low - 0.1, fv);
    let bar = stripes(fx * 2.0, 0.0, 0.045, 2.0 * px);
    point.wall = point.wall * (1.0 - 0.25 * band(v, 0.0, 0.45, fv));
    point.wall = point.wall.mix(look.trim * 0.6, pane);
    point.glass = pane * (1.0 - bar);
    let goods = noise::fractal(u * 0.09 + other * 7.0, v * 0.12);
    let inside = srgb(214, 186, 140).mix(look.accent, smoothstep(0.4, 0.7, goods));
    point.behind = inside * (0.07 + 0.25 * goods * smoothstep(2.4, 0.6, v));
    point.shine = inside * if look.lit > 0.1 { 0.9 } else { 0.16 * kind };
    point.mirror = 0.35 + 0.25 * kind;
    let sign = band(v, sign_low, look.base - 0.3, fv) * band(fx, 0.04, 0.96, px);
    let tone = look.accent.mix(look.trim, if other > 0.5 { 0.75 } else { 0.0 });
    let letters = band(v, sign_low + 0.2, look.base - 0.5, fv)
        * band(fx, 0.22, 0.78, px)
        * smoothstep(0.30, 0.10, fu)
        * if noise::cell(floor(u / 0.16), 5, look.seed) > 0.35 { 1.0 } else { 0.0 };
    let ink = if tone.luminance() > 0.25 { Vec3::all(0.05) } else { Vec3::all(0.75) };
    point.wall = point.wall.mix(tone.mix(ink, letters), sign);
}

/// Large gates in a plain wall.
fn gates(look: &Facade, u: f32, v: f32, fu: f32, fv: f32, point: &mut Point) {
    let bay = 4.6;
    let x = u / bay;
    let fx = fract(x);
    if noise::cell(floor(x), 3, look.seed) > 0.45 {
        let gate = band(fx, 0.14, 0.86, fu / bay) * band(v, 0.0, look.base - 0.7, fv);
        let slats = stripes(v / 0.3, 0.0, 0.12, fv / 0.3);
        point.wall = point.wall.mix(look.accent * (0.85 - 0.35 * slats), gate);
    } else {
        windows(look, [u, v, fu, fv], [0.0, look.base], 0.8, point);
    }
}
