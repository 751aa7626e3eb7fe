//! Colours of surfaces: material, light and distance in, radiance out.

use super::buildings::Facade;
use super::facade;
use super::geometry::{Colour, UP, Vec3, smoothstep, srgb, vec3};
use super::light::Light;
use super::noise::{self, band, floor, fract, stripes};
use super::raster::{Material, SignFace, Surface, Veil};
use super::street::{KERB, Street};

/// What the ground is made of in one scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pavings {
    /// The road.
    pub(super) asphalt: Colour,
    /// The pavement.
    pub(super) slabs: Colour,
    /// Side of a slab, metres.
    pub(super) slab: f32,
    /// Kerb stones.
    pub(super) kerb: Colour,
    /// Lane markings.
    pub(super) paint: Colour,
    /// How worn the markings are, 0 to 1.
    pub(super) worn: f32,
    /// Solid middle line.
    pub(super) solid: bool,
    /// Lines along the edges.
    pub(super) edges: bool,
    /// Number for cracks and patches.
    pub(super) seed: u32,
}

/// All that colouring a surface needs.
pub(super) struct Painter<'a> {
    /// The light.
    pub(super) light: &'a Light,
    /// The street.
    pub(super) street: &'a Street,
    /// The façades that materials refer to.
    pub(super) facades: &'a [Facade],
    /// The ground.
    pub(super) pavings: Pavings,
    /// The camera's place.
    pub(super) eye: Vec3,
    /// Share of haze by depth, in steps of 1 m.
    pub(super) haze: Vec<f32>,
}

/// Width of a pixel in samples.
const PIXEL: f32 = super::raster::SAMPLES as f32;

