//! What builders draw with: boxes, bars, balls, plates and their shadows, one object after another.
//!
//! `start` names the class and the place of an object; everything drawn until the next `start` belongs
//! to it. Bars are never drawn thinner than a pixel, so that thin objects stay connected at any size.

use super::geometry::{Frame, Pose, UP, Vec3, vec3};
use super::light::Light;
use super::raster::{Brush, Cut, Material, Raster};
use super::street::Street;

/// Corners of a disc.
const ROUND: usize = 14;
/// Bars thinner than this share of a pixel are left out, others are widened to a pixel.
const THINNEST: f32 = 0.16;
/// Shadows of things farther away than this are not drawn, metres.
const SHADOW_REACH: f32 = 70.0;

/// The picture in the making.
pub(super) struct Stage<'a> {
    /// Where it is drawn.
    pub(super) raster: Raster,
    /// The light.
    pub(super) light: &'a Light,
    /// The street.
    pub(super) street: &'a Street,
    /// Class of the object in hand.
    pub(super) class: u8,
    sun: f32,
    floor: f32,
    shadows: bool,
}

impl<'a> Stage<'a> {
    /// An empty picture.
    pub(super) fn new(raster: Raster, light: &'a Light, street: &'a Street) -> Self {
        Self { raster, light, street, class: 0, sun: 1.0, floor: 0.0, shadows: false }
    }

    /// Begins an object of `class` standing at `place`.
    pub(super) fn start(&mut self, class: u8, place: Vec3) {
        self.class = class;
        self.floor = place.y;
        self.sun = self.street.sunlight(self.light, place + UP * 0.9);
        self.shadows = self.light.sun.x > 0.0
            && self.sun > 0.02
            && self.light.to_sun.y > 0.05
            && self.raster.camera.depth(place).abs() < SHADOW_REACH;
    }

    /// Changes the class within an object.
    pub(super) fn class(&mut self, class: u8) {
        self.class = class;
    }

    fn brush(&self, material: Material, bias: f32) -> Brush {
        Brush { material, class: self.class, sun: self.sun, ground: false, cut: Cut::Whole, bias }
    }

    /// A flat outline in a frame of its own.
    pub(super) fn face(&mut self, frame: Frame, outline: &[[f32; 2]], material: Material, bias: f32) {
        let brush = self.brush(material, bias);
        self.raster.draw(frame, outline, brush);
    }

    /// A flat outline whose light is found pixel by pixel; for walls.
    pub(super) fn wall(&mut self, frame: Frame, outline: &[[f32; 2]], material: Material, bias: f32) {
        let brush = Brush { sun: -1.0, ..self.brush(material, bias) };
        self.raster.draw(frame, outline, brush);
    }

    /// A piece of ground, where shadows fall.
    pub(super) fn ground(&mut self, frame: Frame, outline: &[[f32; 2]], material: Material, bias: f32) {
        let brush = Brush { sun: -1.0, ground: true, ..self.brush(material, bias) };
        self.raster.draw(frame, outline, brush);
    }

    /// Something to be looked through: it owns the label, and the colour only where it is solid.
    pub(super) fn veil(&mut self, frame: Frame, outline: &[[f32; 2]], material: Material) {
        let brush = self.brush(material, 0.0);
        self.raster.veil(frame, outline, brush);
    }

    /// A flat polygon through `points`, seen from the side to which `outward` points only.
    pub(super) fn plate(&mut self, points: &[Vec3], outward: Vec3, material: Material, bias: f32) {
        let last = points.len() - 1;
        let along_u = (points[1] - points[0]).unit();
        let mut normal = along_u.cross(points[last] - points[0]).unit();
        if normal.dot(outward) < 0.0 {
            normal = -normal;
        }
        if normal.dot(self.raster.camera.at - points[0]) <= 0.0 {
            return;
        }
        let frame = Frame { origin: points[0], along_u, along_v: normal.cross(along_u) };
        let mut outline = [[0.0f32; 2]; 16];
        for (place, &point) in outline.iter_mut().zip(points) {
            let from = point - frame.origin;
            *place = [from.dot(frame.along_u), from.dot(frame.along_v)];
        }
        self.face(frame, &outline[..points.len().min(16)], material, bias);
    }

