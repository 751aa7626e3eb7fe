//! Cheap textures: integer hashes and one tile of fractal noise, made once.
//!
//! Everything here is a pure function of its arguments, so that any thread may render any pixel.

use std::sync::LazyLock;

/// Side of the noise tile, a power of two.
const SIDE: usize = 1 << SHIFT;
/// Its binary logarithm.
const SHIFT: u32 = 8;

/// Mixes 32 bits (the finaliser of MurmurHash3, by Austin Appleby, public domain).
#[inline]
pub(super) fn hash(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// A value in `[0, 1)` for a cell of a grid.
#[inline]
pub(super) fn cell(x: i32, y: i32, seed: u32) -> f32 {
    let mixed = hash(x as u32 ^ hash(y as u32 ^ hash(seed)));
    (mixed >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The tile: six octaves of value noise (periods 4 to 128 cells), rescaled to fill `[0, 1]`.
static TILE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut tile = vec![0.0f32; SIDE * SIDE];
    let (mut period, mut weight) = (4usize, 1.0f32);
    while period <= 128 {
        let step = period as f32 / SIDE as f32;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let (fx, fy) = (x as f32 * step, y as f32 * step);
                let (ix, iy) = (fx as usize, fy as usize);
                let corner = |dx: usize, dy: usize| {
                    cell(((ix + dx) % period) as i32, ((iy + dy) % period) as i32, period as u32)
                };
                let ease = |t: f32| t * t * (3.0 - 2.0 * t);
                let (tx, ty) = (ease(fx - ix as f32), ease(fy - iy as f32));
                let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * tx;
                let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * tx;
                tile[y * SIDE + x] += weight * (top + (bottom - top) * ty);
            }
        }
        period *= 2;
        weight *= 0.55;
    }
    let low = tile.iter().copied().fold(f32::INFINITY, f32::min);
    let high = tile.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in &mut tile {
        *value = (*value - low) / (high - low);
    }
    tile
});

/// The largest whole number up to `x`, for `x` within the range of 32 bits; quicker than `f32::floor`
/// where the processor's baseline has no instruction for it.
#[inline]
pub(super) fn floor(x: f32) -> i32 {
    let cut = x as i32;
    cut - i32::from((cut as f32) > x)
}

/// `x` less its floor.
#[inline]
pub(super) fn fract(x: f32) -> f32 {
    x - floor(x) as f32
}

/// Fractal noise in `[0, 1]`, mean about 0.5, repeating every unit of `u` and `v`.
#[inline]
pub(super) fn fractal(u: f32, v: f32) -> f32 {
    let tile: &[f32] = &TILE;
    let (x, y) = (u * SIDE as f32, v * SIDE as f32);
    let (fx, fy) = (floor(x), floor(y));
    let (tx, ty) = (x - fx as f32, y - fy as f32);
    let mask = SIDE as i32 - 1;
    let (x0, y0) = (fx & mask, (fy & mask) << SHIFT);
    let (x1, y1) = ((x0 + 1) & mask, (y0 + SIDE as i32) & (mask << SHIFT));
    let at = |x: i32, y: i32| tile.get((y | x) as usize).copied().unwrap_or(0.0);
    let top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * tx;
    let bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * tx;
    top + (bottom - top) * ty
}

/// The noise tile's nearest value: quicker than [`fractal`], for detail finer than a pixel.
#[inline]
pub(super) fn grain(u: f32, v: f32) -> f32 {
    let mask = SIDE as i32 - 1;
    let (x, y) = (floor(u * SIDE as f32) & mask, floor(v * SIDE as f32) & mask);
    TILE.get((y << SHIFT | x) as usize).copied().unwrap_or(0.5)
}

/// How much of the interval `low..high` a pixel of width `width` around `x` covers, 0 to 1.
#[inline]
pub(super) fn band(x: f32, low: f32, high: f32, width: f32) -> f32 {
    let half = 0.5 * width.max(1e-6);
    ((x + half).min(high) - (x - half).max(low)).clamp(0.0, 2.0 * half) / (2.0 * half)
}

/// [`band`] for a pattern that repeats with period 1: `x` in periods, fading to the mean when a pixel
/// spans many of them.
#[inline]
pub(super) fn stripes(x: f32, low: f32, high: f32, width: f32) -> f32 {
    if width >= 1.0 {
        return high - low;
    }
    let f = fract(x);
    let sum = band(f, low, high, width) + band(f - 1.0, low, high, width) + band(f + 1.0, low, high, width);
    sum.min(1.0)
}