impl Painter<'_> {
    /// Radiance of a surface at a place in sample coordinates; `shadow` is the share of the ground's
    /// sunlight that shadows take there.
    pub(super) fn colour(&self, surface: &Surface, x: f32, y: f32, shadow: [f32; 2]) -> Colour {
        let [iz, u, v] = surface.look(x, y);
        let z = 1.0 / iz.max(1e-6);
        let [li, lu, lv] = surface.linear;
        let fu = PIXEL * z * ((lu[0] - u * li[0]).abs() + (lu[1] - u * li[1]).abs());
        let fv = PIXEL * z * ((lv[0] - v * li[0]).abs() + (lv[1] - v * li[1]).abs());
        let p = surface.frame.at(u, v);
        let sun = if surface.sun >= 0.0 { surface.sun } else { self.street.sunlight(self.light, p) };
        let near = self.lit_surface(surface, [u, v, fu, fv], p, sun, shadow);
        self.hazed(near, p, z)
    }

    /// Colour and solid share of a veil.
    pub(super) fn veil(&self, surface: &Surface, x: f32, y: f32) -> (Colour, f32) {
        let [iz, u, v] = surface.look(x, y);
        let z = 1.0 / iz.max(1e-6);
        let [li, lu, lv] = surface.linear;
        let fu = PIXEL * z * ((lu[0] - u * li[0]).abs() + (lu[1] - u * li[1]).abs());
        let fv = PIXEL * z * ((lv[0] - v * li[0]).abs() + (lv[1] - v * li[1]).abs());
        let p = surface.frame.at(u, v);
        let Material::Veil(kind) = surface.material else { return (Vec3::all(0.0), 0.0) };
        let (tone, solid) = match kind {
            Veil::Bars(tone) => {
                let rails = band(v, 0.06, 0.11, fv) + band(v, 0.93, 0.99, fv);
                (tone, stripes(u / 0.14, 0.0, 0.24, fu / 0.14).max(rails.min(1.0)))
            }
            Veil::Mesh(tone) => {
                let (a, b) = ((u + v * 1.4) / 0.07, (u - v * 1.4) / 0.07);
                let wide = (fu + 1.4 * fv) / 0.07;
                let wire = stripes(a, 0.0, 0.17, wide).max(stripes(b, 0.0, 0.17, wide));
                (tone, wire.max(band(v, 0.97, 1.0, fv)))
            }
            Veil::Spokes => {
                let r = (u * u + v * v).sqrt();
                let tyre = band(r, 0.90, 1.0, fu.max(fv));
                let rim = band(r, 0.83, 0.90, fu.max(fv));
                let spokes = 0.10 + 0.25 * band(r, 0.0, 0.12, fu);
                let tone =
                    srgb(30, 30, 32).mix(srgb(150, 150, 152), (rim + 0.5 * spokes * (1.0 - tyre)).min(1.0));
                (tone, (tyre + rim + spokes).min(1.0))
            }
        };
        (self.hazed(self.lit(tone, surface.normal, surface.sun, 0.85), p, z), solid)
    }

    /// A matt surface in the light.
    fn lit(&self, albedo: Colour, normal: Vec3, sun: f32, open: f32) -> Colour {
        let direct = normal.dot(self.light.to_sun).max(0.0) * sun;
        albedo.times(self.light.sun * direct + self.light.ambient(normal) * open)
    }

    fn hazed(&self, colour: Colour, p: Vec3, z: f32) -> Colour {
        let at = z as usize;
        let share = match self.haze.get(at..at + 2) {
            Some(&[here, next]) => here + (next - here) * (z - at as f32),
            Some(_) | None => self.haze.last().copied().unwrap_or(0.0),
        };
        if share < 0.02 {
            return colour.mix(self.light.horizon * 0.92, share);
        }
        let towards = (p - self.eye).unit().dot(self.light.to_sun).max(0.0);
        let air = self.light.horizon * 0.92 + self.light.sun * (0.10 * towards * towards * towards);
        colour.mix(air, share)
    }

    /// How open the sky is over a point near the ground, from the fronts on both sides.
    fn open(&self, p: Vec3) -> f32 {
        let t = (p.x - self.street.shift(p.z)).abs();
        let to_wall = (self.street.fronts[0].max(self.street.fronts[1]) - t).max(0.0);
        let high = 0.75 + 0.25 * smoothstep(0.0, 12.0, p.y);
        high * (0.72 + 0.28 * smoothstep(0.0, 3.0, to_wall + 0.35 * p.y))
    }

    fn lit_surface(
        &self,
        surface: &Surface,
        [u, v, fu, fv]: [f32; 4],
        p: Vec3,
        sun: f32,
        shadow: [f32; 2],
    ) -> Colour {
        let normal = surface.normal;
        // On the ground, things standing there take sun and sky away.
        let (sun, open) = if surface.ground {
            (sun * (1.0 - shadow[0]), self.open(p) * (1.0 - shadow[1]))
        } else {
            (sun, 1.0)
        };
        match surface.material {
            Material::Road => self.wetted(self.road(u, v, fu, fv, true), normal, sun, open, p, [u, v]),
            Material::SideRoad => self.wetted(self.road(u, v, fu, fv, false), normal, sun, open, p, [u, v]),
            Material::Paving => self.wetted(self.paving(u, v, fu, fv), normal, sun, open, p, [u, v]),
            Material::Kerb => {
                let tone = 0.9 + 0.3 * (noise::fractal(v * 0.13, u) - 0.5) - 0.2 * stripes(v, 0.0, 0.03, fv);
                self.lit(self.pavings.kerb * tone, normal, sun, 0.7)
            }
            Material::Soil(tone) => {
                let coarse = noise::fractal(u * 0.045, v * 0.045) - 0.5;
                let fine = noise::grain(u * 0.6, v * 0.6) - 0.5;
                let bare = smoothstep(0.62, 0.78, noise::fractal(u * 0.03 + 0.4, v * 0.05));
                let tone = tone.mix(srgb(122, 104, 82), 0.7 * bare)
                    * (1.0 + 0.7 * coarse + 0.5 * fine * smoothstep(0.8, 0.1, fv));
                self.lit(tone, normal, sun, open)
            }
            Material::Facade(id) => self.facade(surface, id, [u, v, fu, fv], p, sun),
            Material::Roof(tone) => {
                let row = stripes(v / 0.32, 0.0, 0.22, fv / 0.32);
                let tile = noise::cell(floor(u / 0.24), floor(v / 0.32), 7) - 0.5;
                let moss = noise::fractal(u * 0.04 + p.x * 0.01, v * 0.06) - 0.5;
                let near = smoothstep(0.5, 0.15, fu.max(fv));
                let tone = tone * (1.0 - 0.30 * row + 0.22 * tile * near + 0.40 * moss);
                self.lit(tone, normal, sun, 1.0)
            }
            Material::Matt(tone) => {
                let dirt = noise::fractal(u * 0.17 + tone.x, v * 0.17 + tone.z) - 0.5;
                self.lit(tone * (1.0 + 0.25 * dirt), normal, sun, 0.9)
            }
            Material::Round(tone) => {
                let bend = u.clamp(-0.98, 0.98);
                let across = surface.frame.along_u.unit();
                let round = normal * (1.0 - bend * bend).sqrt() + across * bend;
                self.lit(tone, round, sun, 0.9)
            }
            Material::Ball(tone) => self.lit(tone, bulge(surface, u, v, 1.0), sun, 0.95),
            Material::Leaves { colour, outward } => {
                let round = bulge(surface, u, v, 0.55) * 0.7 + outward * 0.9;
                let depth = outward.length().min(1.0);
                let n = (round + UP * 0.15).unit();
                let coarse = noise::fractal(u * 0.55 + outward.x, v * 0.55 + outward.z) - 0.5;
                let fine = (noise::grain(u * 1.9 + outward.z, v * 1.9 + outward.y) - 0.5)
                    * smoothstep(0.35, 0.05, fu);
                let leaf = 1.0 + 1.1 * coarse + 1.5 * fine;
                let wrap = (0.62 * n.dot(self.light.to_sun) + 0.38).max(0.0);
                let inner = 0.42 + 0.58 * depth;
                let light = self.light.sun * (wrap * sun * inner) + self.light.ambient(n) * (0.75 * inner);
                // Sunlight that comes through leaves is yellower.
                let warm = vec3(1.06, 1.0, 0.72).mix(Vec3::all(1.0), 1.0 - wrap);
                colour.times(warm).times(light) * leaf.max(0.15)
            }
            Material::Paint(tone) => {
                // Panels are not quite flat: the normal leans outward with height.
                let n = (normal + UP * (0.16 * (v * 2.1).sin())).unit();
                let d = (p - self.eye).unit();
                let facing = (-d.dot(n)).max(0.0);
                let r = d + n * (2.0 * facing);
                let fresnel = 0.05 + 0.55 * (1.0 - facing).powi(4);
                let shine = self.light.sun * (r.dot(self.light.to_sun).max(0.0).powi(40) * sun * 0.7);
                self.lit(tone, n, sun, 0.85) * (1.0 - fresnel) + self.light.mirror(r) * fresnel + shine
            }
            Material::Glass => {
                let d = (p - self.eye).unit();
                let facing = (-d.dot(normal)).max(0.0);
                let r = d + normal * (2.0 * facing);
                let fresnel = 0.09 + 0.7 * (1.0 - facing).powi(4);
                let streak = 0.8 + 0.4 * noise::fractal(p.x * 0.05 + p.y * 0.1, p.z * 0.05);
                let inside = self.light.ambient(UP) * 0.045;
                let shine = self.light.sun * (r.dot(self.light.to_sun).max(0.0).powi(90) * sun);
                inside * (1.0 - fresnel) + self.light.mirror(r) * (fresnel * streak) + shine
            }
            Material::Wheel(tone) => {
                let r = (u * u + v * v).sqrt();
                let rubber = srgb(26, 26, 27);
                let angle = v.atan2(u) * (5.0 / std::f32::consts::TAU);
                let spoke = stripes(angle, 0.25, 0.75, 0.15);
                let rim = band(r, 0.10, 0.64, fu.max(fv)) * (0.35 + 0.65 * spoke);
                self.lit(rubber.mix(tone, rim), normal, sun, 0.75)
            }
            Material::Glow(tone) => tone,
            Material::Sign { face, seed } => self.lit(sign(face, seed, u, v, fu, fv), normal, sun, 1.0),
            Material::Boards(tone) => {
                let board = floor(u / 0.13);
                let gap = stripes(u / 0.13, 0.0, 0.10, fu / 0.13);
                let rail = band(v, 0.18, 0.24, fv) + band(v, 0.78, 0.84, fv);
                let grain = noise::grain(u * 0.7, v * 0.09) - 0.5;
                let each = (noise::cell(board, 0, 11) - 0.5) * smoothstep(0.3, 0.1, fu);
                self.lit(tone * (1.0 - 0.6 * gap - 0.12 * rail + 0.4 * grain + 0.3 * each), normal, sun, 0.85)
            }
            Material::Backdrop(tone) => {
                let shade = noise::fractal(u * 0.06, v * 0.06);
                let cells = stripes(u / 3.0, 0.3, 0.7, 0.3) * stripes(v / 3.2, 0.3, 0.7, 0.3);
                self.lit(tone * (0.55 + 0.5 * shade - 0.25 * cells), normal, 0.5, 0.8)
            }
            Material::Veil(_) => Vec3::all(0.0),
        }
    }

    /// Ground in the light, with the sheen of water where it is wet.
    fn wetted(&self, albedo: Colour, normal: Vec3, sun: f32, open: f32, p: Vec3, at: [f32; 2]) -> Colour {
        let wet = self.light.wet;
        if wet <= 0.0 {
            return self.lit(albedo, normal, sun, open);
        }
        let puddle = smoothstep(0.46, 0.66, noise::fractal(at[0] * 0.06 + 0.3, at[1] * 0.035));
        let film = wet * (0.35 + 0.65 * puddle);
        let d = (p - self.eye).unit();
        let grazing = (1.0 + d.y).clamp(0.0, 1.0);
        let fresnel = film * (0.04 + 0.75 * grazing.powi(5));
        let r = vec3(d.x, -d.y, d.z);
        self.lit(albedo * (1.0 - 0.45 * wet), normal, sun, open) * (1.0 - fresnel)
            + self.light.clear(r) * (0.85 * fresnel * open)
    }

    fn road(&self, t: f32, s: f32, ft: f32, fs: f32, marked: bool) -> Colour {
        let g = &self.pavings;
        let street = self.street;
        let shift = (g.seed & 255) as f32 * 0.37;
        let broad = noise::fractal(t * 0.031 + shift, s * 0.012) - 0.5;
        let fine = noise::grain(t * 0.9, s * 0.9) - 0.5;
        let near = smoothstep(0.35, 0.02, fs);
        let middle = 0.5 * (street.parking[0] - street.parking[1]);
        let x = (t - middle) / street.lane;
        // Wheels polish two tracks in each lane.
        let track = ((fract(x) - 0.5).abs() - 0.24).abs();
        let mut tone = 1.0 + 0.40 * broad + 0.34 * fine * near - 0.10 * smoothstep(0.12, 0.0, track);
        let patch = noise::cell(floor(t / 2.6), floor(s / 7.3), g.seed);
        tone += if patch < 0.08 {
            -0.22
        } else if patch > 0.95 {
            0.14
        } else {
            0.0
        };
        if fs < 0.12 {
            let crack = (noise::fractal(t * 0.052 + shift, s * 0.04 + 0.7) - 0.5).abs();
            tone -= 0.30 * smoothstep(0.006, 0.001, crack) * smoothstep(0.12, 0.02, fs);
        }
        let mut colour = g.asphalt * tone.max(0.2);
        if !marked {
            return colour;
        }
        let mut line = 0.0f32;
        let mut zebra = 0.0f32;
        for &at in &street.zebras {
            zebra = zebra.max(band(s, at - 1.6, at + 1.6, fs) * stripes(t / 1.0, 0.25, 0.75, ft));
        }
        let clear_of = |margin: f32| {
            let cross = street.junction.is_some_and(|(a, w)| s > a - margin && s < a + w + margin);
            !cross && street.zebras.iter().all(|&z| (s - z).abs() > 2.0)
        };
        if clear_of(0.5) {
            let along = |at: f32, wide: f32| band(t, at - 0.5 * wide, at + 0.5 * wide, ft);
            let dash = stripes(s / 7.5, 0.0, 0.42, fs / 7.5);
            if street.lanes > 1 {
                line = line.max(along(middle - 0.12, 0.13)).max(along(middle + 0.12, 0.13));
                for side in [-1.0, 1.0] {
                    line = line.max(along(middle + side * street.lane, 0.14) * dash);
                }
            } else {
                line = line.max(along(middle, 0.13) * if g.solid { 1.0 } else { dash });
            }
            if g.edges {
                for side in [-1.0f32, 1.0] {
                    let at = middle + side * (street.lane * street.lanes as f32 - 0.08);
                    line = line.max(along(at, 0.12));
                }
            }
        }
        if let Some((start, _)) = street.junction {
            let stop = start - if street.zebras.is_empty() { 1.6 } else { 6.0 };
            let ours = if street.keep > 0.0 {
                band(t, middle + 0.2, street.half - 0.3, ft)
            } else {
                band(t, 0.3 - street.half, middle - 0.2, ft)
            };
            line = line.max(band(s, stop, stop + 0.45, fs) * ours);
        }
        if line.max(zebra) > 0.0 {
            let rubbed =
                smoothstep(g.worn * 0.75, g.worn * 0.75 + 0.3, noise::fractal(t * 0.4, s * 0.4) + 0.12);
            let cover = line.max(zebra) * (0.35 + 0.65 * rubbed);
            colour = colour.mix(g.paint * (0.9 + 0.3 * fine), cover);
        }
        // Dirt gathers in the gutter.
        let gutter = smoothstep(0.5, 0.0, street.half - t.abs());
        colour * (1.0 - 0.28 * gutter)
    }

    fn paving(&self, t: f32, s: f32, ft: f32, fs: f32) -> Colour {
        let g = &self.pavings;
        let edge = t.abs() - self.street.half;
        let kerb = band(edge, 0.0, 0.16, ft);
        let (x, y) = (t / g.slab, s / (g.slab * 1.4));
        let each = noise::cell(floor(x), floor(y), g.seed) - 0.5;
        let near = smoothstep(1.2, 0.2, fs / g.slab);
        let joint = stripes(x, 0.0, 0.05, ft / g.slab).max(stripes(y, 0.0, 0.035, fs / (g.slab * 1.4)));
        let broad = noise::fractal(t * 0.06 + 0.2, s * 0.03) - 0.5;
        let fine = noise::grain(t * 0.8, s * 0.8) - 0.5;
        let tone = 1.0 + 0.34 * broad + 0.22 * each * near + 0.2 * fine * near - 0.32 * joint;
        let stone = g.kerb * (1.0 + 0.2 * fine - 0.3 * stripes(s, 0.0, 0.03, fs));
        (g.slabs * tone).mix(stone, kerb)
    }

    fn facade(&self, surface: &Surface, id: u16, [u, v, fu, fv]: [f32; 4], p: Vec3, sun: f32) -> Colour {
        let Some(look) = self.facades.get(usize::from(id)) else { return Vec3::all(0.0) };
        let normal = surface.normal;
        let point = facade::at(look, u, v, fu, fv);
        let open = 0.62 + 0.38 * smoothstep(0.0, look.height.max(4.0), v);
        // Cornices shade the wall below them.
        let eave =
            1.0 - 0.45 * smoothstep(look.height - 1.1, look.height - 0.3, v) * band(v, 0.0, look.height, fv);
        let mut colour = self.lit(point.wall, normal, sun * eave, open * (0.8 + 0.2 * eave));
        if point.glass > 0.0 {
            let d = (p - self.eye).unit();
            let facing = (-d.dot(normal)).max(0.0);
            let r = d + normal * (2.0 * facing);
            let fresnel = (point.mirror * (0.35 + 0.65 * (1.0 - facing).powi(3))).min(1.0);
            // Across the street stand other houses: below a height, the glass mirrors them.
            let opposite = smoothstep(0.12, 0.38, r.y);
            let seen = (self.light.bounce * 0.30).mix(self.light.clear(r), opposite);
            let inside = self.lit(point.behind, normal, sun * 0.5, 0.7) + point.shine;
            colour = colour.mix(inside * (1.0 - fresnel) + seen * fresnel, point.glass);
        }
        if v < KERB { colour * 0.7 } else { colour }
    }
}

