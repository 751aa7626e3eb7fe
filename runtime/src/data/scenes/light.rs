//! Time of day and weather: sun, sky, clouds and haze, drawn once per scene.
//!
//! Radiances are relative: the exposure is found from the finished picture.

use super::geometry::{Colour, Vec3, smoothstep, vec3};
use super::noise;
use crate::random::Stream;

/// The light of one scene.
#[derive(Clone, Debug)]
pub(super) struct Light {
    /// Unit vector to the sun.
    pub(super) to_sun: Vec3,
    /// Sunlight on a surface that faces it; black under a closed sky.
    pub(super) sun: Colour,
    /// The sky overhead.
    pub(super) zenith: Colour,
    /// The sky at the horizon, which haze takes on.
    pub(super) horizon: Colour,
    /// What the ground sends back upwards.
    pub(super) bounce: Colour,
    /// Distance in metres at which haze takes 63 % of the contrast.
    pub(super) haze: f32,
    /// Share of the sky under clouds, roughly.
    pub(super) cover: f32,
    /// Where in the noise tile the clouds begin.
    pub(super) drift: [f32; 2],
    /// Radiance of a sunlit and of a shaded cloud.
    pub(super) cloud: [Colour; 2],
    /// Street lamps and windows are lit.
    pub(super) lamps: bool,
    /// The road is wet.
    pub(super) wet: f32,
}

impl Light {
    /// Draws weather and time of day.
    pub(super) fn draw(random: &mut Stream) -> Self {
        let azimuth = random.uniform(0.0, std::f32::consts::TAU);
        let kind = random.unit();
        let tint = random.uniform(-1.0, 1.0);
        let drift = [random.unit(), random.unit()];
        let strength = random.uniform(0.75, 1.25);
        let elevation = random.unit();
        let cover = random.unit();
        let damp = random.unit();
        let direction = |degrees: f32| {
            let (up, flat) = degrees.to_radians().sin_cos();
            vec3(azimuth.sin() * flat, up, azimuth.cos() * flat)
        };
        let bright = [vec3(1.5, 1.5, 1.52), vec3(0.72, 0.76, 0.84)];
        if kind < 0.50 {
            // Clear or fair.
            Self {
                to_sun: direction(22.0 + 43.0 * elevation),
                sun: vec3(2.9, 2.65 - 0.12 * tint, 2.25 - 0.3 * tint) * strength,
                zenith: vec3(0.15, 0.32 + 0.03 * tint, 0.72 + 0.06 * tint),
                horizon: vec3(0.70, 0.83, 0.98) * (0.9 + 0.15 * strength),
                bounce: vec3(0.36, 0.34, 0.31) * strength,
                haze: 260.0 + 900.0 * cover,
                cover: 0.12 + 0.5 * cover,
                drift,
                cloud: bright,
                lamps: false,
                wet: 0.0,
            }
        } else if kind < 0.76 {
            // Overcast, sometimes after rain.
            let grey = 0.95 + 0.25 * tint;
            Self {
                to_sun: direction(50.0),
                sun: Vec3::all(0.0),
                zenith: vec3(0.82, 0.88, 0.97) * grey,
                horizon: vec3(0.98, 1.0, 1.03) * grey,
                bounce: vec3(0.17, 0.17, 0.17),
                haze: 130.0 + 450.0 * elevation,
                cover: 0.75 + 0.35 * cover,
                drift,
                cloud: [vec3(1.18, 1.2, 1.24) * grey, vec3(0.66, 0.71, 0.79) * grey],
                lamps: damp > 0.8,
                wet: smoothstep(0.45, 0.8, damp),
            }
        } else if kind < 0.83 {
            // Mist.
            Self {
                to_sun: direction(25.0),
                sun: vec3(0.35, 0.32, 0.28) * elevation,
                zenith: vec3(0.8, 0.84, 0.9),
                horizon: vec3(0.92, 0.93, 0.93 + 0.03 * tint),
                bounce: vec3(0.2, 0.2, 0.2),
                haze: 38.0 + 60.0 * cover,
                cover: 1.2,
                drift,
                cloud: [vec3(0.95, 0.95, 0.95), vec3(0.85, 0.86, 0.88)],
                lamps: damp > 0.6,
                wet: 0.5 * damp,
            }
        } else if kind < 0.94 {
            // A low sun, morning or evening.
            Self {
                to_sun: direction(7.0 + 12.0 * elevation),
                sun: vec3(2.7, 1.75 + 0.15 * tint, 0.95 + 0.2 * tint) * strength,
                zenith: vec3(0.20, 0.29, 0.52),
                horizon: vec3(1.05, 0.80 + 0.06 * tint, 0.60 + 0.14 * tint),
                bounce: vec3(0.26, 0.22, 0.18),
                haze: 150.0 + 500.0 * damp,
                cover: 0.2 + 0.6 * cover,
                drift,
                cloud: [vec3(1.55, 1.15, 0.85), vec3(0.50, 0.46, 0.54)],
                lamps: damp > 0.7,
                wet: 0.0,
            }
        } else {
            // Dusk.
            Self {
                to_sun: direction(4.0),
                sun: Vec3::all(0.0),
                zenith: vec3(0.10, 0.15, 0.32),
                horizon: vec3(0.62, 0.46 + 0.1 * tint, 0.42 - 0.05 * tint),
                bounce: vec3(0.09, 0.08, 0.08),
                haze: 180.0 + 300.0 * damp,
                cover: 0.3 + 0.6 * cover,
                drift,
                cloud: [vec3(0.62, 0.42, 0.40), vec3(0.16, 0.17, 0.25)],
                lamps: true,
                wet: if damp > 0.6 { 0.8 } else { 0.0 },
            }
        }
    }

