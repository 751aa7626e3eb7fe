//! The camera behind the lens: exposure, white balance, blur, vignette, tone curve and noise.
//!
//! Radiance in, 8-bit values out.

use super::geometry::{Colour, Vec3, vec3};
use super::noise::hash;
use crate::random::Stream;

/// How a camera renders light; drawn once per scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sensor {
    /// Where the picture's mean brightness is put.
    key: f32,
    /// White balance.
    balance: Colour,
    /// 1 keeps colours, 0 is grey.
    saturation: f32,
    /// Share of an S-shaped curve.
    contrast: f32,
    /// Blur as a share of the picture's width.
    blur: f32,
    /// Darkening towards the corners.
    vignette: f32,
    /// Light scattered over everything.
    flare: f32,
    /// Deviation of the noise, 8-bit steps.
    grain: f32,
    /// Number for the noise.
    seed: u32,
}

impl Sensor {
    /// Draws a camera.
    pub(super) fn draw(random: &mut Stream) -> Self {
        let warm = random.normal() * 0.07;
        let green = random.normal() * 0.03;
        Self {
            key: 0.30 * (random.normal() * 0.20).clamp(-0.5, 0.5).exp(),
            balance: vec3(warm.exp(), green.exp(), (-warm * 1.1).exp()),
            saturation: random.uniform(0.72, 1.12),
            contrast: random.uniform(0.15, 0.75),
            blur: random.uniform(0.0002, 0.0013),
            vignette: random.uniform(0.0, 0.35),
            flare: random.uniform(0.0, 0.03),
            grain: random.uniform(0.6, 4.5),
            seed: random.bits(),
        }
    }

    /// Develops a picture.
    pub(super) fn develop(&self, mut light: Vec<Colour>, width: usize, height: usize) -> Vec<u8> {
        let exposure = self.exposure(&light);
        // Two passes of a three-tap kernel blur by twice its variance.
        let deviation = (self.blur * width as f32).min(1.6);
        let tap = 0.25 * deviation * deviation;
        let mut flat = Vec::with_capacity(3 * light.len());
        flat.extend(light.drain(..).flat_map(|c| [c.x, c.y, c.z]));
        for _ in 0..if tap > 0.03 { 2 } else { 1 } {
            blur(&mut flat, 3 * width, if tap > 0.03 { tap.min(0.33) } else { 2.0 * tap });
        }
        let curve = self.curve();
        let mut out = vec![0u8; flat.len()];
        let (cx, cy) = (0.5 * width as f32, 0.5 * height as f32);
        let scale = 1.0 / (cx * cx);
        let gain = self.balance * exposure;
        let lines = flat.chunks_exact(3 * width).zip(out.chunks_exact_mut(3 * width));
        for (row, (line, out)) in lines.enumerate() {
            let dy = row as f32 + 0.5 - cy;
            let pixels = line.as_chunks::<3>().0.iter().zip(out.as_chunks_mut::<3>().0);
            for (column, (&[r, g, b], out)) in pixels.enumerate() {
                let dx = column as f32 + 0.5 - cx;
                let fall = 1.0 - self.vignette * (dx * dx + dy * dy) * scale;
                let value = vec3(r, g, b).times(gain) * fall + Vec3::all(self.flare);
                let value = Vec3::all(value.luminance()).mix(value, self.saturation);
                let mixed = hash(self.seed ^ hash((row * width + column) as u32));
                // The sum of two bytes is near enough to a normal value for noise.
                let byte = |shift: u32| (mixed >> shift & 255) as f32;
                let (a, b, c, d) = (byte(0), byte(8), byte(16), byte(24));
                let common = a + b + c + d - 510.0;
                let tints = [a - b, b - c, c - d];
                for ((channel, tint), out) in [value.x, value.y, value.z].into_iter().zip(tints).zip(out) {
                    let at = (channel.clamp(0.0, 3.999) * (512.0 * 512.0)).sqrt();
                    let cell = at as i32;
                    let [here, step, noise] = curve[(cell & 1023) as usize];
                    let clean = here + step * (at - cell as f32);
                    *out = (clean + noise * (common + tint) + 0.5) as u8;
                }
            }
        }
        out
    }

    /// The factor that brings the picture's mean (half way between the plain and the logarithmic mean)
    /// to the key.
    fn exposure(&self, light: &[Colour]) -> f32 {
        let (mut logs, mut sum, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for value in light.iter().step_by(7) {
            let l = f64::from(value.luminance().clamp(0.01, 4.0));
            logs += l.ln();
            sum += l;
            count += 1.0;
        }
        let count = count.max(1.0);
        self.key / ((logs / count).exp() * (sum / count)).sqrt() as f32
    }

    /// The tone curve over the square root of light in `[0, 4]`: the value in 8-bit steps, the way to the
    /// next one, and the scale of the noise there.
    fn curve(&self) -> [[f32; 3]; 1024] {
        let value = |at: usize| {
            let light = (at as f32 / 512.0).powi(2);
            // Highlights roll off (an exponential shoulder), then the display's gamma.
            let film = (1.0 - (-1.55 * light).exp()).powf(1.0 / 2.2);
            let s = film * film * (3.0 - 2.0 * film);
            film + (s - film) * self.contrast
        };
        std::array::from_fn(|at| {
            let (here, next) = (value(at), value(at + 1));
            // Shot noise grows with the root of light; after the curve it is largest in mid-tones.
            let noise = self.grain * (0.6 + 1.6 * (here * (1.0 - here)).max(0.0).sqrt());
            [255.0 * here, 255.0 * (next - here), noise * 0.0062]
        })
    }
}

/// One pass of the kernel `[tap, 1 - 2 tap, tap]` along both axes, edges repeated; `stride` values a row.
fn blur(light: &mut [f32], stride: usize, tap: f32) {
    if tap < 0.004 {
        return;
    }
    let keep = 1.0 - 2.0 * tap;
    let mut padded = vec![0.0f32; stride + 6];
    for line in light.chunks_exact_mut(stride) {
        padded[3..stride + 3].copy_from_slice(line);
        padded.copy_within(3..6, 0);
        padded.copy_within(stride..stride + 3, stride + 3);
        let sides = padded[..stride].iter().zip(&padded[6..]);
        for (value, (before, after)) in line.iter_mut().zip(sides) {
            *value = *value * keep + (before + after) * tap;
        }
    }
    let mut above = light[..stride].to_vec();
    let rows = light.len() / stride;
    for row in 0..rows {
        let (done, rest) = light.split_at_mut((row + 1) * stride);
        let here = &mut done[row * stride..];
        if rest.is_empty() {
            for (value, above) in here.iter_mut().zip(&above) {
                *value = *value * (1.0 - tap) + above * tap;
            }
            return;
        }
        for ((value, above), below) in here.iter_mut().zip(&mut above).zip(&*rest) {
            let old = *value;
            *value = old * keep + (*above + below) * tap;
            *above = old;
        }
    }
}