/// The normal of a ball seen as a disc: at `(u, v)` of its frame; `flat` below 1 flattens it.
fn bulge(surface: &Surface, u: f32, v: f32, flat: f32) -> Vec3 {
    let (x, y) = (surface.frame.along_u.unit(), surface.frame.along_v.unit());
    let height = (1.0 - u * u - v * v).max(0.05).sqrt();
    (x * u + y * v + surface.normal * (height * flat)).unit()
}

/// What is painted on a sign at `(u, v)`.
fn sign(face: SignFace, seed: u32, u: f32, v: f32, fu: f32, fv: f32) -> Colour {
    let (white, red) = (srgb(232, 232, 228), srgb(178, 26, 32));
    let (blue, black, yellow) = (srgb(24, 70, 150), srgb(24, 24, 26), srgb(232, 184, 32));
    let pixel = fu.max(fv);
    let r = (u * u + v * v).sqrt();
    let mark = |a: f32, b: f32, c: f32, d: f32| band(u, a, b, fu) * band(v, c, d, fv);
    let form = seed >> 4 & 3;
    match face {
        SignFace::Prohibition => {
            let rim = 1.0 - band(r, -1.0, 0.74, pixel);
            let digits = match form {
                0 => mark(-0.42, -0.10, -0.36, 0.36) + mark(0.10, 0.42, -0.36, 0.36),
                1 => mark(-0.36, 0.36, -0.16, 0.16),
                2 => mark(-0.1, 0.1, -0.4, 0.4) + mark(0.15, 0.40, -0.4, 0.4),
                _ => 0.0,
            };
            white.mix(black, digits.min(1.0)).mix(red, rim)
        }
        SignFace::Stop if seed & 1 == 0 => {
            red.mix(white, (mark(-0.72, 0.72, -0.22, 0.22) * 0.7).max(1.0 - band(r, -1.0, 0.95, pixel)))
        }
        SignFace::Stop => red.mix(white, mark(-0.72, 0.72, -0.19, 0.19)),
        SignFace::Mandatory => {
            let arrow = match form {
                0 => mark(-0.14, 0.14, -0.6, 0.5) + mark(-0.4, 0.4, 0.1, 0.3),
                1 => mark(-0.55, 0.5, -0.14, 0.14) + mark(-0.5, -0.25, -0.4, 0.4),
                2 => mark(-0.5, 0.5, -0.55, 0.2),
                _ => mark(-0.2, 0.2, -0.6, 0.6),
            };
            blue.mix(white, arrow.min(1.0))
        }
        SignFace::Warning => {
            // Distance to the triangle's edges, 0 at the rim.
            let inset = (v + 0.85).min((1.05 - u.abs() * 1.76 - v * 1.0) * 0.5);
            white
                .mix(black, mark(-0.12, 0.12, -0.5, 0.3))
                .mix(red, 1.0 - smoothstep(0.12, 0.12 + pixel.max(0.05), inset))
        }
        SignFace::Yellow if seed & 1 == 0 => {
            let inner = 1.1 - u.abs() - v.abs();
            white.mix(yellow, smoothstep(0.2, 0.2 + pixel.max(0.05), inner))
        }
        SignFace::Yellow => {
            yellow.mix(black, (mark(-1.2, 1.2, 0.1, 0.35) + mark(-1.2, 0.6, -0.4, -0.15)).min(1.0) * 0.85)
        }
        SignFace::Board => {
            let ground = match form {
                0 => srgb(18, 92, 62),
                1 => blue,
                2 => white,
                _ => yellow,
            };
            let ink = if form < 2 { white } else { black };
            let lines = stripes(v / 0.5, 0.3, 0.7, fv / 0.5)
                * band(u.abs(), 0.0, 0.82, fu)
                * band(v.abs(), 0.0, 0.75, fv);
            let words = if noise::cell(floor(u / 0.13), floor(v / 0.5), seed) > 0.3 { 0.9 } else { 0.15 };
            ground.mix(ink, lines * words)
        }
        SignFace::Back => srgb(118, 120, 122),
    }
}