    /// The sky without clouds in a unit direction.
    pub(super) fn clear(&self, d: Vec3) -> Colour {
        let low = 1.0 - d.y.clamp(0.0, 1.0);
        let low2 = low * low;
        self.zenith.mix(self.horizon, low2 * low2 * (0.35 + 0.65 * low2))
    }

    /// The sky with clouds and the sun's glow in a unit direction.
    pub(super) fn sky(&self, d: Vec3) -> Colour {
        let up = d.y.max(0.0);
        let mut sky = self.clear(d);
        let towards = d.dot(self.to_sun).max(0.0);
        let sharp = towards * towards * towards * towards;
        let sharp = sharp * sharp * sharp * sharp;
        let glow = 0.10 * sharp + 0.5 * smoothstep(0.9975, 0.9995, towards) + 0.35 * sharp.powi(6);
        sky = sky + self.sun * glow;
        let far = 1.0 / (up + 0.10);
        let (u, v) = (d.x * far * 0.045 + self.drift[0], d.z * far * 0.07 + self.drift[1]);
        let shape = noise::fractal(u, v) + 0.25 * (noise::fractal(u * 4.3, v * 4.3) - 0.5);
        let edge = 0.78 - 0.48 * self.cover;
        let share = smoothstep(edge, edge + 0.16, shape) * smoothstep(0.0, 0.10, up);
        if share > 0.0 {
            // Thicker parts, and parts away from the sun, are darker.
            let lit = noise::fractal(u + self.to_sun.x * 0.012, v + self.to_sun.z * 0.012);
            let dark = smoothstep(edge + 0.02, edge + 0.42, 0.6 * shape + 0.5 * lit);
            sky = sky.mix(self.cloud[0].mix(self.cloud[1], dark), share * 0.94);
        }
        sky
    }

    /// Light of sky and ground on a matt surface with normal `n`, without the sun.
    pub(super) fn ambient(&self, n: Vec3) -> Colour {
        let sky = self.zenith.mix(self.horizon, 0.45) * 0.8;
        let up = 0.5 + 0.5 * n.y;
        // Never quite one-sided: facing the sun's quarter gives a little more.
        let side = 1.0 + 0.12 * n.dot(self.to_sun);
        (self.bounce * 0.8).mix(sky, up) * side
    }

    /// What a mirror sees in direction `d`: sky above, a street below.
    pub(super) fn mirror(&self, d: Vec3) -> Colour {
        let street = self.bounce * 0.45;
        street.mix(self.clear(d), smoothstep(-0.02, 0.22, d.y))
    }
}
