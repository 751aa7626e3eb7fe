//! Vectors, the camera and planes in space: world metres in, image coordinates out.
//!
//! World axes: x to the right, y up, z forward along the street; the camera stands near the origin.
//! Nothing here knows the size of the image in pixels.

use std::ops::{Add, Mul, Neg, Sub};

/// A point or direction in metres; colours use it too, as linear red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vec3 {
    /// Right, or red.
    pub(super) x: f32,
    /// Up, or green.
    pub(super) y: f32,
    /// Forward, or blue.
    pub(super) z: f32,
}

/// A linear-light colour; 1 is a white surface in full light of strength 1.
pub(super) type Colour = Vec3;

/// Makes a vector.
pub(super) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

/// A linear colour from 8-bit sRGB values, by the power 2.2.
pub(super) fn srgb(r: u8, g: u8, b: u8) -> Colour {
    let linear = |v: u8| (f32::from(v) / 255.0).powf(2.2);
    vec3(linear(r), linear(g), linear(b))
}

/// The upward direction.
pub(super) const UP: Vec3 = vec3(0.0, 1.0, 0.0);

impl Vec3 {
    /// The same value in every component.
    pub(super) const fn all(v: f32) -> Self {
        vec3(v, v, v)
    }

    /// Scalar product.
    pub(super) fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    /// Vector product.
    pub(super) fn cross(self, o: Self) -> Self {
        vec3(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    /// Length.
    pub(super) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1.
    pub(super) fn unit(self) -> Self {
        self * (1.0 / self.length().max(1e-12))
    }

    /// Component by component.
    pub(super) fn times(self, o: Self) -> Self {
        vec3(self.x * o.x, self.y * o.y, self.z * o.z)
    }

    /// `self` at 0, `o` at 1.
    pub(super) fn mix(self, o: Self, share: f32) -> Self {
        self + (o - self) * share
    }

    /// Relative luminance of a linear colour (Rec. 709 weights).
    pub(super) fn luminance(self) -> f32 {
        self.dot(vec3(0.2126, 0.7152, 0.0722))
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        vec3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        vec3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        vec3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Where the camera stands and how it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    /// Its place.
    pub(super) at: Vec3,
    /// To the right in the image.
    pub(super) right: Vec3,
    /// Upwards in the image.
    pub(super) up: Vec3,
    /// Into the image.
    pub(super) forward: Vec3,
    /// Focal length over image width.
    pub(super) focal: f32,
}

impl Camera {
    /// A camera at `at`, turned by yaw (to the right), pitch (up) and roll, in radians.
    pub(super) fn new(at: Vec3, [yaw, pitch, roll]: [f32; 3], focal: f32) -> Self {
        let forward = vec3(yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos());
        let level = UP.cross(forward).unit();
        let top = forward.cross(level);
        let right = level * roll.cos() + top * roll.sin();
        Self { at, right, up: forward.cross(right), forward, focal }
    }

    /// A world direction in camera axes.
    pub(super) fn turn(&self, d: Vec3) -> Vec3 {
        vec3(d.dot(self.right), d.dot(self.up), d.dot(self.forward))
    }

    /// The depth of a point along the optical axis.
    pub(super) fn depth(&self, p: Vec3) -> f32 {
        (p - self.at).dot(self.forward)
    }

    /// The world direction of a point of the image plane at distance 1, not of length 1.
    pub(super) fn ray(&self, x: f32, y: f32) -> Vec3 {
        self.forward + self.right * x + self.up * y
    }
}

/// A plane with coordinates: the point at `(u, v)` is `origin + along_u * u + along_v * v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Where u and v are 0.
    pub(super) origin: Vec3,
    /// One step of u.
    pub(super) along_u: Vec3,
    /// One step of v.
    pub(super) along_v: Vec3,
}

impl Frame {
    /// The point at `(u, v)`.
    pub(super) fn at(&self, u: f32, v: f32) -> Vec3 {
        self.origin + self.along_u * u + self.along_v * v
    }

    /// The unit normal, on one of the two sides.
    pub(super) fn normal(&self) -> Vec3 {
        self.along_u.cross(self.along_v).unit()
    }

    /// `[u/z, v/z, 1/z]` as linear functions of a camera ray `(x, y, 1)`: the rows of the inverse of the
    /// matrix `[along_u along_v origin]` in camera axes. None where the plane is seen edge-on.
    pub(super) fn inverse(&self, camera: &Camera) -> Option<[Vec3; 3]> {
        let (a, b) = (camera.turn(self.along_u), camera.turn(self.along_v));
        let o = camera.turn(self.origin - camera.at);
        let det = a.dot(b.cross(o));
        if det.abs() < 1e-9 {
            return None;
        }
        let k = 1.0 / det;
        Some([b.cross(o) * k, o.cross(a) * k, a.cross(b) * k])
    }
}

/// An object's own axes: x to its right, y up, z to its front, its origin on the ground.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    /// The point on the ground.
    pub(super) origin: Vec3,
    /// To the object's right.
    pub(super) right: Vec3,
    /// To the object's front.
    pub(super) front: Vec3,
}

impl Pose {
    /// Standing at `origin`, its front turned by `heading` radians from +z towards +x.
    pub(super) fn new(origin: Vec3, heading: f32) -> Self {
        let (sin, cos) = heading.sin_cos();
        Self { origin, right: vec3(cos, 0.0, -sin), front: vec3(sin, 0.0, cos) }
    }

    /// A point of the object in the world.
    pub(super) fn at(&self, x: f32, y: f32, z: f32) -> Vec3 {
        self.origin + self.right * x + UP * y + self.front * z
    }
}
