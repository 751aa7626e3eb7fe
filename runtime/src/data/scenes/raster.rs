//! Flat polygons in, samples out: which surface each sample sees, at what depth, in which shadow.
//!
//! Four samples a pixel (two by two) and a depth buffer, so drawing order does not matter. Surfaces keep
//! their plane as linear functions over the samples: texture coordinates are found again when a pixel is
//! coloured, and only for surfaces that are seen. A second layer holds *veils*: things that one can look
//! through (railings, spokes), which own the label but only part of the colour.

use super::geometry::{Camera, Colour, Frame, Vec3, vec3};
use super::noise;

/// Samples per pixel along each axis.
pub(super) const SAMPLES: usize = 2;
/// Nothing nearer than this is drawn, metres.
const NEAR: f32 = 0.25;
/// Corners that a polygon may have after clipping.
const CORNERS: usize = 24;
/// The sample sees no surface: sky.
pub(super) const NOTHING: u16 = u16::MAX;

/// How a surface takes light.
#[derive(Clone, Copy, Debug)]
pub(super) enum Material {
    /// Asphalt with markings; u is the offset from the road's middle, v the distance along it.
    Road,
    /// A side street: asphalt without markings.
    SideRoad,
    /// Paving slabs; u and v as for the road.
    Paving,
    /// Kerb stones.
    Kerb,
    /// Grass, earth or gravel of this colour.
    Soil(Colour),
    /// A wall with windows: an index into the scene's façades.
    Facade(u16),
    /// Tiles or slates; v up the slope.
    Roof(Colour),
    /// Flat and matt, with a little dirt.
    Matt(Colour),
    /// A round bar: u runs from -1 to 1 across it.
    Round(Colour),
    /// A ball seen as a disc: u and v run from -1 to 1.
    Ball(Colour),
    /// A clump of leaves, with the direction from the middle of its crown.
    Leaves { colour: Colour, outward: Vec3 },
    /// Car paint.
    Paint(Colour),
    /// Window glass that mirrors the sky.
    Glass,
    /// A tyre with its rim: u and v run from -1 to 1.
    Wheel(Colour),
    /// Shines by itself.
    Glow(Colour),
    /// A traffic sign's face; u and v run from -1 to 1.
    Sign { face: SignFace, seed: u32 },
    /// A wooden fence: boards of about 12 cm.
    Boards(Colour),
    /// Something to be looked through.
    Veil(Veil),
    /// A far row of houses or woods, nearly the colour of the haze.
    Backdrop(Colour),
}

/// Things that one can look through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Veil {
    /// Upright bars and two rails; u in metres, v from 0 to 1.
    Bars(Colour),
    /// Wire mesh between posts; u in metres, v from 0 to 1.
    Mesh(Colour),
    /// A bicycle's wheel; u and v run from -1 to 1.
    Spokes,
}

/// What is painted on a traffic sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignFace {
    /// White with a red rim.
    Prohibition,
    /// Red with a white rim or bar.
    Stop,
    /// Blue with a white mark.
    Mandatory,
    /// A triangle: white with a red rim.
    Warning,
    /// Yellow with a dark rim or lines.
    Yellow,
    /// A board with lines of text on this ground.
    Board,
    /// The grey back of a sign.
    Back,
}

/// The outline test that a sample has to pass, beyond lying inside the polygon.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// None.
    Whole,
    /// A ragged disc of radius 1 in u and v; the numbers place its raggedness in the noise tile.
    Ragged { at: [f32; 2], scale: f32, depth: f32 },
}

/// How an outline is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brush {
    /// How it is coloured.
    pub(super) material: Material,
    /// Its class.
    pub(super) class: u8,
    /// Share of sunlight that reaches it; negative: to be found per pixel.
    pub(super) sun: f32,
    /// Lies on the ground, where shadows fall.
    pub(super) ground: bool,
    /// Which of its samples are there.
    pub(super) cut: Cut,
    /// Pulls it towards the camera by that share of its distance, so that details stay before what they
    /// lie on.
    pub(super) bias: f32,
}

/// A flat thing that is seen somewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// 1/z, u/z and v/z as linear functions of the sample's column and row.
    pub(super) linear: [[f32; 3]; 3],
    /// Its plane in the world.
    pub(super) frame: Frame,
    /// Unit normal on the side that is seen.
    pub(super) normal: Vec3,
    /// How it is coloured.
    pub(super) material: Material,
    /// Its class.
    pub(super) class: u8,
    /// Lies on the ground, where shadows fall.
    pub(super) ground: bool,
    /// Share of sunlight that reaches it; negative: to be found per pixel.
    pub(super) sun: f32,
}

impl Surface {
    /// `[1/z, u, v]` at a place in sample coordinates.
    pub(super) fn look(&self, x: f32, y: f32) -> [f32; 3] {
        let [iz, u, v] = self.linear.map(|l| l[0] * x + l[1] * y + l[2]);
        let z = 1.0 / iz.max(1e-6);
        [iz, u * z, v * z]
    }
}