    /// A box in an object's axes, given by two opposite corners.
    pub(super) fn cuboid(&mut self, pose: &Pose, low: [f32; 3], high: [f32; 3], material: Material) {
        let p = |x: usize, y: usize, z: usize| {
            let pick = |axis: usize, side: usize| if side == 0 { low[axis] } else { high[axis] };
            pose.at(pick(0, x), pick(1, y), pick(2, z))
        };
        let (r, f) = (pose.right, pose.front);
        self.plate(&[p(0, 0, 0), p(1, 0, 0), p(1, 1, 0), p(0, 1, 0)], -f, material, 0.0);
        self.plate(&[p(0, 0, 1), p(1, 0, 1), p(1, 1, 1), p(0, 1, 1)], f, material, 0.0);
        self.plate(&[p(0, 0, 0), p(0, 0, 1), p(0, 1, 1), p(0, 1, 0)], -r, material, 0.0);
        self.plate(&[p(1, 0, 0), p(1, 0, 1), p(1, 1, 1), p(1, 1, 0)], r, material, 0.0);
        self.plate(&[p(0, 1, 0), p(1, 1, 0), p(1, 1, 1), p(0, 1, 1)], UP, material, 0.0);
    }

    /// A bar or limb with round ends from `a` to `b`, with a radius at each.
    pub(super) fn bar(&mut self, a: Vec3, b: Vec3, radii: [f32; 2], material: Material) {
        let half = self.raster.half_pixel(a.mix(b, 0.5));
        if radii[0].max(radii[1]) < THINNEST * half {
            return;
        }
        let [ra, rb] = radii.map(|r| r.max(half));
        let view = a.mix(b, 0.5) - self.raster.camera.at;
        let along = b - a;
        let across = along.cross(view);
        if across.length() < 1e-4 * along.length() * view.length() || along.length() < 1e-4 {
            self.ball(a.mix(b, 0.5), ra.max(rb), material);
            return;
        }
        // u is -1 to 1 across at the wider end; v is metres along.
        let wide = ra.max(rb);
        let length = along.length();
        let frame = Frame { origin: a, along_u: across.unit() * wide, along_v: along * (1.0 / length) };
        let (ua, ub) = (ra / wide, rb / wide);
        let outline = [
            [-ua, 0.0],
            [-0.7 * ua, -0.7 * ra],
            [0.0, -ra],
            [0.7 * ua, -0.7 * ra],
            [ua, 0.0],
            [ub, length],
            [0.7 * ub, length + 0.7 * rb],
            [0.0, length + rb],
            [-0.7 * ub, length + 0.7 * rb],
            [-ub, length],
        ];
        self.face(frame, &outline, material, 0.0);
        if self.shadows {
            let (a, b) = (self.landing(a), self.landing(b));
            let side = (b - a).cross(UP);
            let side = if side.length() > 1e-4 { side.unit() } else { vec3(1.0, 0.0, 0.0) };
            let (sa, sb) = (side * ra, side * rb);
            self.raster.cast(&[a - sa, a + sa, b + sb, b - sb], 2);
        }
    }

    /// A ball.
    pub(super) fn ball(&mut self, centre: Vec3, radius: f32, material: Material) {
        let radius = radius.max(self.raster.half_pixel(centre));
        let frame = self.facing(centre, radius);
        self.face(frame, &disc(1.0), material, 0.0);
        self.ball_shadow(centre, radius, 2);
    }