/// The sample buffers of one picture and the surfaces that they name.
pub(super) struct Raster {
    /// The camera.
    pub(super) camera: Camera,
    /// Columns of samples.
    pub(super) columns: usize,
    /// Rows of samples.
    pub(super) rows: usize,
    /// Samples per unit of the image plane at distance 1.
    pub(super) focal: f32,
    /// All surfaces that may be seen.
    pub(super) surfaces: Vec<Surface>,
    /// Nearest opaque surface, by sample.
    pub(super) seen: Vec<u16>,
    /// Nearest veil before it, by sample.
    pub(super) veil: Vec<u16>,
    /// 0 lit, 1 under leaves, 2 in full shadow; for ground only, by sample.
    pub(super) shadow: Vec<u8>,
    /// Inverse depth of what is seen, by sample.
    pub(super) depth: Vec<f32>,
    veil_depth: Vec<f32>,
    span: Vec<[f32; 2]>,
    waiting: Vec<(Frame, Vec<[f32; 2]>, Brush)>,
}

impl Raster {
    /// Empty buffers for a picture of `width` by `height` pixels.
    pub(super) fn new(camera: Camera, width: usize, height: usize) -> Self {
        let (columns, rows) = (width * SAMPLES, height * SAMPLES);
        let count = columns * rows;
        Self {
            camera,
            columns,
            rows,
            focal: camera.focal * columns as f32,
            surfaces: Vec::with_capacity(2048),
            seen: vec![NOTHING; count],
            veil: vec![NOTHING; count],
            shadow: vec![0; count],
            depth: vec![0.0; count],
            veil_depth: vec![0.0; count],
            span: vec![[f32::INFINITY, f32::NEG_INFINITY]; rows],
            waiting: Vec::new(),
        }
    }

    /// Half the width in metres of one pixel at point `p`.
    pub(super) fn half_pixel(&self, p: Vec3) -> f32 {
        self.camera.depth(p).max(0.0) * 0.5 * SAMPLES as f32 / self.focal
    }

    /// A place in sample coordinates as a point of the image plane at distance 1.
    pub(super) fn image_plane(&self, x: f32, y: f32) -> [f32; 2] {
        [(x - 0.5 * self.columns as f32) / self.focal, (0.5 * self.rows as f32 - y) / self.focal]
    }