    /// A ragged clump of leaves.
    pub(super) fn clump(&mut self, centre: Vec3, radius: f32, material: Material, at: [f32; 2]) {
        let frame = self.facing(centre, radius);
        let cut = Cut::Ragged { at, scale: 0.62, depth: 1.05 };
        let brush = Brush { cut, ..self.brush(material, 0.0) };
        self.raster.draw(frame, &disc(1.0), brush);
        self.ball_shadow(centre, radius * 0.85, 1);
    }

    /// A disc in the plane of two axes; u and v run from -1 to 1.
    pub(super) fn plate_round(
        &mut self,
        centre: Vec3,
        x: Vec3,
        y: Vec3,
        radius: f32,
        material: Material,
        bias: f32,
    ) {
        let frame = Frame { origin: centre, along_u: x * radius, along_v: y * radius };
        self.face(frame, &disc(1.0), material, bias);
    }

    /// The shadow of a box.
    pub(super) fn box_shadow(&mut self, pose: &Pose, low: [f32; 3], high: [f32; 3]) {
        if !self.shadows {
            return;
        }
        let mut corners = [vec3(0.0, 0.0, 0.0); 8];
        for (at, corner) in corners.iter_mut().enumerate() {
            let pick = |axis: usize| if at >> axis & 1 == 0 { low[axis] } else { high[axis] };
            *corner = self.landing(pose.at(pick(0), pick(1), pick(2)));
        }
        let (hull, count) = hull(corners);
        self.raster.cast(&hull[..count], 2);
    }

    /// Where the shadow of `p` falls on the object's floor.
    fn landing(&self, p: Vec3) -> Vec3 {
        let drop = (p.y - self.floor).max(0.0) / self.light.to_sun.y;
        let at = p - self.light.to_sun * drop;
        vec3(at.x, self.floor, at.z)
    }

    fn ball_shadow(&mut self, centre: Vec3, radius: f32, strength: u8) {
        if !self.shadows {
            return;
        }
        let middle = self.landing(centre);
        let flat = vec3(self.light.to_sun.x, 0.0, self.light.to_sun.z).unit();
        let long = flat * (radius / self.light.to_sun.y.max(0.2));
        let short = flat.cross(UP) * radius;
        let outline = disc(1.0).map(|[u, v]| middle + long * u + short * v);
        self.raster.cast(&outline, strength);
    }

    /// A frame through `centre` that faces the camera.
    fn facing(&self, centre: Vec3, radius: f32) -> Frame {
        let view = (centre - self.raster.camera.at).unit();
        let across = UP.cross(view).unit();
        Frame { origin: centre, along_u: across * radius, along_v: view.cross(across) * radius }
    }
}

/// Corners of a disc around the origin.
pub(super) fn disc(radius: f32) -> [[f32; 2]; ROUND] {
    let mut corners = [[0.0; 2]; ROUND];
    for (at, corner) in corners.iter_mut().enumerate() {
        let (sin, cos) = (at as f32 * std::f32::consts::TAU / ROUND as f32).sin_cos();
        *corner = [radius * cos, radius * sin];
    }
    corners
}

/// The convex hull of points on the ground, by x and z (Andrew's monotone chain).
fn hull(mut points: [Vec3; 8]) -> ([Vec3; 18], usize) {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.z.total_cmp(&b.z)));
    let turn = |o: Vec3, a: Vec3, b: Vec3| (a.x - o.x) * (b.z - o.z) - (a.z - o.z) * (b.x - o.x);
    let mut chain = [vec3(0.0, 0.0, 0.0); 18];
    let mut count = 0;
    for pass in 0..2 {
        let start = count;
        for step in 0..8 {
            let point = if pass == 0 { points[step] } else { points[7 - step] };
            while count >= start + 2 && turn(chain[count - 2], chain[count - 1], point) <= 0.0 {
                count -= 1;
            }
            chain[count] = point;
            count += 1;
        }
        count -= 1;
    }
    (chain, count)
}