    /// Draws a flat outline, the nearest surface staying in front.
    pub(super) fn draw(&mut self, frame: Frame, outline: &[[f32; 2]], brush: Brush) {
        let Some((id, rows)) = self.add(&frame, outline, &brush) else { return };
        let surface = self.surfaces[usize::from(id)];
        let linear = surface.linear;
        let pull = 1.0 + brush.bias;
        let iz = linear[0].map(|k| k * pull);
        for row in rows.0..rows.1 {
            let Some((from, to)) = self.take_span(row) else { continue };
            let y = row as f32 + 0.5;
            let base = row * self.columns;
            match brush.cut {
                Cut::Whole => {
                    let mut near = iz[0] * (from as f32 + 0.5) + iz[1] * y + iz[2];
                    let depth = &mut self.depth[base + from..base + to];
                    let seen = &mut self.seen[base + from..base + to];
                    for (depth, seen) in depth.iter_mut().zip(seen) {
                        if near > *depth {
                            *depth = near;
                            *seen = id;
                        }
                        near += iz[0];
                    }
                }
                Cut::Ragged { at, scale, depth } => {
                    for column in from..to {
                        let [near, u, v] = surface.look(column as f32 + 0.5, y);
                        let near = near * pull;
                        if near > self.depth[base + column] {
                            let inner = u * u + v * v;
                            let solid = inner < 1.0 - 0.8 * depth;
                            if solid
                                || inner < 1.0 - depth * noise::fractal(at[0] + u * scale, at[1] + v * scale)
                            {
                                self.depth[base + column] = near;
                                self.seen[base + column] = id;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Keeps a veil for [`Raster::finish`], which draws it once everything solid is there.
    pub(super) fn veil(&mut self, frame: Frame, outline: &[[f32; 2]], brush: Brush) {
        self.waiting.push((frame, outline.to_vec(), brush));
    }

    /// Draws the veils.
    pub(super) fn finish(&mut self) {
        for (frame, outline, brush) in std::mem::take(&mut self.waiting) {
            let Some((id, rows)) = self.add(&frame, &outline, &brush) else { continue };
            let iz = self.surfaces[usize::from(id)].linear[0];
            for row in rows.0..rows.1 {
                let Some((from, to)) = self.take_span(row) else { continue };
                let base = row * self.columns;
                for column in from..to {
                    // A hair nearer, so that the posts within a fence do not hide it.
                    let near = 1.001 * (iz[0] * (column as f32 + 0.5) + iz[1] * (row as f32 + 0.5) + iz[2]);
                    if near > self.depth[base + column] && near > self.veil_depth[base + column] {
                        self.veil_depth[base + column] = near;
                        self.veil[base + column] = id;
                    }
                }
            }
        }
    }

    /// Marks where a shadow falls: `points` is its convex outline on the ground.
    pub(super) fn cast(&mut self, points: &[Vec3], strength: u8) {
        let Some(rows) = self.scan_points(points.iter().copied()) else { return };
        for row in rows.0..rows.1 {
            let Some((from, to)) = self.take_span(row) else { continue };
            let base = row * self.columns;
            for mark in &mut self.shadow[base + from..base + to] {
                *mark = (*mark).max(strength);
            }
        }
    }

    /// Notes a surface and fills `span` with its outline; its number and the rows that it touches. None
    /// where it is not in the picture.
    fn add(&mut self, frame: &Frame, outline: &[[f32; 2]], brush: &Brush) -> Option<(u16, (usize, usize))> {
        let id = u16::try_from(self.surfaces.len()).ok().filter(|&id| id != NOTHING)?;
        let rows = self.scan_points(outline.iter().map(|&[u, v]| frame.at(u, v)))?;
        let linear = self.linear(frame)?;
        let [u, v] = *outline.first()?;
        let mut normal = frame.normal();
        if normal.dot(frame.at(u, v) - self.camera.at) > 0.0 {
            normal = -normal;
        }
        let Brush { material, class, sun, ground, .. } = *brush;
        self.surfaces.push(Surface { linear, frame: *frame, normal, material, class, ground, sun });
        Some((id, rows))
    }

    fn linear(&self, frame: &Frame) -> Option<[[f32; 3]; 3]> {
        let [u, v, iz] = frame.inverse(&self.camera)?;
        let (cx, cy) = (0.5 * self.columns as f32, 0.5 * self.rows as f32);
        Some(
            [iz, u, v]
                .map(|m| [m.x / self.focal, -m.y / self.focal, m.z + (m.y * cy - m.x * cx) / self.focal]),
        )
    }

    /// Clips a convex outline at the near plane and fills `span`; the rows that it touches.
    fn scan_points(&mut self, points: impl Iterator<Item = Vec3>) -> Option<(usize, usize)> {
        let mut space = [vec3(0.0, 0.0, 0.0); CORNERS];
        let mut count = 0;
        for point in points.take(CORNERS - 2) {
            space[count] = self.camera.turn(point - self.camera.at);
            count += 1;
        }
        let mut flat = [[0.0f32; 2]; CORNERS];
        let mut corners = 0;
        let (cx, cy) = (0.5 * self.columns as f32, 0.5 * self.rows as f32);
        let focal = self.focal;
        let project = |p: Vec3| [cx + focal * p.x / p.z, cy - focal * p.y / p.z];
        for at in 0..count {
            let (here, next) = (space[at], space[(at + 1) % count]);
            if here.z >= NEAR && corners < CORNERS {
                flat[corners] = project(here);
                corners += 1;
            }
            if (here.z >= NEAR) != (next.z >= NEAR) && corners < CORNERS {
                flat[corners] = project(here.mix(next, (NEAR - here.z) / (next.z - here.z)));
                corners += 1;
            }
        }
        if corners < 3 {
            return None;
        }
        let flat = &flat[..corners];
        let top = flat.iter().map(|p| p[1]).fold(f32::INFINITY, f32::min);
        let bottom = flat.iter().map(|p| p[1]).fold(f32::NEG_INFINITY, f32::max);
        let first = (top - 0.5).ceil().max(0.0) as usize;
        let last = (bottom - 0.5).ceil().clamp(0.0, self.rows as f32) as usize;
        if first >= last || flat.iter().all(|p| p[0] < 0.0) || flat.iter().all(|p| p[0] > 2.0 * cx) {
            return None;
        }
        self.span[first..last].fill([f32::INFINITY, f32::NEG_INFINITY]);
        for at in 0..corners {
            let (mut a, mut b) = (flat[at], flat[(at + 1) % corners]);
            if a[1] > b[1] {
                std::mem::swap(&mut a, &mut b);
            }
            let from = (a[1] - 0.5).ceil().max(0.0) as usize;
            let to = (b[1] - 0.5).ceil().clamp(0.0, self.rows as f32) as usize;
            if from >= to {
                continue;
            }
            let slope = (b[0] - a[0]) / (b[1] - a[1]);
            for row in from..to {
                let x = a[0] + (row as f32 + 0.5 - a[1]) * slope;
                let span = &mut self.span[row];
                span[0] = span[0].min(x);
                span[1] = span[1].max(x);
            }
        }
        Some((first, last))
    }

    fn take_span(&self, row: usize) -> Option<(usize, usize)> {
        let [low, high] = self.span[row];
        let from = (low - 0.5).ceil().max(0.0);
        let to = (high - 0.5).ceil().min(self.columns as f32);
        (from < to).then_some((from as usize, to as usize))
    }
}
